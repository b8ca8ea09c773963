package index

import (
	"slices"
	"sync"
	"sync/atomic"
)

// version is what a search sees: it never changes. Searches hold a reference while
// they read; segments that left the index are unmapped when no version that has them
// is held any more.
type version struct {
	number uint64
	views  []view
	alive  int
	bytes  int64

	refs    atomic.Int64 // of searches, and one while it is current
	next    *version     // under reaper.mu
	retired []*segment   // in this version, not in the next
}

// view is a segment as one version sees it.
type view struct {
	*segment
	count     int
	alive     int
	dead      *mask
	galleries map[Gallery]*mask
}

// acquire returns the current version; release gives it back.
func (x *Index) acquire() *version {
	for {
		v := x.current.Load()
		if n := v.refs.Load(); n > 0 && v.refs.CompareAndSwap(n, n+1) {
			return v
		}
	}
}

func (x *Index) release(v *version) {
	if v.refs.Add(-1) == 0 {
		x.reap.run()
	}
}

// publish makes the present segments what searches see. retired are segments that
// were in the version before and are not any more.
func (x *Index) publish(retired ...*segment) {
	old := x.current.Load()
	v := &version{number: old.number + 1, views: make([]view, len(x.segments))}
	for i, s := range x.segments {
		v.views[i] = view{segment: s, count: s.count, alive: s.alive, dead: s.dead, galleries: s.galleries}
		v.alive += s.alive
		v.bytes += s.bytes
		s.shared, s.private = true, false
	}
	v.refs.Store(1)
	x.reap.link(old, v, retired)
	x.current.Store(v)
	x.release(old)
}

// reaper frees segments in the order of versions.
type reaper struct {
	mu     sync.Mutex
	oldest *version
}

func (r *reaper) link(old, next *version, retired []*segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old.retired = slices.Clone(retired)
	old.next = next
}

func (r *reaper) run() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.oldest.refs.Load() == 0 && r.oldest.next != nil {
		for _, s := range r.oldest.retired {
			s.free()
		}
		r.oldest = r.oldest.next
	}
}
