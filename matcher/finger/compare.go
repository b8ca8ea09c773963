package finger

import "immis/templates"

// Comparer is the scratch space of comparisons. The zero value is ready; one
// Comparer serves one goroutine at a time. About 17 KB.
type Comparer struct {
	candidates [maxCandidates]candidate
	moved      [templates.MaxMinutiae]moved // the first side after the motion
	offers     [templates.MaxMinutiae * maxOffers]offer
	pairs      [templates.MaxMinutiae]offer
	best       [templates.MaxMinutiae]offer // pairs of the best seed so far

	// Counts instead of slices of the arrays: a Comparer that points into itself
	// could not live on the stack.
	candidateCount, pairCount, bestCount int
}

// Pair names one minutia of the probe and one of the reference by their places
// in the Finger each was prepared from, with its weight 0..1.
type Pair struct {
	Probe, Reference uint8
	Weight           float32
}

// Detail says how a score came about.
type Detail struct {
	Score Score
	// Rejected is set when the comparison was given up early; then there are no
	// pairs, and the motion is the identity.
	Rejected bool
	// Pairs holds the paired minutiae, heaviest first.
	Pairs []Pair
	// Motion lays the probe on the reference.
	Motion Motion
	// ProbeInOverlap and ReferenceInOverlap count the minutiae of each side that
	// lie in the area of the other.
	ProbeInOverlap, ReferenceInOverlap int
}

// Compare scores t, the probe, against ref. It is symmetric and safe for
// concurrent use; its scratch lives on the stack. Loops over many references
// save the clearing of the scratch with a Comparer.
func (t *Template) Compare(ref *Template) Score {
	var c Comparer
	return c.Compare(t, ref)
}

// CompareDetail is Compare with pairs and motion. It allocates its result.
func (t *Template) CompareDetail(ref *Template) Detail {
	var c Comparer
	return c.CompareDetail(t, ref)
}

// Compare scores the probe against the reference; the order does not matter.
func (c *Comparer) Compare(probe, ref *Template) Score {
	if !probe.before(ref) {
		probe, ref = ref, probe
	}
	o := c.run(probe, ref)
	return o.score
}

// CompareDetail is Compare with pairs and motion. It allocates its result.
func (c *Comparer) CompareDetail(probe, ref *Template) Detail {
	a, b := probe, ref
	swapped := !probe.before(ref)
	if swapped {
		a, b = ref, probe
	}
	o := c.run(a, b)
	d := Detail{
		Score: o.score, Rejected: o.rejected, Motion: o.motion,
		ProbeInOverlap: o.inB, ReferenceInOverlap: o.inA,
	}
	if swapped {
		d.Motion = o.motion.inverse()
		d.ProbeInOverlap, d.ReferenceInOverlap = o.inA, o.inB
	}
	for _, p := range c.best[:c.bestCount] {
		pair := Pair{Probe: a.minutiae[p.a()].index, Reference: b.minutiae[p.b()].index, Weight: float32(expNeg(float64(p.cost())))}
		if swapped {
			pair.Probe, pair.Reference = pair.Reference, pair.Probe
		}
		d.Pairs = append(d.Pairs, pair)
	}
	return d
}

// outcome is the result of one comparison in the order a, b.
type outcome struct {
	score    Score
	rejected bool
	motion   Motion
	inB, inA int
}

// run compares a with b, a before b, and leaves the pairs in c.best.
func (c *Comparer) run(a, b *Template) outcome {
	c.bestCount = 0
	c.findCandidates(a, b)
	votes := c.vote(a, b)
	if votes < minVotes {
		return outcome{score: rejected(votes), rejected: true, motion: Motion{Cos: 1}}
	}
	var best outcome
	bestWeight := -1.0
	for k := range c.seeds() {
		m := c.start(a, b, &c.candidates[k])
		if w := weigh(c.pairs[:c.pairCount]); w > bestWeight {
			bestWeight, best.motion = w, m
			c.bestCount = copy(c.best[:], c.pairs[:c.pairCount])
		}
	}
	if bestWeight >= minStartWeight {
		best.motion = c.refine(a, b, best.motion)
		bestWeight = weigh(c.best[:c.bestCount])
	}
	best.inB, best.inA = overlap(a, b, best.motion, c.bestCount)
	best.score = scoreOf(bestWeight, best.inB, best.inA)
	return best
}
