package finger

import (
	"math"
)

// Parameters of the search for a first motion.
const (
	maxCandidates  = 24   // most similar pairs of neighborhoods that vote
	maxSeeds       = 3    // motions that are tried
	minSimilarity  = 0.37 // pairs below never vote
	voteBase       = 0.30 // votes count what is above
	voteTurn       = 5216 // 0.5 rad: two pairs of one motion turn alike
	voteNear       = 6.0  // px: least allowed distance from where a motion puts a minutia
	toleranceNear  = 8.0  // px: the same when all minutiae are paired
	toleranceSlope = 0.12 // px of tolerance per px from the seed: skin stretches
	toleranceMax   = 22.0 // px
)

// candidate is a pair of minutiae with similar neighborhoods: a guess at the
// motion that lays the first side on the second.
type candidate struct {
	similarity float32
	votes      float32
	a, b       uint8 // indices into Template.minutiae
	turn       uint16
}

// findCandidates puts the maxCandidates most similar pairs into c.candidates,
// best first; equal similarities keep the order in which they were met.
func (c *Comparer) findCandidates(a, b *Template) {
	c.candidateCount = 0
	least := float32(minSimilarity)
	for i := range a.cylinders {
		ca := &a.cylinders[i]
		low, high := ca.angle-rotationGate, ca.angle+rotationGate
		first, end := firstTurned(b.cylinders, low), firstTurned(b.cylinders, high)
		if low < high {
			least = c.findAmong(ca, b.cylinders[first:end], least)
		} else { // the half circle passes zero
			least = c.findAmong(ca, b.cylinders[:end], least)
			least = c.findAmong(ca, b.cylinders[first:], least)
		}
	}
}

// findAmong offers ca with each of the others to c.candidates. Most pairs end
// at a bound that needs neither root nor division: the stored norms are upper
// bounds of those over the commonly known cells, so nothing above least is lost
// (the slack is for rounding).
func (c *Comparer) findAmong(ca *cylinder, others []cylinder, least float32) float32 {
	for j := range others {
		cb := &others[j]
		known := ca.known & cb.known
		differ := difference(ca, cb, known)
		bound := float32((1 - least) * (ca.root + cb.root))
		if float32(differ) > float32(float32(bound*bound)*(1+1e-5)) {
			continue
		}
		if s := similarityOf(ca, cb, known, differ); s > least {
			least = c.insert(candidate{similarity: s, a: ca.at, b: cb.at, turn: cb.angle - ca.angle})
		}
	}
	return least
}

// firstTurned is the first cylinder whose angle is at least the given one.
func firstTurned(sorted []cylinder, angle uint16) int {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := (lo + hi) / 2
		if sorted[mid].angle < angle {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// insert keeps c.candidates sorted and bounded, and gives the similarity that a
// later candidate has to exceed.
func (c *Comparer) insert(n candidate) float32 {
	k := min(c.candidateCount, maxCandidates-1)
	for k > 0 && c.candidates[k-1].similarity < n.similarity {
		c.candidates[k] = c.candidates[k-1]
		k--
	}
	c.candidates[k] = n
	if c.candidateCount < maxCandidates {
		c.candidateCount++
	}
	if c.candidateCount < maxCandidates {
		return minSimilarity
	}
	return c.candidates[maxCandidates-1].similarity
}

// vote lets candidates count those that agree with their motion, and gives the
// highest count. Two agree when they turn alike and the motion of the more
// similar one puts the minutia of the other where it lies; each then counts the
// other by how far its similarity is above the noise and by how near it lies.
// For pairs of different fingers hardly any two candidates agree, so the highest
// count tells cheaply whether the full comparison is worth its time.
func (c *Comparer) vote(a, b *Template) float32 {
	list := c.candidates[:c.candidateCount]
	var ax, ay, bx, by [maxCandidates]float32
	for k := range list {
		p := &list[k]
		pa, pb := &a.minutiae[p.a], &b.minutiae[p.b]
		ax[k], ay[k], bx[k], by[k] = pa.x, pa.y, pb.x, pb.y
		p.votes = p.similarity - voteBase
	}
	for k := range list {
		p := &list[k]
		s, co := sincos(p.turn)
		sin, cos := float32(s), float32(co)
		for l := k + 1; l < len(list); l++ {
			q := &list[l]
			// Unsigned, a turn too far to either side is a large number.
			if q.turn-p.turn+voteTurn > 2*voteTurn || q.a == p.a || q.b == p.b {
				continue
			}
			dx, dy := ax[l]-ax[k], ay[l]-ay[k]
			ex := float32(cos*dx) - float32(sin*dy) - (bx[l] - bx[k])
			ey := float32(sin*dx) + float32(cos*dy) - (by[l] - by[k])
			e := float32(ex*ex) + float32(ey*ey)
			if e >= toleranceMax*toleranceMax {
				continue
			}
			limit := allowed(voteNear, float32(dx*dx)+float32(dy*dy))
			if most := float32(limit * limit); e < most {
				near := 1 - e/most
				p.votes += float32((q.similarity - voteBase) * near)
				q.votes += float32((p.similarity - voteBase) * near)
			}
		}
	}
	best := float32(0)
	for k := range list {
		best = max(best, list[k].votes)
	}
	return best
}

// allowed is the distance in pixels up to which two minutiae may be one, near
// at the seed and more at the given squared distance from it.
func allowed(near, squared float32) float32 {
	return min(toleranceMax, near+float32(toleranceSlope*float32(math.Sqrt(float64(squared)))))
}

// seeds moves the candidates with most votes to the front, at most maxSeeds of
// them and none without minVotes, and gives their number. Equal votes keep the
// order of similarity.
func (c *Comparer) seeds() int {
	for at := range min(maxSeeds, c.candidateCount) {
		top := at
		for k := at + 1; k < c.candidateCount; k++ {
			if c.candidates[k].votes > c.candidates[top].votes {
				top = k
			}
		}
		if c.candidates[top].votes < minVotes {
			return at
		}
		c.candidates[at], c.candidates[top] = c.candidates[top], c.candidates[at]
	}
	return min(maxSeeds, c.candidateCount)
}
