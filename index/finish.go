package index

import (
	"cmp"
	"math"
	"slices"

	"immis/internal/simd"
)

// How many rows fast mode scores: one in 2,000, and 512 at least. Their reading takes
// the better part of the time of a search that shares its pass.
const (
	leastDepth = 512
	depthShare = 2000
)

// sureDeviations is how many standard deviations of an estimate Answer.Sure lies above
// the least estimate that is scored. A normal deviate is further off once in 290,000
// times. The half a deviation more than once in 30,000 needs is for vectors that the
// rotation spreads less well: of such as use 8 of 512 axes the deviation was 1.10 times
// the formula's.
const sureDeviations = 4.5

// finish scores the rows that are left and makes the answer. It reports false where
// the limit was guessed too high.
func (p *pass) finish(s *search) bool {
	if p.fast {
		return p.finishFast(s)
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
	list := ranking{best: people[float32]{k: s.K}}
	for i, r := range rows {
		p.ask(rows, i+askAhead)
		// From here on nobody can reach the k-th best.
		if r.score != everything && list.best.full() && float32(float32(r.score)*s.Probe.unit)+s.Probe.slack < list.best.worst() {
			break
		}
		if s.err = p.score(&list, s, r); s.err != nil {
			return true
		}
	}
	s.answer.Mode = Exact
	s.answer.Candidates = list.fold()
	return true
}

func (p *pass) finishFast(s *search) bool {
	// A row under the limit says nothing of how many are above it: one worker kept it
	// before another raised the limit, and others like it were thrown away.
	limit := s.limit.Load()
	under := func(r kept) bool { return r.score < limit }
	rows := slices.DeleteFunc(s.found, under)
	var scores []int32
	for _, r := range rows {
		if r.score != everything {
			scores = append(scores, r.score)
		}
	}
	if s.guessed.Load() && len(scores) < min(s.depth, s.answer.Rows) {
		return false
	}
	if len(scores) >= s.depth {
		limit = nth(scores, s.depth)
		rows = slices.DeleteFunc(rows, under)
	}
	if slices.ContainsFunc(p.version.views, func(v view) bool { return v.half == nil }) {
		// Rows that lie together in a file are read together.
		slices.SortFunc(rows, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	}
	if len(rows) < s.answer.Rows && len(scores) >= s.depth {
		// See bitUnit: the estimate of a row's score has this standard deviation.
		deviation := math.Sqrt((math.Pi/2 - 1) / float64(p.form.dim))
		s.answer.Sure = float32(float64(limit)*float64(s.Probe.bitUnit) + float64(sureDeviations*deviation))
	}
	list := ranking{best: people[float32]{k: s.K}}
	for i, r := range rows {
		p.ask(rows, i+askAhead)
		if s.err = p.score(&list, s, r); s.err != nil {
			return true
		}
	}
	s.answer.Mode = Fast
	s.answer.Candidates = list.fold()
	return true
}

// askAhead is how many rows are on their way from memory while one is scored.
const askAhead = 6

func (p *pass) ask(rows []kept, i int) {
	if i < len(rows) {
		if s := p.version.views[rows[i].at>>rowBits].segment; s.half != nil {
			simd.Prefetch(s.row16(rows[i].at.row()))
		}
	}
}

// score computes the score of a row from the row itself. Whose it is lies elsewhere in
// memory and is asked only if it matters.
func (p *pass) score(list *ranking, s *search, r kept) error {
	v, row := &p.version.views[r.at>>rowBits], r.at.row()
	if v.half == nil && p.buf == nil {
		p.buf = make([]simd.F16, p.form.dim)
	}
	half, err := p.index.row(v.segment, row, p.buf)
	if err != nil {
		return err
	}
	if score := clamp(simd.DotF16(s.Probe.rotated, half)); list.wants(score) {
		list.add(Candidate{v.people[row], v.keys[row], score})
	}
	return nil
}

// ranking collects scored rows; of those that many people are better than it keeps
// none.
type ranking struct {
	best people[float32]
	rows []Candidate
}

func (l *ranking) wants(score float32) bool { return !l.best.full() || score >= l.best.worst() }

func (l *ranking) add(c Candidate) {
	l.best.offer(c.Person, c.Score)
	l.rows = append(l.rows, c)
}

// fold keeps the best row of each person, and the k best of those.
func (l *ranking) fold() []Candidate {
	slices.SortFunc(l.rows, better)
	seen := make(map[uint64]bool, l.best.k)
	out := make([]Candidate, 0, min(l.best.k, len(l.rows)))
	for _, c := range l.rows {
		if len(out) == l.best.k {
			break
		}
		if !seen[c.Person] {
			seen[c.Person] = true
			out = append(out, c)
		}
	}
	return out
}
