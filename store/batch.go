package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"golang.org/x/mod/sumdb/tlog"

	"immis/internal/mutant"
)

// trial is a batch in the making: what the ledger will be when it is committed.
// The database's own state and s.meta stay as they are until then.
type trial struct {
	batch   *pebble.Batch
	meta    meta
	tree    frontier
	hashes  uint64 // next index of a stored hash
	at      time.Time
	destroy []Ref
	unused  []BlobID
	ready   []answer // in the order of the queue
	written int      // entries
	bytes   int
}

type answer struct {
	p       *pending
	result  result
	publish bool // it got an entry of its own
}

// commitBatch validates, applies, writes, anchors, publishes and answers, in
// that order. Every answer waits for the anchor, also a refusal: it may rest on
// a mutation of the same batch.
func (s *Store) commitBatch(list []*pending) {
	start := time.Now()
	t := &trial{batch: s.db.NewIndexedBatch(), meta: s.meta, tree: s.tree, hashes: storedCount(s.tree.size), at: s.now()}
	for _, p := range list {
		if !p.state.CompareAndSwap(queued, taken) {
			s.newKeys.refused(p.m) // its caller has gone
			continue
		}
		a := s.try(t, p)
		if a.publish {
			s.newKeys.taken(p.m)
		} else {
			s.newKeys.refused(p.m)
		}
		if mutant.On(mutant.ApplyTwice) && a.publish {
			again := *p.m
			again.Request = nil
			if q, err := newPending(&again); err == nil {
				s.try(t, q)
			}
		}
		t.ready = append(t.ready, a)
	}
	if mutant.On(mutant.EarlyAck) {
		s.answer(t)
		time.Sleep(2 * time.Millisecond)
	}
	var err error
	if t.written > 0 {
		if err = s.write(t); err != nil && mutant.On(mutant.SwallowError) {
			err = nil
		}
	} else if cerr := t.batch.Close(); cerr != nil {
		s.log.Error("close an empty batch", "cause", cerr)
	}
	if err != nil {
		for i := range t.ready {
			t.ready[i].result = result{err: err}
			t.ready[i].publish = false
		}
		s.answer(t)
		return
	}
	if t.written > 0 {
		s.metrics.commit.Observe(time.Since(start).Seconds())
		s.metrics.batch.Observe(float64(t.written))
		s.metrics.entries.Add(float64(t.written))
		s.metrics.bytes.Add(float64(t.bytes))
	}
	if mutant.On(mutant.PublishLate) {
		s.answer(t)
		time.Sleep(2 * time.Millisecond)
	}
	for _, a := range t.ready {
		if a.publish && a.p.m.Publish != nil {
			a.p.m.Publish(a.result.receipt)
		}
	}
	if !mutant.On(mutant.EarlyAck) && !mutant.On(mutant.PublishLate) {
		s.answer(t)
	}
	s.removeBlobs(t.unused)
}

func (s *Store) answer(t *trial) {
	for _, a := range t.ready {
		select {
		case a.p.done <- a.result:
		default: // answered before
		}
	}
}

// try adds one mutation to the batch; a refused one leaves nothing in it.
func (s *Store) try(t *trial, p *pending) answer {
	refuse := func(err error) answer { return answer{p: p, result: result{err: err}} }
	state := dbReader{t.batch}
	if q := p.m.Request; q != nil {
		raw, known, err := state.get(idKey(prefixRequest, q.ID))
		if err != nil {
			return refuse(err)
		}
		if known {
			before, err := decodeRequest(raw)
			if err != nil {
				return refuse(damaged("request: %w", err))
			}
			if before.value != q.Value {
				return refuse(ErrConflict)
			}
			return answer{p: p, result: result{receipt: before.receipt()}}
		}
	}
	if p.m.Kind >= KindEngine {
		if err := s.disk.allow(p.m.weigh(len(p.raw))); err != nil {
			return refuse(err)
		}
	}
	if err := s.blobsThere(p.m); err != nil {
		return refuse(err)
	}
	number := t.meta.count
	fx, err := apply(state, t.meta, number, t.at, &body{request: p.m.Request, ops: p.m.Ops})
	if err != nil {
		return refuse(err)
	}
	for _, c := range fx.changes {
		if c.value == nil {
			err = t.batch.Delete([]byte(c.key), nil)
		} else {
			err = t.batch.Set([]byte(c.key), c.value, nil)
		}
		if err != nil {
			return s.spoiled(p, err)
		}
	}
	receipt := Receipt{Number: number, Time: t.at}
	if mutant.On(mutant.ForgetEntry) {
		fx.meta.count = t.meta.count
	} else if err := t.record(p, number, fx.meta.state); err != nil {
		return s.spoiled(p, err)
	}
	t.meta = fx.meta
	t.destroy = append(t.destroy, fx.destroy...)
	t.unused = append(t.unused, fx.unused...)
	t.written++
	t.bytes += len(p.raw)
	if p.amend != nil {
		if err := p.amend(t); err != nil {
			return s.spoiled(p, err)
		}
	}
	return answer{p: p, result: result{receipt: receipt}, publish: true}
}

// spoiled: a batch in memory could not be written to, so half a mutation may
// be in it. That breaks an invariant of Pebble; nothing of it may be committed.
func (s *Store) spoiled(p *pending, err error) answer {
	s.health.fail(fmt.Errorf("build batch: %w", err))
	return answer{p: p, result: result{err: s.health.err()}}
}

// record adds the entry itself: header, body, history and hashes.
func (t *trial) record(p *pending, number uint64, state Digest) error {
	e := Entry{Number: number, Time: t.at, Kind: p.m.Kind, Purpose: p.m.Purpose, Result: p.m.Result, Object: p.m.Object,
		Principal: p.m.Principal, Case: p.m.Case, BodyHash: p.hash, BodySize: uint32(len(p.raw)), State: state}
	errs := []error{
		t.batch.Set(numberKey(prefixEntry, number), e.encode(), nil),
		t.batch.Set(numberKey(prefixBody, number), p.raw, nil),
	}
	if e.Object != (ID{}) {
		errs = append(errs, t.batch.Set(historyKey(e.Object, number), nil, nil))
	}
	leaf := e.LeafHash()
	t.tree.push(leaf, func(h tlog.Hash) {
		errs = append(errs, t.batch.Set(numberKey(prefixHash, t.hashes), h[:], nil))
		t.hashes++
	})
	return errors.Join(errs...)
}

// write makes the batch durable: keys of erased subjects destroyed, one Pebble
// batch synced, then the anchor. After any error the store takes no more writes.
func (s *Store) write(t *trial) error {
	if err := s.health.err(); err != nil {
		return err
	}
	if err := t.batch.Set([]byte{prefixMeta}, t.meta.encode(), nil); err != nil {
		s.health.fail(fmt.Errorf("build batch: %w", err))
		return s.health.err()
	}
	head, err := signHead(s.signer, s.id, t.tree.size, t.tree.root(), time.Unix(0, t.meta.last))
	if err != nil {
		s.health.fail(err)
		return s.health.err()
	}
	if len(t.destroy) > 0 {
		// Before the entry: an erasure that is in the ledger must have happened.
		// The other order of a crash is rolled forward at the next start.
		if err := s.table.Destroy(t.destroy...); err != nil {
			s.health.fail(fmt.Errorf("destroy keys: %w", err))
			return s.health.err()
		}
	}
	opt := pebble.Sync
	if mutant.On(mutant.NoSync) {
		opt = pebble.NoSync
	}
	if err := s.health.do("write batch", func() error { return t.batch.Commit(opt) }); err != nil {
		return err // the batch may be in Pebble's hands still: not closed
	}
	if err := s.anchor.write(head); err != nil {
		s.health.fail(err)
		return s.health.err()
	}
	if err := t.batch.Close(); err != nil {
		s.log.Error("close batch", "cause", err)
	}
	s.meta, s.tree = t.meta, t.tree
	s.publishView(head)
	return nil
}
