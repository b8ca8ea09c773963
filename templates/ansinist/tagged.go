package ansinist

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"immis/templates"
)

// tag is "T.NNN:" in front of a field.
type tag struct {
	recordType, number, digits int
}

// parseTag reads a tag from the front of data and returns its size; 0 for what is
// no tag, -1 for what may be one and is cut off.
func parseTag(data []byte) (tag, int) {
	var t tag
	recordType, i, ok := leadingDecimal(data, 2)
	if !ok || recordType == 0 || data[0] == '0' {
		return t, sizeOfCut(data, i)
	}
	if i == len(data) || data[i] != '.' {
		return t, sizeOfCut(data, i)
	}
	i++
	number, n, ok := leadingDecimal(data[i:], maxDigits)
	i += n
	if !ok || number == 0 && i < len(data) {
		return t, sizeOfCut(data, i)
	}
	if i == len(data) || data[i] != ':' {
		return t, sizeOfCut(data, i)
	}
	return tag{recordType: recordType, number: number, digits: n}, i + 1
}

func sizeOfCut(data []byte, i int) int {
	if i == len(data) {
		return -1
	}
	return 0
}

// leadingDecimal reads up to limit digits and tells how many there were; ok when
// there was one.
func leadingDecimal(data []byte, limit int) (n, size int, ok bool) {
	for size < len(data) && size < limit && data[size] >= '0' && data[size] <= '9' {
		n = 10*n + int(data[size]-'0')
		size++
	}
	return n, size, size > 0
}

// tagged reads the tagged record that starts at the offset.
func (d *decoder) tagged(index, recordType int) (Record, error) {
	start := d.offset
	length, head, err := d.length(index, recordType)
	if err != nil {
		return Record{}, err
	}
	record, err := d.take(index, recordType, length, head+1)
	if err != nil {
		return Record{}, err
	}
	if last := record[length-1]; last != separatorFile {
		return Record{}, templates.BadAt(start+length-1, templates.ReasonWrongLength, recordPath(index, recordType, "last byte by its length"),
			fmt.Sprintf("%#02x", last), "the separator FS, 0x1c")
	}
	r := Record{Type: recordType, Offset: start}
	if err := d.fields(index, &r, record[:length-1]); err != nil {
		return Record{}, err
	}
	return r, nil
}

// length reads the first field, LEN, and returns its value and its own size
// without the separator behind it.
func (d *decoder) length(index, recordType int) (length, head int, err error) {
	rest := d.data[d.offset:]
	cut := func() error {
		return templates.BadAt(d.offset, templates.ReasonTruncated, recordPath(index, recordType, "record with"),
			fmt.Sprintf("%d bytes", len(rest)), "a length and a separator")
	}
	first, size := parseTag(rest)
	switch {
	case size < 0:
		return 0, 0, cut()
	case size == 0 || first.number != fieldLength:
		return 0, 0, templates.BadAt(d.offset, templates.ReasonMalformed, recordPath(index, recordType, "first field"), "is not the length",
			fmt.Sprintf(`the tag "%d.001:"`, recordType))
	case first.recordType != recordType:
		return 0, 0, templates.BadAt(d.offset, templates.ReasonMalformed, fmt.Sprintf("record %d: type", index+1), first.recordType,
			fmt.Sprintf("%d by field 1.003", recordType))
	}
	length, n, ok := leadingDecimal(rest[size:], maxDigits)
	end := size + n
	if end == len(rest) {
		return 0, 0, cut()
	}
	if !ok || rest[end] != separatorGroup && rest[end] != separatorFile {
		return 0, 0, templates.BadAt(d.offset, templates.ReasonMalformed, recordPath(index, recordType, "length"), "is not a number that ends with a separator",
			fmt.Sprintf("1..%d digits and GS, 0x1d", maxDigits))
	}
	return length, end, nil
}

// fields splits the body of a record, without the FS at its end. It walks twice,
// to count before it allocates.
func (d *decoder) fields(index int, r *Record, body []byte) error {
	count, items := 0, 0
	for rest := body; ; {
		f, image, next, err := d.field(index, r, rest, r.Offset+len(body)-len(rest))
		if err != nil {
			return err
		}
		if image == nil {
			count++
			items += 1 + bytes.Count(f.Value, []byte{separatorRecord}) + bytes.Count(f.Value, []byte{separatorUnit})
		}
		if items > MaxItems || d.items+items > MaxAllItems {
			return templates.BadAt(r.Offset, templates.ReasonOversized, recordPath(index, r.Type, "fields and information items"),
				"are too many", fmt.Sprintf("<= %d in a record and %d in all", MaxItems, MaxAllItems))
		}
		if next == nil {
			break
		}
		rest = next
	}
	d.items += items
	r.Fields = make([]Field, 0, count)
	for rest := body; rest != nil; {
		f, image, next, err := d.field(index, r, rest, r.Offset+len(body)-len(rest))
		switch {
		case err != nil:
			return err
		case image != nil:
			r.Image = image
		default:
			r.Fields = append(r.Fields, f)
		}
		rest = next
	}
	if err := checkIDC(index, r); err != nil {
		return err
	}
	return checkRepeats(index, r)
}

// field reads one field from the front of rest and returns what follows its
// separator, nil after the last. Field 999 is returned as an image that is not nil.
func (d *decoder) field(index int, r *Record, rest []byte, offset int) (f Field, image, next []byte, err error) {
	t, size := parseTag(rest)
	if size <= 0 {
		return f, nil, nil, templates.BadAt(offset, templates.ReasonMalformed, recordPath(index, r.Type, "field"), "has no tag",
			fmt.Sprintf("a tag like %d.003: behind each GS", r.Type))
	}
	f = Field{Number: t.number, Digits: t.digits, Offset: offset}
	if t.recordType != r.Type {
		if d.allow&TolerateForeignTags == 0 {
			return f, nil, nil, templates.BadAt(offset, templates.ReasonMalformed, recordPath(index, r.Type, "tag's record type"), t.recordType, r.Type)
		}
		f.Foreign = t.recordType
		d.found |= TolerateForeignTags
	} else if t.number == fieldImage && hasImage(r.Type) {
		if t.digits != 3 {
			return f, nil, nil, templates.BadAt(offset, templates.ReasonMalformed, recordPath(index, r.Type, "tag of field 999"),
				fmt.Sprintf("has %d digits", t.digits), "3")
		}
		return f, rest[size:], nil, nil
	}
	value, next, more := bytes.Cut(rest[size:], []byte{separatorGroup})
	f.Value = value[:len(value):len(value)]
	if i := bytes.IndexByte(value, separatorFile); i >= 0 {
		return f, nil, nil, templates.BadAt(offset+size+i, templates.ReasonMalformed, r.path(index, &f, "separator FS"), "stands inside the record",
			"at its end by its length")
	}
	if more && len(next) == 0 {
		return f, nil, nil, templates.BadAt(offset+size+len(value), templates.ReasonMalformed, r.path(index, &f, "separator GS"), "stands before FS",
			"a field behind it")
	}
	return f, nil, next, nil
}

// checkIDC reads the IDC, the second field of every record but Type 1.
func checkIDC(index int, r *Record) error {
	if r.Type == 1 {
		return nil
	}
	if len(r.Fields) < 2 || r.Fields[1].Number != fieldIDC || r.Fields[1].Foreign != 0 {
		return templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(index, r.Type, "second field"), "is not the IDC",
			fmt.Sprintf("the tag %d.002:", r.Type))
	}
	idc, ok := decimal(r.Fields[1].Value, maxDigits)
	if !ok || idc > maxIDC {
		return templates.BadAt(r.Fields[1].Offset, templates.ReasonOutOfRange, recordPath(index, r.Type, "IDC"), "is not such a number", fmt.Sprintf("0..%d", maxIDC))
	}
	r.IDC = idc
	return nil
}

// maxIDC is the largest information designation character.
const maxIDC = 99

// checkRepeats refuses fields that stand in a record twice: two readers would
// take different ones. Type 2 may repeat what its receiver defines, and does in
// published transactions, but not its length and IDC. The order is free: the
// extended feature set is published out of order.
func checkRepeats(index int, r *Record) error {
	ascending, last := true, 0
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Foreign == 0 {
			ascending = ascending && f.Number > last
			last = f.Number
		}
	}
	if ascending {
		return nil
	}
	seen := make(map[int]struct{}, len(r.Fields))
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Foreign != 0 || r.Type == 2 && f.Number > fieldIDC {
			continue
		}
		if _, twice := seen[f.Number]; twice {
			return templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(index, f, ""), "stands there twice", "once")
		}
		seen[f.Number] = struct{}{}
	}
	return nil
}

// checkText checks the text of all tagged records against the character set that
// the transaction declares.
func checkText(t *Transaction) error {
	var check func([]byte) bool
	var reason templates.Reason
	var got, want string
	switch set := t.CharacterSet(); set {
	case CharacterSetUTF8:
		check, reason, got, want = utf8.Valid, templates.ReasonUTF8, "is not UTF-8", "what field 1.015 declares"
	case CharacterSetUTF16, CharacterSetUTF32:
		check, reason, got, want = plain, templates.ReasonUnsupported, "holds text in UTF-16 or UTF-32", "ASCII or UTF-8"
	default:
		return nil
	}
	for i := range t.Records {
		r := &t.Records[i]
		for j := range r.Fields {
			if f := &r.Fields[j]; !check(f.Value) {
				return templates.BadAt(f.Offset, reason, r.path(i, f, ""), got, want)
			}
		}
	}
	return nil
}

// plain tells whether text is ASCII without control characters other than the
// separators, white space, and STX and ETX, which switch character sets.
func plain(text []byte) bool {
	for _, c := range text {
		switch {
		case c >= 0x80, c < 0x20 && c != separatorRecord && c != separatorUnit && c != '\t' && c != '\n' && c != '\r' && c != 0x02 && c != 0x03:
			return false
		}
	}
	return true
}
