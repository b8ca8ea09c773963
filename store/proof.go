package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// ProveEntry proves that entry number is in the ledger of size entries, as in a
// signed head: tlog.CheckRecord accepts the proof with Entry.LeafHash. Error:
// ErrNotFound when the ledger has not so many entries.
func (s *Store) ProveEntry(number, size uint64) (tlog.RecordProof, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	if number >= size || size > v.meta.count {
		return nil, fmt.Errorf("prove entry %d in %d: ledger has %d entries: %w", number, size, v.meta.count, ErrNotFound)
	}
	p, err := tlog.ProveRecord(int64(size), int64(number), hashReader(v.snap))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d in %d: %w", number, size, err)
	}
	return p, nil
}

// ProveGrowth proves that the ledger of size entries begins with the one of
// older: two signed heads then tell one story. tlog.CheckTree accepts the proof.
// Error: ErrNotFound when the ledger has not so many entries.
func (s *Store) ProveGrowth(older, size uint64) (tlog.TreeProof, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	if older == 0 || older > size || size > v.meta.count {
		return nil, fmt.Errorf("prove %d in %d: ledger has %d entries: %w", older, size, v.meta.count, ErrNotFound)
	}
	p, err := tlog.ProveTree(int64(size), int64(older), hashReader(v.snap))
	if err != nil {
		return nil, fmt.Errorf("prove %d in %d: %w", older, size, err)
	}
	return p, nil
}

// hashReader reads stored hashes from the ledger, for proofs.
func hashReader(r pebble.Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			v, closer, err := r.Get(numberKey(prefixHash, uint64(n)))
			if err != nil {
				if errors.Is(err, pebble.ErrNotFound) {
					return nil, damaged("hash %d of the tree is missing", n)
				}
				return nil, fmt.Errorf("read hash %d: %w", n, err)
			}
			if len(v) != tlog.HashSize {
				_ = closer.Close()
				return nil, damaged("hash %d of the tree has %d bytes, want %d", n, len(v), tlog.HashSize)
			}
			copy(out[i][:], v)
			if err := closer.Close(); err != nil {
				return nil, fmt.Errorf("read hash %d: %w", n, err)
			}
		}
		return out, nil
	})
}
