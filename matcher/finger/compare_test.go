package finger

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"immis/templates"
)

func bitsOf(s Score) uint32 { return math.Float32bits(float32(s)) }

func TestSyntheticFingersAreToldApart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 51))
	var gallery, probes []*Template
	for range 40 {
		f := finger(r, 30+r.IntN(20))
		gallery = append(gallery, Prepare(f))
		probes = append(probes, Prepare(impression(r, f, 0.3*r.NormFloat64(), 15*r.NormFloat64(), 15*r.NormFloat64())))
	}
	hits := 0
	for p, probe := range probes {
		own := probe.Compare(gallery[p])
		best := Score(-1)
		for g, ref := range gallery {
			if g != p {
				best = max(best, probe.Compare(ref))
			}
		}
		if own > best {
			hits++
		}
	}
	if hits < 38 {
		t.Fatalf("%d of 40 probes find their finger first, want >= 38", hits)
	}
}

func TestScoreIsSymmetricAndIgnoresOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 51))
	scored := 0
	for range 200 {
		f := finger(r, 5+r.IntN(60))
		g := impression(r, f, 0.3*r.NormFloat64(), 10, 10)
		if r.IntN(2) == 0 {
			g = finger(r, 5+r.IntN(60))
		}
		a, b := Prepare(f), Prepare(g)
		s := a.Compare(b)
		if back := b.Compare(a); bitsOf(back) != bitsOf(s) {
			t.Fatalf("swapped comparison: got %v, want %v", back, s)
		}
		r.Shuffle(len(g.Minutiae), func(i, j int) { g.Minutiae[i], g.Minutiae[j] = g.Minutiae[j], g.Minutiae[i] })
		for i := range g.Minutiae {
			g.Minutiae[i].Type, g.Minutiae[i].Quality = templates.MinutiaOther, 7
		}
		if again := a.Compare(Prepare(g)); bitsOf(again) != bitsOf(s) {
			t.Fatalf("comparison with shuffled minutiae: got %v, want %v", again, s)
		}
		if s > 0.2 {
			scored++
		}
	}
	if scored < 50 {
		t.Fatalf("only %d comparisons found a motion", scored)
	}
}

func TestDetailExplainsTheScore(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 51))
	for range 30 {
		f := finger(r, 40)
		turn := 0.4 * r.NormFloat64()
		g := impression(r, f, turn, 12, -9)
		a, b := Prepare(f), Prepare(g)
		d, back := a.CompareDetail(b), b.CompareDetail(a)
		if bitsOf(d.Score) != bitsOf(a.Compare(b)) {
			t.Fatalf("detail has score %v, comparison %v", d.Score, a.Compare(b))
		}
		if d.Rejected {
			continue
		}
		if got := math.Abs(math.Remainder(math.Atan2(d.Motion.Sin, d.Motion.Cos)-turn, 2*math.Pi)); got > 0.1 {
			t.Errorf("rotation is off by %.3f rad, want <= 0.1", got)
		}
		weight := 0.0
		usedP, usedR := map[uint8]bool{}, map[uint8]bool{}
		for k, p := range d.Pairs {
			if usedP[p.Probe] || usedR[p.Reference] {
				t.Fatalf("pair %d uses a minutia again: %+v", k, p)
			}
			usedP[p.Probe], usedR[p.Reference] = true, true
			weight += float64(p.Weight)
			if q := back.Pairs[k]; q.Probe != p.Reference || q.Reference != p.Probe {
				t.Fatalf("swapped detail pairs %+v, want %+v", q, p)
			}
			// The motion puts the one where the other lies, in the frame of the images.
			m, n := f.Minutiae[p.Probe], g.Minutiae[p.Reference]
			x, y := d.Motion.apply(float32(m.X)/16, -float32(m.Y)/16)
			if e := math.Hypot(float64(x)-float64(n.X)/16, float64(y)+float64(n.Y)/16); e > toleranceMax+1e-3 {
				t.Fatalf("pair %d lies %.1f px apart after the motion", k, e)
			}
		}
		w := weight * weight / float64(d.ProbeInOverlap+d.ReferenceInOverlap)
		if want := w / (1 + w); math.Abs(float64(d.Score)-want) > 1e-4 {
			t.Fatalf("score %v, from its parts %v", d.Score, want)
		}
	}
}

// odd are the templates that break careless code, with the highest score they
// may reach against anything.
func odd(r *rand.Rand) map[string]*templates.Finger {
	at := func(x, y, angle uint16) templates.Minutia {
		return templates.Minutia{X: x, Y: y, Angle: angle, Type: templates.MinutiaEnding}
	}
	view := func(ms ...templates.Minutia) *templates.Finger {
		return &templates.Finger{Width: templates.MaxPixels, Height: templates.MaxPixels, Minutiae: ms}
	}
	out := map[string]*templates.Finger{
		"one": view(at(100, 100, 0)),
		"two": view(at(100, 100, 0), at(1600, 800, 9000)),
	}
	same, line, column, crowd, full := view(), view(), view(), view(), view()
	corners := view(at(0, 0, 0), at(65519, 0, 0), at(0, 65519, 0), at(65519, 65519, 0))
	for i := range uint16(255) {
		same.Minutiae = append(same.Minutiae, at(3000, 3000, 500))
		line.Minutiae = append(line.Minutiae, at(i*200, i*100, i*257))
		column.Minutiae = append(column.Minutiae, at(4000, i*60, 0))
		crowd.Minutiae = append(crowd.Minutiae, at(3000+i%16, 3000+i/16, i*3))
		full.Minutiae = append(full.Minutiae, at(uint16(r.IntN(6000)), uint16(r.IntN(6000)), uint16(r.Uint32())))
		corners.Minutiae = append(corners.Minutiae, at(65519-i%7*200, 65519-i%11*200, i*99))
	}
	corners.Minutiae = corners.Minutiae[:255]
	out["same"], out["line"], out["column"], out["crowd"], out["full"], out["corners"] = same, line, column, crowd, full, corners
	out["usual"] = finger(r, 40)
	return out
}

func TestOddTemplates(t *testing.T) {
	all := odd(rand.New(rand.NewPCG(4, 51)))
	prepared := map[string]*Template{}
	for name, f := range all {
		if err := f.Validate(); err != nil {
			t.Fatalf("%s is no valid finger: %v", name, err)
		}
		prepared[name] = Prepare(f)
		if got := prepared[name].Len(); got != len(f.Minutiae) {
			t.Errorf("%s: %d minutiae, want %d", name, got, len(f.Minutiae))
		}
	}
	for an, a := range prepared {
		for bn, b := range prepared {
			s := a.Compare(b)
			if !(s >= 0 && s < 1) {
				t.Errorf("%s with %s: score %v, want in [0, 1)", an, bn, s)
			}
			if bitsOf(s) != bitsOf(b.Compare(a)) {
				t.Errorf("%s with %s: %v, swapped %v", an, bn, s, b.Compare(a))
			}
			if few := a.Len() < 3 || b.Len() < 3; few && s != 0 {
				t.Errorf("%s with %s: score %v of fewer than 3 minutiae, want 0", an, bn, s)
			}
		}
	}
	for _, name := range []string{"usual", "full"} {
		if s := prepared[name].Compare(prepared[name]); s < 0.9 {
			t.Errorf("%s with itself: %v, want >= 0.9", name, s)
		}
	}
	none := Prepare(&templates.Finger{Width: 10, Height: 10})
	if s := none.Compare(prepared["usual"]); s != 0 {
		t.Errorf("no minutiae at all: score %v, want 0", s)
	}
}

// TestScoresAreFixed holds the bits of one scene made by integers alone. Another
// machine or compiler that gives other bits would rank other candidates.
func TestScoresAreFixed(t *testing.T) {
	state := uint64(88172645463325252)
	next := func(n uint64) uint16 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return uint16((state >> 20) % n)
	}
	base := &templates.Finger{Width: 300, Height: 300}
	for range 45 {
		base.Minutiae = append(base.Minutiae, templates.Minutia{X: 800 + next(3000), Y: 800 + next(3200), Angle: next(65536)})
	}
	var got []uint32
	for k := range uint16(4) {
		other := &templates.Finger{Width: 300, Height: 300}
		for i, m := range base.Minutiae {
			if i%7 == int(k) {
				continue
			}
			m.X, m.Y, m.Angle = m.X+100+next(16*(2+4*uint64(k))), m.Y-300+next(16*(2+4*uint64(k))), m.Angle+next(900)
			other.Minutiae = append(other.Minutiae, m)
		}
		got = append(got, bitsOf(Prepare(base).Compare(Prepare(other))))
	}
	want := []uint32{0x3f7157a2, 0x3f6ff13c, 0x3f6c9d3f, 0x3f664bdf}
	if !slices.Equal(got, want) {
		t.Fatalf("bits of scores: got %#x, want %#x", got, want)
	}
}

func TestTemplatesServeManyGoroutines(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 51))
	f := finger(r, 40)
	probe := Prepare(f)
	var refs []*Template
	var want []Score
	for range 50 {
		refs = append(refs, Prepare(impression(r, f, 0.2*r.NormFloat64(), 5, 5)))
		want = append(want, probe.Compare(refs[len(refs)-1]))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var c Comparer
			for k, ref := range refs {
				if s := c.Compare(probe, ref); s != want[k] {
					t.Errorf("reference %d: got %v, want %v", k, s, want[k])
				}
			}
		})
	}
	wg.Wait()
}

func TestCompareDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 51))
	f := finger(r, 60)
	a, b := Prepare(f), Prepare(impression(r, f, 0.1, 3, 3))
	var c Comparer
	if n := testing.AllocsPerRun(50, func() { sinkScore = c.Compare(a, b) }); n != 0 {
		t.Errorf("%v allocations per comparison with a Comparer, want 0", n)
	}
	if n := testing.AllocsPerRun(50, func() { sinkScore = a.Compare(b) }); n != 0 {
		t.Errorf("%v allocations per comparison, want 0", n)
	}
}

func TestTemplateMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 51))
	p := Prepare(finger(r, 40))
	if got := p.Bytes(); got < 40*12 || got > 4096 {
		t.Fatalf("a template of 40 minutiae holds %d bytes, want 480..4096", got)
	}
	if small := Prepare(finger(r, 10)).Bytes(); small >= p.Bytes() {
		t.Fatalf("10 minutiae hold %d bytes, 40 hold %d", small, p.Bytes())
	}
}
