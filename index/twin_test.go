package index

import (
	"math"
	"math/rand/v2"
	"slices"

	"immis/internal/simd"
)

// twin is the slow obvious index: a list of rows, each scored by itself.
type twin struct {
	dim  int
	rows map[uint64]Row
}

func newTwin(dim int) *twin { return &twin{dim: dim, rows: map[uint64]Row{}} }

// row16 is the 16-bit form of a vector.
func row16(v []float32) []simd.F16 {
	y, h := make([]float32, len(v)), make([]simd.F16, len(v))
	formOf(len(v)).rotation.Apply(y, v)
	simd.ToF16(h, y)
	return h
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
	for _, r := range rows {
		if q.Filter.HasWithout && q.Filter.Without == r.Person {
			continue
		}
		h := row16(r.Vector)
		c := Candidate{r.Person, r.Key, clamp(simd.DotF16(q.Probe.rotated, h))}
		all = append(all, c)
		e, x, codes := 0, make([]float32, len(h)), make([]int8, len(h))
		simd.FromF16(x, h)
		for d, v := range x {
			if v > 0 {
				e += int(q.Probe.codes[d])
			} else {
				e -= int(q.Probe.codes[d])
			}
		}
		f := formOf(t.dim)
		simd.QuantizeInt8(codes, x, f.codeScale)
		if simd.Residual(x, codes, f.codeScale) > wideResidual {
			e = math.MaxInt
		}
		estimates = append(estimates, estimate{e, c})
	}
	if q.Mode == Fast && t.dim >= fastDim {
		a.Mode = Fast
		slices.SortFunc(estimates, func(a, b estimate) int { return b.score - a.score })
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
	}
	slices.SortFunc(all, better)
	for _, c := range all {
		if len(a.Candidates) < q.K && !slices.ContainsFunc(a.Candidates, func(x Candidate) bool { return x.Person == c.Person }) {
			a.Candidates = append(a.Candidates, c)
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
