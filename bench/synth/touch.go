package synth

import "math"

// The contact of an image is larger than the area of the minutiae-only impressions,
// which stop where an extractor stops.
const (
	pressHalfWidth  = 121.0 // px
	pressHalfHeight = 162.0
	pressSD         = 0.13 // lognormal, common to both
)

// touch is how a finger met the sensor.
type touch struct {
	pose    pose
	half    point       // semi-axes of the contact area, px
	base    float64     // of half.y: where the pad ends below, at the crease of the joint
	edge    smoothField // ragged border of the contact
	wet     float64     // -1 dry .. 1 wet
	skin    smoothField // wetness and pressure from place to place
	patches smoothField // where the finger hardly touches
	worn    float64     // 0 fresh; above 1.5 the ridges fray
	quality uint8

	paper, ink float64 // grey of the background and depth of the darkest ridge
	noise      float64 // grey levels of the sensor
}

func drawTouch(s *stream, difficulty float64) touch {
	t := touch{pose: drawPose(s, difficulty)}
	size := s.lognormal(pressSD, contactLimit)
	long := s.lognormal(0.08, 2)
	t.half = point{float64(pressHalfWidth * size), float64(pressHalfHeight * size * long)}
	t.base = s.between(0.72, 1.1)
	t.edge = drawSmoothField(s, 22)
	t.wet = math.Max(-1, math.Min(1, float64(0.38*difficulty*s.gauss())))
	t.skin = drawSmoothField(s, 42)
	t.patches = drawSmoothField(s, patchLength)
	t.worn = difficulty * s.lognormal(0.45, qualityLimit)
	bad := t.worn * (1 + float64(1.2*math.Abs(t.wet)))
	t.quality = uint8(math.Floor(math.Max(5, math.Min(95, 96-float64(20*bad)))))
	t.paper = s.between(196, 253)
	t.ink = s.between(0.72, 0.92) * t.paper
	t.noise = s.between(2, 5) * math.Min(1.5, difficulty)
	return t
}

// contact tells how firmly the place touches: 1 well inside, 0 outside.
func (t *touch) contact(p point) float64 {
	x, y := p.x/t.half.x, p.y/t.half.y
	// Between an ellipse and a rectangle, as a pad is that rolls off at its sides.
	x2, y2 := float64(x*x), float64(y*y)
	r := math.Sqrt(math.Sqrt(float64(x2*x2) + float64(y2*y2) + float64(0.9*x2*y2)))
	r = math.Max(r, 1-(t.base+y))
	if r > 1.3 {
		return 0
	}
	r += float64(0.025 * t.edge.at(p))
	inside := (1.02 - r) / 0.13
	if patch := t.patches.at(p); patch > 1.7 {
		inside -= float64(float64((patch-1.7)*t.worn) * 2)
	}
	return math.Max(0, math.Min(1, inside))
}
