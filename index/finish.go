package index

import (
	"cmp"
	"math"
	"slices"

	"immis/internal/simd"
)

// How many rows fast mode scores: of galleries below a million about a thousand.
const (
	leastDepth = 1024
	depthShare = 800
)

// sureDeviations is how many standard deviations of an estimate Answer.Sure lies above
// the least estimate that is scored: a row is further off once in 30,000 times.
const sureDeviations = 4

// finish scores the rows that are left and makes the answer.
func (p *pass) finish(i int) {
	s := p.searches[i]
	if p.fast {
		p.finishFast(s)
		return
	}
	// The best people of all workers together give the limit.
	all := people[int32]{k: s.K}
	for _, b := range s.best {
		all.offer(b.person, b.score)
	}
	if all.full() {
		s.raise(all.worst() - s.window)
	}
	limit := s.limit.Load()
	rows := slices.DeleteFunc(s.found, func(r kept) bool { return r.score < limit })
	slices.SortFunc(rows, func(a, b kept) int { return cmp.Compare(b.score, a.score) })
	best := people[float32]{k: s.K}
	var out []Candidate
	for _, r := range rows {
		// From here on nobody can reach the k-th best.
		if r.score != everything && best.full() && float32(float32(r.score)*s.Probe.unit)+s.Probe.slack < best.worst() {
			break
		}
		c := p.score(s, r)
		best.offer(c.Person, c.Score)
		if !best.full() || c.Score >= best.worst() {
			out = append(out, c)
		}
	}
	s.answer.Mode = Exact
	s.answer.Candidates = fold(out, s.K)
}

func (p *pass) finishFast(s *search) {
	var scores []int32
	for _, r := range s.found {
		if r.score != everything {
			scores = append(scores, r.score)
		}
	}
	limit := int32(math.MinInt32)
	if len(scores) > s.depth {
		limit = nth(scores, s.depth)
		// See bitUnit: the estimate of a row's score has this standard deviation.
		deviation := math.Sqrt((math.Pi/2 - 1) / float64(p.form.dim))
		s.answer.Sure = float32(float64(limit)*float64(s.Probe.bitUnit) + float64(sureDeviations*deviation))
	}
	out := make([]Candidate, 0, s.depth)
	for _, r := range s.found {
		if r.score >= limit {
			out = append(out, p.score(s, r))
		}
	}
	s.answer.Mode = Fast
	s.answer.Candidates = fold(out, s.K)
}

// score computes the score of a row from the row itself.
func (p *pass) score(s *search, r kept) Candidate {
	v, row := &p.version.views[r.at>>rowBits], r.at.row()
	return Candidate{v.people[row], v.keys[row], clamp(simd.DotF16(s.Probe.rotated, v.row16(row)))}
}

// fold keeps the best row of each person, and the k best of those.
func fold(rows []Candidate, k int) []Candidate {
	slices.SortFunc(rows, better)
	seen := make(map[uint64]bool, k)
	out := make([]Candidate, 0, min(k, len(rows)))
	for _, c := range rows {
		if len(out) == k {
			break
		}
		if !seen[c.Person] {
			seen[c.Person] = true
			out = append(out, c)
		}
	}
	return out
}
