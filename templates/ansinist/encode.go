package ansinist

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"immis/templates"
)

// Encode writes the transaction. The lengths, the IDC fields and the contents
// field 1.003 are written as the records are, whatever the fields say; a text
// that is true already is kept as it stands, with its leading zeros.
//
// What was written is read again before it is returned, so that a sender never
// emits what a strict receiver refuses; this doubles the time and keeps two
// copies of the bytes away. Errors are those of Decode, and MALFORMED for values
// that hold separators of fields or records, OUT_OF_RANGE for numbers that the
// encoding cannot hold.
func (t *Transaction) Encode() ([]byte, error) {
	data, err := t.encode()
	if err == nil {
		_, err = decode(data, t.Deviations)
	}
	if err != nil {
		return nil, fmt.Errorf("encode ANSI/NIST transaction: %w", err)
	}
	return data, nil
}

func (t *Transaction) encode() ([]byte, error) {
	if n := len(t.Records); n < 1 || n > MaxRecords {
		return nil, templates.Bad(templates.ReasonOutOfRange, "number of records", n, fmt.Sprintf("1..%d", MaxRecords))
	}
	if t.Records[0].Type != 1 {
		return nil, templates.Bad(templates.ReasonMalformed, "record 1: type", t.Records[0].Type, 1)
	}
	size := 0
	for i := range t.Records {
		r := &t.Records[i]
		if err := r.check(i); err != nil {
			return nil, err
		}
		if size += r.roughSize(); size > MaxTransaction {
			return nil, templates.Bad(templates.ReasonOversized, "transaction of", "more bytes", fmt.Sprintf("<= %d", MaxTransaction))
		}
	}
	dst := make([]byte, 0, size)
	for i := range t.Records {
		r := &t.Records[i]
		switch {
		case shapeOf(r.Type) != shapeTagged:
			dst = r.appendBinary(dst)
		case i == 0:
			dst = r.appendTagged(dst, t.contents())
		default:
			dst = r.appendTagged(dst, nil)
		}
	}
	return dst, nil
}

// check refuses what would be read as something else, or not written at all.
// Everything else is left to the reading of what was written.
func (r *Record) check(index int) error {
	switch {
	case r.Type < 1 || r.Type > 99:
		return templates.Bad(templates.ReasonOutOfRange, fmt.Sprintf("record %d: type", index+1), r.Type, "1..99")
	case r.IDC < 0 || r.IDC > maxIDC:
		return templates.Bad(templates.ReasonOutOfRange, recordPath(index, r.Type, "IDC"), r.IDC, fmt.Sprintf("0..%d", maxIDC))
	case len(r.Image) > MaxTransaction:
		return templates.Bad(templates.ReasonOversized, recordPath(index, r.Type, "image of"), fmt.Sprintf("%d bytes", len(r.Image)), fmt.Sprintf("<= %d", MaxTransaction))
	}
	tagged := shapeOf(r.Type) == shapeTagged
	if header := shapeOf(r.Type) == shapeImage || shapeOf(r.Type) == shapeDrawing; header != (r.Header != nil) {
		return templates.Bad(templates.ReasonMalformed, recordPath(index, r.Type, "header"), r.Header != nil, header)
	}
	if !tagged && len(r.Fields) > 0 || tagged && !hasImage(r.Type) && r.Image != nil {
		return templates.Bad(templates.ReasonMalformed, recordPath(index, r.Type, "record"), "has a part that its type cannot hold",
			"fields in tagged records, an image in others and from Type 10 on")
	}
	if tagged && (len(r.Fields) == 0 || r.Fields[0].Number != fieldLength) {
		return templates.Bad(templates.ReasonMalformed, recordPath(index, r.Type, "first field"), "is not the length", "as NewRecord makes it")
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		number := strconv.Itoa(max(f.Number, 0))
		switch {
		case f.Number < 1 || len(number) > maxDigits || f.Digits < 0 || f.Digits > maxDigits || len(number) > f.digits():
			return templates.Bad(templates.ReasonOutOfRange, recordPath(index, r.Type, "field number"), fmt.Sprintf("%d in %d digits", f.Number, f.digits()),
				fmt.Sprintf("what fits 1..%d digits", maxDigits))
		case f.Foreign < 0 || f.Foreign > 99 || f.Foreign == r.Type:
			return templates.Bad(templates.ReasonOutOfRange, r.path(index, f, "foreign record type"), f.Foreign, "another type, or 0")
		case f.Number == fieldImage && f.Foreign == 0 && hasImage(r.Type):
			return templates.Bad(templates.ReasonMalformed, r.path(index, f, ""), "stands among the fields", "Record.Image")
		case bytes.IndexByte(f.Value, separatorGroup) >= 0 || bytes.IndexByte(f.Value, separatorFile) >= 0:
			return templates.Bad(templates.ReasonMalformed, r.path(index, f, ""), "holds a separator of fields or records", "none")
		}
	}
	return nil
}

func (f *Field) digits() int {
	if f.Digits == 0 {
		return 3
	}
	return f.Digits
}

// roughSize is at least the size of the record, except for what CNT grows by.
func (r *Record) roughSize() int {
	size := imageHeaderSize + maxDigits + len(r.Image)
	for i := range r.Fields {
		size += len("99.:") + r.Fields[i].digits() + len(r.Fields[i].Value) + 1
	}
	return min(size, math.MaxInt32)
}

// appendTagged writes a tagged record; contents replaces field 1.003 where it is
// not nil.
func (r *Record) appendTagged(dst, contents []byte) []byte {
	start := len(dst)
	dst = r.appendTag(dst, &r.Fields[0])
	lengthAt := len(dst)
	for i := range r.Fields[1:] {
		f := &r.Fields[1+i]
		dst = append(dst, separatorGroup)
		dst = r.appendTag(dst, f)
		value := f.Value
		switch {
		case f.Foreign != 0:
		case r.Type == 1 && f.Number == fieldContents && contents != nil:
			value = contents
		case r.Type != 1 && i == 0 && f.Number == fieldIDC:
			if n, ok := decimal(value, maxDigits); !ok || n != r.IDC {
				value = fmt.Appendf(nil, "%02d", r.IDC)
			}
		}
		dst = append(dst, value...)
	}
	if r.Image != nil {
		dst = append(dst, separatorGroup)
		dst = r.appendTag(dst, &Field{Number: fieldImage})
		dst = append(dst, r.Image...)
	}
	dst = append(dst, separatorFile)
	// The length counts its own digits, so it goes in last.
	rest, length := len(dst)-start, r.Fields[0].Value
	if n, ok := decimal(length, maxDigits); !ok || n != rest+len(length) {
		for digits := 1; ; digits++ {
			if length = strconv.AppendInt(nil, int64(rest+digits), 10); len(length) <= digits {
				break
			}
		}
	}
	return slices.Insert(dst, lengthAt, length...)
}

func (r *Record) appendTag(dst []byte, f *Field) []byte {
	recordType := r.Type
	if f.Foreign != 0 {
		recordType = f.Foreign
	}
	return fmt.Appendf(dst, "%d.%0*d:", recordType, f.digits(), f.Number)
}

// contents is the value of CNT, nil where the one that is there is true.
func (t *Transaction) contents() []byte {
	if announced, err := parseContents(&t.Records[0]); err == nil && len(announced) == len(t.Records)-1 {
		same := true
		for i, a := range announced {
			r := &t.Records[i+1]
			same = same && a.recordType == r.Type && (a.idc == r.IDC || t.Deviations&TolerateIDC != 0)
		}
		if same {
			return nil
		}
	}
	value := fmt.Appendf(nil, "1%c%d", separatorUnit, len(t.Records)-1)
	for i := range t.Records[1:] {
		r := &t.Records[1+i]
		value = fmt.Appendf(value, "%c%d%c%02d", separatorRecord, r.Type, separatorUnit, r.IDC)
	}
	return value
}
