package index

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"immis/internal/simd"
)

// twin is the slow obvious index: a list of rows, each scored by itself.
type twin struct {
	dim  int
	rows map[uint64]Row
	// forms of vectors, which never change, by their first element.
	forms map[*float32]*twinForm
}

// twinForm is what a twin knows of a vector: its 16-bit form, the signs of it and
// whether a code says too little.
type twinForm struct {
	half     []simd.F16
	positive []bool
	wide     bool
}

func newTwin(dim int) *twin {
	return &twin{dim: dim, rows: map[uint64]Row{}, forms: map[*float32]*twinForm{}}
}

func (t *twin) form(v []float32) *twinForm {
	if f := t.forms[&v[0]]; f != nil {
		return f
	}
	x, codes := make([]float32, len(v)), make([]int8, len(v))
	f := &twinForm{half: make([]simd.F16, len(v)), positive: make([]bool, len(v))}
	its := formOf(t.dim)
	its.rotation.Apply(x, v)
	simd.ToF16(f.half, x)
	simd.FromF16(x, f.half)
	for d := range x {
		f.positive[d] = x[d] > 0
	}
	simd.QuantizeInt8(codes, x, its.codeScale)
	f.wide = simd.Residual(x, codes, its.codeScale) > wideResidual
	t.forms[&v[0]] = f
	return f
}

func (t *twin) allowed(f *Filter) (rows []Row, excluded int) {
	for _, r := range t.rows {
		ok := true
		for _, anyOf := range f.In {
			ok = ok && slices.ContainsFunc(anyOf, func(g Gallery) bool { return slices.Contains(r.Galleries, g) })
		}
		if ok = ok && f.Lets(&r.Attributes); ok {
			rows = append(rows, r)
		} else {
			excluded++
		}
	}
	return rows, excluded
}

func (t *twin) search(q Query) Answer {
	rows, excluded := t.allowed(&q.Filter)
	a := Answer{Rows: len(rows), Excluded: excluded}
	var all []Candidate
	type estimate struct {
		score int
		c     Candidate
	}
	var estimates []estimate
	fast := q.Mode == Fast && t.dim >= fastDim
	for _, r := range rows {
		if q.Filter.HasWithout && q.Filter.Without == r.Person {
			continue
		}
		f := t.form(r.Vector)
		c := Candidate{r.Person, r.Key, clamp(simd.DotF16(q.Probe.rotated, f.half))}
		all = append(all, c)
		if !fast {
			continue
		}
		e := 0
		for d, positive := range f.positive {
			if positive {
				e += int(q.Probe.codes[d])
			} else {
				e -= int(q.Probe.codes[d])
			}
		}
		if f.wide {
			e = math.MaxInt
		}
		estimates = append(estimates, estimate{e, c})
	}
	if fast {
		a.Mode = Fast
		slices.SortFunc(estimates, func(a, b estimate) int { return cmp.Compare(b.score, a.score) })
		wide := 0
		for wide < len(estimates) && estimates[wide].score == math.MaxInt {
			wide++
		}
		depth := wide + max(leastDepth, len(rows)/depthShare)
		all = nil
		for i, e := range estimates {
			if i < depth || e.score == estimates[depth-1].score {
				all = append(all, e.c)
			}
		}
		if len(all) >= depth && len(all) < len(rows) {
			last := float64(estimates[depth-1].score) * float64(q.Probe.bitUnit)
			a.Sure = float32(last + sureDeviations*math.Sqrt((math.Pi/2-1)/float64(t.dim)))
		}
	}
	slices.SortFunc(all, better)
	seen := map[uint64]bool{}
	for _, c := range all {
		if len(a.Candidates) < q.K && !seen[c.Person] {
			a.Candidates = append(a.Candidates, c)
			seen[c.Person] = true
		}
	}
	return a
}

func unit(rng *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return normalize(v)
}

func normalize(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out
}

// near is a vector with about the given cosine to v.
func near(rng *rand.Rand, v []float32, cosine float64) []float32 {
	u, out := unit(rng, len(v)), make([]float32, len(v))
	for i := range v {
		out[i] = float32(cosine*float64(v[i]) + math.Sqrt(1-cosine*cosine)*float64(u[i]))
	}
	return normalize(out)
}
