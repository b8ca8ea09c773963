package ansinist

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// maxRows bounds the subfields of a field that a view reads. The standard allows
// 45 qualities and fewer of everything else, and 255 minutiae have a normal form.
const maxRows = 512

// row is one subfield of a field that repeats, with what its errors name.
type row struct {
	record *Record
	index  int // of the record
	field  *Field
	number int // of the subfield, counted from 1
	items  [][]byte
}

// rows calls fn with each subfield of a field that is there and not empty; one
// with fewer than least items is MALFORMED. The row is good until fn returns.
func (r *Record) rows(index, number, least int, fn func(w *row) error) error {
	f := r.Field(number)
	if f == nil || len(f.Value) == 0 {
		return nil
	}
	if err := r.checkRows(index, f); err != nil {
		return err
	}
	w := row{record: r, index: index, field: f}
	for rest, more := f.Value, true; more; {
		var subfield []byte
		subfield, rest, more = bytes.Cut(rest, []byte{separatorRecord})
		w.number++
		w.items = w.items[:0]
		for unit := true; unit; {
			var item []byte
			item, subfield, unit = bytes.Cut(subfield, []byte{separatorUnit})
			w.items = append(w.items, item)
		}
		if len(w.items) < least {
			return w.bad(templates.ReasonMalformed, "items", len(w.items), fmt.Sprintf(">= %d", least))
		}
		if err := fn(&w); err != nil {
			return err
		}
	}
	return nil
}

func (r *Record) checkRows(index int, f *Field) error {
	if n := 1 + bytes.Count(f.Value, []byte{separatorRecord}); n > maxRows {
		return templates.BadAt(f.Offset, templates.ReasonOversized, r.path(index, f, "subfields"), n, fmt.Sprintf("<= %d", maxRows))
	}
	return nil
}

// bad is an error about a part of the row, e.g. "position", or all of it: "".
func (w *row) bad(reason templates.Reason, part string, got, want any) error {
	return templates.BadAt(w.field.Offset, reason, w.record.path(w.index, w.field, w.part(part)), got, want)
}

func (w *row) part(part string) string {
	if part == "" {
		return fmt.Sprintf("subfield %d", w.number)
	}
	return fmt.Sprintf("subfield %d: %s", w.number, part)
}

// integer is item i (from 0) within lo..hi.
func (w *row) integer(i int, part string, lo, hi int) (int, error) {
	n, ok := decimal(w.items[i], maxDigits)
	if ok && n >= lo && n <= hi {
		return n, nil
	}
	return 0, badNumber(w.field, w.record.path(w.index, w.field, w.part(part)), n, ok, lo, hi)
}
