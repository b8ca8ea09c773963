package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"immis/matcher/finger"
	"immis/templates"
)

// fingerView is one finger of an encounter as searches compare it.
type fingerView struct {
	position templates.Position
	quality  uint8 // as the index has it
	*reference
}

// reference is a finger that is prepared for comparison when it is first needed, or
// before that in idle moments. Preparing costs 0.2 ms: an acknowledgement need not
// wait for it, nor the start of a register with millions of fingers. The result is
// the same whenever it is made.
type reference struct {
	ready atomic.Pointer[finger.Template]

	mu      sync.Mutex
	source  *templates.Finger // until it is prepared
	size    *atomic.Int64     // counts the bytes of prepared references; nil: not counted
	dropped bool
}

func newReference(f *templates.Finger) *reference { return &reference{source: f} }

// prepared tells whether get costs nothing.
func (r *reference) prepared() bool { return r.ready.Load() != nil }

// get returns the template, preparing it if nobody has.
func (r *reference) get() *finger.Template {
	if t := r.ready.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.ready.Load(); t != nil {
		return t
	}
	t := finger.Prepare(r.source)
	r.source = nil
	r.ready.Store(t)
	if r.size != nil && !r.dropped {
		r.size.Add(int64(t.Bytes()))
	}
	return t
}

// count begins or ends the counting of the reference's bytes.
func (r *reference) count(size *atomic.Int64, in bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = !in
	r.size = size
	if t := r.ready.Load(); t != nil {
		if in {
			size.Add(int64(t.Bytes()))
		} else {
			size.Add(-int64(t.Bytes()))
		}
	}
}

// Pauses of the idle work.
const (
	warmEvery = 200 * time.Millisecond // between two looks for new references
	warmAfter = 20 * time.Millisecond  // without any request
)

// warm prepares references while nothing else is to be done, so that the first
// search after a start or after many enrolments is not the one that pays. Under
// steady load it stands still: the gaps between requests are what keeps answers fast.
func (e *Engine) warm(ctx context.Context) {
	var seen int64 = -1
	var quiet uint64
	for {
		if now := e.register.published.Load(); e.ready.Load() && now != seen {
			for _, s := range e.register.all() {
				st := s.state.Load()
				if st == nil {
					continue
				}
				for _, enc := range st.encounters {
					for _, f := range enc.fingers {
						if f.prepared() {
							continue
						}
						var err error
						if quiet, err = e.waitIdle(ctx, quiet); err != nil {
							return
						}
						f.get()
					}
				}
			}
			seen = now
		}
		if sleep(ctx, warmEvery) != nil {
			return
		}
	}
}

// waitIdle returns when no request is being worked on and none has come for
// warmAfter, or since the last call, which returned quiet.
func (e *Engine) waitIdle(ctx context.Context, quiet uint64) (uint64, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		now := e.admit.came.Load() + e.preparing.came.Load()
		if now == quiet && e.admit.idle() && e.preparing.idle() {
			return quiet, nil
		}
		quiet = now
		if err := sleep(ctx, warmAfter); err != nil {
			return 0, err
		}
	}
}
