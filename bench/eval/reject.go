package eval

import (
	"math"
	"slices"
)

// Reject holds mated comparisons with the lower quality of their two samples, of
// which it keeps the first defaultKeep.
type Reject struct {
	pairs   []rejectPair
	dropped bool
}

type rejectPair struct{ quality, score float64 }

// Add takes a mated comparison.
func (r *Reject) Add(quality, score float64) {
	if len(r.pairs) >= defaultKeep {
		r.dropped = true
		return
	}
	r.pairs = append(r.pairs, rejectPair{quality, score})
}

// RejectPoint is the FNMR that remains when a share of comparisons is rejected.
type RejectPoint struct {
	Rejected float64 `json:"rejected"`
	FNMR     float64 `json:"fnmr"`
}

// Curve is error versus reject (Grother, Tabassi, IEEE TPAMI 29(4), 2007): FNMR at the
// fixed threshold t when the share of mated comparisons with the lowest quality is
// rejected. Comparisons of equal quality stay or go together: only shares where the
// quality changes are points. A useful quality makes it fall.
func (r *Reject) Curve(t float64) []RejectPoint {
	p := slices.Clone(r.pairs)
	slices.SortFunc(p, func(a, b rejectPair) int {
		switch {
		case a.quality < b.quality:
			return -1
		case a.quality > b.quality:
			return 1
		}
		return 0
	})
	errors := 0
	for _, x := range p {
		if x.score < t {
			errors++
		}
	}
	var out []RejectPoint
	last := math.Inf(-1)
	for i, x := range p {
		if n := len(p) - i; x.quality > last {
			out = append(out, RejectPoint{float64(i) / float64(len(p)), float64(errors) / float64(n)})
			last = x.quality
		}
		if x.score < t {
			errors--
		}
	}
	return out
}
