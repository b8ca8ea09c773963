package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// pending is a mutation on its way through the committer.
type pending struct {
	m     *Mutation
	raw   []byte // encoded body
	hash  [32]byte
	state atomic.Int32
	done  chan result // capacity 1
	// amend, of the store's own entries, adds to the batch and the counters.
	amend func(t *trial) error
}

// States of a pending mutation: the caller's context and the committer race for it.
const (
	queued int32 = iota
	taken
	abandoned
)

type result struct {
	receipt Receipt
	err     error
}

// Commit writes m as one entry and returns when it is durable, anchored and
// published. It needs Run. Errors: those of the operations (ErrExists,
// ErrNotFound, ErrStale, ErrConflict, ErrInvalid), ErrOverloaded at once when
// the queue is full, ErrDiskFull, ErrStopped, and the error of ctx. After an
// error of ctx the mutation is either wholly in the ledger or not at all; a
// Request tells which when it is sent again. After ErrStopped the same holds
// from the restart on.
func (s *Store) Commit(ctx context.Context, m Mutation) (Receipt, error) {
	err := m.check()
	if err == nil && m.Kind < KindEngine {
		err = invalid("kind %d belongs to the store, want at least %d", m.Kind, KindEngine)
	}
	var r Receipt
	if err == nil {
		r, err = s.submit(ctx, &m)
	}
	if err != nil {
		s.metrics.rejections.WithLabelValues(reason(err)).Inc()
		return r, fmt.Errorf("commit: %w", err)
	}
	return r, nil
}

func newPending(m *Mutation) (*pending, error) {
	p := &pending{m: m, raw: encodeBody(m), done: make(chan result, 1)}
	if len(p.raw) > MaxBodyBytes {
		return nil, invalid("body of %d bytes, want at most %d", len(p.raw), MaxBodyBytes)
	}
	p.hash = hashBody(p.raw)
	return p, nil
}

func (s *Store) submit(ctx context.Context, m *Mutation) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, err
	}
	if err := s.writable(); err != nil {
		return Receipt{}, err
	}
	p, err := newPending(m)
	if err != nil {
		return Receipt{}, err
	}
	if err := s.newKeys.enter(m); err != nil {
		return Receipt{}, err
	}
	select {
	case s.queue <- p:
	default:
		s.newKeys.refused(m)
		return Receipt{}, fmt.Errorf("%w: %d mutations wait", ErrOverloaded, cap(s.queue))
	}
	select {
	case r := <-p.done:
		return r.receipt, r.err
	case <-ctx.Done():
		// Won: it will never be committed. Lost: it is being committed now.
		p.state.CompareAndSwap(queued, abandoned)
		return Receipt{}, ctx.Err()
	case <-s.stopped:
		select {
		case r := <-p.done:
			return r.receipt, r.err
		default:
			return Receipt{}, fmt.Errorf("store is shutting down: %w", ErrStopped)
		}
	}
}

// Run is the committer: the only writer of the ledger. It first finishes
// erasures that a crash interrupted, then commits until ctx ends, then what is
// still queued. It returns nil, or what made the store stop. It may run once.
func (s *Store) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("run store: it runs already or has run")
	}
	defer close(s.stopped)
	if s.stopping.Load() {
		return fmt.Errorf("run store: it is closed: %w", ErrStopped)
	}
	if err := s.resumeErasures(); err != nil {
		s.log.Error("interrupted erasures could not be finished", "cause", err)
	}
	sweepCtx, stopSweep := context.WithCancel(ctx)
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		s.sweepBlobs(sweepCtx)
	}()
	defer func() { <-swept }()
	defer stopSweep()
	batch := make([]*pending, 0, s.opt.Batch)
	for {
		select {
		case <-ctx.Done():
			s.drain(batch)
			return s.health.err()
		case <-s.quit:
			s.drain(batch)
			return s.health.err()
		case task := <-s.tasks:
			task()
		case first := <-s.queue:
			batch = s.gather(first, batch[:0])
			s.commitBatch(batch)
		}
	}
}

// drain commits what is still queued and lets nothing more in.
func (s *Store) drain(batch []*pending) {
	s.stopping.Store(true)
	for len(s.queue) > 0 {
		batch = s.gather(<-s.queue, batch[:0])
		s.commitBatch(batch)
	}
}

// gather takes what is queued now, up to the bounds of one batch. It does not
// wait for more: while one batch syncs, the next one fills by itself.
func (s *Store) gather(first *pending, batch []*pending) []*pending {
	batch = append(batch, first)
	size := len(first.raw)
	for len(batch) < s.opt.Batch && size < maxBatchBytes {
		select {
		case p := <-s.queue:
			batch = append(batch, p)
			size += len(p.raw)
		default:
			return batch
		}
	}
	return batch
}

// exec runs fn on the committer's goroutine, between two batches.
func (s *Store) exec(ctx context.Context, fn func() error) error {
	done := make(chan error, 1)
	var state atomic.Int32
	task := func() {
		if state.CompareAndSwap(queued, taken) {
			done <- fn()
		}
	}
	select {
	case s.tasks <- task:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return fmt.Errorf("store is shutting down: %w", ErrStopped)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		return <-done // it has begun: its result is the truth
	}
}

// By says on whose behalf the store does something that it records by itself; it
// stands in the entry's header. The zero value is the store's own doing.
type By struct {
	// Principal, Purpose and Case as in Mutation.
	Principal string
	Purpose   uint8
	Case      string
}

// own makes the mutation of one of the store's own entries.
func own(kind Kind, by By) *Mutation {
	if by.Principal == "" {
		by.Principal = "immis"
	}
	return &Mutation{Principal: by.Principal, Purpose: by.Purpose, Case: by.Case, Kind: kind}
}

// commitOwn commits one of the store's own entries at once; only for the
// committer's goroutine.
func (s *Store) commitOwn(m *Mutation, amend func(t *trial) error) (Receipt, error) {
	p, err := newPending(m)
	if err != nil {
		return Receipt{}, err
	}
	p.amend = amend
	s.commitBatch([]*pending{p})
	r := <-p.done
	return r.receipt, r.err
}

// resumeErasures finishes erasures whose key was destroyed and whose entry was
// not written: the first entries of a run.
func (s *Store) resumeErasures() error {
	var errs []error
	for _, id := range s.rollForward {
		m := own(KindErasureResumed, By{})
		m.Object = id
		m.Ops = []Op{DropSubject(id, true)}
		if _, err := s.commitOwn(m, nil); err != nil && !errors.Is(err, ErrNotFound) {
			errs = append(errs, err)
		}
	}
	s.rollForward = nil
	return errors.Join(errs...)
}

// now is the time of the next batch: never before the newest entry.
func (s *Store) now() time.Time {
	t := s.opt.Now().UTC()
	if last := time.Unix(0, s.meta.last).UTC(); t.Before(last) {
		s.metrics.backwards.Inc()
		if !s.clockBehind {
			s.log.Warn("clock is behind the newest entry", "seconds", last.Sub(t).Seconds())
		}
		s.clockBehind = true
		return last
	}
	s.clockBehind = false
	return t
}
