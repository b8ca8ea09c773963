// Package ansinist reads and writes transactions of ANSI/NIST-ITL in the
// traditional encoding (.an2, .an2k, .eft), versions 0200 (1993) to 0502 (2015),
// tells what samples lie inside, and turns the minutiae of Type-9 records into
// the normal form of package templates. It refuses to guess: what a transaction
// does not say clearly is an error, except for the deviations listed at
// Tolerance. It does not decode images, does not read the XML encoding, and does
// not interpret the descriptive text of Type-2 records, whose fields each
// receiving agency defines for itself.
package ansinist

import (
	"fmt"

	"immis/templates"
)

// Bounds of a transaction.
const (
	// MaxTransaction is the largest transaction accepted, in bytes. Fourteen
	// uncompressed images of a card at 500 ppi are 10 MiB, the same at 1,000 ppi 40.
	MaxTransaction = 64 << 20
	// MaxRecords is the largest number of records, the Type-1 record included.
	MaxRecords = 1000
	// MaxItems is the largest number of fields, subfields and information items
	// of one record, taken together.
	MaxItems = 100_000
	// MaxAllItems is the same for all records together.
	MaxAllItems = 1_000_000
)

// The separators of the traditional encoding (ANSI/NIST-ITL 1-2011, annex B).
const (
	separatorFile   = 0x1c // FS: end of a record
	separatorGroup  = 0x1d // GS: between fields
	separatorRecord = 0x1e // RS: between subfields
	separatorUnit   = 0x1f // US: between information items
)

// Numbers of the fields that every tagged record has.
const (
	fieldLength = 1   // LEN
	fieldIDC    = 2   // IDC, in Type 1 the version
	fieldImage  = 999 // image or other binary data, always last
)

// Transaction is one ANSI/NIST-ITL transaction: a Type-1 record that announces
// the others (field 1.003, CNT) and the others in that order.
//
// Every transaction that Decode accepts is encoded back to the same bytes. The
// results of Decode share the memory of their input.
type Transaction struct {
	// Records holds 1..MaxRecords records, the first of Type 1.
	Records []Record
	// Deviations are the deviations from the standard that the transaction holds
	// and that Encode therefore accepts.
	Deviations Tolerance
}

// Record is one logical record, in one of three shapes:
//
//	tagged   "T.001:LEN" GS "T.002:IDC" GS ... [GS "T.999:" image] FS
//	types 3-6, 8
//	         u32 LEN, u8 IDC, a header of fixed size, image
//	type 7   u32 LEN, u8 IDC, bytes of no agreed form
//
// LEN counts the bytes of the record including itself; integers are big-endian.
type Record struct {
	// Type is 1..99.
	Type int
	// IDC, the information designation character, links records about one
	// characteristic; 0..99, and 0 for a Type-1 record, which has none.
	IDC int
	// Fields are those of a tagged record in their order, LEN and IDC included,
	// field 999 of types 10 and above excluded.
	Fields []Field
	// Header is the header of a record of types 3-6 and 8, else nil.
	Header *Header
	// Image is the image of a binary record, or field 999 of a tagged record of
	// types 10 and above; nil where there is none.
	Image []byte
	// Offset is where the record starts in what was decoded, in bytes.
	Offset int
}

// Header is what a binary record says of its image. Type 8 has only Width,
// Height, Scan, Signature and Representation; types 3-6 have all but the last two.
type Header struct {
	// Impression is the impression type, IMP, and Positions the friction ridge
	// position codes, FGP; 255 fills unused places.
	Impression uint8
	Positions  [6]uint8
	// Scan is ISR: 0 the least resolution of the standard, 1 the native one of the
	// scanner (1.011); half of each in types 3 and 5.
	Scan uint8
	// Width and Height are HLL and VLL, in pixels.
	Width, Height uint16
	// Compression is GCA or BCA, see Sample.Compression.
	Compression uint8
	// Signature is SIG: 0 of the subject, 1 of the official.
	Signature uint8
	// Representation is SRT: 0 pixels, 1 compressed pixels, 2 vectors.
	Representation uint8
}

// Field is one tagged field, "T.NNN:value".
type Field struct {
	// Number is 1..999,999,999.
	Number int
	// Digits is with how many digits the number is written, 1..9; 0 stands for 3.
	// Versions before 2000 often use 2.
	Digits int
	// Foreign is the record type that the tag names where that is not the type of
	// the record (TolerateForeignTags), else 0.
	Foreign int
	// Value is what follows the colon: subfields separated by RS, of information
	// items separated by US.
	Value []byte
	// Offset is where the field starts in what was decoded, in bytes, or
	// templates.NoOffset.
	Offset int
}

// Tolerance is a set of deviations from the standard that DecodeTolerant
// accepts. Each was seen in published reference transactions and is written back
// as it was found. Nothing else is tolerated.
type Tolerance uint8

const (
	// TolerateIDC: a record has another IDC than the contents field 1.003 says. The
	// record's own is taken.
	TolerateIDC Tolerance = 1 << iota
	// TolerateForeignTags: a field's tag names another record type than that of the
	// record it stands in. The field is kept and no view looks at it.
	TolerateForeignTags

	allTolerances = TolerateIDC | TolerateForeignTags
)

// shape is how the records of a type are laid out.
type shape uint8

const (
	shapeTagged  shape = iota
	shapeImage         // types 3-6
	shapeOpaque        // type 7
	shapeDrawing       // type 8
)

func shapeOf(recordType int) shape {
	switch recordType {
	case 3, 4, 5, 6:
		return shapeImage
	case 7:
		return shapeOpaque
	case 8:
		return shapeDrawing
	}
	return shapeTagged
}

// hasImage tells whether field 999 of a tagged record is binary. Records of types
// 1, 2 and 9 are text throughout.
func hasImage(recordType int) bool { return recordType >= 10 }

// NewRecord makes a record with what every record has: for tagged types the
// fields LEN and IDC, for Type 1 LEN, VER (the newest version) and CNT, for types
// 3-6 and 8 an empty header. Encode fills in LEN and CNT.
func NewRecord(recordType, idc int) Record {
	r := Record{Type: recordType, IDC: idc, Offset: templates.NoOffset}
	switch shapeOf(recordType) {
	case shapeTagged:
		r.Set(fieldLength, "")
		if recordType == 1 {
			r.Set(fieldVersion, fmt.Sprintf("%04d", MaxVersion))
			r.Set(fieldContents, "")
		} else {
			r.Set(fieldIDC, fmt.Sprintf("%02d", idc))
		}
	case shapeImage:
		r.Header = &Header{Positions: [6]uint8{255, 255, 255, 255, 255, 255}}
	case shapeDrawing:
		r.Header = &Header{}
	}
	return r
}

// Set appends a field, or replaces the value of the first field of that number.
func (r *Record) Set(number int, value string) {
	if f := r.Field(number); f != nil {
		f.Value = []byte(value)
		return
	}
	r.Fields = append(r.Fields, Field{Number: number, Value: []byte(value), Offset: templates.NoOffset})
}

// Field is the first field of a number, nil when there is none.
func (r *Record) Field(number int) *Field {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Number == number && f.Foreign == 0 {
			return f
		}
	}
	return nil
}
