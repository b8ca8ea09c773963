package store

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"immis/store/seal"
)

// Names of the secrets that the store itself needs; seal keeps kek-<epoch>.
const (
	secretHead      = "head"
	secretPseudonym = "pseudonym"
)

// macs holds the keyed hashes that turn what callers know into pseudonyms.
type macs struct {
	pseudonym []byte // HMAC key of Pseudonym
	value     []byte // of ValueMAC
	blob      []byte // of blob identifiers
}

func newMACs(secret []byte) (macs, error) {
	if len(secret) != 32 {
		return macs{}, fmt.Errorf("pseudonym secret: %d bytes, want 32", len(secret))
	}
	m := macs{pseudonym: secret}
	// Keys of their own, so that no class of pseudonyms can meet them.
	var err error
	if m.value, err = hkdf.Expand(sha256.New, secret, "immis value", 32); err != nil {
		return macs{}, err
	}
	if m.blob, err = hkdf.Expand(sha256.New, secret, "immis blob", 32); err != nil {
		return macs{}, err
	}
	return m, nil
}

// Pseudonym is the ID under which an external identifier of one class is kept:
// the first 16 bytes of HMAC-SHA256(secret, class || external). Without the
// secret nobody can tell whether an identifier is in the ledger.
func (s *Store) Pseudonym(class byte, external string) ID {
	h := hmac.New(sha256.New, s.macs.pseudonym)
	h.Write([]byte{class})
	h.Write([]byte(external))
	var id ID
	copy(id[:], h.Sum(nil))
	return id
}

// ValueMAC is a keyed hash of the parts of a request in the caller's own fixed
// encoding. Each part is preceded by its length: no two lists of parts are alike.
func (s *Store) ValueMAC(parts ...[]byte) [32]byte {
	h := hmac.New(sha256.New, s.macs.value)
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// blobID names a blob by its content under the key it is sealed with: the same
// picture of two subjects has two names, so a name tells nothing.
func (m *macs) blobID(ref seal.Ref, content [32]byte) BlobID {
	h := hmac.New(sha256.New, m.blob)
	h.Write(appendRef(nil, ref))
	h.Write(content[:])
	var id BlobID
	copy(id[:], h.Sum(nil))
	return id
}
