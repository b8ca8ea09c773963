package index

import (
	"context"
	"fmt"
	"sync"
	"time"

	"immis/internal/simd"
)

// sharing lets searches that arrive together share a pass. While one pass runs, others
// wait and then go together; nobody waits for company.
type sharing struct {
	mu      sync.Mutex
	waiting []*search
	running bool
	ended   sync.WaitGroup // the goroutine that runs passes
	scratch sync.Pool
}

// join makes a search part of the next pass and waits for it.
func (x *Index) join(ctx context.Context, q Query) (Answer, error) {
	s := x.newSearch(ctx, q)
	x.share.mu.Lock()
	x.share.waiting = append(x.share.waiting, s)
	if !x.share.running {
		x.share.running = true
		x.share.ended.Go(x.passes)
	}
	x.share.mu.Unlock()
	select {
	case <-s.done:
		return s.answer, s.err
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// SearchAll answers many queries, those of one mode 32 to a pass. The answers are those
// of Search, in the order of the queries. On an error there are none.
func (x *Index) SearchAll(ctx context.Context, queries []Query) ([]Answer, error) {
	searches := make([]*search, len(queries))
	for i, q := range queries {
		if err := q.check(x.dim); err != nil {
			return nil, fmt.Errorf("query %d: %w", i, err)
		}
		searches[i] = x.newSearch(ctx, q)
	}
	workers := x.opts.Workers
	if len(queries) > 1 {
		workers = max(1, workers-1)
	}
	for rest := searches; len(rest) > 0; {
		var batch []*search
		batch, rest = oneMode(rest)
		x.pass(batch, workers)
	}
	out := make([]Answer, len(queries))
	for i, s := range searches {
		if s.err != nil {
			return nil, s.err
		}
		out[i] = s.answer
	}
	return out, nil
}

func (x *Index) newSearch(ctx context.Context, q Query) *search {
	return &search{Query: q, ctx: ctx, fast: q.Mode == Fast && x.form.bits, done: make(chan struct{})}
}

// oneMode takes searches of the mode of the first, as many as a pass has room for.
func oneMode(all []*search) (batch, rest []*search) {
	for _, s := range all {
		if len(batch) < simd.MaxProbes && s.fast == all[0].fast {
			batch = append(batch, s)
		} else {
			rest = append(rest, s)
		}
	}
	return batch, rest
}

// regroup is how long callers that were answered together are waited for, as a share
// of the pass that answered them: they tend to come back together, and the first to
// come would otherwise have a pass for himself.
const regroup = 16

// passes runs until nobody waits.
func (x *Index) passes() {
	for {
		x.share.mu.Lock()
		if len(x.share.waiting) == 0 {
			x.share.running = false
			x.share.mu.Unlock()
			return
		}
		batch, rest := oneMode(x.share.waiting)
		x.share.waiting = rest
		x.share.mu.Unlock()
		// One processor stays free for the rest of the program while there is much to do;
		// a search alone is over in milliseconds.
		workers := x.opts.Workers
		if len(batch) > 1 || len(rest) > 0 {
			workers = max(1, workers-1)
		}
		begun := time.Now()
		x.pass(batch, workers)
		if len(batch) > 1 && len(rest) < simd.MaxProbes {
			time.Sleep(min(time.Since(begun)/regroup, time.Millisecond))
		}
	}
}

func (x *Index) pass(batch []*search, workers int) {
	v := x.acquire()
	defer x.release(v)
	p := &pass{index: x, version: v, form: x.form, fast: batch[0].fast, searches: batch, scratch: &x.share.scratch}
	p.run(workers)
	for _, s := range batch {
		close(s.done)
	}
}
