package store

import (
	"encoding/binary"
	"math/bits"

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

func numberOf(key []byte) (uint64, bool) {
	if len(key) != 9 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}
