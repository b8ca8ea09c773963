package store

import (
	"encoding/binary"
	"fmt"
)

const bodyVersion = 1

// body is the part of a mutation that replay needs, and the sealed detail.
type body struct {
	request *Request
	ops     []Op
	detail  []byte
}

// encodeBody writes the one encoding of a body, big endian:
//
//	0 1  version (1)
//	1 1  1 if a request follows, else 0
//	     request: 16 id, 32 value, 16 subject, 4 length of answer, answer
//	  2  number of operations, then each: 1 code and
//	     new subject   16 subject, 4 slot, 4 generation
//	     drop subject  16 subject, 1 erase (0 or 1)
//	     put           1 table, 16 subject, 16 key, 1 condition, 4 slot, 4 generation,
//	                   1 number of blobs, 16 each, 4 length of value, value
//	     delete        1 table, 16 subject, 16 key, 1 condition
//	  4  length of detail, detail
func encodeBody(m *Mutation) []byte {
	size := 12 + len(m.Detail)
	if m.Request != nil {
		size += 68 + len(m.Request.Answer)
	}
	for i := range m.Ops {
		size += 48 + len(m.Ops[i].Sealed) + 16*len(m.Ops[i].Blobs)
	}
	be := binary.BigEndian
	b := make([]byte, 0, size)
	b = append(b, bodyVersion)
	if r := m.Request; r != nil {
		b = append(b, 1)
		b = append(b, r.ID[:]...)
		b = append(b, r.Value[:]...)
		b = append(b, r.Subject[:]...)
		b = be.AppendUint32(b, uint32(len(r.Answer)))
		b = append(b, r.Answer...)
	} else {
		b = append(b, 0)
	}
	b = be.AppendUint16(b, uint16(len(m.Ops)))
	for i := range m.Ops {
		o := &m.Ops[i]
		b = append(b, byte(o.Code))
		switch o.Code {
		case OpNewSubject:
			b = append(b, o.Subject[:]...)
			b = appendRef(b, o.Ref)
		case OpDropSubject:
			b = append(b, o.Subject[:]...)
			b = append(b, oneByte(o.Erase))
		case OpPut:
			b = appendRow(b, o.Row)
			b = append(b, byte(o.Cond))
			b = appendRef(b, o.Ref)
			b = append(b, byte(len(o.Blobs)))
			for _, id := range o.Blobs {
				b = append(b, id[:]...)
			}
			b = be.AppendUint32(b, uint32(len(o.Sealed)))
			b = append(b, o.Sealed...)
		case OpDelete:
			b = appendRow(b, o.Row)
			b = append(b, byte(o.Cond))
		}
	}
	b = be.AppendUint32(b, uint32(len(m.Detail)))
	return append(b, m.Detail...)
}

func oneByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func appendRef(b []byte, r Ref) []byte {
	b = binary.BigEndian.AppendUint32(b, r.Slot)
	return binary.BigEndian.AppendUint32(b, r.Generation)
}

func appendRow(b []byte, r Row) []byte {
	b = append(b, r.Table)
	b = append(b, r.Subject[:]...)
	return append(b, r.Key[:]...)
}

// decodeBody reads what encodeBody writes and nothing else. The values it
// returns are parts of b: nothing is copied, so memory is bounded by the input.
func decodeBody(b []byte) (*body, error) {
	if len(b) > MaxBodyBytes {
		return nil, fmt.Errorf("decode body: %d bytes, want at most %d", len(b), MaxBodyBytes)
	}
	c := cursor{b: b}
	if v := c.u8(); c.err == nil && v != bodyVersion {
		return nil, fmt.Errorf("decode body: version %d, want %d", v, bodyVersion)
	}
	out := &body{}
	if c.bool() {
		r := &Request{ID: c.id()}
		copy(r.Value[:], c.take(32))
		r.Subject = c.id()
		r.Answer = c.bytes32()
		out.request = r
	}
	n := int(c.u16())
	if c.err == nil && n > MaxOps {
		return nil, fmt.Errorf("decode body: %d operations, want at most %d", n, MaxOps)
	}
	if c.err == nil && n > len(c.b)/18 { // the shortest operation has 18 bytes
		return nil, fmt.Errorf("decode body: %d operations in %d bytes", n, len(c.b))
	}
	for i := 0; i < n && c.err == nil; i++ {
		o := Op{Code: OpCode(c.u8())}
		switch o.Code {
		case OpNewSubject:
			o.Subject, o.Ref = c.id(), c.ref()
		case OpDropSubject:
			o.Subject, o.Erase = c.id(), c.bool()
		case OpPut:
			o.Row, o.Cond, o.Ref = c.row(), Cond(c.u8()), c.ref()
			for k := int(c.u8()); k > 0 && c.err == nil; k-- {
				o.Blobs = append(o.Blobs, BlobID(c.id()))
			}
			o.Sealed = c.bytes32()
		case OpDelete:
			o.Row, o.Cond = c.row(), Cond(c.u8())
		}
		if c.err == nil {
			if err := o.check(); err != nil {
				return nil, fmt.Errorf("decode body: operation %d: %w", i, err)
			}
			out.ops = append(out.ops, o)
		}
	}
	out.detail = c.bytes32()
	if c.err != nil {
		return nil, fmt.Errorf("decode body: %w", c.err)
	}
	if len(c.b) != 0 {
		return nil, fmt.Errorf("decode body: %d trailing bytes, want 0", len(c.b))
	}
	return out, nil
}

// cursor reads fixed encodings; after the first error it yields zeros.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if c.err == nil && len(c.b) < n {
		c.err = fmt.Errorf("%d bytes left, want %d", len(c.b), n)
	}
	if c.err != nil {
		c.b = nil
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) u8() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) bool() bool {
	v := c.u8()
	if v > 1 && c.err == nil {
		c.err = fmt.Errorf("flag %d, want 0 or 1", v)
	}
	return v == 1
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) id() (id ID) {
	copy(id[:], c.take(16))
	return id
}

func (c *cursor) ref() Ref { return Ref{Slot: c.u32(), Generation: c.u32()} }

func (c *cursor) row() Row { return Row{Table: c.u8(), Subject: c.id(), Key: c.id()} }

// bytes32 reads a length and so many bytes; an empty value is nil.
func (c *cursor) bytes32() []byte {
	n := c.u32()
	if c.err == nil && uint64(n) > uint64(len(c.b)) {
		c.err = fmt.Errorf("value of %d bytes, %d left", n, len(c.b))
	}
	if n == 0 || c.err != nil {
		return nil
	}
	return c.take(int(n))
}
