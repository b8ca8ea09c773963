package server

import (
	"context"
	"time"
)

// watchEvery is how often the parts below are asked whether they still work; a
// failure is known to load balancers that much later at most.
const watchEvery = 250 * time.Millisecond

// States after a failure, as /readyz tells them. Neither ends before a restart.
const (
	stateLedgerFailed = "the ledger takes no writes after a failed disk write: restart the server"
	stateIndexBroken  = "the index misses a committed record: restart the server, which builds it again"
)

// failing is what the store tells of itself: nil, or why it takes no writes.
type failing interface{ Failed() error }

// standing is what the engine tells of itself: whether its index is whole.
type standing interface{ Ready() bool }

// watch takes the service out of use when the ledger or the index has failed.
// All services are NOT_SERVING then, searches too: no answer may leave without
// its ledger entry, so a server without a ledger can answer nothing.
func (s *Server) watch(ctx context.Context, r *running, ledger failing, index standing) {
	r.work(ctx, "watch of the parts", func(ctx context.Context) error {
		t := time.NewTicker(watchEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-t.C:
			}
			state, cause := "", error(nil)
			switch err := ledger.Failed(); {
			case err != nil:
				state, cause = stateLedgerFailed, err
			case !index.Ready():
				state = stateIndexBroken
			default:
				continue
			}
			// A server that is not serving yet is looked at again; one that shuts down
			// says so already.
			if s.phase.CompareAndSwap(stateServing, state) {
				s.health.Shutdown()
				s.log.Error("not serving any more", "reason", state, "cause", cause)
				return nil
			}
		}
	})
}
