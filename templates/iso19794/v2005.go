// Package iso19794 reads and writes finger minutiae records and card formats of
// the ISO/IEC 19794 family, one file per version, and turns them into the normal
// form of package templates. It refuses to guess: what a record does not say
// clearly is an error, except for the deviations listed at Tolerance. It does not
// read images and does not compare.
package iso19794

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Bounds of a record of any version.
const (
	// MaxRecord is the largest record accepted, in bytes. Ten fingers with 255
	// minutiae each are 15 KiB; the rest is room for extended data.
	MaxRecord = fmr.MaxRecord
	// MaxViews is 16 views of each of 11 finger positions.
	MaxViews = fmr.MaxViews
	// MinResolution and MaxResolution are what a finger can be captured with, in
	// pixels per cm: 250 ppi (the least the standard allows, 98.43, cut) to
	// 4,000 ppi.
	MinResolution = fmr.MinResolution
	MaxResolution = fmr.MaxResolution
)

const (
	headerSize = 24
	viewSize   = 4
)

// codes2005 are the angles and qualities of the version of 2005.
func codes2005() fmr.Codes { return fmr.Codes{Angles: 256} }

// Record is the exchange form of ISO/IEC 19794-2:2005, clause 8: exact integers
// as they stand in the bytes. Big-endian:
//
//	 0  "FMR\0"
//	 4  " 20\0"
//	 8  u32  length of the record in bytes
//	12  u16  capture equipment: certification (4 bits), device type (12 bits)
//	14  u16  width of the image in pixels
//	16  u16  height
//	18  u16  horizontal resolution in pixels per cm
//	20  u16  vertical resolution
//	22  u8   number of finger views, 1..176
//	23  u8   reserved, 0
//	24       the views, one after the other
//
// Every record that Decode accepts is encoded back to the same bytes.
type Record struct {
	// Certification is 0..15, Device 0..4095 (0 not reported).
	Certification uint8
	Device        uint16
	// Width and Height are in pixels, at least 1.
	Width, Height uint16
	// ResolutionX and ResolutionY are in pixels per cm, MinResolution..MaxResolution.
	ResolutionX, ResolutionY uint16
	Views                    []View
	// Padding counts zero bytes after the record, see TolerateZeroPadding.
	Padding int
}

// View is one impression of one finger:
//
//	0  u8   finger position, 0..10
//	1  u8   view number (4 bits), impression type (4 bits)
//	2  u8   finger quality, 0..100
//	3  u8   N, number of minutiae
//	4       N minutiae of 6 bytes
//	   u16  E, length of the extended data, 0 for none
//	        E bytes of extended data
type View struct {
	Position templates.Position
	// Number counts views of one finger, 0..15. Two views with one number are
	// accepted: position 0 (unknown) is often used for several fingers.
	Number     uint8
	Impression Impression
	// Quality of the finger is 0..100.
	Quality uint8
	// Minutiae holds 0..255 entries. A view without minutiae is a valid record
	// of a failed extraction; Fingers refuses it.
	Minutiae []Minutia
	// Extended is the extended data (ridge counts, cores and deltas, zones,
	// vendors' own), kept and not interpreted.
	Extended []byte
	// Overstated counts bytes that the length of the extended data claims and the
	// record does not have, see TolerateOverstatedExtension.
	Overstated uint8
}

// Minutia is a minutia of any version: six bytes, type (2 bits) and x (14 bits),
// 2 reserved bits and y (14 bits), angle, quality. X and Y are in pixels, origin
// upper left, inside the image; Angle is in units of 360/256 degrees,
// counter-clockwise from the x axis; Quality is 1..100 and 0 for not reported in
// the version of 2005, and 0..100, QualityNotReported or QualityFailed in that of
// 2011, where a record may leave it out.
type Minutia = fmr.Minutia

// Impression is how the finger was captured, 4 bits in the version of 2005.
type Impression uint8

// The impression types of both versions; those of 2011 alone are in its file, and
// the other codes are reserved.
const (
	LivePlain     Impression = 0
	LiveRolled    Impression = 1
	NonlivePlain  Impression = 2
	NonliveRolled Impression = 3
	Swipe         Impression = 8
)

// Tolerance is a set of deviations from the standard that DecodeTolerant
// accepts. Each was seen in real records, changes no minutia, and is written
// back as it was found. Nothing else is tolerated.
type Tolerance uint8

const (
	// TolerateOverstatedExtension: the extended data of the last view claims one
	// byte more than the record, by its own length, has. Seen in a published
	// conformance sample that counts its core and delta block wrongly.
	TolerateOverstatedExtension Tolerance = 1 << iota
	// TolerateZeroPadding: zero bytes after the end of the record, as read from
	// memory slots of fixed size, up to MaxRecord in all.
	TolerateZeroPadding

	allTolerances = TolerateOverstatedExtension | TolerateZeroPadding
)

// Decode reads a record strictly. Errors wrap a *templates.InputError: EMPTY,
// OVERSIZED, TRUNCATED, TRAILING_BYTES, WRONG_LENGTH, WRONG_MAGIC,
// WRONG_VERSION, and those of Validate; all tell the byte they stand at.
func Decode(data []byte) (*Record, error) { return DecodeTolerant(data, 0) }

// DecodeTolerant reads a record and accepts the deviations in allow. Memory is
// bounded by the bytes at hand, not by what they claim.
func DecodeTolerant(data []byte, allow Tolerance) (*Record, error) {
	r, err := parse(data, allow)
	if err == nil {
		err = r.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("decode finger minutiae record: %w", err)
	}
	return r, nil
}

func parse(data []byte, allow Tolerance) (*Record, error) {
	if err := fmr.CheckFront(data, fmr.Version20, headerSize); err != nil {
		return nil, err
	}
	stated := binary.BigEndian.Uint32(data[8:])
	if err := fmr.CheckStated(data, stated, 8, headerSize); err != nil {
		return nil, err
	}
	padding, err := fmr.CheckTail(data, int(stated), allow&TolerateZeroPadding != 0)
	if err != nil {
		return nil, err
	}
	data = data[:stated]
	if data[23] != 0 {
		return nil, templates.BadAt(23, templates.ReasonReserved, "record header: reserved byte", data[23], 0)
	}
	equipment := binary.BigEndian.Uint16(data[12:])
	r := &Record{
		Certification: uint8(equipment >> 12),
		Device:        equipment & 0xfff,
		Width:         binary.BigEndian.Uint16(data[14:]),
		Height:        binary.BigEndian.Uint16(data[16:]),
		ResolutionX:   binary.BigEndian.Uint16(data[18:]),
		ResolutionY:   binary.BigEndian.Uint16(data[20:]),
		Padding:       padding,
	}
	views, off := int(data[22]), headerSize
	if err := fmr.CheckCount(views, 22, whatViews); err != nil {
		return nil, err
	}
	if err := fmr.CheckRoom(data, off, views, viewSize+fmr.ViewLeast, whatViews); err != nil {
		return nil, err
	}
	r.Views = make([]View, views)
	for i := range r.Views {
		tolerant := allow&TolerateOverstatedExtension != 0 && i == views-1
		if off, err = r.Views[i].parse(data, off, view(i), tolerant); err != nil {
			return nil, err
		}
	}
	return r, fmr.CheckEnd(data, off, "view")
}

// parse reads a view from byte off and returns the byte that follows it.
func (v *View) parse(data []byte, off int, path fmr.Path, tolerant bool) (int, error) {
	if len(data)-off < viewSize {
		return 0, templates.BadAt(off, templates.ReasonTruncated, path.At("header with"), fmt.Sprintf("%d bytes", len(data)-off), viewSize)
	}
	b := data[off:]
	v.Position = templates.Position(b[0])
	v.Number, v.Impression = b[1]>>4, Impression(b[1]&0xf)
	v.Quality = b[2]
	var err error
	if v.Minutiae, off, err = fmr.Minutiae(data, off+viewSize, int(b[3]), fmr.LongMinutia, path); err != nil {
		return 0, err
	}
	v.Extended, v.Overstated, off, err = fmr.Extended(data, off, path, tolerant)
	return off, err
}

// Encode is the bytes of the record, after Validate.
func (r *Record) Encode() ([]byte, error) { return r.AppendBinary(nil) }

// AppendBinary appends the bytes of the record, after Validate. dst is returned
// unchanged with an error.
func (r *Record) AppendBinary(dst []byte) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return dst, fmt.Errorf("encode finger minutiae record: %w", err)
	}
	dst = append(dst, fmr.Magic+fmr.Version20...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.size()-r.Padding))
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.Certification)<<12|r.Device)
	for _, x := range [...]uint16{r.Width, r.Height, r.ResolutionX, r.ResolutionY} {
		dst = binary.BigEndian.AppendUint16(dst, x)
	}
	dst = append(dst, byte(len(r.Views)), 0)
	for i := range r.Views {
		v := &r.Views[i]
		dst = append(dst, byte(v.Position), v.Number<<4|byte(v.Impression), v.Quality, byte(len(v.Minutiae)))
		dst = fmr.AppendMinutiae(dst, v.Minutiae, fmr.LongMinutia)
		dst = fmr.AppendExtended(dst, v.Extended, len(v.Extended)+int(v.Overstated))
	}
	return append(dst, make([]byte, r.Padding)...), nil
}

// size is the length in bytes of the encoded record with its padding.
func (r *Record) size() int {
	n := headerSize + r.Padding
	for i := range r.Views {
		n += r.Views[i].size()
	}
	return n
}

func (v *View) size() int {
	return viewSize + len(v.Minutiae)*fmr.LongMinutia + fmr.ViewLeast + len(v.Extended)
}

// whatViews is what the views of a record are called in errors.
const whatViews = "finger views"

// view is the path of a part of view i in an error.
func view(i int) fmr.Path { return fmr.Path{Kind: "finger view", Index: i} }

// header is the path of a part of the header.
func header() fmr.Path { return fmr.Path{Kind: "record header", Index: fmr.Header} }
