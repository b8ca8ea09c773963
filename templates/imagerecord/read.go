package imagerecord

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// reader goes through a record front to back. Its first failure sticks and later
// reads give zeros, so that the fields of a header read like the table of the
// standard; the failure is looked at before a count or a length is believed.
type reader struct {
	data []byte // the whole record
	at   int    // offset of the next byte
	end  int    // offset behind the part that is read
	err  error
}

func (r *reader) left() int { return r.end - r.at }

// take is the next n bytes; field names them in an error.
func (r *reader) take(field string, n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left() {
		r.fail(templates.BadAt(r.at, templates.ReasonTruncated, field+" with", fmt.Sprintf("%d bytes", r.left()), fmt.Sprintf(">= %d", n)))
		return nil
	}
	b := r.data[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *reader) u8(field string) uint8 {
	if b := r.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if b := r.take(field, 2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u24(field string) uint32 {
	if b := r.take(field, 3); b != nil {
		return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	if b := r.take(field, 4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// fail keeps the first error.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// check fails for a value of size bytes, read last, that is not good.
func (r *reader) check(good bool, size int, reason templates.Reason, field string, got, want any) {
	if !good && r.err == nil {
		r.fail(templates.BadAt(r.at-size, reason, field, got, want))
	}
}

// part is a reader of the next n bytes, which r skips.
func (r *reader) part(field string, n int) *reader {
	start := r.at
	r.take(field, n)
	return &reader{data: r.data, at: start, end: r.at, err: r.err}
}

// count is how many entries of at least size bytes follow, by a number read last
// (in width bytes): more than the bytes that are left can hold are not believed.
func (r *reader) count(field string, n, size, width int) int {
	if r.err != nil {
		return 0
	}
	if n*size > r.left() {
		r.fail(templates.BadAt(r.at-width, templates.ReasonTruncated, fmt.Sprintf("%s %d with", field, n),
			fmt.Sprintf("%d bytes", r.left()), fmt.Sprintf(">= %d", n*size)))
		return 0
	}
	return n
}

// open checks size, signature and length of a record and gives a reader behind them.
// The length stands behind the signature, in lengthSize bytes; kind names the record.
func open(kind, prefix string, data []byte, lengthSize, headerSize int) (*reader, error) {
	switch {
	case len(data) == 0:
		return nil, templates.BadAt(0, templates.ReasonEmpty, kind, "is empty", "a record")
	case len(data) > MaxRecord:
		return nil, templates.BadAt(0, templates.ReasonOversized, kind+" of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxRecord))
	case !bytes.HasPrefix([]byte(prefix), data[:min(4, len(data))]):
		return nil, templates.BadAt(0, templates.ReasonWrongMagic, kind, "starts with other bytes", fmt.Sprintf("%q", prefix[:4]))
	case len(data) < headerSize:
		return nil, templates.BadAt(0, templates.ReasonTruncated, kind+" of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf(">= %d", headerSize))
	case string(data[4:prefixSize]) != prefix[4:]:
		return nil, templates.BadAt(4, templates.ReasonWrongVersion, kind+": version", fmt.Sprintf("%q", data[4:prefixSize]), fmt.Sprintf("%q", prefix[4:]))
	}
	r := &reader{data: data, at: prefixSize, end: len(data)}
	var length uint64
	for _, b := range r.take("record length", lengthSize) {
		length = length<<8 | uint64(b)
	}
	switch {
	case length < uint64(headerSize):
		return nil, templates.BadAt(prefixSize, templates.ReasonWrongLength, kind+": record length", length, fmt.Sprintf(">= %d", headerSize))
	case length > uint64(len(data)):
		return nil, templates.BadAt(prefixSize, templates.ReasonTruncated, kind+" of", fmt.Sprintf("%d bytes", len(data)), length)
	case length < uint64(len(data)):
		return nil, templates.BadAt(int(length), templates.ReasonTrailing, kind+" with", fmt.Sprintf("%d more bytes behind it", uint64(len(data))-length), "none")
	}
	return r, nil
}

// checkViews refuses numbers of images that are none or too many.
func (r *reader) checkViews(field string, n, width int) {
	r.check(n >= 1 && n <= MaxViews, width, templates.ReasonOutOfRange, field, n, fmt.Sprintf("1..%d", MaxViews))
}

// done refuses bytes that are left of a part.
func (r *reader) done(field string) {
	if r.err == nil && r.left() > 0 {
		r.fail(templates.BadAt(r.at, templates.ReasonTrailing, field+" with", fmt.Sprintf("%d more bytes", r.left()), "none"))
	}
}

// failOf takes over the failure of a part.
func (r *reader) failOf(p *reader) {
	if p.err != nil {
		r.fail(p.err)
	}
}

// keeper is what becomes of a payload: a decoded record owns its memory, a record
// that is decoded only to check it borrows.
type keeper func([]byte) []byte

func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

func share(b []byte) []byte { return b }
