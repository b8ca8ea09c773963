package synth

import (
	"fmt"
	"math"
	"slices"

	"immis/templates"
)

// One impression: what a touch sensor shows of a master finger. Figures at
// FingerDifficulty 1 are those of the fitted generator; the difficulty
// multiplies every one of them but the size of the contact area.
const (
	// ImageWidth and ImageHeight are the size of every synthetic impression in
	// pixels at 500 ppi (20.3 x 24.4 mm).
	ImageWidth  = 400
	ImageHeight = 480

	contactHalfWidth  = 118.0 // semi-axes of the elliptic contact area, px
	contactHalfHeight = 150.0
	contactSD         = 0.17 // lognormal, common to both axes
	contactLimit      = 1.75 // standard deviations; keeps tiny areas out
	shiftX, shiftY    = 20.0, 24.0
	rotationSD        = 9 * math.Pi / 180
	shearSD           = 0.028 // of each entry of the linear part
	bumps             = 5
	bumpLength        = 85.0 // Gaussian radius of a local displacement, px
	bumpHeight        = 3.8  // its size, px
	bumpSD            = 0.5  // lognormal
	missing           = 0.12 // share lost, doubled in patches
	spurious          = 0.27 // share added
	qualitySD         = 0.6  // lognormal, multiplies both shares
	qualityLimit      = 1.6  // standard deviations
	jitter            = 1.1  // px
	angleJitter       = 4 * math.Pi / 180
	typeFlips         = 0.2
	spuriousApart     = 6.0  // px between a spurious minutia and any other
	spuriousTurn      = 0.25 // rad, a spurious minutia against the direction of its neighbor
	patchLength       = 45.0

	// leastMinutiae: an impression with fewer is taken again, as a sensor would;
	// after maxAttempts spurious minutiae fill it up.
	leastMinutiae = 8
	maxAttempts   = 8
)

// pose maps the finger to the image plane, y up: p -> linear p + shift + bumps.
type pose struct {
	xx, xy, yx, yy float64
	shift          point
	bump           [bumps]struct {
		center, push point
	}
}

func drawPose(s *stream, difficulty float64) pose {
	var p pose
	sin, cos := sincos(difficulty * rotationSD * s.gauss())
	a := 1 + float64(difficulty*shearSD*s.gauss())
	b := float64(difficulty * shearSD * s.gauss())
	c := float64(difficulty * shearSD * s.gauss())
	d := 1 + float64(difficulty*shearSD*s.gauss())
	p.xx, p.xy = float64(cos*a)-float64(sin*c), float64(cos*b)-float64(sin*d)
	p.yx, p.yy = float64(sin*a)+float64(cos*c), float64(sin*b)+float64(cos*d)
	p.shift = point{float64(difficulty * shiftX * s.gauss()), float64(difficulty * shiftY * s.gauss())}
	for i := range p.bump {
		center := inEllipse(s)
		height := difficulty * bumpHeight * s.lognormal(bumpSD, 3)
		sin, cos := sincos(2 * math.Pi * s.uniform())
		p.bump[i].center = center
		p.bump[i].push = point{float64(height * cos), float64(height * sin)}
	}
	return p
}

// apply maps a point and a direction; the direction follows the local derivative
// of the map.
func (p *pose) apply(at point, direction float64) (point, float64) {
	q := point{
		float64(p.xx*at.x) + float64(p.xy*at.y) + p.shift.x,
		float64(p.yx*at.x) + float64(p.yy*at.y) + p.shift.y,
	}
	xx, xy, yx, yy := p.xx, p.xy, p.yx, p.yy
	for i := range p.bump {
		b := &p.bump[i]
		dx, dy := (at.x-b.center.x)/bumpLength, (at.y-b.center.y)/bumpLength
		g := exp(-0.5 * (float64(dx*dx) + float64(dy*dy)))
		q.x += float64(b.push.x * g)
		q.y += float64(b.push.y * g)
		gx, gy := -g*dx/bumpLength, -g*dy/bumpLength
		xx += float64(b.push.x * gx)
		xy += float64(b.push.x * gy)
		yx += float64(b.push.y * gx)
		yy += float64(b.push.y * gy)
	}
	sin, cos := sincos(direction)
	return q, atan2(float64(yx*cos)+float64(yy*sin), float64(xx*cos)+float64(xy*sin))
}

// seenMinutia is a minutia of an impression, still unquantized: y up, origin at
// the image's center; master is its index in the master finger, -1 for spurious.
type seenMinutia struct {
	at        point
	direction float64
	kind      templates.MinutiaType
	quality   uint8
	master    int
}

// impression is one look at a finger with its truth.
type impression struct {
	pose    pose
	quality uint8
	seen    []seenMinutia
}

// Finger returns impression number n of one finger of a person, in the normal
// form of templates: ImageWidth x ImageHeight, 8..MaxMinutiae minutiae inside the
// image, sorted by row so that their order tells nothing of the finger.
// Different impressions are independent given the finger; fingers of one person
// are independent of each other. It panics on a negative argument or a position
// outside RightThumb..LeftLittle.
func (w *World) Finger(person int, position templates.Position, n int) templates.Finger {
	look := w.look(person, position, n)
	f := templates.Finger{
		Position: position, Width: ImageWidth, Height: ImageHeight, Quality: look.quality,
		Minutiae: make([]templates.Minutia, 0, len(look.seen)),
	}
	for _, m := range look.seen {
		f.Minutiae = append(f.Minutiae, m.quantize())
	}
	sortByRow(f.Minutiae)
	return f
}

// look draws the master and takes impressions until one has enough minutiae.
func (w *World) look(person int, position templates.Position, n int) impression {
	checkFinger(person, position)
	checkIndex("impression", n)
	finger := newStream(w.config.Seed, drawFinger, uint64(person), uint64(position))
	master := masterFinger(&finger, position)
	s := newStream(w.config.Seed, drawImpression, uint64(person), uint64(n)<<8|uint64(position))
	var look impression
	for range maxAttempts {
		look = takeImpression(&s, master, w.config.FingerDifficulty)
		if len(look.seen) >= leastMinutiae {
			return look
		}
	}
	for len(look.seen) < leastMinutiae {
		look.addSpurious(&s, point{contactHalfWidth, contactHalfHeight})
	}
	return look
}

// checkFinger panics on a finger that nobody has.
func checkFinger(person int, position templates.Position) {
	checkIndex("person", person)
	if position < templates.RightThumb || position > templates.LeftLittle {
		panic(fmt.Sprintf("synth: finger position %d, want 1..10", position))
	}
}

func takeImpression(s *stream, master []trueMinutia, difficulty float64) impression {
	look := impression{pose: drawPose(s, difficulty), seen: make([]seenMinutia, 0, 64)}
	size := s.lognormal(contactSD, contactLimit)
	half := point{float64(contactHalfWidth * size), float64(contactHalfHeight * size)}
	wear := s.lognormal(qualitySD, qualityLimit)
	look.quality = qualityOf(wear)
	lost := math.Min(0.45, missing*wear*difficulty)
	patches := drawSmoothField(s, patchLength)

	for i := range master {
		at, direction := look.pose.apply(master[i].at, master[i].direction)
		if !inContact(at, half) {
			continue
		}
		loss := lost
		if patches.at(at) > 0.5 {
			loss *= 2
		}
		if s.chance(loss) {
			continue
		}
		m := seenMinutia{kind: master[i].kind, master: i, quality: minutiaQuality(s, look.quality)}
		m.at.x = at.x + float64(difficulty*jitter*s.gauss())
		m.at.y = at.y + float64(difficulty*jitter*s.gauss())
		m.direction = direction + float64(difficulty*angleJitter*s.gauss())
		if s.chance(math.Min(0.5, typeFlips*difficulty)) {
			m.kind = templates.MinutiaEnding + templates.MinutiaBifurcation - m.kind
		}
		if inImage(m.at) && len(look.seen) < templates.MaxMinutiae {
			look.seen = append(look.seen, m)
		}
	}
	added := math.Min(0.6, spurious*wear*difficulty)
	for range len(look.seen) {
		if s.chance(added) && len(look.seen) < templates.MaxMinutiae {
			look.addSpurious(s, half)
		}
	}
	return look
}

// addSpurious adds one minutia that the finger does not have, uniform over the
// contact area; it gives up where the area is full.
func (look *impression) addSpurious(s *stream, half point) {
	for range 20 {
		at := point{float64(half.x * s.between(-1, 1)), float64(half.y * s.between(-1, 1))}
		m := seenMinutia{at: at, kind: templates.MinutiaEnding, master: -1}
		m.direction = look.directionNear(at) + float64(spuriousTurn*s.gauss())
		if s.chance(0.5) {
			m.direction += math.Pi
		}
		if s.chance(0.5) {
			m.kind = templates.MinutiaBifurcation
		}
		m.quality = minutiaQuality(s, look.quality/2)
		crowded := slices.ContainsFunc(look.seen, func(o seenMinutia) bool {
			dx, dy := o.at.x-at.x, o.at.y-at.y
			return float64(dx*dx)+float64(dy*dy) < spuriousApart*spuriousApart
		})
		if inContact(at, half) && inImage(at) && !crowded {
			look.seen = append(look.seen, m)
			return
		}
	}
}

// directionNear is that of the nearest minutia: what breaks or joins ridges by
// mistake still lies along them.
func (look *impression) directionNear(at point) float64 {
	nearest, direction := math.Inf(1), 0.0
	for i := range look.seen {
		dx, dy := look.seen[i].at.x-at.x, look.seen[i].at.y-at.y
		if d := float64(dx*dx) + float64(dy*dy); d < nearest {
			nearest, direction = d, look.seen[i].direction
		}
	}
	return direction
}

// inContact tells whether p, in the image plane, is inside the contact ellipse.
func inContact(p, half point) bool {
	x, y := p.x/half.x, p.y/half.y
	return float64(x*x)+float64(y*y) <= 1
}

// inImage keeps one pixel from the border, so that quantization stays inside.
func inImage(p point) bool {
	return math.Abs(p.x) <= ImageWidth/2-1 && math.Abs(p.y) <= ImageHeight/2-1
}

// qualityOf states a quality of 0-100 for the wear of an impression: 80 at the
// median, 30 for the worst.
func qualityOf(wear float64) uint8 {
	return uint8(math.Floor(math.Max(0, math.Min(100, 80-float64(28*log(wear))))))
}

// minutiaQuality scatters a minutia's quality about that of its impression.
func minutiaQuality(s *stream, quality uint8) uint8 {
	return uint8(math.Floor(math.Max(0, math.Min(100, float64(quality)+float64(10*s.gauss())))))
}

// quantize turns a minutia into the integer units of templates, y down.
func (m seenMinutia) quantize() templates.Minutia {
	const units = templates.UnitsPerPixel
	turns := m.direction / (2 * math.Pi)
	turns -= math.Floor(turns)
	return templates.Minutia{
		X:       uint16(math.Floor(float64((m.at.x+ImageWidth/2)*units) + 0.5)),
		Y:       uint16(math.Floor(float64((ImageHeight/2-m.at.y)*units) + 0.5)),
		Angle:   uint16(uint32(math.Floor(float64(turns*65536) + 0.5))),
		Type:    m.kind,
		Quality: m.quality,
	}
}
