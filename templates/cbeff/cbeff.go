// Package cbeff reads and writes documents of biometric information records (BIR) in
// XML: the patron format of ISO/IEC 19785-3 in the shape that MOSIP gives it, and its
// older sister of OASIS BIAS. A document is checked against its schema by the code
// below, element by element; Samples says what its data blocks are.
//
// Data blocks (BDB) are told apart by BDBInfo/Format. Organization 257 (the number of
// ISO/IEC JTC 1/SC 37 in the register) or "Mosip":
//
//	Type 2  finger minutiae record, ISO/IEC 19794-2 or ANSI INCITS 378
//	Type 7  finger image record, ISO/IEC 19794-4
//	Type 8  face image record, ISO/IEC 19794-5
//	Type 9  iris image record, ISO/IEC 19794-6: kept, not read
//
// Organization "IMMIS" is ours: Type "face-float32", "face-float16" or "face-int8" is
// a bare face vector (package templates, VectorEncoding) in a BIR of Type Face. The
// model of the vector stands in the others of its BIR:
//
//	<others><entry key="MODEL">vendor/net:3</entry></others>
//
// The others of MOSIP that are looked at: EXCEPTION = true says that the finger, face
// or iris could not be captured; its block is empty. All others are kept.
//
// The package refuses documents with entities, a document type or another encoding
// than UTF-8, and anything that grows when it is read. It does not check signatures
// (SB): they are kept. It reads no data block beyond its first bytes.
package cbeff

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"unicode/utf8"

	"immis/templates"
)

// Bounds of a document.
const (
	// MaxDocument is the largest document in bytes, MaxDecoded what all its base64
	// may come to.
	MaxDocument = 48 << 20
	MaxDecoded  = 32 << 20
	MaxBIRs     = 256
	// MaxDepth is how deep elements may nest, the root included.
	MaxDepth      = 16
	MaxAttributes = 64
	// MaxText is the largest text of one element that is not base64, in bytes;
	// MaxEntries bounds the others of one BIR.
	MaxText    = 64 << 10
	MaxEntries = 256

	maxTag  = 8 << 10 // bytes of one tag
	maxTags = 1 << 17 // tags, comments and CDATA sections in a document
)

// Dialect is one of the two schemas.
type Dialect uint8

const (
	// DialectISO is ISO/IEC 19785-3 edition 2 as MOSIP extends it by others.
	DialectISO Dialect = iota
	// DialectBIAS is the patron format of OASIS BIAS 1.0: formats are two numbers,
	// the quality is one.
	DialectBIAS
)

// Namespace is the name space of the dialect's elements.
func (d Dialect) Namespace() string {
	if d == DialectBIAS {
		return "http://docs.oasis-open.org/bias/ns/biaspatronformat-1.0/"
	}
	return "http://standards.iso.org/iso-iec/19785/-3/ed-2/"
}

// Document is one XML document.
type Document struct {
	Dialect Dialect
	Root    BIR
}

// BIR is a biometric information record; it may hold further ones.
type BIR struct {
	Version, CBEFFVersion *Version
	Info                  BIRInfo
	BDBInfo               *BDBInfo
	SBInfo                *SBInfo
	BIRs                  []BIR
	// BDB is the biometric data block, SB the security block, decoded from base64;
	// nil: no such element, empty: an empty element.
	BDB, SB []byte
	// Others holds the entries of all others elements in their order.
	Others []Entry

	at, infoAt, bdbAt int // offsets of elements plus 1, 0 for none
}

// Other is the first entry of a key, "" where there is none.
func (b *BIR) Other(key string) string {
	for _, e := range b.Others {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// Entry is a key with its value.
type Entry struct{ Key, Value string }

// Version is a version of the patron format or of CBEFF.
type Version struct{ Major, Minor uint32 }

// BIRInfo is what is said of a BIR as a whole. Empty texts and nil are left out.
type BIRInfo struct {
	Creator string
	Index   string // a UUID
	Payload []byte
	// Integrity: the security block protects the integrity of the BIR.
	Integrity                                   bool
	CreationDate, NotValidBefore, NotValidAfter DateTime
}

// BDBInfo is what is said of a data block. Empty texts, lists and nil are left out.
type BDBInfo struct {
	ChallengeResponse []byte
	Index             string // a UUID
	Format            *Registry
	// Encryption is nil where it is not stated.
	Encryption                                  *bool
	CreationDate, NotValidBefore, NotValidAfter DateTime
	// Types are biometric types: Face, Finger, Iris, ExceptionPhoto and others of the
	// schema. Subtypes are Left, Right, Thumb, IndexFinger and others.
	Types, Subtypes []string
	// Level is Raw, Intermediate or Processed.
	Level   string
	Product *Registry
	// The next four are of DialectISO only.
	CaptureDevice, FeatureExtractionAlgorithm, ComparisonAlgorithm, CompressionAlgorithm *Registry
	// Purpose is Verify, Identify, Enroll, EnrollVerify, EnrollIdentify or Audit.
	Purpose string
	Quality *Quality
}

// SBInfo is what is said of a security block.
type SBInfo struct{ Format *Registry }

// Registry is an identifier: an organization and a type that is unique in it. In
// DialectBIAS both are numbers, either may be missing.
type Registry struct{ Organization, Type string }

// Quality is the quality of a data block.
type Quality struct {
	// Algorithm is of DialectISO only.
	Algorithm Registry
	// Score is 0..100; ScoreFailed: it could not be computed; ScoreUnsupported, of
	// DialectBIAS only: nobody computes it.
	Score int
	// Failed is why there is no score, of DialectISO with ScoreFailed only.
	Failed string
}

// Scores that are none.
const (
	ScoreFailed      = -1
	ScoreUnsupported = -2
)

const bom = "\xef\xbb\xbf"

// Decode reads a document, which must fill data. Data blocks are not looked at; see
// Samples. The document shares no memory with data.
//
// Errors are *templates.InputError with an offset: EMPTY, OVERSIZED (a bound above),
// INVALID_UTF8, TRUNCATED, TRAILING_BYTES (anything behind the root element),
// MALFORMED (not XML, not of the schema, not base64), OUT_OF_RANGE (a value that its
// type does not have).
func Decode(data []byte) (*Document, error) {
	switch {
	case len(data) == 0:
		return nil, templates.BadAt(0, templates.ReasonEmpty, "document", "is empty", "an XML document")
	case len(data) > MaxDocument:
		return nil, templates.BadAt(0, templates.ReasonOversized, "document of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxDocument))
	}
	if !utf8.Valid(data) {
		return nil, templates.BadAt(invalid(data), templates.ReasonUTF8, "document", "is not UTF-8", "UTF-8")
	}
	text := bytes.TrimPrefix(data, []byte(bom))
	p := &parser{data: text, base: len(data) - len(text)}
	if err := p.scan(); err != nil {
		return nil, err
	}
	p.d = xml.NewDecoder(&elided{data: text, gaps: p.gaps})
	return p.document()
}

// invalid is the offset of the first byte that is not UTF-8.
func invalid(data []byte) int {
	at := 0
	for at < len(data) {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

// Sniff tells whether data begin like a document: FormatCBEFF if the first element is
// a BIR of one of the dialects, FormatUnknown if not. It looks at 4,096 bytes.
func Sniff(data []byte) templates.Format {
	text := bytes.TrimPrefix(data[:min(len(data), 4096)], []byte(bom))
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		t, err := d.Token()
		if err != nil {
			return templates.FormatUnknown
		}
		if s, ok := t.(xml.StartElement); ok {
			if s.Name.Local == "BIR" && (s.Name.Space == DialectISO.Namespace() || s.Name.Space == DialectBIAS.Namespace()) {
				return templates.FormatCBEFF
			}
			return templates.FormatUnknown
		}
	}
}
