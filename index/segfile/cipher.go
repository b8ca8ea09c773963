package segfile

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"immis/internal/mutant"
)

const (
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
)

// domain keeps the use of keys here apart from all others.
const domain = "immis/segfile/chunk/1\x00"

// sealer seals and opens the chunks of one file with AES-256-GCM. A key is used for one
// file, which is written once, so the place of a chunk is its nonce: section 1, zeros 7,
// number 4 (big endian). No two chunks of a key share one.
//
// The additional data are the domain, the file's identifier 16, the section 1, the
// number 4 and the number of chunks of the section 4: a chunk that is moved, doubled,
// left out or taken from another file does not open.
type sealer struct {
	aead cipher.AEAD
	id   [16]byte
}

func newSealer(key []byte, id [16]byte) (*sealer, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("file key of %d bytes, want %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead, id: id}, nil
}

// place is where a chunk belongs.
type place struct {
	nonce [nonceSize]byte
	data  [len(domain) + 16 + 1 + 4 + 4]byte
}

// placeAt fills p, which the caller keeps, so that a chunk costs no allocation.
func (s *sealer) placeAt(p *place, x *extent, number int) {
	p.nonce = [nonceSize]byte{byte(x.section)}
	if !mutant.On(mutant.ReuseNonce) {
		binary.BigEndian.PutUint32(p.nonce[8:], uint32(number))
	}
	b := append(p.data[:0], domain...)
	b = append(b, s.id[:]...)
	b = append(b, byte(x.section))
	b = binary.BigEndian.AppendUint32(b, uint32(number))
	binary.BigEndian.AppendUint32(b, uint32(x.chunks))
}

// seal appends the sealed form of a chunk to dst; plain may begin where dst ends.
func (s *sealer) seal(p *place, dst, plain []byte, x *extent, number int) []byte {
	s.placeAt(p, x, number)
	return s.aead.Seal(dst, p.nonce[:], plain, p.data[:])
}

// open writes a chunk to dst, which has the length of the chunk. After an error dst has
// no byte of it.
func (s *sealer) open(p *place, dst, sealed []byte, x *extent, number int) error {
	s.placeAt(p, x, number)
	if _, err := s.aead.Open(dst[:0:len(dst)], p.nonce[:], sealed, p.data[:]); err != nil {
		clear(dst)
		return bad(ErrCorrupt, fmt.Sprintf("chunk %d of %d of the %s: tag", number, x.chunks, x.section), "does not match", "the seal of these bytes at this place")
	}
	return nil
}
