package segfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Columns before sealing, integers big endian, n rows, w = (n+63)/64:
//
//	keys         n of u64
//	people       n of u64
//	origins      n of u64
//	attributes   n of: year of birth u16, nationality u16, sex u8, quality u8
//	dead         w of u64
//	wide         w of u64
//	galleries    each: identifier 16 bytes, w of u64
const (
	rowColumns    = 8 + 8 + 8 + attributeSize
	attributeSize = 6
)

func maskWords(rows int) int { return (rows + 63) / 64 }

func columnBytes(rows, galleries int) int64 {
	mask := 8 * int64(maskWords(rows))
	return int64(rows)*rowColumns + 2*mask + int64(galleries)*(16+mask)
}

// check refuses columns that do not fit together.
func (c *Columns) check() error {
	rows := c.Rows()
	if rows < 1 || rows > MaxRows {
		return fmt.Errorf("%d rows, want 1..%d", rows, MaxRows)
	}
	for _, x := range []struct {
		what string
		n    int
	}{{"people", len(c.People)}, {"origins", len(c.Origins)}, {"attributes", len(c.Attributes)}} {
		if x.n != rows {
			return fmt.Errorf("%d %s, want %d, as many as keys", x.n, x.what, rows)
		}
	}
	if n := len(c.Galleries); n > MaxGalleries {
		return fmt.Errorf("%d galleries, want at most %d", n, MaxGalleries)
	}
	if err := checkMask("dead rows", c.Dead, rows); err != nil {
		return err
	}
	if err := checkMask("wide rows", c.Wide, rows); err != nil {
		return err
	}
	for i := range c.Galleries {
		g := &c.Galleries[i]
		if i > 0 && bytes.Compare(c.Galleries[i-1].ID[:], g.ID[:]) >= 0 {
			return fmt.Errorf("gallery %x behind %x, want ascending order", g.ID, c.Galleries[i-1].ID)
		}
		if err := checkMask(fmt.Sprintf("gallery %x", g.ID), g.Rows, rows); err != nil {
			return err
		}
	}
	return nil
}

func checkMask(what string, m []uint64, rows int) error {
	if m == nil {
		return nil
	}
	if len(m) != maskWords(rows) {
		return fmt.Errorf("mask of %s: %d words, want %d for %d rows", what, len(m), maskWords(rows), rows)
	}
	if used := rows % 64; used != 0 && m[len(m)-1]>>used != 0 {
		return fmt.Errorf("mask of %s: bits behind row %d are not 0", what, rows-1)
	}
	return nil
}

// encode leaves dead rows out: they are zeros in all columns but that of the dead.
func (c *Columns) encode() []byte {
	rows, be := c.Rows(), binary.BigEndian
	b := make([]byte, 0, columnBytes(rows, len(c.Galleries)))
	for _, column := range [][]uint64{c.Keys, c.People, c.Origins} {
		for row, v := range column {
			if has(c.Dead, row) {
				v = 0
			}
			b = be.AppendUint64(b, v)
		}
	}
	for row, a := range c.Attributes {
		if has(c.Dead, row) {
			a = Attributes{}
		}
		b = be.AppendUint16(b, a.BirthYear)
		b = be.AppendUint16(b, a.Nationality)
		b = append(b, a.Sex, a.Quality)
	}
	mask := func(m, without []uint64) {
		for w := range maskWords(rows) {
			v := uint64(0)
			if m != nil {
				v = m[w]
			}
			if without != nil {
				v &^= without[w]
			}
			b = be.AppendUint64(b, v)
		}
	}
	mask(c.Dead, nil)
	mask(c.Wide, c.Dead)
	for i := range c.Galleries {
		b = append(b, c.Galleries[i].ID[:]...)
		mask(c.Galleries[i].Rows, c.Dead)
	}
	return b
}

// decodeColumns reads columnBytes(rows, galleries) bytes, and refuses those that encode
// would not have made.
func decodeColumns(b []byte, rows, galleries int) (*Columns, error) {
	be, all := binary.BigEndian, b
	words := func(n int) []uint64 {
		v := make([]uint64, n)
		for i := range v {
			v[i] = be.Uint64(b[8*i:])
		}
		b = b[8*n:]
		return v
	}
	mask := func() []uint64 {
		m := words(maskWords(rows))
		for _, w := range m {
			if w != 0 {
				return m
			}
		}
		return nil
	}
	c := &Columns{Keys: words(rows), People: words(rows), Origins: words(rows), Attributes: make([]Attributes, rows)}
	for i := range c.Attributes {
		a := b[attributeSize*i:]
		c.Attributes[i] = Attributes{BirthYear: be.Uint16(a), Nationality: be.Uint16(a[2:]), Sex: a[4], Quality: a[5]}
	}
	b = b[attributeSize*rows:]
	c.Dead, c.Wide = mask(), mask()
	for range galleries {
		g := Gallery{ID: [16]byte(b)}
		b = b[16:]
		g.Rows = mask()
		c.Galleries = append(c.Galleries, g)
	}
	if err := c.check(); err != nil {
		return nil, bad(ErrCorrupt, "columns:", err, "columns that fit together")
	}
	again := c.encode()
	defer clear(again)
	if !bytes.Equal(again, all) {
		return nil, bad(ErrCorrupt, "columns: dead rows with", "values", "zeros")
	}
	return c, nil
}

// has tells whether the bit of a row is set.
func has(m []uint64, row int) bool { return m != nil && m[row/64]>>(row%64)&1 != 0 }
