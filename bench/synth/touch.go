package synth

import "math"

// touch is how a finger met the sensor.
type touch struct {
	pose    pose
	half    point       // semi-axes of the contact area, px
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
	size := s.lognormal(contactSD, contactLimit)
	t.half = point{float64(contactHalfWidth * size), float64(contactHalfHeight * size)}
	t.edge = drawSmoothField(s, 22)
	t.wet = math.Max(-1, math.Min(1, float64(0.38*difficulty*s.gauss())))
	t.skin = drawSmoothField(s, 42)
	t.patches = drawSmoothField(s, patchLength)
	t.worn = difficulty * s.lognormal(0.45, qualityLimit)
	bad := t.worn * (1 + float64(1.2*math.Abs(t.wet)))
	t.quality = uint8(math.Floor(math.Max(5, math.Min(95, 96-float64(20*bad)))))
	t.paper = s.between(212, 245)
	t.ink = s.between(140, 195)
	t.noise = s.between(2, 5) * math.Min(1.5, difficulty)
	return t
}

// contact tells how firmly the place touches: 1 well inside, 0 outside.
func (t *touch) contact(p point) float64 {
	x, y := p.x/t.half.x, p.y/t.half.y
	r := math.Sqrt(float64(x*x) + float64(y*y))
	if r > 1.3 {
		return 0
	}
	r += float64(0.035 * t.edge.at(p))
	inside := (1.02 - r) / 0.12
	if patch := t.patches.at(p); patch > 1.7 {
		inside -= float64(float64((patch-1.7)*t.worn) * 2)
	}
	return math.Max(0, math.Min(1, inside))
}
