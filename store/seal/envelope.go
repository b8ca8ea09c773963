package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"immis/internal/mutant"
)

// Envelope, byte by byte:
//
//	0   'I' 'S'
//	2   version, 1
//	3   algorithm, 1 = AES-256-GCM
//	4   slot, u32 big endian
//	8   generation, u32 big endian
//	12  nonce, 12 random bytes
//	24  ciphertext, as long as the plaintext
//	n-16 tag
const (
	envelopeVersion = 1
	algorithmGCM    = 1 // one message
	algorithmStream = 2 // parts, see stream.go

	refSize        = 12 // magic, version, algorithm, slot, generation
	nonceSize      = 12
	tagSize        = 16
	envelopeHeader = refSize + nonceSize

	// KeySize is the length of every secret and data key in bytes.
	KeySize = 32
	// Overhead is what Seal adds to a plaintext, in bytes.
	Overhead = envelopeHeader + tagSize
)

// Key is a data key in memory. Its methods are safe for concurrent use.
//
// Nonces are random, 96 bits: NIST SP 800-38D, 8.3 bounds one key to 2^32 seals
// (chance of any repetition below 2^-32). Keys of subjects stay far below. Streams
// derive a key of their own and do not count.
type Key struct {
	ref  Ref
	raw  [KeySize]byte
	aead cipher.AEAD
}

// newKey expands a data key; raw is KeySize bytes and is copied.
func newKey(r Ref, raw []byte) (*Key, error) {
	aead, err := newGCM(raw)
	if err != nil {
		return nil, fmt.Errorf("expand data key %v: %w", r, err)
	}
	k := &Key{ref: r, aead: aead}
	copy(k.raw[:], raw)
	return k, nil
}

// newGCM is AES-256-GCM under a key of KeySize bytes.
func newGCM(raw []byte) (cipher.AEAD, error) {
	if len(raw) != KeySize {
		return nil, fmt.Errorf("key of %d bytes, want %d", len(raw), KeySize)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Ref names the key; the name is written into everything it seals.
func (k *Key) Ref() Ref { return k.ref }

// String names the key and never shows it.
func (k *Key) String() string { return "data key " + k.ref.String() }

// GoString names the key and never shows it, for %#v.
func (k *Key) GoString() string { return k.String() }

// Seal encrypts plain and binds it to c. The result is a new slice of
// len(plain) + Overhead bytes. plain is limited to 2^36-32 bytes by GCM.
func (k *Key) Seal(c Context, plain []byte) []byte {
	out := make([]byte, envelopeHeader, envelopeHeader+len(plain)+tagSize)
	putRef(out, algorithmGCM, k.ref)
	nonce := out[refSize:envelopeHeader]
	if !mutant.On(mutant.ReuseNonce) {
		fillRandom(nonce)
	}
	return k.aead.Seal(out, nonce, plain, c.additional(domainEnvelope, k.ref))
}

// Open checks and decrypts what Seal made under the same key and context. The
// result is a new slice. Every failure wraps ErrCorrupt and says what was found.
func (k *Key) Open(c Context, sealed []byte) ([]byte, error) {
	r, err := SealedRef(sealed)
	if err != nil {
		return nil, err
	}
	if r != k.ref {
		return nil, corrupt("open envelope: sealed under key", r, k.ref)
	}
	nonce := sealed[refSize:envelopeHeader]
	plain, err := k.aead.Open(nil, nonce, sealed[envelopeHeader:], c.additional(domainEnvelope, k.ref))
	if err != nil {
		return nil, corrupt(fmt.Sprintf("open envelope of %d bytes under key %v: tag", len(sealed), r),
			"does not match", "the seal of these bytes in this context")
	}
	return plain, nil
}

// SealedRef reads the name of the key from an envelope, without opening it.
// The name is authenticated only by Open. Errors wrap ErrCorrupt.
func SealedRef(sealed []byte) (Ref, error) {
	if len(sealed) < Overhead {
		return Ref{}, corrupt("open envelope: length", len(sealed), fmt.Sprintf(">= %d bytes", Overhead))
	}
	return readRef("open envelope", sealed, algorithmGCM)
}

// putRef writes the first refSize bytes of an envelope or a stream.
func putRef(b []byte, algorithm byte, r Ref) {
	b[0], b[1], b[2], b[3] = 'I', 'S', envelopeVersion, algorithm
	binary.BigEndian.PutUint32(b[4:], r.Slot)
	binary.BigEndian.PutUint32(b[8:], r.Generation)
}

// readRef reads what putRef wrote; b holds at least refSize bytes.
func readRef(what string, b []byte, algorithm byte) (Ref, error) {
	switch {
	case b[0] != 'I' || b[1] != 'S':
		return Ref{}, corrupt(what+": magic", fmt.Sprintf("%#x", b[:2]), "0x4953")
	case b[2] != envelopeVersion:
		return Ref{}, corrupt(what+": version", b[2], envelopeVersion)
	case b[3] != algorithm:
		return Ref{}, corrupt(what+": algorithm", b[3], algorithm)
	}
	r := Ref{Slot: binary.BigEndian.Uint32(b[4:]), Generation: binary.BigEndian.Uint32(b[8:])}
	if r.Generation == 0 {
		return Ref{}, corrupt(what+": generation", 0, ">= 1")
	}
	return r, nil
}

// fillRandom fills b from the system's generator, which cannot fail: crypto/rand
// ends the process when the system has no randomness.
func fillRandom(b []byte) { _, _ = rand.Read(b) }
