package eval

import "math"

// softplus2 is log2(1 + e^x) without overflow.
func softplus2(x float64) float64 {
	return (max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))) / math.Ln2
}

// steps lists distinct scores with their counts, lowest first: all scores where they
// are kept, otherwise the bins of the histograms.
func (s *Sample) steps(visit func(score float64, mated, non int64)) {
	m, n := s.MatedScores.bins(), s.NonMatedScores.bins()
	if s.Exact() {
		m, n = singles(s.MatedScores.order()), singles(s.NonMatedScores.order())
	}
	for i, j := 0, 0; i < len(m) || j < len(n); {
		t := math.Inf(1)
		if i < len(m) {
			t = m[i].edge
		}
		if j < len(n) {
			t = min(t, n[j].edge)
		}
		var a, b int64
		if i < len(m) && m[i].edge == t {
			a = m[i].count
			i++
		}
		if j < len(n) && n[j].edge == t {
			b = n[j].count
			j++
		}
		visit(t, a, b)
	}
}

func singles(c []Comparison) []bin {
	var out []bin
	for _, x := range c {
		if n := len(out); n > 0 && out[n-1].edge == x.Score {
			out[n-1].count++
		} else {
			out = append(out, bin{x.Score, 1})
		}
	}
	return out
}

// Cllr is the cost of the scores taken as log-likelihood ratios (natural logarithms), in
// bits: 0 for perfect ones, 1 for ones that say nothing, more for misleading ones
// (Brümmer, du Preez, Computer Speech and Language 20, 2006). Scores of a matcher that
// are no log-likelihood ratios have none: ask for MinCllr.
func (s *Sample) Cllr() (float64, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	var m, n float64
	s.steps(func(x float64, mated, non int64) {
		m += float64(float64(mated) * softplus2(-x))
		n += float64(float64(non) * softplus2(x))
	})
	return (m/float64(s.MatedScores.Count()) + n/float64(s.NonMatedScores.Count())) / 2, nil
}

// MinCllr is the Cllr that remains after the best monotone calibration, found by
// pooling adjacent violators: what the scores separate, whatever their scale. It
// looks at the answers, so it is a lower bound and no promise. Of a sample that did
// not fit it pools whole bins, which makes it too large by what Resolution hides.
func (s *Sample) MinCllr() (float64, error) {
	if err := s.check(); err != nil {
		return 0, err
	}
	type block struct{ mated, non int64 }
	var blocks []block
	s.steps(func(_ float64, mated, non int64) {
		b := block{mated, non}
		// The share of mated scores must not fall: a/(a+b) > c/(c+d) as a*d > c*b.
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if float64(float64(last.mated)*float64(b.non)) < float64(float64(b.mated)*float64(last.non)) {
				break
			}
			b.mated, b.non = b.mated+last.mated, b.non+last.non
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	})
	m, n := float64(s.MatedScores.Count()), float64(s.NonMatedScores.Count())
	cost := 0.0
	for _, b := range blocks {
		if b.mated == 0 || b.non == 0 {
			continue // certain, and right
		}
		ratio := math.Log(float64(b.mated)/m) - math.Log(float64(b.non)/n)
		cost += float64(float64(b.mated)/m*softplus2(-ratio)) + float64(float64(b.non)/n*softplus2(ratio))
	}
	return cost / 2, nil
}
