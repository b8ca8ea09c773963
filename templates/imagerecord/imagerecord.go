// Package imagerecord reads and writes the image records of ISO/IEC 19794: finger
// images (part 4) and face images (part 5), each in the editions of 2005 and 2011,
// one file per edition. A decoded record holds every field and is written back byte
// for byte; Views shows the images of all four in one shape.
//
// It refuses to decode pixels: a payload comes out as it is, with its format and
// with what the record says of it. It reads no iris records (part 6) and no records
// of ANSI INCITS 381 and 385, whose headers differ.
package imagerecord

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// Bounds of what is read. A card of ten fingers at 500 ppi without compression takes
// 10 MiB, four slaps at 1,000 ppi take 40 MiB and are sent compressed.
const (
	MaxRecord = 32 << 20 // bytes
	MaxViews  = 1024     // images in one record; the standards have 42 positions x 16
)

// MinPPI and MaxPPI bound the resolution of a finger image, in pixels per inch.
const (
	MinPPI = 72
	MaxPPI = 2000
)

const (
	magicFinger = "FIR\x00"
	magicFace   = "FAC\x00"

	versionFinger2005 = "010\x00"
	versionFinger2011 = "020\x00"
	versionFace2005   = "010\x00"
	versionFace2011   = "030\x00"

	prefixSize = 8
)

// Sniff tells the record's format by its first 8 bytes, FormatUnknown for anything
// else, e.g. iris records.
func Sniff(data []byte) templates.Format {
	for _, f := range [...]struct {
		prefix string
		format templates.Format
	}{
		{magicFinger + versionFinger2005, templates.FormatISO19794_4_2005},
		{magicFinger + versionFinger2011, templates.FormatISO19794_4_2011},
		{magicFace + versionFace2005, templates.FormatISO19794_5_2005},
		{magicFace + versionFace2011, templates.FormatISO19794_5_2011},
	} {
		if bytes.HasPrefix(data, []byte(f.prefix)) {
			return f.format
		}
	}
	return templates.FormatUnknown
}

// Record is one record of any of the four formats; the field of its Format is not
// nil, the others are.
type Record struct {
	Format     templates.Format
	Finger2005 *Finger2005
	Finger2011 *Finger2011
	Face2005   *Face2005
	Face2011   *Face2011
}

// Decode reads one record, whichever of the four it is. The record shares no memory
// with data.
//
// Errors are *templates.InputError with an offset: EMPTY, OVERSIZED (over MaxRecord),
// WRONG_MAGIC, WRONG_VERSION, TRUNCATED, TRAILING_BYTES, OUT_OF_RANGE, MALFORMED
// (lengths or counts that contradict each other), UNKNOWN_FINGER_POSITION,
// QUALITY_OUT_OF_RANGE, IMPOSSIBLE_RESOLUTION.
func Decode(data []byte) (*Record, error) {
	r := &Record{Format: Sniff(data)}
	var err error
	switch r.Format {
	case templates.FormatISO19794_4_2005:
		r.Finger2005, err = DecodeFinger2005(data)
	case templates.FormatISO19794_4_2011:
		r.Finger2011, err = DecodeFinger2011(data)
	case templates.FormatISO19794_5_2005:
		r.Face2005, err = DecodeFace2005(data)
	case templates.FormatISO19794_5_2011:
		r.Face2011, err = DecodeFace2011(data)
	default:
		err = unknown(data)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// unknown says why data are none of the four.
func unknown(data []byte) error {
	magics := []byte(magicFinger + magicFace)
	switch {
	case len(data) == 0:
		return templates.BadAt(0, templates.ReasonEmpty, "image record", "is empty", "a record")
	case len(data) < prefixSize:
		if len(data) < 4 || bytes.Equal(data[:4], magics[:4]) || bytes.Equal(data[:4], magics[4:]) {
			return templates.BadAt(0, templates.ReasonTruncated, "image record of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf(">= %d", prefixSize))
		}
	case bytes.Equal(data[:4], magics[:4]):
		return templates.BadAt(4, templates.ReasonWrongVersion, "finger image record: version", fmt.Sprintf("%q", data[4:8]), `"010\x00" or "020\x00"`)
	case bytes.Equal(data[:4], magics[4:]):
		return templates.BadAt(4, templates.ReasonWrongVersion, "face image record: version", fmt.Sprintf("%q", data[4:8]), `"010\x00" or "030\x00"`)
	}
	return templates.BadAt(0, templates.ReasonWrongMagic, "image record", "starts with other bytes", `"FIR\x00" or "FAC\x00"`)
}

// Encode is the bytes of the record: those it was decoded from, if it was not
// changed. The error is an *templates.InputError of the reasons of Decode, for
// values that do not fit their fields or that Decode would refuse.
func (r *Record) Encode() ([]byte, error) {
	c, err := r.content()
	if err != nil {
		return nil, err
	}
	return c.Encode()
}

// Views are the images in the order of the record. Payloads share the memory of the
// record.
//
// Errors are *templates.InputError with the offset of the payload in the record:
// MALFORMED where the payload is not of the format that its header names,
// WRONG_LENGTH for raw pixels of another count, NO_BIOMETRIC_DATA where a payload is
// empty.
func (r *Record) Views() ([]View, error) {
	c, err := r.content()
	if err != nil {
		return nil, err
	}
	return c.Views()
}

// Notes are contradictions in the record that hurt no image, in words, e.g. a
// reserved field that is not zero; nil when there are none.
func (r *Record) Notes() []string {
	c, err := r.content()
	if err != nil {
		return nil
	}
	return c.Notes()
}

// content is what the four kinds of record have in common.
type content interface {
	Encode() ([]byte, error)
	Views() ([]View, error)
	Notes() []string
}

func (r *Record) content() (content, error) {
	switch {
	case r.Format == templates.FormatISO19794_4_2005 && r.Finger2005 != nil:
		return r.Finger2005, nil
	case r.Format == templates.FormatISO19794_4_2011 && r.Finger2011 != nil:
		return r.Finger2011, nil
	case r.Format == templates.FormatISO19794_5_2005 && r.Face2005 != nil:
		return r.Face2005, nil
	case r.Format == templates.FormatISO19794_5_2011 && r.Face2011 != nil:
		return r.Face2011, nil
	}
	return nil, templates.Bad(templates.ReasonFormat, "image record: format", uint8(r.Format), "the one of its content")
}
