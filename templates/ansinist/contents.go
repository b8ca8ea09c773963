package ansinist

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// Fields of the Type-1 record that this package reads.
const (
	fieldVersion  = 2  // VER
	fieldContents = 3  // CNT
	fieldNative   = 11 // NSR, pixels per mm
	fieldCharsets = 15 // DCS
)

// Versions of the standard, field 1.002: 0200 is 1993, 0201 its addendum of 1997,
// 0300 is 2000, 0400 is 2007, 0500 is 2011, 0501 is 2013, 0502 is 2015.
const (
	MinVersion = 200
	MaxVersion = 502
)

// announcement is one subfield of CNT.
type announcement struct {
	recordType, idc int
}

func checkVersion(r *Record) error {
	f := r.Field(fieldVersion)
	if f == nil {
		return templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(0, 1, "field 1.002"), "is missing", "the version of the standard")
	}
	want := fmt.Sprintf("%04d..%04d", MinVersion, MaxVersion)
	v, ok := decimal(f.Value, 4)
	switch {
	case !ok || len(f.Value) != 4:
		return templates.BadAt(f.Offset, templates.ReasonWrongVersion, r.path(0, f, ""), "is not a number of four digits", want)
	case v < MinVersion || v > MaxVersion:
		return templates.BadAt(f.Offset, templates.ReasonWrongVersion, r.path(0, f, ""), fmt.Sprintf("%04d", v), want)
	}
	return nil
}

// Version is the version of the standard that the transaction names in field
// 1.002, MinVersion..MaxVersion; 0 where it names none.
func (t *Transaction) Version() int {
	if len(t.Records) == 0 {
		return 0
	}
	v, _ := decimal([]byte(t.Records[0].text(fieldVersion)), 4)
	return v
}

// parseContents reads CNT: the subfield "1, number of the other records", then
// type and IDC of each.
func parseContents(r *Record) ([]announcement, error) {
	f := r.Field(fieldContents)
	if f == nil {
		return nil, templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(0, 1, "field 1.003"), "is missing", "the contents of the transaction")
	}
	bad := func(reason templates.Reason, part string, got, want any) error {
		return templates.BadAt(f.Offset, reason, r.path(0, f, part), got, want)
	}
	have := bytes.Count(f.Value, []byte{separatorRecord})
	if have >= MaxRecords {
		return nil, bad(templates.ReasonOversized, "subfields", have+1, fmt.Sprintf("<= %d", MaxRecords))
	}
	subfields := f.Subfields()
	own, stated, ok := pair(subfields[0])
	switch {
	case !ok:
		return nil, bad(templates.ReasonMalformed, "subfield 1", "is not two numbers", "1 and the number of other records")
	case own != 1:
		return nil, bad(templates.ReasonMalformed, "subfield 1: record type", own, 1)
	case stated != have:
		return nil, bad(templates.ReasonMalformed, "number of other records", stated, fmt.Sprintf("%d as listed", have))
	}
	contents := make([]announcement, have)
	for i, s := range subfields[1:] {
		recordType, idc, ok := pair(s)
		switch {
		case !ok:
			return nil, bad(templates.ReasonMalformed, fmt.Sprintf("subfield %d", i+2), "is not two numbers", "a record type and an IDC")
		case recordType < 2 || recordType > 99:
			return nil, bad(templates.ReasonOutOfRange, fmt.Sprintf("subfield %d: record type", i+2), recordType, "2..99")
		case idc > maxIDC:
			return nil, bad(templates.ReasonOutOfRange, fmt.Sprintf("subfield %d: IDC", i+2), idc, fmt.Sprintf("0..%d", maxIDC))
		}
		contents[i] = announcement{recordType, idc}
	}
	return contents, nil
}

// pair reads a subfield of two numbers.
func pair(subfield []byte) (a, b int, ok bool) {
	first, second, found := bytes.Cut(subfield, []byte{separatorUnit})
	a, okA := decimal(first, maxDigits)
	b, okB := decimal(second, maxDigits)
	return a, b, found && okA && okB
}

// CharacterSet is the index of a character set of field 1.015, DCS.
type CharacterSet int

// Character sets of the standard. The others up to 127 are reserved, from 128 on
// user-defined: their text is kept as bytes.
const (
	CharacterSetASCII  CharacterSet = 0
	CharacterSetLatin1 CharacterSet = 1
	CharacterSetUTF16  CharacterSet = 2
	CharacterSetUTF8   CharacterSet = 3
	CharacterSetUTF32  CharacterSet = 4
)

// CharacterSet is the last character set that the transaction declares;
// CharacterSetASCII where it declares none.
func (t *Transaction) CharacterSet() CharacterSet {
	set := CharacterSetASCII
	if len(t.Records) == 0 {
		return set
	}
	f := t.Records[0].Field(fieldCharsets)
	if f == nil {
		return set
	}
	for _, s := range f.Subfields() {
		if n, ok := decimal(Items(s)[0], 3); ok {
			set = CharacterSet(n)
		}
	}
	return set
}
