package eval

import (
	"math"
	"slices"
	"sort"
)

// Curve is the detection error trade-off: FMR and FNMR at each threshold where one
// of them changes, lowest threshold first, the last being infinite (everything is
// rejected).
//
// FMR(t), the false match rate, is the share of non-mated comparisons with a score
// >= t; FNMR(t), the false non-match rate, the share of mated comparisons with a
// score < t (ISO/IEC 19795-1; failures to acquire are not in either: see Failures).
type Curve struct {
	points []point
	mated  int64
	non    int64
}

// point counts errors at a threshold; coarse ones are edges of bins, between which there are
// scores.
type point struct {
	threshold float64
	below     int64 // mated scores < threshold
	above     int64 // non-mated scores >= threshold
	coarse    bool
}

// Curve computes the rates at all thresholds. Without mated or non-mated comparisons
// it is a *ClassError.
func (s *Sample) Curve() (*Curve, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	c := &Curve{mated: s.MatedScores.Count(), non: s.NonMatedScores.Count()}
	m, n := s.MatedScores.order(), s.NonMatedScores.order()
	low, high := math.Inf(-1), math.Inf(1) // where every comparison is at hand
	if s.NonMatedScores.dropped {
		low = s.NonMatedScores.edge
	}
	if s.MatedScores.dropped {
		high = s.MatedScores.edge
	}
	if !s.Exact() {
		c.addBins(s, func(t float64) bool { return t < low })
	}
	i, j := 0, 0
	for low <= high && (i < len(m) || j < len(n)) {
		t := math.Inf(1)
		if i < len(m) {
			t = m[i].Score
		}
		if j < len(n) {
			t = min(t, n[j].Score)
		}
		if t >= low && t <= high {
			c.points = append(c.points, point{threshold: t, below: int64(i), above: int64(len(n) - j)})
		}
		for i < len(m) && m[i].Score == t {
			i++
		}
		for j < len(n) && n[j].Score == t {
			j++
		}
	}
	if !s.Exact() {
		c.addBins(s, func(t float64) bool { return t >= low && t > high })
	}
	c.points = append(c.points, point{threshold: math.Inf(1), below: c.mated})
	return c, nil
}

// addBins adds the edges of the histograms' bins that are wanted.
func (c *Curve) addBins(s *Sample, want func(float64) bool) {
	m, n := s.MatedScores.bins(), s.NonMatedScores.bins()
	below, above := int64(0), c.non
	for i, j := 0, 0; i < len(m) || j < len(n); {
		t := math.Inf(1)
		if i < len(m) {
			t = m[i].edge
		}
		if j < len(n) {
			t = min(t, n[j].edge)
		}
		if want(t) {
			c.points = append(c.points, point{t, below, above, true})
		}
		if i < len(m) && m[i].edge == t {
			below += m[i].count
			i++
		}
		if j < len(n) && n[j].edge == t {
			above -= n[j].count
			j++
		}
	}
}

// Mated and NonMated count the comparisons.
func (c *Curve) Mated() int64    { return c.mated }
func (c *Curve) NonMated() int64 { return c.non }

// FMR and FNMR are the rates at the threshold t, exact where the curve is.
func (c *Curve) FMR(t float64) float64 { return c.fmr(c.from(t)) }

// FNMR is the false non-match rate at the threshold t.
func (c *Curve) FNMR(t float64) float64 { return c.fnmr(c.from(t)) }

// from is the first point at or above t: between two points nothing changes.
func (c *Curve) from(t float64) int {
	k, _ := slices.BinarySearchFunc(c.points, t, func(p point, t float64) int {
		if p.threshold < t {
			return -1
		}
		return 1
	})
	return min(k, len(c.points)-1)
}

func (c *Curve) fmr(k int) float64  { return float64(c.points[k].above) / float64(c.non) }
func (c *Curve) fnmr(k int) float64 { return float64(c.points[k].below) / float64(c.mated) }

// tolerance lets 1 % of 11,520 be 115.2 and 0.1 % of 1,000 be 1, whatever the
// rounding of the quotient.
const tolerance = 1e-12

// equal is the place of the crossing of two rates, of which the first falls and the
// second rises: the first point where the second is not smaller, or the point
// before it if the sum there is not larger (the rule of FVC).
func equal(n int, fmr, fnmr func(int) float64) (int, float64) {
	k := sort.Search(n, func(k int) bool { return fnmr(k) >= fmr(k) })
	k = min(k, n-1)
	if k > 0 && fmr(k-1)+fnmr(k-1) <= fmr(k)+fnmr(k) {
		k--
	}
	return k, (fmr(k) + fnmr(k)) / 2
}

// EER is the equal error rate: at the first threshold where FNMR >= FMR, or the one
// before if FMR+FNMR is not larger there, the mean of the two (the rule of FVC).
func (c *Curve) EER() Rate {
	k, v := equal(len(c.points), c.fmr, c.fnmr)
	r := c.rate(k, v)
	r.Errors, r.Trials = c.points[k].below, c.mated
	r.asked(min(c.points[k].below, c.points[k].above), min(c.mated, c.non))
	return r
}

// FNMRAt is the lowest FNMR at a threshold where FMR <= fmr: FMR100 is FNMRAt(0.01),
// ZeroFMR is FNMRAt(0). If the data cannot bear that FMR, because an FMR of 0 in so
// many comparisons is no evidence of it (rule of 3), the answer is flagged.
func (c *Curve) FNMRAt(fmr float64) Rate {
	k := sort.Search(len(c.points), func(k int) bool { return c.fmr(k) <= fmr+tolerance })
	r := c.rate(k, c.fnmr(k))
	r.Errors, r.Trials = c.points[k].below, c.mated
	if fmr > 0 {
		r.asked(int64(math.Floor(float64(fmr*float64(c.non))+tolerance)), c.non)
	} else {
		r.asked(0, c.non)
	}
	return r
}

func (c *Curve) rate(k int, v float64) Rate {
	p := c.points[k]
	r := Rate{Value: v, Threshold: Number(p.threshold), FMR: c.fmr(k), FNMR: c.fnmr(k)}
	if p.coarse {
		r.Coarse = true
		// The threshold of the answer lies between this edge and the one before.
		if k > 0 {
			r.From, r.To = min(c.fnmr(k-1), v), v
		}
	}
	return r
}

// Point is one threshold of a curve.
type Point struct {
	Threshold Number  `json:"threshold"`
	FMR       float64 `json:"fmr"`
	FNMR      float64 `json:"fnmr"`
}

// DET gives about n points of the curve, evenly spread over the logarithms of FMR and of
// FNMR, both ends included: a drawing, from which no rate should be read.
func (c *Curve) DET(n int) []Point {
	n = max(n, 4)
	want := map[int]bool{0: true, len(c.points) - 1: true}
	decades := math.Log10(float64(max(c.mated, c.non))) + 0.3
	for i := range n / 2 {
		x := math.Pow(10, -float64(decades*float64(i))/float64(n/2))
		want[min(len(c.points)-1, sort.Search(len(c.points), func(k int) bool { return c.fmr(k) <= x }))] = true
		want[min(len(c.points)-1, sort.Search(len(c.points), func(k int) bool { return c.fnmr(k) >= x }))] = true
	}
	out := make([]Point, 0, len(want))
	for k := range c.points {
		if want[k] {
			out = append(out, Point{Number(c.points[k].threshold), c.fmr(k), c.fnmr(k)})
		}
	}
	return out
}
