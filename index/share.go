package index

import (
	"context"
	"sync"

	"immis/internal/simd"
)

// sharing lets searches that arrive together share a pass. While one pass runs, others
// wait and then go together; nobody waits for company.
type sharing struct {
	mu      sync.Mutex
	waiting []*search
	running bool
	scratch sync.Pool
}

// join makes a search part of the next pass and waits for it.
func (x *Index) join(ctx context.Context, q Query) (Answer, error) {
	s := &search{Query: q, ctx: ctx, fast: q.Mode == Fast && x.form.bits, done: make(chan struct{})}
	x.share.mu.Lock()
	x.share.waiting = append(x.share.waiting, s)
	if !x.share.running {
		x.share.running = true
		go x.passes()
	}
	x.share.mu.Unlock()
	select {
	case <-s.done:
		return s.answer, s.err
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// passes runs until nobody waits.
func (x *Index) passes() {
	for {
		x.share.mu.Lock()
		if len(x.share.waiting) == 0 {
			x.share.running = false
			x.share.mu.Unlock()
			return
		}
		var batch, rest []*search
		for _, s := range x.share.waiting {
			if len(batch) < simd.MaxProbes && s.fast == x.share.waiting[0].fast {
				batch = append(batch, s)
			} else {
				rest = append(rest, s)
			}
		}
		x.share.waiting = rest
		x.share.mu.Unlock()
		// One processor stays free for the rest of the program while there is much to do;
		// a search alone is over in milliseconds.
		workers := x.opts.Workers
		if len(batch) > 1 || len(rest) > 0 {
			workers = max(1, workers-1)
		}
		x.pass(batch, workers)
	}
}

func (x *Index) pass(batch []*search, workers int) {
	v := x.acquire()
	defer x.release(v)
	p := &pass{version: v, form: x.form, fast: batch[0].fast, searches: batch, scratch: &x.share.scratch}
	p.run(workers)
	for _, s := range batch {
		close(s.done)
	}
}
