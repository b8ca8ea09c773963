package eval

import (
	"math"
	"slices"
)

// FoldPair is one pair of a protocol with folds, such as that of LFW.
type FoldPair struct {
	Fold  int
	Score float64
	Mated bool
}

// Folds is the accuracy by the protocol of LFW: of each fold, the share of pairs
// decided rightly at the threshold that decides most of the others rightly.
type Folds struct {
	Accuracy float64   `json:"accuracy"` // mean of the folds
	Spread   float64   `json:"standard_error"`
	Folds    []float64 `json:"folds"`
}

// TenFold computes Folds, whatever their number (2 or more). Thresholds are the scores
// of the other folds and one above them; of several that are best the one in the
// middle is taken (of an even number the lower of both), which leaves equal room on
// both sides.
func TenFold(pairs []FoldPair) (Folds, error) {
	byFold := map[int][]FoldPair{}
	for _, p := range pairs {
		if math.IsNaN(p.Score) || math.IsInf(p.Score, 0) {
			return Folds{}, &ScoreError{Score: p.Score}
		}
		byFold[p.Fold] = append(byFold[p.Fold], p)
	}
	names := make([]int, 0, len(byFold))
	for f := range byFold {
		names = append(names, f)
	}
	slices.Sort(names)
	if len(names) < 2 {
		return Folds{}, &FormatError{Line: 1, What: "fewer than two folds, want at least 2"}
	}
	var out Folds
	for _, f := range names {
		var rest []FoldPair
		for _, g := range names {
			if g != f {
				rest = append(rest, byFold[g]...)
			}
		}
		t := bestThreshold(rest)
		right := 0
		for _, p := range byFold[f] {
			if (p.Score >= t) == p.Mated {
				right++
			}
		}
		out.Folds = append(out.Folds, float64(right)/float64(len(byFold[f])))
	}
	n := float64(len(out.Folds))
	for _, x := range out.Folds {
		out.Accuracy += x / n
	}
	for _, x := range out.Folds {
		out.Spread += float64((x - out.Accuracy) * (x - out.Accuracy))
	}
	out.Spread = math.Sqrt(out.Spread/(n-1)) / math.Sqrt(n)
	return out, nil
}

func bestThreshold(pairs []FoldPair) float64 {
	slices.SortFunc(pairs, func(a, b FoldPair) int {
		switch {
		case a.Score < b.Score:
			return -1
		case a.Score > b.Score:
			return 1
		}
		return 0
	})
	right := 0 // at a threshold below all
	for _, p := range pairs {
		if p.Mated {
			right++
		}
	}
	best := -1
	var at []float64
	for i := 0; i <= len(pairs); {
		t := math.Inf(1)
		if i < len(pairs) {
			t = pairs[i].Score
		}
		if right > best {
			best, at = right, at[:0]
		}
		if right == best {
			at = append(at, t)
		}
		for ; i < len(pairs) && pairs[i].Score == t; i++ {
			if pairs[i].Mated {
				right--
			} else {
				right++
			}
		}
		if math.IsInf(t, 1) {
			break
		}
	}
	return at[(len(at)-1)/2]
}
