package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// frontier is the right edge of the Merkle tree: the hashes of its complete
// subtrees, largest first. It is all that is needed to append and to compute the
// root, so neither costs a read. The tree is that of RFC 6962 as in
// golang.org/x/mod/sumdb/tlog, which is the slow twin in the tests.
type frontier struct {
	size  uint64
	edge  [64]tlog.Hash
	depth int
}

// push appends a leaf and calls stored with the hashes that tlog.StoredHashes
// would name for it, in that order.
func (f *frontier) push(leaf tlog.Hash, stored func(tlog.Hash)) {
	h := leaf
	stored(h)
	for n := f.size; n&1 == 1; n >>= 1 {
		f.depth--
		h = tlog.NodeHash(f.edge[f.depth], h)
		stored(h)
	}
	f.edge[f.depth] = h
	f.depth++
	f.size++
}

// root is the tree's hash at its present size; of no leaves it is the hash of
// nothing, as in tlog.
func (f *frontier) root() tlog.Hash {
	if f.depth == 0 {
		h, _ := tlog.TreeHash(0, nil)
		return h
	}
	h := f.edge[f.depth-1]
	for i := f.depth - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.edge[i], h)
	}
	return h
}

// storedCount is the number of stored hashes of a tree of n leaves.
func storedCount(n uint64) uint64 { return 2*n - uint64(bits.OnesCount64(n)) }

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

func numberOf(key []byte) (uint64, bool) {
	if len(key) != 9 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}
