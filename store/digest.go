package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// Digest stands for a set of key-value pairs: the sum modulo 2^256 of
// SHA-256(key || value) over all of them. Adding and removing one pair costs one
// hash, whatever the size of the set; the order does not matter. Keys of one
// prefix have one length, so key || value has one reading.
type Digest [32]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

func pairHash(key, value []byte) Digest {
	h := sha256.New()
	h.Write(key)
	h.Write(value)
	var d Digest
	h.Sum(d[:0])
	return d
}

func (d *Digest) add(x Digest) {
	var carry uint64
	for i := 24; i >= 0; i -= 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.BigEndian.Uint64(d[i:]), binary.BigEndian.Uint64(x[i:]), carry)
		binary.BigEndian.PutUint64(d[i:], sum)
	}
}

func (d *Digest) sub(x Digest) {
	var borrow uint64
	for i := 24; i >= 0; i -= 8 {
		var diff uint64
		diff, borrow = bits.Sub64(binary.BigEndian.Uint64(d[i:]), binary.BigEndian.Uint64(x[i:]), borrow)
		binary.BigEndian.PutUint64(d[i:], diff)
	}
}
