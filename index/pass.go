package index

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"immis/internal/simd"
)

// search is a query under way.
type search struct {
	Query
	ctx    context.Context
	fast   bool
	answer Answer
	err    error
	done   chan struct{}

	allowed []page // one for each page of the version; searches without a filter share it
	// limit is the score of the small forms under which a row cannot matter any more; it
	// only grows.
	limit atomic.Int32
	// window is how far below the k-th best person's code score a row can lie and be
	// among the best.
	window int32
	depth  int // fast: rows to be scored
	// guessed: the limit was foretold from a part of the rows and may be too high, which
	// shows in the end; careful: it must not be.
	guessed atomic.Bool
	careful bool

	mu    sync.Mutex
	found []kept // of all workers
	best  []standing[int32]
}

// pass is one reading of the rows for several searches of one mode.
type pass struct {
	index    *Index
	version  *version
	form     *form
	fast     bool
	searches []*search
	spans    []span
	rows     int // in spans
	next     atomic.Int64
	codes    *simd.Int8Probes
	bits     *simd.BitQueryBatch
	scratch  *sync.Pool
	buf      []simd.F16 // for rows from files
}

// span is a page of a view: what is read between two looks at the contexts.
type span struct {
	view, page int
	mask       int // its place in search.allowed
}

// run searches and fills the answers.
func (p *pass) run(workers int) {
	p.prepare()
	var wg sync.WaitGroup
	for range min(workers, len(p.spans)) - 1 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.work()
		}()
	}
	p.work()
	wg.Wait()
	for _, s := range p.searches {
		if s.err = s.ctx.Err(); s.err == nil && !p.finish(s) {
			s.careful = true
			again := &pass{index: p.index, version: p.version, form: p.form, fast: p.fast, searches: []*search{s}, scratch: p.scratch}
			again.run(workers)
		}
	}
}

// prepare finds out which rows each search may see.
func (p *pass) prepare() {
	var all []span
	for i := range p.version.views {
		for number := range (p.version.views[i].count + pageRows - 1) / pageRows {
			all = append(all, span{i, number, len(all)})
		}
	}
	masks := make([][]page, len(p.searches))
	var shared []page
	for i, s := range p.searches {
		s.answer = Answer{}
		plain := len(s.Filter.In) == 0 && !s.Filter.biographic()
		if plain && shared != nil {
			masks[i], s.allowed = shared, shared
			s.answer.Rows = p.version.alive
			continue
		}
		masks[i] = make([]page, len(all))
		s.allowed = masks[i]
		alive := 0
		for u, at := range all {
			n, a := p.version.views[at.view].allowed(&masks[i][u], &s.Filter, at.page)
			s.answer.Rows += n
			alive += a
		}
		s.answer.Excluded = alive - s.answer.Rows
		if plain {
			shared = masks[i]
		}
	}
	// Pages of which nobody may see a row are not read.
	for u := range all {
		if slices.ContainsFunc(masks, func(m []page) bool { return m[u] != page{} }) {
			p.spans = append(p.spans, all[u])
			p.rows += min(p.version.views[all[u].view].count-all[u].page*pageRows, pageRows)
		}
	}
	codes := make([][]int8, len(p.searches))
	for i, s := range p.searches {
		codes[i] = s.Probe.codes
		s.answer.Version = p.version.number
		s.found, s.best = s.found[:0], s.best[:0]
		s.guessed.Store(false)
		s.limit.Store(math.MinInt32)
		s.window = int32(min(math.Ceil(2*float64(s.Probe.slack)/float64(s.Probe.unit)), math.MaxInt32/2))
		s.depth = max(leastDepth, s.answer.Rows/depthShare)
	}
	if p.fast {
		p.bits = simd.NewBitQueryBatch(p.form.dim, codes...)
	} else {
		p.codes = simd.NewInt8Probes(p.form.dim, codes...)
	}
}

// worker is the memory of one goroutine of a pass.
type worker struct {
	scan    simd.Selector
	limits  []int32
	keepers []keeper
	ints    []int32
}

// keeper is what one worker keeps for one search.
type keeper struct {
	rows   []kept
	people people[int32]
	seen   int // rows read
	prune  int // rows at which to throw away those under the limit
}

// callBytes is how many bytes of rows one call of a kernel reads: a call cannot be
// interrupted, and with many probes rows and scores should stay in the second cache.
const callBytes = 1 << 20

func (p *pass) work() {
	w, _ := p.scratch.Get().(*worker)
	if w == nil {
		w = &worker{}
	}
	defer p.scratch.Put(w)
	n := len(p.searches)
	w.keepers = sized(w.keepers, n)
	for i, s := range p.searches {
		k := &w.keepers[i]
		k.rows, k.people = k.rows[:0], people[int32]{k: s.K, best: k.people.best[:0]}
		k.seen, k.prune = 0, leastDepth
	}
	rowBytes := p.form.dim
	if p.fast {
		rowBytes = p.form.dim / 8
	}
	call := min(max(callBytes/rowBytes, 64)/64*64, pageRows)
	if n > 1 && !p.fast {
		call = min(call, 1024)
	}
	w.limits = sized(w.limits, n)
	for {
		u := int(p.next.Add(1) - 1)
		if u >= len(p.spans) {
			break
		}
		if !slices.ContainsFunc(p.searches, func(s *search) bool { return s.ctx.Err() == nil }) {
			return
		}
		v := &p.version.views[p.spans[u].view]
		from := p.spans[u].page * pageRows
		for end := min(from+pageRows, v.count); from < end; from += call {
			p.read(w, u, v, from, min(call, end-from))
		}
	}
	for i, s := range p.searches {
		s.mu.Lock()
		s.found = append(s.found, w.keepers[i].rows...)
		s.best = append(s.best, w.keepers[i].people.best...)
		s.mu.Unlock()
	}
}

// read scores some rows of a page for all searches and keeps those that may matter.
func (p *pass) read(w *worker, u int, v *view, from, rows int) {
	first, blocks := from/simd.BlockRows, simd.Blocks(rows)
	for i, s := range p.searches {
		w.limits[i] = s.limit.Load()
	}
	var hits []simd.Hit
	if p.fast {
		n := simd.BitBlockBytes(p.form.dim)
		hits = w.scan.Asymmetric(v.bits.Bytes()[first*n:(first+blocks)*n], rows, p.bits, w.limits)
	} else {
		n := simd.Int8BlockBytes(p.form.dim)
		hits = w.scan.Int8(v.codes.Bytes()[first*n:(first+blocks)*n], rows, p.codes, w.limits)
	}
	at := &p.spans[u]
	base := place(at.view) << rowBits
	wide := v.wide.page(at.page)
	if wide != nil {
		p.keepWide(w, v, wide, at, from, rows)
	}
	for _, h := range hits {
		s, row := p.searches[h.Probe], from+int(h.Row)
		word, bit := row%pageRows/64, uint64(1)<<(row%64)
		if s.allowed[at.mask][word]&bit == 0 || wide != nil && atomic.LoadUint64(&wide[word])&bit != 0 {
			continue
		}
		// The limit may have grown since the scan.
		if h.Score < w.limits[h.Probe] || s.Filter.HasWithout && v.people[row] == s.Filter.Without {
			continue
		}
		k := &w.keepers[h.Probe]
		k.rows = append(k.rows, kept{base | place(row), h.Score})
		if !p.fast && k.people.offer(v.people[row], h.Score) && k.people.full() {
			w.limits[h.Probe] = s.raise(k.people.worst() - s.window)
		}
	}
	for i, s := range p.searches {
		k := &w.keepers[i]
		k.seen += rows
		if len(k.rows) >= k.prune {
			p.trim(w, s, k)
		}
	}
}

// keepWide keeps the rows whose small forms say too little about them.
func (p *pass) keepWide(w *worker, v *view, wide *page, at *span, from, rows int) {
	base := place(at.view) << rowBits
	for row := from; row < from+rows; row += 64 {
		word := row % pageRows / 64
		trustless := atomic.LoadUint64(&wide[word])
		if trustless == 0 {
			continue
		}
		for i, s := range p.searches {
			for left := trustless & s.allowed[at.mask][word]; left != 0; left &= left - 1 {
				r := row + bits.TrailingZeros64(left)
				if s.Filter.HasWithout && v.people[r] == s.Filter.Without {
					continue
				}
				w.keepers[i].rows = append(w.keepers[i].rows, kept{base | place(r), everything})
			}
		}
	}
}

// raise makes limit at least that of the caller and returns it.
func (s *search) raise(limit int32) int32 {
	for {
		now := s.limit.Load()
		if now >= limit {
			return now
		}
		if s.limit.CompareAndSwap(now, limit) {
			return limit
		}
	}
}

// trim throws away the rows under the limit. In fast mode that is the score of the
// last of depth rows, and long before that many are known, what it will be: of the
// share of rows read so far, about the same share of depth is above it. A guess that is
// generous by four standard deviations keeps a fifth of the rows that a limit without
// foresight keeps, and is checked in the end.
func (p *pass) trim(w *worker, s *search, k *keeper) {
	if p.fast {
		w.ints = w.ints[:0]
		for _, r := range k.rows {
			if r.score != everything {
				w.ints = append(w.ints, r.score)
			}
		}
		rank := s.depth
		if !s.careful {
			share := float64(s.depth) * float64(k.seen) / float64(p.rows)
			rank = min(rank, int(1.25*share+4*math.Sqrt(share))+16)
		}
		if len(w.ints) >= rank {
			if rank < s.depth {
				s.guessed.Store(true)
			}
			s.raise(nth(w.ints, rank))
		}
	}
	limit := s.limit.Load()
	k.rows = slices.DeleteFunc(k.rows, func(r kept) bool { return r.score < limit })
	k.prune = max(leastDepth/4, 2*len(k.rows))
}
