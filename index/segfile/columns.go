package segfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Columns before sealing, integers big endian, n rows, w = (n+63)/64:
//
//	keys         n of u64
//	origins      n of u64
//	dead         w of u64
//	wide         w of u64

func maskWords(rows int) int { return (rows + 63) / 64 }

func columnBytes(rows int) int64 { return 8 * 2 * (int64(rows) + int64(maskWords(rows))) }

// check refuses columns that do not fit together.
func (c *Columns) check() error {
	rows := c.Rows()
	if rows < 1 || rows > MaxRows {
		return fmt.Errorf("%d rows, want 1..%d", rows, MaxRows)
	}
	if n := len(c.Origins); n != rows {
		return fmt.Errorf("%d origins, want %d, as many as keys", n, rows)
	}
	if err := checkMask("dead rows", c.Dead, rows); err != nil {
		return err
	}
	return checkMask("wide rows", c.Wide, rows)
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
	b := make([]byte, 0, columnBytes(rows))
	for _, column := range [][]uint64{c.Keys, c.Origins} {
		for row, v := range column {
			if has(c.Dead, row) {
				v = 0
			}
			b = be.AppendUint64(b, v)
		}
	}
	at := func(m []uint64, w int) uint64 {
		if m == nil {
			return 0
		}
		return m[w]
	}
	for w := range maskWords(rows) {
		b = be.AppendUint64(b, at(c.Dead, w))
	}
	for w := range maskWords(rows) {
		b = be.AppendUint64(b, at(c.Wide, w)&^at(c.Dead, w))
	}
	return b
}

// decodeColumns reads columnBytes(rows) bytes, and refuses those that encode would not
// have made.
func decodeColumns(b []byte, rows int) (*Columns, error) {
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
	c := &Columns{Keys: words(rows), Origins: words(rows), Dead: mask(), Wide: mask()}
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
