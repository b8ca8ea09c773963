package synth

import (
	"math"
	"slices"

	"immis/templates"
)

// Printer makes images of the fingers of a world. It never changes after
// NewPrinter and is safe for concurrent use.
type Printer struct {
	world   *World
	filters *ridgeFilters
}

// NewPrinter prepares the filters: some milliseconds, 250 KB.
func (w *World) NewPrinter() *Printer { return &Printer{w, newRidgeFilters()} }

// MasterPrint is a finger as nature drew it: ridges, the damage of a life, and the
// minutiae of both. It never changes and is safe for concurrent use. About 1.2 MB.
type MasterPrint struct {
	world    *World
	person   int
	position templates.Position
	ridges   []float32 // above 0 is ridge
	damage   []float32 // 0 is none, 1 takes the whole ridge away
	minutiae []trueMinutia
}

// Print is one impression of a finger.
type Print struct {
	// Pix is the image, ImageWidth x ImageHeight grey samples from the top, 500 ppi;
	// 0 is black, ridges are dark.
	Pix []uint8
	// Finger holds the true minutiae that the contact area shows, in coordinates of
	// the image, sorted by row. Their quality is 100 where the ridges print well.
	Finger templates.Finger
}

// Master grows the ridges of one finger of a person: the hard part, which all its
// impressions share. Its flow and class are those of World.Finger, its minutiae
// are not: they are where the ridges happen to meet. It panics on a negative
// person or a position outside RightThumb..LeftLittle.
func (p *Printer) Master(person int, position templates.Position) *MasterPrint {
	checkFinger(person, position)
	seed := p.world.config.Seed
	f := ridgedFlow(seed, person, position)
	s := newStream(seed, drawRidges, uint64(person), uint64(position))
	m := &MasterPrint{world: p.world, person: person, position: position, ridges: growRidges(&s, p.filters, &f)}
	line := thin(m.ridges)
	m.minutiae = ridgeMinutiae(line)
	m.damage = drawDamage(&s, line)
	return m
}

// Impression takes impression n of the finger. It panics on a negative n.
func (m *MasterPrint) Impression(n int) Print {
	checkIndex("impression", n)
	difficulty := m.world.config.FingerDifficulty
	s := newStream(m.world.config.Seed, drawPrint, uint64(m.person), uint64(n)<<8|uint64(m.position))
	var touch touch
	var seen []seenMinutia
	for range maxAttempts {
		touch = drawTouch(&s, difficulty)
		seen = m.truth(&touch)
		if len(seen) >= leastMinutiae {
			break
		}
	}
	f := templates.Finger{Position: m.position, Width: ImageWidth, Height: ImageHeight, Quality: touch.quality}
	for _, o := range seen {
		f.Minutiae = append(f.Minutiae, o.quantize())
	}
	sortByRow(f.Minutiae)
	return Print{Pix: m.render(&s, &touch), Finger: f}
}

// truth is what the contact area shows of the master's minutiae.
func (m *MasterPrint) truth(t *touch) []seenMinutia {
	var out []seenMinutia
	for i, o := range m.minutiae {
		at, direction := t.pose.apply(o.at, o.direction)
		contact := t.contact(at)
		if contact < 0.6 || !inImage(at) || len(out) == templates.MaxMinutiae {
			continue
		}
		quality := math.Floor(math.Max(1, math.Min(100, float64(contact*float64(t.quality)))))
		out = append(out, seenMinutia{at: at, direction: direction, kind: o.kind, quality: uint8(quality), master: i})
	}
	return out
}

func sortByRow(all []templates.Minutia) {
	slices.SortFunc(all, func(a, b templates.Minutia) int {
		if a.Y != b.Y {
			return int(a.Y) - int(b.Y)
		}
		return int(a.X) - int(b.X)
	})
}

// inverse finds the point of the finger that a pose maps to q: the bumps are
// gentle, so that a few corrections by the linear part suffice.
func (p *pose) inverse(q point) point {
	det := float64(p.xx*p.yy) - float64(p.xy*p.yx)
	at := point{}
	for range 6 {
		to, _ := p.apply(at, 0)
		dx, dy := q.x-to.x, q.y-to.y
		at.x += (float64(p.yy*dx) - float64(p.xy*dy)) / det
		at.y += (float64(p.xx*dy) - float64(p.yx*dx)) / det
	}
	return at
}
