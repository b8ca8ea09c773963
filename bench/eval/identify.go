package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Search is one 1:N search: where the mate came, and the best of the others.
type Search struct {
	Person int32
	// Mated says whether the person is in the gallery. Rank is the place of the mate in
	// the candidate list, from 1; candidates with the mate's score come before it, so
	// that a matcher gains nothing by ties. 0 if there is no mate.
	Mated bool
	Rank  int
	// MateScore is the score of the mate, Best that of the best candidate who is not.
	MateScore, Best float64
}

// Identification holds the searches of an open- or closed-set test of 1:N
// identification in galleries of N references.
type Identification struct {
	N        int
	Searches []Search
}

// CMC is the cumulative match characteristic: the share of mated searches with the
// mate at rank 1, 2, ..., ranks (closed set, no threshold).
func (d *Identification) CMC(ranks int) []float64 {
	counts := make([]int, ranks+1)
	mated := 0
	for _, s := range d.Searches {
		if s.Mated {
			mated++
			if s.Rank <= ranks {
				counts[s.Rank]++
			}
		}
	}
	out := make([]float64, ranks)
	sum := 0
	for r := range out {
		sum += counts[r+1]
		out[r] = float64(sum) / float64(max(mated, 1))
	}
	return out
}

// FPIR is FPIR(N, T, L), the false positive identification rate: the share of searches
// that would return one or more candidates who are not the person, at a score >= t, were
// the person not in the gallery. A candidate list of any length L >= 1 gives the
// same. Searches with a mate serve too, with the mate left out: then N is N-1.
func (d *Identification) FPIR(t float64) float64 {
	n := 0
	for _, s := range d.Searches {
		if s.Best >= t {
			n++
		}
	}
	return float64(n) / float64(max(len(d.Searches), 1))
}

// FNIR is FNIR(N, R, T), the false negative identification rate: the share of mated
// searches whose mate is not among the first rank candidates, or has a score < t.
// rank 0 asks for no rank.
func (d *Identification) FNIR(rank int, t float64) float64 {
	n, mated := 0, 0
	for _, s := range d.Searches {
		if !s.Mated {
			continue
		}
		mated++
		if s.MateScore < t || rank > 0 && s.Rank > rank {
			n++
		}
	}
	return float64(n) / float64(max(mated, 1))
}

// OpenSet is FNIR at a threshold that keeps FPIR.
type OpenSet struct {
	FPIR      float64 `json:"fpir_asked"`
	Reached   float64 `json:"fpir"`
	Threshold Number  `json:"threshold"`
	FNIR      float64 `json:"fnir"`
	// Beyond says that fewer than one false positive was allowed in the searches there
	// are; Bound is what they show, by the rule of 3.
	Beyond bool    `json:"beyond_the_data,omitempty"`
	Bound  float64 `json:"fpir_upper_bound_95,omitempty"`
}

// AtFPIR is the lowest FNIR(N, 0, T) with FPIR(N, T, L) <= fpir: T is just above the
// highest false positive that may not be.
func (d *Identification) AtFPIR(fpir float64) OpenSet {
	best := make([]float64, len(d.Searches))
	for i, s := range d.Searches {
		best[i] = s.Best
	}
	slices.SortFunc(best, func(a, b float64) int { return cmp.Compare(b, a) })
	k := int(math.Floor(float64(fpir*float64(len(best))) + 1e-9))
	out := OpenSet{FPIR: fpir, Threshold: Number(math.Inf(-1))}
	if k < len(best) {
		out.Threshold = Number(math.Nextafter(best[k], math.Inf(1)))
	}
	if k == 0 {
		out.Beyond, out.Bound = true, RuleOfThree(int64(len(best)))
	}
	out.Reached, out.FNIR = d.FPIR(float64(out.Threshold)), d.FNIR(0, float64(out.Threshold))
	return out
}

// Check says whether the searches are possible.
func (d *Identification) Check() error {
	if len(d.Searches) == 0 {
		return fmt.Errorf("identification: no searches: %w", &ClassError{})
	}
	for i, s := range d.Searches {
		if math.IsNaN(s.Best) || math.IsNaN(s.MateScore) || s.Mated && (s.Rank < 1 || s.Rank > d.N) {
			return fmt.Errorf("search %d: mate at rank %d of %d with %w", i, s.Rank, d.N, &ScoreError{Score: s.MateScore})
		}
	}
	return nil
}
