// Package fmr holds what the finger minutiae records of ISO/IEC 19794-2 and of
// ANSI INCITS 378 have in common: the outside of a record, minutiae of five and
// six bytes, images, extended data, and the way to the normal form and back. It
// refuses to know the layout of any version: that is for the codec packages.
package fmr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"immis/templates"
)

const (
	// Magic starts every record of the family, before four bytes of version.
	Magic = "FMR\x00"
	// Version20 is that of ISO/IEC 19794-2:2005 and ANSI INCITS 378-2004.
	Version20 = " 20\x00"
	// Version20Digits is a wrong spelling of it that real records of ANSI INCITS
	// 378-2004 have.
	Version20Digits = "020\x00"
	// Version30 is that of ISO/IEC 19794-2:2011 and ANSI INCITS 378-2007 and -2009.
	Version30 = "030\x00"
	// Version35 is that of ANSI INCITS 378-2009/AM1.
	Version35 = "035\x00"

	// MaxRecord is the largest record accepted, in bytes. Ten fingers with 255
	// minutiae each are 15 KiB; the rest is room for extended data.
	MaxRecord = 64 << 10
	// MaxViews is 16 views of each of 11 finger positions.
	MaxViews = 16 * 11
)

// Path names a part of a record in errors: of one view, or of the header where
// Index is Header. It is formatted only where there is an error.
type Path struct {
	Kind  string
	Index int // counted from 0
}

// Header is the Index of a path into the header of a record.
const Header = -1

// At is the path of a part, e.g. "finger view 2: minutia count".
func (p Path) At(part string) string {
	if p.Index == Header {
		return p.Kind + ": " + part
	}
	return fmt.Sprintf("%s %d: %s", p.Kind, p.Index+1, part)
}

// CheckFront checks the front of a record up to its version, and that there are
// least bytes. Errors: EMPTY, OVERSIZED, WRONG_MAGIC, WRONG_VERSION, TRUNCATED.
func CheckFront(data []byte, version string, least int) error {
	size := len(data)
	switch {
	case size == 0:
		return templates.BadAt(0, templates.ReasonEmpty, "record", "is empty", fmt.Sprintf(">= %d bytes", least))
	case size > MaxRecord:
		return templates.BadAt(MaxRecord, templates.ReasonOversized, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("<= %d", MaxRecord))
	case string(data[:min(size, 4)]) != Magic[:min(size, 4)]:
		return templates.BadAt(0, templates.ReasonWrongMagic, "record magic", fmt.Sprintf("%q", data[:min(size, 4)]), fmt.Sprintf("%q", Magic))
	case size >= 8 && string(data[4:8]) != version:
		return templates.BadAt(4, templates.ReasonWrongVersion, "record version", fmt.Sprintf("%q", data[4:8]), fmt.Sprintf("%q", version))
	case size < least:
		return templates.BadAt(size, templates.ReasonTruncated, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf(">= %d", least))
	}
	return nil
}

// CheckStated checks the length that the header states at byte at. Errors:
// WRONG_LENGTH for less than the header, TRUNCATED for more than there is.
func CheckStated(data []byte, stated uint32, at, header int) error {
	switch {
	case uint64(stated) < uint64(header):
		return templates.BadAt(at, templates.ReasonWrongLength, "record header: length", stated, fmt.Sprintf(">= %d", header))
	case uint64(stated) > uint64(len(data)):
		return templates.BadAt(len(data), templates.ReasonTruncated, "record of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("%d by its header", stated))
	}
	return nil
}

// CheckTail counts the zero bytes behind a record that ends at end, where they
// are tolerated; any others are TRAILING_BYTES.
func CheckTail(data []byte, end int, padding bool) (int, error) {
	for i, b := range data[end:] {
		if b != 0 || !padding {
			return 0, templates.BadAt(end+i, templates.ReasonTrailing, "record of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("%d by its header", end))
		}
	}
	return len(data) - end, nil
}

// CheckEnd refuses bytes between the last part of a record, which ends at off, and
// the length that its header states.
func CheckEnd(data []byte, off int, last string) error {
	if off != len(data) {
		return templates.BadAt(off, templates.ReasonTrailing, "record with", fmt.Sprintf("%d bytes after its last %s", len(data)-off, last), "none")
	}
	return nil
}

// CheckCount checks the number of views, which the header states at byte at.
func CheckCount(n, at int, what string) error {
	if n < 1 || n > MaxViews {
		return templates.BadAt(at, templates.ReasonOutOfRange, "record header: number of "+what, n, fmt.Sprintf("1..%d", MaxViews))
	}
	return nil
}

// CheckRoom checks that n parts of at least least bytes each can be in what
// follows byte off: before any memory is taken for them.
func CheckRoom(data []byte, off, n, least int, what string) error {
	if need := n * least; len(data)-off < need {
		return templates.BadAt(off, templates.ReasonTruncated, fmt.Sprintf("record of %d %s with", n, what),
			fmt.Sprintf("%d bytes", len(data)-off), fmt.Sprintf(">= %d", need))
	}
	return nil
}

// CheckTotal checks the length of a record that is to be written.
func CheckTotal(size int) error {
	if size > MaxRecord {
		return templates.Bad(templates.ReasonOversized, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("<= %d", MaxRecord))
	}
	return nil
}

// CheckPadding checks the count of zero bytes behind a record.
func CheckPadding(n int) error {
	if n < 0 || n > MaxRecord {
		return templates.Bad(templates.ReasonOutOfRange, "record padding", n, fmt.Sprintf("0..%d", MaxRecord))
	}
	return nil
}

// WithoutOffset takes the offset out of an input error: a record that is not yet
// encoded has none.
func WithoutOffset(err error) error {
	var bad *templates.InputError
	if errors.As(err, &bad) {
		bad.Offset = templates.NoOffset
	}
	return err
}

// lengthSize is the length of extended data.
const lengthSize = 2

// ViewLeast is the least size of what stands behind the header of a view.
const ViewLeast = lengthSize

// Extended reads extended data with its length from byte off and copies it; next
// is the byte after it. Where overstated is set, a length of one byte more than
// there is is read as what there is, and over is 1.
func Extended(data []byte, off int, path Path, overstated bool) (extended []byte, over uint8, next int, err error) {
	if len(data)-off < lengthSize {
		return nil, 0, 0, templates.BadAt(off, templates.ReasonTruncated, path.At("length of extended data with"),
			fmt.Sprintf("%d bytes", len(data)-off), lengthSize)
	}
	stated := int(binary.BigEndian.Uint16(data[off:]))
	rest := data[off+lengthSize:]
	if stated > len(rest) {
		if !overstated || stated != len(rest)+1 {
			return nil, 0, 0, templates.BadAt(off, templates.ReasonTruncated, path.At("extended data with"), fmt.Sprintf("%d bytes", len(rest)), stated)
		}
		stated, over = len(rest), 1
	}
	if stated > 0 {
		extended = bytes.Clone(rest[:stated])
	}
	return extended, over, off + lengthSize + stated, nil
}

// AppendExtended appends extended data behind their length, which may deviate.
func AppendExtended(dst, extended []byte, stated int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(stated))
	return append(dst, extended...)
}

// CheckExtended checks that the length of extended data fits its two bytes.
func CheckExtended(stated, at int, path Path) error {
	if stated > 0xffff {
		return templates.BadAt(at, templates.ReasonOversized, path.At("extended data of"), fmt.Sprintf("%d bytes", stated), "<= 65535")
	}
	return nil
}

// CheckOverstated checks the mark of an overstated length of extended data.
func CheckOverstated(over uint8, last bool, at int, path Path) error {
	if over > 1 || over == 1 && !last {
		return templates.BadAt(at, templates.ReasonOutOfRange, path.At("overstated length"), over, "0, or 1 in the last view")
	}
	return nil
}
