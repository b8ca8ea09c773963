package finger

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainWithin is the twin of within: every segment of the polygon, and the
// number of crossings for the inside.
func plainWithin(hull []vertex, x, y, margin float32) bool {
	crossings := 0
	for i := range hull {
		a, b := hull[i], hull[(i+1)%len(hull)]
		if math.Sqrt(distanceToSegment(a, b, x, y)) <= float64(margin) {
			return true
		}
		if (a.y > y) != (b.y > y) && float64(x) < float64(a.x)+float64(b.x-a.x)*float64(y-a.y)/float64(b.y-a.y) {
			crossings++
		}
	}
	return crossings%2 == 1
}

func randomPlaces(r *rand.Rand, n int) []minutia {
	ms := make([]minutia, n)
	for i := range ms {
		ms[i] = minutia{x: float32(r.IntN(2000)) / 16, y: float32(r.IntN(2000)) / 16, angle: uint16(r.Uint32()), index: uint8(i)}
	}
	slices.SortFunc(ms, compareMinutiae)
	return ms
}

func TestAreaAgainstPlainPolygon(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	for range 400 {
		ms := randomPlaces(r, 1+r.IntN(12))
		hull := convexHull(ms)
		for range 50 {
			x, y := float32(r.IntN(6000))/16-100, float32(r.IntN(6000))/16-100
			margin := float32(r.IntN(60))
			if got, want := within(hull, x, y, margin), plainWithin(hull, x, y, margin); got != want {
				t.Fatalf("(%v, %v) within %v of %v: got %v, want %v", x, y, margin, hull, got, want)
			}
		}
		for _, m := range ms {
			if !within(hull, m.x, m.y, 0) {
				t.Fatalf("minutia (%v, %v) is not in its own hull %v", m.x, m.y, hull)
			}
		}
	}
}

func TestHullIsConvexAndTurnsLeft(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 11))
	for range 300 {
		hull := convexHull(randomPlaces(r, 3+r.IntN(200)))
		for i := range hull {
			if c := cross(hull[i], hull[(i+1)%len(hull)], hull[(i+2)%len(hull)]); len(hull) > 2 && c <= 0 {
				t.Fatalf("hull %v: corner %d turns by %v, want left", hull, i, c)
			}
		}
	}
}

func TestHullOfDegeneratePlaces(t *testing.T) {
	same := []minutia{{x: 5, y: 6}, {x: 5, y: 6}, {x: 5, y: 6}}
	line := []minutia{{x: 0, y: 0}, {x: 1, y: 1}, {x: 2, y: 2}, {x: 3, y: 3}}
	for _, c := range []struct {
		name string
		ms   []minutia
		want int
	}{{"none", nil, 0}, {"one", same[:1], 1}, {"one place", same, 1}, {"line", line, 2}} {
		if hull := convexHull(c.ms); len(hull) != c.want {
			t.Errorf("%s: hull %v, want %d corners", c.name, hull, c.want)
		}
	}
	if within(nil, 0, 0, 100) {
		t.Error("a hull of nothing contains a place")
	}
	segment := convexHull(line)
	for _, c := range []struct {
		x, y float32
		want bool
	}{{1.5, 1.5, true}, {4, 4, false}, {3.5, 3.5, true}, {100, 100, false}, {1, 2, true}, {0, 3, false}} {
		if got := within(segment, c.x, c.y, 1); got != c.want {
			t.Errorf("(%v, %v) within 1 of a line: got %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

// TestInnerIsInside: the whole disc that inner promises lies in the hull, and cells
// are known just where the plain test of each says so.
func TestInnerIsInside(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 11))
	b, some := kernels(), 0
	for range 300 {
		ms := randomPlaces(r, 1+r.IntN(40))
		hull := convexHull(ms)
		for i := range ms {
			m := &ms[i]
			d := inner(hull, m.x, m.y)
			if d > 0 {
				some++
			}
			for range 8 {
				sin, cos := sincos(uint16(r.IntN(1 << 16)))
				if x, y := m.x+float32((d-0.01)*cos), m.y+float32((d-0.01)*sin); d > 0.01 && !within(hull, x, y, 0.001) {
					t.Fatalf("(%v, %v) lies %v inside of %v, but (%v, %v) outside", m.x, m.y, d, hull, x, y)
				}
			}
			sin, cos := sincos(m.angle)
			if got, want := b.knownCells(m, hull, sin, cos), plainKnownCells(m, hull, sin, cos); got != want {
				t.Fatalf("minutia (%v, %v) of %v knows %#x, want %#x", m.x, m.y, hull, got, want)
			}
		}
	}
	if some < 1000 {
		t.Errorf("%d places inside a hull, want 1,000 for the test to mean something", some)
	}
}

// plainKnownCells asks for each cell of the disc whether it lies near the hull.
func plainKnownCells(m *minutia, hull []vertex, sin, cos float64) (known uint64) {
	for cell := range cells {
		u, v := cellCenter(cell%cellsAcross), cellCenter(cell/cellsAcross)
		if float64(u*u)+float64(v*v) > radius*radius {
			continue
		}
		x := float64(m.x) + (float64(u*cos) - float64(v*sin))
		y := float64(m.y) + (float64(u*sin) + float64(v*cos))
		if within(hull, float32(x), float32(y), validMargin) {
			known |= 1 << cell
		}
	}
	return known
}
