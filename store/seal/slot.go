package seal

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Slot, byte by byte (128 bytes, so that no slot crosses a 512-byte sector and an
// overwrite in place cannot tear a neighbor):
//
//	0    slot, u32 big endian
//	4    generation, u32 big endian, >= 1
//	8    state: 1 = minted (free or in use, the table does not know), 2 = erased
//	9    zero, 7 bytes
//	16   nonce, 12 random bytes (zero when erased)
//	28   data key of 32 bytes, sealed by AES-256-GCM under the KEK, 48 bytes
//	     (zero when erased); bound to store | slot | generation | epoch
//	76   zero, 48 bytes
//	124  CRC-32C of bytes 0..123, big endian
//
// A slot of zeros is no slot: its checksum does not hold.
const (
	slotSize    = 128
	wrappedSize = KeySize + tagSize

	slotMinted = 1
	slotErased = 2

	slotNonceAt   = 16
	slotWrappedAt = slotNonceAt + nonceSize
	slotPadAt     = slotWrappedAt + wrappedSize
	slotSumAt     = slotSize - 4
)

// slot is the decoded form.
type slot struct {
	ref     Ref
	state   uint8
	nonce   [nonceSize]byte
	wrapped [wrappedSize]byte
}

// sum is the checksum of all records of the table. crc32.MakeTable returns one
// shared table for Castagnoli.
func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// encode writes s over b[:slotSize].
func (s *slot) encode(b []byte) {
	clear(b[:slotSize])
	binary.BigEndian.PutUint32(b, s.ref.Slot)
	binary.BigEndian.PutUint32(b[4:], s.ref.Generation)
	b[8] = s.state
	copy(b[slotNonceAt:], s.nonce[:])
	copy(b[slotWrappedAt:], s.wrapped[:])
	binary.BigEndian.PutUint32(b[slotSumAt:], sum(b[:slotSumAt]))
}

// erasedMarker is what Destroy writes: it names the slot, so that erased can be told
// from damaged, and holds nothing else.
func erasedMarker(r Ref) (b [slotSize]byte) {
	s := slot{ref: r, state: slotErased}
	s.encode(b[:])
	return b
}

// decodeSlot reads slot number want from b. What it accepts re-encodes to the same
// bytes. Errors wrap ErrCorrupt.
func decodeSlot(b []byte, want uint32) (slot, error) {
	what := fmt.Sprintf
	if len(b) != slotSize {
		return slot{}, corrupt(what("slot %d: length", want), len(b), slotSize)
	}
	if got, stored := sum(b[:slotSumAt]), binary.BigEndian.Uint32(b[slotSumAt:]); got != stored {
		return slot{}, corrupt(what("slot %d: checksum of content", want), what("%#08x", got), what("%#08x", stored))
	}
	s := slot{
		ref:   Ref{Slot: binary.BigEndian.Uint32(b), Generation: binary.BigEndian.Uint32(b[4:])},
		state: b[8],
	}
	copy(s.nonce[:], b[slotNonceAt:])
	copy(s.wrapped[:], b[slotWrappedAt:])
	switch {
	case s.ref.Slot != want:
		return slot{}, corrupt(what("slot %d: number", want), s.ref.Slot, want)
	case s.ref.Generation == 0:
		return slot{}, corrupt(what("slot %d: generation", want), 0, ">= 1")
	case s.state != slotMinted && s.state != slotErased:
		return slot{}, corrupt(what("slot %d: state", want), s.state, "1 or 2")
	case !allZero(b[9:slotNonceAt]) || !allZero(b[slotPadAt:slotSumAt]):
		return slot{}, corrupt(what("slot %d: padding", want), "not zero", "zero")
	case s.state == slotErased && !allZero(b[slotNonceAt:slotPadAt]):
		return slot{}, corrupt(what("slot %d: erased but key bytes", want), "not zero", "zero")
	}
	return s, nil
}

// allZero tells whether b, of at most one slot, holds nothing but zeros.
func allZero(b []byte) bool {
	var zero [slotSize]byte
	return bytes.Equal(b, zero[:len(b)])
}

// slotContext binds a wrapped key to its place: domain, store, slot, generation, epoch.
func slotContext(store ID, r Ref, epoch uint32) []byte {
	b := make([]byte, 0, len(domainSlot)+len(store)+12)
	b = append(b, domainSlot...)
	b = append(b, store[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Slot)
	b = binary.BigEndian.AppendUint32(b, r.Generation)
	return binary.BigEndian.AppendUint32(b, epoch)
}

// wrapKey makes the minted slot of a data key under a KEK.
func wrapKey(kek cipher.AEAD, store ID, r Ref, epoch uint32, raw []byte) slot {
	s := slot{ref: r, state: slotMinted}
	fillRandom(s.nonce[:])
	kek.Seal(s.wrapped[:0], s.nonce[:], raw, slotContext(store, r, epoch))
	return s
}

// unwrap returns the data key of a minted slot. Errors wrap ErrErased or ErrCorrupt.
func (s *slot) unwrap(kek cipher.AEAD, store ID, epoch uint32) ([]byte, error) {
	if s.state == slotErased {
		return nil, fmt.Errorf("slot %v: %w", s.ref, ErrErased)
	}
	raw, err := kek.Open(make([]byte, 0, KeySize), s.nonce[:], s.wrapped[:], slotContext(store, s.ref, epoch))
	if err != nil {
		return nil, corrupt(fmt.Sprintf("slot %v: wrapped key", s.ref), "does not open",
			fmt.Sprintf("a key wrapped under the key-encryption key of epoch %d", epoch))
	}
	return raw, nil
}
