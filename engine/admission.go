package engine

import (
	"context"
	"sync/atomic"
)

// admission lets as many pieces of work run as there are workers and as many wait
// as the queue holds; the next one is refused at once, so that a wait is bounded and
// a caller learns early that it should go elsewhere.
type admission struct {
	what    string // of the work, in refusals
	workers chan struct{}
	waiting atomic.Int64
	queue   int64
	came    atomic.Uint64 // pieces of work so far
}

func newAdmission(what string, workers, queue int) *admission {
	return &admission{what: what, workers: make(chan struct{}, workers), queue: int64(queue)}
}

// idle tells whether no work is under way.
func (a *admission) idle() bool { return len(a.workers) == 0 }

// enter waits for a worker; the caller must call the returned function when done.
func (a *admission) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	leave = func() { <-a.workers }
	a.came.Add(1)
	select {
	case a.workers <- struct{}{}:
		return leave, nil
	default:
	}
	if n := a.waiting.Add(1); n > a.queue {
		a.waiting.Add(-1)
		return nil, overloaded(a.what, int(n-1))
	}
	defer a.waiting.Add(-1)
	select {
	case a.workers <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
