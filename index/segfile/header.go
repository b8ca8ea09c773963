package segfile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Header before sealing, integers big endian:
//
//	0    planes, u16: 1 = there are bits; other values are refused
//	2    zeros, 2 bytes
//	4    dimension, u32
//	8    form, u32
//	12   rows, u32
//	16   store, 16 bytes
//	32   SHA-256 of the model's name
const headerSize = 64

type header struct {
	bits  bool
	dim   int
	form  uint32
	rows  int
	store [16]byte
	model [32]byte
}

func (h *header) encode() []byte {
	b, be := make([]byte, headerSize), binary.BigEndian
	if h.bits {
		b[1] = 1
	}
	be.PutUint32(b[4:], uint32(h.dim))
	be.PutUint32(b[8:], h.form)
	be.PutUint32(b[12:], uint32(h.rows))
	copy(b[16:], h.store[:])
	copy(b[32:], h.model[:])
	return b
}

// decodeHeader reads a header of headerSize bytes and checks its bounds.
func decodeHeader(b []byte) (header, error) {
	be := binary.BigEndian
	h := header{
		bits: b[1] == 1, dim: int(be.Uint32(b[4:])), form: be.Uint32(b[8:]), rows: int(be.Uint32(b[12:])),
		store: [16]byte(b[16:32]), model: [32]byte(b[32:64]),
	}
	if err := h.check(); err != nil {
		return header{}, err
	}
	if !bytes.Equal(h.encode(), b) {
		return header{}, bad(ErrCorrupt, "header: planes and reserved bytes", hex.EncodeToString(b[:4]), "0 or 1, and zeros")
	}
	return h, nil
}

// isFor compares the header with what the caller wants to use the rows for.
func (h *header) isFor(want *Binding) error {
	if h.store != want.Store {
		return bad(ErrOther, "store", hex.EncodeToString(h.store[:]), hex.EncodeToString(want.Store[:]))
	}
	if model := want.model(); h.model != model {
		return bad(ErrOther, "hash of the model's name", hex.EncodeToString(h.model[:]), fmt.Sprintf("%x of %q", model, want.Model))
	}
	if h.dim != want.Dim {
		return bad(ErrOther, "dimension", h.dim, want.Dim)
	}
	if h.form != want.Form {
		return bad(ErrOther, "form of the planes", h.form, want.Form)
	}
	return nil
}

// Trailer before sealing: `immisend`, size of the file u64, number of chunks u64. It is
// written last: a file that has it was written to its end, which Open sees without
// reading what lies between.
const trailerSize = 24

const trailerMagic = "immisend"

func (l *layout) trailer() []byte {
	b := append(make([]byte, 0, trailerSize), trailerMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.size))
	return binary.BigEndian.AppendUint64(b, uint64(l.chunks))
}
