package finger

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// trial holds the scores of one set by the protocol of ANCHORS: mated, all 28
// pairs of a finger; non-mated, all 2,880 pairs of different fingers.
type trial struct{ mated, nonMated []float64 }

func runTrial(set *[10][8]*Template) trial {
	var out trial
	var c Comparer
	for a := range 80 {
		for b := a + 1; b < 80; b++ {
			s := float64(c.Compare(set[a/8][a%8], set[b/8][b%8]))
			if a/8 == b/8 {
				out.mated = append(out.mated, s)
			} else {
				out.nonMated = append(out.nonMated, s)
			}
		}
	}
	return out
}

// rates gives EER, FMR100 and FMR1000 as shares, by the rules of fvc_eval.py: a
// score accepts at >= threshold; EER is the mean at the crossing with the
// smaller sum; FMRn is the lowest FNMR at FMR <= 1/n.
func (r trial) rates() (eer, fmr100, fmr1000 float64) {
	g, i := slices.Sorted(slices.Values(r.mated)), slices.Sorted(slices.Values(r.nonMated))
	thresholds := slices.Compact(slices.Sorted(slices.Values(append(append([]float64{math.Inf(1)}, g...), i...))))
	fmr100, fmr1000 = 1, 1
	crossed := false
	lastFMR, lastFNMR := 1.0, 0.0
	for _, t := range thresholds {
		below, _ := slices.BinarySearch(g, t)
		under, _ := slices.BinarySearch(i, t)
		fnmr, fmr := float64(below)/float64(len(g)), 1-float64(under)/float64(len(i))
		if !crossed && fnmr >= fmr {
			crossed = true
			eer = (fnmr + fmr) / 2
			if lastFMR+lastFNMR <= fnmr+fmr {
				eer = (lastFMR + lastFNMR) / 2
			}
		}
		lastFMR, lastFNMR = fmr, fnmr
		if fmr <= 0.01+1e-12 {
			fmr100 = min(fmr100, fnmr)
		}
		if fmr <= 0.001+1e-12 {
			fmr1000 = min(fmr1000, fnmr)
		}
	}
	return eer, fmr100, fmr1000
}

// rankOne is the number of the 70 probes (impressions 2..8) whose own finger has
// the highest score alone among the ten first impressions.
func rankOne(set *[10][8]*Template) int {
	var c Comparer
	hits := 0
	for f := range 10 {
		for _, probe := range set[f][1:] {
			own, other := c.Compare(probe, set[f][0]), Score(-1)
			for g := range 10 {
				if g != f {
					other = max(other, c.Compare(probe, set[g][0]))
				}
			}
			if own > other {
				hits++
			}
		}
	}
	return hits
}

// TestEvaluation reports accuracy on real prints and guards it: rank-1 on
// commercial minutiae is a promise of the first version (must 80 %, goal 92 %).
func TestEvaluation(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: 47,000 comparisons of real prints are left out by -short")
	}
	for _, extractor := range []string{"commercial", "mindtct", "fingerjet"} {
		var pool trial
		hits := 0
		for _, name := range sets {
			set := realSet(t, extractor, name)
			r := runTrial(&set)
			h := rankOne(&set)
			t.Logf("%-10s %-14s %s rank-1 %5.2f %%", extractor, name, r, 100*float64(h)/70)
			hits += h
			pool.mated = append(pool.mated, r.mated...)
			pool.nonMated = append(pool.nonMated, r.nonMated...)
		}
		share := float64(hits) / 280
		t.Logf("%-10s %-14s %s rank-1 %5.2f %%", extractor, "pooled", pool, 100*share)
		if extractor == "commercial" && share < 0.92 {
			t.Errorf("rank-1 on commercial minutiae %.2f %%, want >= 92 %%", 100*share)
		}
	}
}

func (r trial) String() string {
	eer, a, b := r.rates()
	return fmt.Sprintf("EER / FMR100 / FMR1000 %5.2f / %5.2f / %5.2f %%", 100*eer, 100*a, 100*b)
}
