package eval

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twin is the slow obvious reading of the definitions.
type twin struct{ mated, non []float64 }

func (w twin) fmr(t float64) float64 {
	n := 0
	for _, x := range w.non {
		if x >= t {
			n++
		}
	}
	return float64(n) / float64(len(w.non))
}

func (w twin) fnmr(t float64) float64 {
	n := 0
	for _, x := range w.mated {
		if x < t {
			n++
		}
	}
	return float64(n) / float64(len(w.mated))
}

func (w twin) thresholds() []float64 {
	all := append(append(slices.Clone(w.mated), w.non...), math.Inf(1))
	slices.Sort(all)
	return slices.Compact(all)
}

func (w twin) fnmrAt(fmr float64) float64 {
	best := 1.0
	for _, t := range w.thresholds() {
		if w.fmr(t) <= fmr+tolerance {
			best = min(best, w.fnmr(t))
		}
	}
	return best
}

func (w twin) eer() float64 {
	before := -1.0
	for _, t := range w.thresholds() {
		sum := w.fmr(t) + w.fnmr(t)
		if w.fnmr(t) >= w.fmr(t) {
			if before >= 0 && before <= sum {
				sum = before
			}
			return sum / 2
		}
		before = sum
	}
	return math.NaN()
}

func (w twin) sample(keep int) *Sample {
	s := NewSample(keep)
	for i, x := range w.mated {
		_ = s.Add(Comparison{x, int32(i), int32(i)})
	}
	for i, x := range w.non {
		_ = s.Add(Comparison{x, int32(i), int32(i + 1)})
	}
	return s
}

// TestRatesAreTheirDefinitions: with all comparisons kept every figure is that of the
// definitions, ties included.
func TestRatesAreTheirDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score := rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Map(rapid.IntRange(-4, 4), func(i int) float64 { return float64(i) / 4 }))
		w := twin{rapid.SliceOfN(score, 1, 60).Draw(t, "mated"), rapid.SliceOfN(score, 1, 60).Draw(t, "non-mated")}
		c, err := w.sample(0).Curve()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.EER().Value, w.eer(); got != want {
			t.Fatalf("EER %v, want %v", got, want)
		}
		for _, fmr := range []float64{0, 0.01, 0.1, 0.5, 1} {
			if got, want := c.FNMRAt(fmr).Value, w.fnmrAt(fmr); got != want {
				t.Fatalf("FNMR at FMR %v: %v, want %v", fmr, got, want)
			}
		}
		for _, x := range append(slices.Clone(w.non), 0, -10, 10) {
			if c.FMR(x) != w.fmr(x) || c.FNMR(x) != w.fnmr(x) {
				t.Fatalf("at %v: %v and %v, want %v and %v", x, c.FMR(x), c.FNMR(x), w.fmr(x), w.fnmr(x))
			}
		}
	})
}

// TestBoundedMemory: what does not fit is counted. Rates where errors are made stay
// exact, others lie in the stated range, and the order of arrival changes nothing.
func TestBoundedMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var w twin
	for range 20_000 {
		w.mated = append(w.mated, 0.6+0.15*rng.NormFloat64())
	}
	for range 60_000 {
		w.non = append(w.non, 0.1*rng.NormFloat64())
	}
	const keep = 1000
	// Above the score of rank k of the non-mated lie k of them: the mated up to there are
	// the errors.
	lowest := func(fmr float64) float64 {
		slices.SortFunc(w.non, func(a, b float64) int { return cmp.Compare(b, a) })
		n := 0
		for _, x := range w.mated {
			if x <= w.non[int(fmr*float64(len(w.non)))] {
				n++
			}
		}
		return float64(n) / float64(len(w.mated))
	}
	told := ""
	for round := range 3 {
		s := w.sample(keep)
		if s.Exact() || len(s.MatedScores.kept) > 2*keep || len(s.NonMatedScores.kept) > 2*keep {
			t.Fatalf("%d and %d kept of %d", len(s.MatedScores.kept), len(s.NonMatedScores.kept), keep)
		}
		c, err := s.Curve()
		if err != nil {
			t.Fatal(err)
		}
		// 0.1 % of 60,000 are 60, which are kept.
		if r := c.FNMRAt(1e-3); r.Coarse || r.Value != lowest(1e-3) {
			t.Errorf("FMR1000 %+v (%v), want %v exactly", r, r.Coarse, lowest(1e-3))
		}
		// 10 % are not: the threshold is the edge of a bin.
		want := lowest(0.1)
		if r := c.FNMRAt(0.1); r.Value != want && !(r.Coarse && r.From <= want && want <= r.To) {
			t.Errorf("FNMR at FMR 10 %% is in %v..%v (%v), want %v in it", r.From, r.To, r.Value, want)
		}
		if now := fmt.Sprintf("%+v %+v", c.EER(), c.FNMRAt(1e-2)); told != "" && now != told {
			t.Errorf("in another order: %s, want %s", now, told)
		} else {
			told = now
		}
		if round == 2 {
			break
		}
		rng.Shuffle(len(w.mated), func(i, j int) { w.mated[i], w.mated[j] = w.mated[j], w.mated[i] })
		rng.Shuffle(len(w.non), func(i, j int) { w.non[i], w.non[j] = w.non[j], w.non[i] })
	}
}

// TestBootstrapOverPersons: bounds that count persons are wider than what comparisons
// alone would give, since those of a person are alike; and of a paired difference they
// are narrower than those of two systems by themselves.
func TestBootstrapOverPersons(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	ours, theirs := NewSample(0), NewSample(0)
	for p := range int32(40) {
		skill := 0.1 * rng.NormFloat64()
		for range 20 {
			x := 0.5 + skill + 0.05*rng.NormFloat64()
			_ = ours.Add(Comparison{x, p, p})
			_ = theirs.Add(Comparison{x - 0.02 + 0.01*rng.NormFloat64(), p, p})
		}
		for range 60 {
			x := 0.1 + 0.1*rng.NormFloat64()
			o := (p + 1 + rng.Int32N(39)) % 40
			_ = ours.Add(Comparison{x, p, o})
			_ = theirs.Add(Comparison{x + 0.01*rng.NormFloat64(), p, o})
		}
	}
	v, err := Resample(t.Context(), 400, 1, Targets(), nil, ours, theirs)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Resample(t.Context(), 400, 1, Targets(), nil, ours, theirs)
	if err != nil || !slices.Equal(v[0][0], again[0][0]) {
		t.Errorf("the same seed gives other draws (%v)", err)
	}
	c, err := ours.Curve()
	if err != nil {
		t.Fatal(err)
	}
	const at = 1 // FMR100
	i := Percentiles(v[0][at])
	value := c.FNMRAt(1e-2).Value
	if !(i.Low <= value && value <= i.High) {
		t.Errorf("%v is not in its bounds %v", value, *i)
	}
	alone := 2 * 1.96 * math.Sqrt(value*(1-value)/800) // of 800 independent comparisons
	if i.High-i.Low < alone {
		t.Errorf("bounds %v are %v wide, want more than %v", *i, i.High-i.Low, alone)
	}
	difference := make([]float64, 400)
	for k := range difference {
		difference[k] = v[0][at][k] - v[1][at][k]
	}
	if d := Percentiles(difference); d.High-d.Low >= i.High-i.Low {
		t.Errorf("the paired difference is known within %v, one system within %v", *d, *i)
	}
}

// TestRejectingTheWorst: with a quality that tells errors the rate falls, with noise it
// does not.
func TestRejectingTheWorst(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var good, noise Reject
	for range 5000 {
		q := float64(rng.IntN(101))
		score := 1.0
		if rng.Float64() < 0.2*(1-q/100) {
			score = 0
		}
		good.Add(q, score)
		noise.Add(float64(rng.IntN(101)), score)
	}
	half := func(p []RejectPoint) float64 {
		for _, x := range p {
			if x.Rejected >= 0.5 {
				return x.FNMR / p[0].FNMR
			}
		}
		return math.NaN()
	}
	if got := half(good.Curve(0.5)); !(got < 0.7) {
		t.Errorf("a good quality leaves %v of the errors' rate at half rejected", got)
	}
	if got := half(noise.Curve(0.5)); !(got > 0.85 && got < 1.15) {
		t.Errorf("noise leaves %v of the errors' rate at half rejected", got)
	}
}

// TestCllr: of true log-likelihood ratios Cllr is its minimum and a little more, scaled
// ones cost more, the minimum stays.
func TestCllr(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	var one, three twin
	for range 20_000 {
		// Two normal distributions of variance 4 around +2 and -2 have x as their ratio.
		m, n := 2+2*rng.NormFloat64(), -2+2*rng.NormFloat64()
		one.mated, one.non = append(one.mated, m), append(one.non, n)
		three.mated, three.non = append(three.mated, 3*m), append(three.non, 3*n)
	}
	cost := func(w twin) (cllr, least float64) {
		s := w.sample(0)
		cllr, err := s.Cllr()
		if err != nil {
			t.Fatal(err)
		}
		if least, err = s.MinCllr(); err != nil {
			t.Fatal(err)
		}
		return cllr, least
	}
	c1, m1 := cost(one)
	c3, m3 := cost(three)
	if !(m1 <= c1 && c1 < m1+0.01 && c3 > c1+0.1 && math.Abs(m1-m3) < 1e-9) {
		t.Errorf("Cllr %v and %v, minimum %v and %v", c1, c3, m1, m3)
	}
}
