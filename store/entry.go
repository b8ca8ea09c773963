package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Kind says what an entry records. Kinds below KindEngine belong to the store,
// kinds from KindRead on record reads and carry no operations.
type Kind uint8

const (
	// KindCreated is entry 0 of every ledger.
	KindCreated Kind = 1
	// KindEpoch: a key epoch has ended; the detail is the new epoch, sealed with the store key.
	KindEpoch Kind = 2
	// KindCheckpoint: a verified checkpoint was made; bodies before it may be gone.
	KindCheckpoint Kind = 3
	// KindErasureResumed: an erasure interrupted by a crash was finished at start.
	KindErasureResumed Kind = 4
	// KindEngine is the first kind that callers may define for changes and decisions.
	KindEngine Kind = 16
	// KindRead is the first kind that callers may define for reads of persons.
	KindRead Kind = 128
)

// IsRead tells whether entries of this kind record a read.
func (k Kind) IsRead() bool { return k >= KindRead }

// Bounds of an entry's header.
const (
	entryVersion  = 1
	entryFixed    = 106
	MaxPrincipal  = 128 // bytes
	MaxCase       = 64  // bytes
	maxEntryBytes = entryFixed + MaxPrincipal + MaxCase
)

// Entry is the header of a ledger entry. It holds no name and no biometric; the
// Merkle tree's leaves are hashes of its bytes, and it is kept for ever.
type Entry struct {
	// Number counts from 0 without gaps.
	Number uint64
	// Time never runs backwards from one entry to the next; nanoseconds.
	Time    time.Time
	Kind    Kind
	Purpose uint8
	Result  uint8
	// Object is the pseudonym of what the entry is about, or zero.
	Object ID
	// Principal did it, for the case named by Case (may be empty).
	Principal, Case string
	// BodyHash is SHA-256 of the body as stored, BodySize its length in bytes.
	BodyHash [32]byte
	BodySize uint32
	// State is the digest of the whole state after this entry.
	State Digest
}

// Layout, big endian:
//
//	 0  1  version (1)
//	 1  8  number
//	 9  8  time, ns since 1970 UTC
//	17  1  kind
//	18  1  purpose
//	19  1  result
//	20 16  object
//	36 32  body hash
//	68  4  body size
//	72 32  state digest
//	104 1  length of principal, then its bytes
//	  . 1  length of case, then its bytes
func (e *Entry) encode() []byte {
	b := make([]byte, 0, entryFixed+len(e.Principal)+len(e.Case))
	b = append(b, entryVersion)
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixNano()))
	b = append(b, byte(e.Kind), e.Purpose, e.Result)
	b = append(b, e.Object[:]...)
	b = append(b, e.BodyHash[:]...)
	b = binary.BigEndian.AppendUint32(b, e.BodySize)
	b = append(b, e.State[:]...)
	b = append(b, byte(len(e.Principal)))
	b = append(b, e.Principal...)
	b = append(b, byte(len(e.Case)))
	return append(b, e.Case...)
}

// DecodeEntry reads a header as it is stored and exported. It accepts exactly
// the bytes that encode writes: unknown versions, trailing bytes and characters
// outside the header's alphabet are errors.
func DecodeEntry(b []byte) (Entry, error) {
	var e Entry
	if len(b) < entryFixed {
		return e, fmt.Errorf("decode entry: %d bytes, want at least %d", len(b), entryFixed)
	}
	if len(b) > maxEntryBytes {
		return e, fmt.Errorf("decode entry: %d bytes, want at most %d", len(b), maxEntryBytes)
	}
	if b[0] != entryVersion {
		return e, fmt.Errorf("decode entry: version %d, want %d", b[0], entryVersion)
	}
	e.Number = binary.BigEndian.Uint64(b[1:])
	e.Time = time.Unix(0, int64(binary.BigEndian.Uint64(b[9:]))).UTC()
	e.Kind, e.Purpose, e.Result = Kind(b[17]), b[18], b[19]
	copy(e.Object[:], b[20:36])
	copy(e.BodyHash[:], b[36:68])
	e.BodySize = binary.BigEndian.Uint32(b[68:])
	copy(e.State[:], b[72:104])
	rest := b[104:]
	var err error
	if e.Principal, rest, err = shortText(rest, MaxPrincipal); err != nil {
		return Entry{}, fmt.Errorf("decode entry: principal: %w", err)
	}
	if e.Case, rest, err = shortText(rest, MaxCase); err != nil {
		return Entry{}, fmt.Errorf("decode entry: case: %w", err)
	}
	if len(rest) != 0 {
		return Entry{}, fmt.Errorf("decode entry: %d trailing bytes, want 0", len(rest))
	}
	return e, nil
}

func shortText(b []byte, limit int) (string, []byte, error) {
	if len(b) == 0 {
		return "", nil, fmt.Errorf("length is missing")
	}
	n := int(b[0])
	if n > limit {
		return "", nil, fmt.Errorf("%d bytes, want at most %d", n, limit)
	}
	if len(b)-1 < n {
		return "", nil, fmt.Errorf("%d of %d bytes", len(b)-1, n)
	}
	s := string(b[1 : 1+n])
	if err := headerText(s, limit); err != nil {
		return "", nil, err
	}
	return s, b[1+n:], nil
}

// headerText checks a text that goes into the header in clear: printable ASCII
// without the space, so that it can stand in logs, exports and URLs unescaped.
func headerText(s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%d bytes, want at most %d", len(s), limit)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return fmt.Errorf("byte %#02x at %d, want printable ASCII without space", s[i], i)
		}
	}
	return nil
}

// LeafHash is the entry's leaf of the Merkle tree (RFC 6962, via tlog).
func (e *Entry) LeafHash() tlog.Hash { return tlog.RecordHash(e.encode()) }

func hashBody(body []byte) [32]byte { return sha256.Sum256(body) }
