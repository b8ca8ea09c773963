package eval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"
)

// Target is a figure to be given with confidence: the EER, or the lowest FNMR at
// FMR <= FMR.
type Target struct {
	EER bool
	FMR float64
}

// Targets are the figures of every report: EER, FMR100, FMR1000, FMR10000, ZeroFMR.
func Targets() []Target {
	return []Target{{EER: true}, {FMR: 1e-2}, {FMR: 1e-3}, {FMR: 1e-4}, {FMR: 0}}
}

// Name is what reports call the figure.
func (t Target) Name() string {
	switch {
	case t.EER:
		return "EER"
	case t.FMR == 0:
		return "ZeroFMR"
	}
	return fmt.Sprintf("FMR%.0f", 1/t.FMR)
}

// At is the figure on the curve.
func (t Target) At(c *Curve) Rate {
	if t.EER {
		return c.EER()
	}
	return c.FNMRAt(t.FMR)
}

// resampler computes targets from a sample in which persons count several times or
// not at all.
type resampler struct {
	curve        *Curve
	points       []point // those where comparisons are at hand, lowest first
	first        bool    // points begins where the curve does
	mated, non   []Comparison
	images       []int32
	exactM       bool
	exactN       bool
	below, above []float64 // sums of weights, of the i lowest mated and j highest non-mated
}

func newResampler(s *Sample) (*resampler, error) {
	c, err := s.Curve()
	if err != nil {
		return nil, err
	}
	r := &resampler{curve: c, mated: s.MatedScores.order(), non: s.NonMatedScores.order(), images: s.Images,
		exactM: s.MatedScores.Exact(), exactN: s.NonMatedScores.Exact()}
	if !s.Exact() && s.Images == nil {
		return nil, nil
	}
	for i, p := range c.points {
		if p.coarse || p.below > int64(len(r.mated)) || p.above > int64(len(r.non)) {
			continue
		}
		if len(r.points) == 0 {
			r.first = i == 0
		}
		r.points = append(r.points, p)
	}
	return r, nil
}

// clone shares what is only read.
func (r *resampler) clone() *resampler {
	o := *r
	o.below, o.above = make([]float64, len(r.mated)+1), make([]float64, len(r.non)+1)
	return &o
}

// set takes the weights of persons: a mated comparison counts as often as its person
// was drawn, a non-mated one as often as the product of both. Two copies of one
// person are not compared with each other.
func (r *resampler) set(w []int32) (matedTotal, nonTotal float64) {
	for i, c := range r.mated {
		r.below[i+1] = r.below[i] + float64(w[c.A])
	}
	for j := range r.non {
		c := r.non[len(r.non)-1-j]
		r.above[j+1] = r.above[j] + float64(w[c.A]*w[c.B])
	}
	matedTotal, nonTotal = r.below[len(r.mated)], r.above[len(r.non)]
	if r.images != nil {
		var all, squares, pairs float64
		for p, n := range r.images {
			x := float64(int64(w[p]) * int64(n))
			all += x
			squares += float64(x * x)
			pairs += float64(int64(w[p]) * int64(n) * int64(n-1) / 2)
		}
		if !r.exactM {
			matedTotal = pairs
		}
		if !r.exactN {
			nonTotal = (float64(all*all) - squares) / 2
		}
	}
	return matedTotal, nonTotal
}

// values are the targets under the weights; NaN where they cannot be known.
func (r *resampler) values(w []int32, targets []Target, out []float64) {
	m, n := r.set(w)
	fmr := func(k int) float64 { return r.above[r.points[k].above] / n }
	fnmr := func(k int) float64 { return r.below[r.points[k].below] / m }
	for i, t := range targets {
		out[i] = math.NaN()
		if m == 0 || n == 0 || len(r.points) == 0 {
			continue
		}
		var k int
		var v float64
		if t.EER {
			k, v = equal(len(r.points), fmr, fnmr)
		} else {
			k = sort.Search(len(r.points), func(k int) bool { return fmr(k) <= t.FMR+tolerance })
			if k == len(r.points) {
				continue
			}
			v = fnmr(k)
		}
		if k > 0 || r.first {
			out[i] = v
		}
	}
}

// Resample is a bootstrap over persons of one system, or of several on the same
// comparisons: each round draws as many persons as there are, with replacement, and
// all systems see the same draw, so that their differences can be judged (paired).
// Persons are what Comparison.A and B number. It is the subset bootstrap of the
// biometric literature (Bolle, Ratha, Pankanti, CVIU 93(1), 2004) over persons.
//
// values[system][target][round]; a system that has to be left out has nil: its sample
// did not fit and says nothing about its pairs. The same seed gives the same values
// on every machine with any number of workers.
func Resample(ctx context.Context, rounds int, seed uint64, targets []Target, tell func(done, total int), samples ...*Sample) (values [][][]float64, err error) {
	persons := int32(0)
	systems := make([]*resampler, len(samples))
	values = make([][][]float64, len(samples))
	for i, s := range samples {
		if systems[i], err = newResampler(s); err != nil {
			return nil, err
		}
		if systems[i] == nil {
			continue
		}
		for _, class := range [][]Comparison{systems[i].mated, systems[i].non} {
			for _, c := range class {
				persons = max(persons, c.A+1, c.B+1)
			}
		}
		persons = max(persons, int32(len(s.Images)))
		values[i] = make([][]float64, len(targets))
		for t := range targets {
			values[i][t] = make([]float64, rounds)
		}
	}
	workers := min(rounds, runtime.GOMAXPROCS(0))
	g, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		g.Go(func() error {
			mine := make([]*resampler, len(systems))
			for i, s := range systems {
				if s != nil {
					mine[i] = s.clone()
				}
			}
			w, out := make([]int32, persons), make([]float64, len(targets))
			for round := worker; round < rounds; round += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				clear(w)
				random := rand.New(rand.NewPCG(seed, uint64(round)))
				for range persons {
					w[random.Int32N(persons)]++
				}
				for i, s := range mine {
					if s == nil {
						continue
					}
					s.values(w, targets, out)
					for t, v := range out {
						values[i][t][round] = v
					}
				}
				if tell != nil && worker == 0 {
					tell(round, rounds)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return values, nil
}

// Percentiles is the central interval that holds 95 % of the values; nil if more than
// one in twenty is unknown.
func Percentiles(values []float64) *Interval {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(v) == 0 || 20*len(v) < 19*len(values) {
		return nil
	}
	slices.Sort(v)
	at := func(q float64) float64 {
		x := float64(q * float64(len(v)-1))
		i := int(x)
		j := min(i+1, len(v)-1)
		return v[i] + float64((v[j]-v[i])*(x-float64(i)))
	}
	return &Interval{Low: at(0.025), High: at(0.975)}
}
