package finger

// areaMargin is how far outside the hull of its minutiae a print still counts
// as seen, in pixels at 500 ppi.
const areaMargin = 12.0

// Stages at which a comparison is given up.
const (
	// minVotes is the highest count of agreeing neighborhoods (see vote) below
	// which nothing is paired.
	minVotes = 0.36
	// minStartWeight is the weight W of the pairs of a seed below which its
	// motion is not refined.
	minStartWeight = 3.5
	// rejectedScale keeps scores of comparisons without enough votes below 0.01
	// while they still order by votes.
	rejectedScale = 0.02
)

// weigh sums exp(-cost) over the pairs: W of the score.
func weigh(pairs []offer) float64 {
	w := 0.0
	for _, p := range pairs {
		w += expNeg(float64(p.cost()))
	}
	return w
}

// overlap counts the minutiae of each side that lie in the area of the other.
func overlap(a, b *Template, m Motion, pairs int) (inB, inA int) {
	for i := range a.minutiae {
		if x, y := m.apply(a.minutiae[i].x, a.minutiae[i].y); within(b.hull, x, y, areaMargin) {
			inB++
		}
	}
	back := m.inverse()
	for i := range b.minutiae {
		if x, y := back.apply(b.minutiae[i].x, b.minutiae[i].y); within(a.hull, x, y, areaMargin) {
			inA++
		}
	}
	return max(inB, pairs), max(inA, pairs)
}

// scoreOf is w/(1+w) with w = W^2 / (minutiae of a in b's area + of b in a's):
// a pair counts the more the fewer minutiae of the common area stay alone.
// Squaring favors many pairs over few; the division keeps small overlaps from
// being punished for what the other view does not show.
func scoreOf(weight float64, inB, inA int) Score {
	if inA+inB == 0 {
		return 0
	}
	w := float64(weight*weight) / float64(inA+inB)
	return Score(w / (1 + w))
}

// rejected is the score of a comparison given up at the given votes.
func rejected(votes float32) Score {
	return Score(float32(rejectedScale * votes))
}
