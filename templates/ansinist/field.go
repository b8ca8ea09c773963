package ansinist

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// Subfields are the parts of the value between record separators; an empty value
// is one empty subfield. They share the memory of the value.
func (f *Field) Subfields() [][]byte {
	return bytes.Split(f.Value, []byte{separatorRecord})
}

// Items are the information items of one subfield. They share its memory.
func Items(subfield []byte) [][]byte {
	return bytes.Split(subfield, []byte{separatorUnit})
}

// Join is the inverse of Subfields and Items: the value of a field.
func Join(subfields ...[]string) string {
	var b []byte
	for i, items := range subfields {
		if i > 0 {
			b = append(b, separatorRecord)
		}
		for j, item := range items {
			if j > 0 {
				b = append(b, separatorUnit)
			}
			b = append(b, item...)
		}
	}
	return string(b)
}

// item is information item i (from 0) of the first subfield, "" where there is none.
func (f *Field) item(i int) string {
	if f == nil {
		return ""
	}
	first, _, _ := bytes.Cut(f.Value, []byte{separatorRecord})
	for ; i > 0; i-- {
		var found bool
		if _, first, found = bytes.Cut(first, []byte{separatorUnit}); !found {
			return ""
		}
	}
	first, _, _ = bytes.Cut(first, []byte{separatorUnit})
	return string(first)
}

// text is the first item of a field's first subfield, "" where there is none.
func (r *Record) text(number int) string { return r.Field(number).item(0) }

// decimal reads 1..max digits and nothing else.
func decimal(text []byte, maxDigits int) (int, bool) {
	if len(text) < 1 || len(text) > maxDigits {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// maxDigits bounds numbers in fields: no quantity of the standard needs more.
const maxDigits = 9

// integer is the number in the first item of a field within lo..hi. A field that
// is absent or empty gives lo-1 and no error.
func (r *Record) integer(index, number, lo, hi int) (int, error) {
	f := r.Field(number)
	if f == nil || f.item(0) == "" {
		return lo - 1, nil
	}
	return r.number(index, f, []byte(f.item(0)), "", lo, hi)
}

// number reads an item of a field; part names it in errors, which tell the value
// only where it is a number.
func (r *Record) number(index int, f *Field, text []byte, part string, lo, hi int) (int, error) {
	n, ok := decimal(text, maxDigits)
	if ok && n >= lo && n <= hi {
		return n, nil
	}
	return 0, badNumber(f, r.path(index, f, part), n, ok, lo, hi)
}

func badNumber(f *Field, path string, n int, ok bool, lo, hi int) error {
	want := fmt.Sprintf("%d..%d", lo, hi)
	if !ok {
		return templates.BadAt(f.Offset, templates.ReasonMalformed, path, "is not a number", want)
	}
	return templates.BadAt(f.Offset, templates.ReasonOutOfRange, path, n, want)
}

// path names a field in errors; index is that of the record, counted from 0.
func (r *Record) path(index int, f *Field, part string) string {
	if part != "" {
		part = ": " + part
	}
	return recordPath(index, r.Type, fmt.Sprintf("field %d.%03d%s", r.Type, f.Number, part))
}

func recordPath(index, recordType int, part string) string {
	return fmt.Sprintf("record %d (type %d): %s", index+1, recordType, part)
}
