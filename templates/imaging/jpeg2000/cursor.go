package jpeg2000

import (
	"encoding/binary"

	"immis/templates"
)

// cursor reads the big-endian fields of one box or marker segment. What is
// missing reads as 0 and is reported once, by done.
type cursor struct {
	data []byte
	// pos and end are offsets in data, the whole input.
	pos, end int
	// name is what is read, for errors.
	name  string
	start int
	short bool
}

func newCursor(data []byte, pos, end int, name string) *cursor {
	return &cursor{data: data, pos: pos, end: end, start: pos, name: name}
}

func (c *cursor) left() int { return c.end - c.pos }

// skip moves over n bytes and returns where they start, or -1.
func (c *cursor) skip(n int) int {
	if n > c.left() {
		c.short = true
		c.pos = c.end
		return -1
	}
	at := c.pos
	c.pos += n
	return at
}

func (c *cursor) u8() int {
	at := c.skip(1)
	if at < 0 {
		return 0
	}
	return int(c.data[at])
}

func (c *cursor) u16() int {
	at := c.skip(2)
	if at < 0 {
		return 0
	}
	return int(binary.BigEndian.Uint16(c.data[at:]))
}

func (c *cursor) u32() int {
	at := c.skip(4)
	if at < 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(c.data[at:]))
}

// bad is an error about the field that starts at.
func (c *cursor) bad(at int, reason templates.Reason, field string, got, want any) error {
	return templates.BadAt(at, reason, c.name+": "+field, got, want)
}

// done is an error unless the fields filled the segment exactly.
func (c *cursor) done() error {
	if c.short {
		return c.bad(c.start, templates.ReasonWrongLength, "content of", c.end-c.start, "more bytes")
	}
	if n := c.left(); n > 0 {
		return c.bad(c.pos, templates.ReasonWrongLength, "content of", c.end-c.start, c.pos-c.start)
	}
	return nil
}
