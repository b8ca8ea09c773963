// Package seal keeps secrets at rest: it seals bytes under data keys, keeps
// those keys in a table of their own, and destroys them so that what was sealed
// under them is dead wherever a copy of it lingers.
//
// There are three levels. A key-encryption key (KEK) lives in a KeySource, outside
// the data directory, one per key epoch. A Table holds up to 2^32-1 data keys of 32
// bytes in two files of equal content, each key wrapped under the KEK. A Key seals
// rows (envelopes) and files (streams). Destroying a data key overwrites it in both
// files; ending the epoch (Rotate) makes a new KEK, rewrites the table and destroys
// the old KEK, so that even the blocks that a file system or a disk kept of the old
// table open nothing.
//
// It refuses to know what is sealed: it has no rows, no people and no ledger. It
// does not lock its directory (the store does), starts no goroutine, and never
// takes an erased slot for a damaged one or the reverse: what it cannot prove
// erased it reports as ErrCorrupt.
package seal

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// ID is a pseudonymous identifier of 16 bytes: of a store, a subject or a row.
type ID [16]byte

// String is the identifier in 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Ref names a data key. Slot 0 is the store's own key. Generation is the key epoch
// in which the slot was minted, from 1 on: a table that went back to an older
// copy and minted again does not answer for the keys it lost.
type Ref struct{ Slot, Generation uint32 }

// String names the key as slot/generation.
func (r Ref) String() string { return fmt.Sprintf("%d/%d", r.Slot, r.Generation) }

// Context is what a sealed value is bound to. It is authenticated, not stored: a
// value moved to another store, subject, table, row or version does not open.
type Context struct {
	// Store, Subject and Key are identifiers; a zero Subject means the store's own.
	Store, Subject, Key ID
	// Table is the row's table.
	Table byte
	// Version is the version of the plaintext's layout.
	Version uint8
}

// Domains keep the uses of one key apart.
const (
	domainEnvelope = "immis/seal/envelope/1\x00"
	domainStream   = "immis/seal/stream/1\x00\x00\x00"
	domainSlot     = "immis/seal/slot/1\x00"
)

// contextSize is the length of the authenticated data of envelopes and streams.
const contextSize = len(domainEnvelope) + 16 + 16 + 1 + 16 + 1 + 4 + 4

// additional is the authenticated data: domain, store, subject, table, key,
// version, slot, generation, all of fixed length, so that no two contexts share an
// encoding. Both domains are 22 bytes long.
func (c Context) additional(domain string, r Ref) []byte {
	b := make([]byte, 0, contextSize)
	b = append(b, domain...)
	b = append(b, c.Store[:]...)
	b = append(b, c.Subject[:]...)
	b = append(b, c.Table)
	b = append(b, c.Key[:]...)
	b = append(b, c.Version)
	b = binary.BigEndian.AppendUint32(b, r.Slot)
	return binary.BigEndian.AppendUint32(b, r.Generation)
}
