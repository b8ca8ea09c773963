package server

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stop takes the service down. The order, and why:
//
//  1. Health and /readyz say NOT_SERVING, then DrainDelay passes: load balancers
//     send new requests elsewhere while the old ones are still answered.
//  2. Streams are told to end; they would otherwise hold up the next step.
//  3. HTTP stops, then gRPC, which answers its requests: no new connection,
//     requests under way are answered. What is left after ShutdownTimeout is cut;
//     its contexts end.
//  4. The work behind the API (duplicate checks, key epochs) stops: nobody
//     commits any more.
//  5. The engine writes what the next start will be glad of, and frees the index.
//  6. The committer stops, after it has committed what is queued; then the store
//     is closed.
//  7. The admin address goes last, so that the metrics of all this can be read.
//
// It may be called with anything from nothing to everything started.
func (s *Server) stop(r *running) error {
	begun := time.Now()
	s.phase.Store(stateStopping)
	var errs []error
	if s.health != nil {
		s.health.Shutdown()
	}
	if r.stopWork != nil && s.cfg.DrainDelay > 0 {
		time.Sleep(s.cfg.DrainDelay)
	}
	close(s.draining)
	end := time.Now().Add(s.cfg.ShutdownTimeout)
	if err := s.stopHTTP(r, end); err != nil {
		errs = append(errs, fmt.Errorf("stop HTTP: %w", err))
	}
	if r.grpc != nil {
		s.stopGRPC(r, time.Until(end))
	}
	s.services.Detach()
	if r.stopWork != nil {
		r.stopWork()
		for _, done := range r.workDone {
			<-done
		}
	}
	if r.engine != nil {
		r.engine.Close()
	}
	if r.store != nil {
		r.stopStore()
		if err := <-r.storeDone; err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, fmt.Errorf("store: %w", err))
		}
		if err := r.store.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	if r.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := r.admin.Shutdown(ctx); err != nil {
			errs = append(errs, r.admin.Close())
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		s.log.Error("stopped", "took", time.Since(begun), "error", err)
	} else {
		s.log.Info("stopped", "took", time.Since(begun))
	}
	return err
}

// stopGRPC waits for requests under way for at most the given time.
func (s *Server) stopGRPC(r *running, most time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.grpc.GracefulStop()
	}()
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		s.log.Warn("requests under way are cut", "after", s.cfg.ShutdownTimeout)
		r.grpc.Stop()
		<-done
	}
}
