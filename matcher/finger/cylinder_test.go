package finger

import (
	"math"
	"math/rand/v2"
	"testing"
)

// plainSimilarity is the twin of similarity: cell by cell.
func plainSimilarity(a, b *cylinder) float32 {
	known, differ, na, nb := 0, 0, 0, 0
	for cell := range cells {
		if a.known>>cell&1 == 0 || b.known>>cell&1 == 0 {
			continue
		}
		known++
		for k := range directions {
			x, y := int(a.layers[k]>>cell&1), int(b.layers[k]>>cell&1)
			differ += x ^ y
			na += x
			nb += y
		}
	}
	if known < minKnown || na+nb == 0 {
		return 0
	}
	norms := float32(math.Sqrt(float64(na))) + float32(math.Sqrt(float64(nb)))
	return 1 - float32(math.Sqrt(float64(differ)))/norms
}

// randomCylinder makes one with the given share of known cells and set bits;
// like a built one it has no bit outside the known cells.
func randomCylinder(r *rand.Rand, known, set float64) cylinder {
	c := cylinder{angle: uint16(r.Uint32())}
	n := 0
	for cell := range cells {
		if r.Float64() >= known {
			continue
		}
		c.known |= 1 << cell
		for k := range directions {
			if r.Float64() < set {
				c.layers[k] |= 1 << cell
				n++
			}
		}
	}
	c.root = float32(math.Sqrt(float64(n)))
	return c
}

func TestSimilarityAgainstPlainLoop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 21))
	partly, zero := 0, 0
	for range 20000 {
		known, set := 0.4+0.6*r.Float64(), 0.05+0.5*r.Float64()
		a := randomCylinder(r, known, set)
		b := randomCylinder(r, 1, set)
		if r.IntN(2) == 0 { // related ones, so that all of 0..1 is seen
			b = a
			for range r.IntN(40) {
				cell := r.IntN(cells)
				b.layers[r.IntN(directions)] ^= (1 << cell) & b.known
			}
			n := 0
			for cell := range cells {
				for k := range directions {
					n += int(b.layers[k] >> cell & 1)
				}
			}
			b.root = float32(math.Sqrt(float64(n)))
		}
		want := plainSimilarity(&a, &b)
		if got := similarity(&a, &b); got != want {
			t.Fatalf("similarity: got %v, plain loop %v", got, want)
		}
		if back := similarity(&b, &a); back != want {
			t.Fatalf("swapped similarity: got %v, want %v", back, want)
		}
		if a.known != b.known {
			partly++
		}
		if want == 0 {
			zero++
		}
	}
	if partly < 1000 || zero < 100 {
		t.Fatalf("only %d partly known and %d unknown pairs were seen", partly, zero)
	}
}

func TestDirectionSharesAgainstErf(t *testing.T) {
	b := newBlur()
	for d := -128; d < 128; d++ {
		var got [directions]float64
		b.shares(&got, d<<8)
		for k := range got {
			center := -math.Pi + (float64(k)+0.5)*math.Pi/3
			x := math.Remainder(float64(d)*math.Pi/128-center, 2*math.Pi)
			phi := func(x float64) float64 { return 0.5 * (1 + math.Erf(x/sigmaTurn/math.Sqrt2)) }
			if want := phi(x+math.Pi/6) - phi(x-math.Pi/6); math.Abs(got[k]-want) > 1e-6 {
				t.Fatalf("share of %d/256 of a turn in layer %d: got %v, want %v", d, k, got[k], want)
			}
		}
	}
}

// plainMass is the twin of spread: the definition of a cell's value with the
// functions of package math, without tables.
func plainMass(ms []minutia, i, row, column, layer int) float64 {
	m := ms[i]
	theta := float64(m.angle) * radPerUnit
	u, v := cellCenter(column), cellCenter(row)
	x := float64(m.x) + u*math.Cos(theta) - v*math.Sin(theta)
	y := float64(m.y) + u*math.Sin(theta) + v*math.Cos(theta)
	sum := 0.0
	for j, n := range ms {
		d := math.Hypot(float64(n.x)-x, float64(n.y)-y)
		if j == i || d > 3*sigmaPlace {
			continue
		}
		place := math.Exp(-d*d/(2*sigmaPlace*sigmaPlace)) / (sigmaPlace * math.Sqrt(2*math.Pi))
		center := -math.Pi + (float64(layer)+0.5)*math.Pi/3
		t := math.Remainder(float64(turn(n.angle, m.angle))*radPerUnit-center, 2*math.Pi)
		sum += place * 0.5 * (math.Erf((t+math.Pi/6)/sigmaTurn/math.Sqrt2) - math.Erf((t-math.Pi/6)/sigmaTurn/math.Sqrt2))
	}
	return sum
}

func TestNeighborhoodAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 21))
	differing, seen := 0, 0
	for range 5 {
		p := Prepare(finger(r, 40))
		if len(p.cylinders) < 30 {
			t.Fatalf("%d of 40 minutiae have a usable neighborhood, want >= 30", len(p.cylinders))
		}
		for _, c := range p.cylinders {
			for cell := range cells {
				for k := range directions {
					got := c.layers[k]>>cell&1 == 1
					want := plainMass(p.minutiae, int(c.at), cell/cellsAcross, cell%cellsAcross, k) >= occupied && c.known>>cell&1 == 1
					seen++
					if got != want {
						differing++
					}
				}
			}
		}
	}
	// The tables round a squared distance down to 1 px^2, which flips a few cells
	// that lie at the threshold.
	if limit := seen / 500; differing > limit {
		t.Fatalf("%d of %d cells differ from the definition, want <= %d", differing, seen, limit)
	}
}
