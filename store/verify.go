package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// verified is what a walk over all entries has proved.
type verified struct {
	meta meta
	tree frontier
	took time.Duration
}

// verifyEntries walks over all headers and all stored hashes, recomputes the
// tree, and compares it with the counters and with a signed head. It proves that
// the ledger is gapless, unchanged since it was signed, and not behind the head.
func verifyEntries(ctx context.Context, r pebble.Reader, anchored Head) (verified, error) {
	var out verified
	raw, ok, err := dbReader{r}.get([]byte{prefixMeta})
	if err != nil {
		return out, err
	}
	if !ok {
		return out, damaged("ledger has no counters")
	}
	if out.meta, err = decodeMeta(raw); err != nil {
		return out, damaged("%w", err)
	}
	if out.meta.count < anchored.Size {
		return out, fmt.Errorf("%w: %d entries, want at least %d; a part of the ledger is lost or an old copy was put back: "+
			"restore the newest copy, do not delete the anchor", ErrOlderThanAnchor, out.meta.count, anchored.Size)
	}
	var root tlog.Hash
	last, err := walkEntries(ctx, r, &out.tree, func(size uint64, _ *Entry) {
		if size == anchored.Size {
			root = out.tree.root()
		}
	})
	if err != nil {
		return out, err
	}
	m := &out.meta
	switch {
	case out.tree.size != m.count:
		return out, damaged("ledger has %d entries, its counters say %d", out.tree.size, m.count)
	case m.count > anchored.Size+maxAhead:
		return out, damaged("ledger is %d entries ahead of its anchor, want at most %d", m.count-anchored.Size, maxAhead)
	case root != anchored.Root:
		return out, damaged("root of the first %d entries is %v, the anchor says %v", anchored.Size, root, anchored.Root)
	case m.last != last.Time.UnixNano():
		return out, damaged("newest entry is of %d ns, the counters say %d", last.Time.UnixNano(), m.last)
	case m.state != last.State:
		return out, damaged("state digest %v, the newest entry says %v", m.state, last.State)
	case m.bodiesFrom > m.count:
		return out, damaged("bodies are kept from entry %d of %d", m.bodiesFrom, m.count)
	}
	return out, nil
}

// walkEntries pushes all headers into tree and compares what it yields with the
// stored hashes. fn is called after each push.
func walkEntries(ctx context.Context, r pebble.Reader, tree *frontier, fn func(size uint64, e *Entry)) (last Entry, err error) {
	hashes, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixHash}, UpperBound: []byte{prefixHash + 1}})
	if err != nil {
		return last, fmt.Errorf("iterate hashes: %w", err)
	}
	defer func() {
		if cerr := hashes.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("iterate hashes: %w", cerr)
		}
	}()
	more := hashes.First()
	var index uint64
	var bad error
	compare := func(h tlog.Hash) {
		n, ok := uint64(0), false
		if more {
			n, ok = numberOf(hashes.Key())
		}
		if bad == nil && (!ok || n != index) {
			bad = damaged("hash %d of the tree is missing", index)
		}
		if bad == nil && !bytes.Equal(hashes.Value(), h[:]) {
			bad = damaged("hash %d of the tree does not follow from the entries", index)
		}
		index++
		if more {
			more = hashes.Next()
		}
	}
	err = dbReader{r}.each([]byte{prefixEntry}, func(k, v []byte) error {
		if tree.size%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := DecodeEntry(v)
		if err != nil {
			return damaged("entry %d: %w", tree.size, err)
		}
		if n, ok := numberOf(k); !ok || n != e.Number || n != tree.size {
			return damaged("entry %d is missing: found %d under %x", tree.size, e.Number, k)
		}
		if e.Time.Before(last.Time) {
			return damaged("entry %d is older than the one before it", e.Number)
		}
		tree.push(tlog.RecordHash(v), compare)
		last = e
		fn(tree.size, &last)
		return bad
	})
	if err == nil {
		err = hashes.Error()
	}
	if err == nil && more {
		err = damaged("tree has hashes beyond its %d entries", tree.size)
	}
	if err == nil && tree.size == 0 {
		err = damaged("ledger has no entries")
	}
	return last, err
}

// VerifyState reads the whole state and compares it with the digest that the
// newest entry carries and with the counters. progress may be nil; done counts
// keys, total is an estimate. Error: ErrDamaged.
func (s *Store) VerifyState(ctx context.Context, progress func(done, total uint64)) error {
	v, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.releaseView(v)
	err = guarded(func() error { return verifyState(ctx, v.snap, &v.meta, progress) })
	if err != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("verify state: %w", classify(err))
	}
	return err
}

func verifyState(ctx context.Context, r pebble.Reader, m *meta, progress func(done, total uint64)) error {
	got := meta{count: m.count, last: m.last, nextSlot: m.nextSlot, bodiesFrom: m.bodiesFrom}
	total := m.requests + m.blobs
	for _, n := range m.subjects {
		total += n
	}
	for _, n := range m.rows {
		total += n
	}
	var done uint64
	for _, prefix := range statePrefixes() {
		err := dbReader{r}.each([]byte{prefix}, func(k, v []byte) error {
			if len(k) != stateKeyLen(prefix) {
				return damaged("key of %d bytes under %q, want %d", len(k), prefix, stateKeyLen(prefix))
			}
			got.state.add(pairHash(k, v))
			if err := got.tally(prefix, k, v); err != nil {
				return err
			}
			if done++; done%4096 == 0 {
				if progress != nil {
					progress(done, total)
				}
				return ctx.Err()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if got.state != m.state {
		return damaged("state digest is %v, the ledger says %v", got.state, m.state)
	}
	if got != *m {
		return damaged("counters do not fit the state: %d subjects, %d requests, %d blobs in it", got.subjects, got.requests, got.blobs)
	}
	if progress != nil {
		progress(done, done)
	}
	return nil
}

// tally counts one pair of the state.
func (m *meta) tally(prefix byte, k, v []byte) error {
	switch prefix {
	case prefixSubject:
		row, err := decodeSubject(v)
		if err != nil {
			return damaged("%w", err)
		}
		m.subjects[row.Status]++
	case prefixRow:
		m.rows[k[1]]++
	case prefixRequest:
		m.requests++
	case prefixBlob:
		m.blobs++
	}
	return nil
}
