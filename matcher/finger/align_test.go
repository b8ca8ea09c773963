package finger

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainPair is the twin of pair: all n x m costs in one table, then the cheapest
// free pair again and again. Each a offers its maxOffers cheapest partners.
func plainPair(ms []moved, b []minutia, turnLimit int) []offer {
	var all []offer
	for i := range ms {
		var own []offer
		for j := range b {
			if cost, ok := costOf(&ms[i], &b[j], turnLimit); ok {
				own = append(own, newOffer(cost, i, j))
			}
		}
		slices.Sort(own)
		all = append(all, own[:min(len(own), maxOffers)]...)
	}
	usedA, usedB := map[uint8]bool{}, map[uint8]bool{}
	var out []offer
	for {
		best := -1
		for k, o := range all {
			if !usedA[o.a()] && !usedB[o.b()] && (best < 0 || o < all[best]) {
				best = k
			}
		}
		if best < 0 {
			return out
		}
		usedA[all[best].a()], usedB[all[best].b()] = true, true
		out = append(out, all[best])
	}
}

func TestPairingAgainstPlainTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 31))
	var c Comparer
	pairs, crowds := 0, 0
	for range 300 {
		a := &Template{minutiae: randomPlaces(r, 1+r.IntN(120))}
		b := &Template{minutiae: randomPlaces(r, 1+r.IntN(120))}
		if r.IntN(4) == 0 { // one crowd, as a hostile template has it
			for i := range b.minutiae {
				b.minutiae[i].y = 60
			}
			crowds++
		}
		m := motionOf(&a.minutiae[0], &b.minutiae[0])
		c.move(a, m, &a.minutiae[0], 0)
		c.pair(a, b, wideTurn)
		want := plainPair(c.moved[:len(a.minutiae)], b.minutiae, wideTurn)
		if got := c.pairs[:c.pairCount]; !slices.Equal(got, want) {
			t.Fatalf("pairs of %d and %d minutiae: got %v, plain table %v", a.Len(), b.Len(), got, want)
		}
		pairs += len(want)
	}
	if pairs < 1000 || crowds == 0 {
		t.Fatalf("only %d pairs and %d crowds were seen", pairs, crowds)
	}
}

func TestOfferKeepsOrderAndParts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 31))
	for range 1000 {
		c1, c2 := float32(r.ExpFloat64()), float32(r.ExpFloat64())
		a, b := r.IntN(255), r.IntN(255)
		o := newOffer(c1, a, b)
		if o.cost() != c1 || int(o.a()) != a || int(o.b()) != b {
			t.Fatalf("offer %v %d %d comes back as %v %d %d", c1, a, b, o.cost(), o.a(), o.b())
		}
		if (c1 < c2) != (o>>16 < newOffer(c2, 0, 0)>>16) {
			t.Fatalf("offers at cost %v and %v are in the wrong order", c1, c2)
		}
	}
}

// TestRefitIsLeastSquares: the true motion comes back from exact pairs, and from
// noisy ones no nearby motion leaves a smaller sum of squares.
func TestRefitIsLeastSquares(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 31))
	squares := func(a, b *Template, pairs []offer, m Motion) float64 {
		sum := 0.0
		for _, p := range pairs {
			q, s := a.minutiae[p.a()], b.minutiae[p.b()]
			x := m.Cos*float64(q.x) - m.Sin*float64(q.y) + m.DX - float64(s.x)
			y := m.Sin*float64(q.x) + m.Cos*float64(q.y) + m.DY - float64(s.y)
			sum += x*x + y*y
		}
		return sum
	}
	for _, noise := range []float64{0, 3} {
		for range 100 {
			theta := 2 * math.Pi * r.Float64()
			truth := Motion{Cos: math.Cos(theta), Sin: math.Sin(theta), DX: 30 * r.NormFloat64(), DY: 30 * r.NormFloat64()}
			a := &Template{minutiae: randomPlaces(r, 3+r.IntN(20))}
			b := &Template{minutiae: make([]minutia, a.Len())}
			var pairs []offer
			for i, m := range a.minutiae {
				x, y := truth.apply(m.x, m.y)
				b.minutiae[i] = minutia{x: x + float32(noise*r.NormFloat64()), y: y + float32(noise*r.NormFloat64())}
				pairs = append(pairs, newOffer(0, i, i))
			}
			got := refit(a, b, pairs, Motion{Cos: 1})
			if noise == 0 && math.Hypot(got.Cos-truth.Cos, got.Sin-truth.Sin) > 1e-4 {
				t.Fatalf("refit of exact pairs: got %+v, want %+v", got, truth)
			}
			least := squares(a, b, pairs, got)
			for _, turn := range []float64{-1e-3, 0, 1e-3} {
				for _, shift := range []float64{-0.01, 0, 0.01} {
					c, s := math.Cos(turn), math.Sin(turn)
					near := Motion{Cos: c*got.Cos - s*got.Sin, Sin: s*got.Cos + c*got.Sin, DX: got.DX + shift, DY: got.DY}
					if squares(a, b, pairs, near) < least-1e-9*(1+least) {
						t.Fatalf("motion turned by %v, shifted by %v is better than the refit", turn, shift)
					}
				}
			}
		}
	}
	one := &Template{minutiae: []minutia{{x: 3, y: 4}, {x: 3, y: 4}}}
	before := Motion{Cos: 0, Sin: 1}
	got := refit(one, one, []offer{newOffer(0, 0, 0), newOffer(0, 1, 1)}, before)
	if got.Cos != before.Cos || got.Sin != before.Sin {
		t.Fatalf("pairs in one place: rotation %+v, want that of %+v", got, before)
	}
}

func TestInverseMotion(t *testing.T) {
	sin, cos := sincos(7000)
	m := Motion{Cos: cos, Sin: sin, DX: 40, DY: -17}
	x, y := m.apply(12, 34)
	x, y = m.inverse().apply(x, y)
	if math.Hypot(float64(x)-12, float64(y)-34) > 1e-3 {
		t.Fatalf("there and back: (%v, %v), want (12, 34)", x, y)
	}
}
