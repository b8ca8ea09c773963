// Package iso19794 reads and writes finger minutiae records of the ISO/IEC
// 19794 family, one file per version, and turns them into the normal form of
// package templates. It refuses to guess: what a record does not say clearly is
// an error, except for the deviations listed at Tolerance. It does not read
// images and does not compare.
package iso19794

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// Bounds of a record of ISO/IEC 19794-2:2005.
const (
	// MaxRecord is the largest record accepted, in bytes. Ten fingers with 255
	// minutiae each are 15 KiB; the rest is room for extended data.
	MaxRecord = 64 << 10
	// MaxViews is 16 views of each of 11 finger positions.
	MaxViews = 16 * 11
	// MinResolution and MaxResolution are what a finger can be captured with, in
	// pixels per cm: 250 ppi (the least the standard allows, 98.43, cut) to
	// 4,000 ppi.
	MinResolution = 98
	MaxResolution = 1576

	headerSize  = 24
	viewSize    = 4
	minutiaSize = 6
	lengthSize  = 2

	magic   = "FMR\x00"
	version = " 20\x00"
)

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

// Minutia is six bytes: type (2 bits) and x (14 bits), 2 reserved bits and y
// (14 bits), angle, quality.
type Minutia struct {
	// X and Y are in pixels, origin upper left, inside the image.
	X, Y uint16
	// Angle is in units of 360/256 degrees, counter-clockwise from the x axis.
	Angle uint8
	Type  templates.MinutiaType
	// Quality is 1..100, 0 not reported.
	Quality uint8
}

// Impression is how the finger was captured, 4 bits.
type Impression uint8

// The impression types of the standard; the other codes are reserved.
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
// WRONG_VERSION, and those of Validate.
func Decode(data []byte) (*Record, error) { return DecodeTolerant(data, 0) }

// DecodeTolerant reads a record and accepts the deviations in allow. Memory is
// bounded by the bytes at hand, not by what they claim.
func DecodeTolerant(data []byte, allow Tolerance) (*Record, error) {
	r, err := parse(data, allow)
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("decode finger minutiae record: %w", err)
	}
	return r, nil
}

func parse(data []byte, allow Tolerance) (*Record, error) {
	data, padding, err := frame(data, allow)
	if err != nil {
		return nil, err
	}
	if data[23] != 0 {
		return nil, templates.Bad(templates.ReasonReserved, "record header: reserved byte", data[23], 0)
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
	views := int(data[22])
	if err := checkViews(views); err != nil {
		return nil, err
	}
	rest := data[headerSize:]
	if need := views * (viewSize + lengthSize); len(rest) < need {
		return nil, templates.Bad(templates.ReasonTruncated, fmt.Sprintf("record of %d finger views with", views),
			fmt.Sprintf("%d bytes", len(rest)), fmt.Sprintf(">= %d", need))
	}
	r.Views = make([]View, views)
	for i := range r.Views {
		tolerant := allow&TolerateOverstatedExtension != 0 && i == views-1
		if rest, err = r.Views[i].parse(i, rest, tolerant); err != nil {
			return nil, err
		}
	}
	if len(rest) != 0 {
		return nil, templates.Bad(templates.ReasonTrailing, "record with", fmt.Sprintf("%d bytes after its last view", len(rest)), "none")
	}
	return r, nil
}

// frame checks the outside of a record and returns exactly its bytes, at least a
// header, and the count of zero bytes that follow it.
func frame(data []byte, allow Tolerance) ([]byte, int, error) {
	size := len(data)
	switch {
	case size == 0:
		return nil, 0, templates.Bad(templates.ReasonEmpty, "record", "is empty", fmt.Sprintf(">= %d bytes", headerSize))
	case size > MaxRecord:
		return nil, 0, templates.Bad(templates.ReasonOversized, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("<= %d", MaxRecord))
	case string(data[:min(size, 4)]) != magic[:min(size, 4)]:
		return nil, 0, templates.Bad(templates.ReasonWrongMagic, "record magic", fmt.Sprintf("%q", data[:min(size, 4)]), fmt.Sprintf("%q", magic))
	case size >= 8 && string(data[4:8]) != version:
		return nil, 0, templates.Bad(templates.ReasonWrongVersion, "record version", fmt.Sprintf("%q", data[4:8]), fmt.Sprintf("%q", version))
	case size < headerSize:
		return nil, 0, templates.Bad(templates.ReasonTruncated, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf(">= %d", headerSize))
	}
	stated := binary.BigEndian.Uint32(data[8:])
	switch {
	case stated < headerSize:
		return nil, 0, templates.Bad(templates.ReasonWrongLength, "record header: length", stated, fmt.Sprintf(">= %d", headerSize))
	case uint64(stated) > uint64(size):
		return nil, 0, templates.Bad(templates.ReasonTruncated, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d by its header", stated))
	}
	for _, b := range data[stated:] {
		if b != 0 || allow&TolerateZeroPadding == 0 {
			return nil, 0, templates.Bad(templates.ReasonTrailing, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d by its header", stated))
		}
	}
	return data[:stated], size - int(stated), nil
}

// parse reads view i from the front of data and returns what follows it.
func (v *View) parse(i int, data []byte, tolerant bool) ([]byte, error) {
	if len(data) < viewSize {
		return nil, templates.Bad(templates.ReasonTruncated, viewField(i, "header with"), fmt.Sprintf("%d bytes", len(data)), viewSize)
	}
	v.Position = templates.Position(data[0])
	v.Number, v.Impression = data[1]>>4, Impression(data[1]&0xf)
	v.Quality = data[2]
	n := int(data[3])
	data = data[viewSize:]
	if need := n*minutiaSize + lengthSize; len(data) < need {
		return nil, templates.Bad(templates.ReasonTruncated, viewField(i, fmt.Sprintf("%d minutiae with", n)),
			fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf(">= %d", need))
	}
	if n > 0 {
		v.Minutiae = make([]Minutia, n)
	}
	for j := range v.Minutiae {
		b := data[j*minutiaSize:]
		x, y := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if y>>14 != 0 {
			return nil, templates.Bad(templates.ReasonReserved, viewField(i, fmt.Sprintf("minutia %d: reserved bits", j+1)), y>>14, 0)
		}
		v.Minutiae[j] = Minutia{X: x & 0x3fff, Y: y, Type: templates.MinutiaType(x >> 14), Angle: b[4], Quality: b[5]}
	}
	data = data[n*minutiaSize:]
	extended := int(binary.BigEndian.Uint16(data))
	data = data[lengthSize:]
	if extended > len(data) {
		if !tolerant || extended != len(data)+1 {
			return nil, templates.Bad(templates.ReasonTruncated, viewField(i, "extended data with"), fmt.Sprintf("%d bytes", len(data)), extended)
		}
		extended, v.Overstated = len(data), 1
	}
	if extended > 0 {
		v.Extended = append([]byte(nil), data[:extended]...)
	}
	return data[extended:], nil
}

// AppendBinary appends the bytes of the record, after Validate. dst is returned
// unchanged with an error.
func (r *Record) AppendBinary(dst []byte) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return dst, fmt.Errorf("encode finger minutiae record: %w", err)
	}
	dst = append(dst, magic+version...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.size()-r.Padding))
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.Certification)<<12|r.Device)
	for _, x := range [...]uint16{r.Width, r.Height, r.ResolutionX, r.ResolutionY} {
		dst = binary.BigEndian.AppendUint16(dst, x)
	}
	dst = append(dst, byte(len(r.Views)), 0)
	for i := range r.Views {
		v := &r.Views[i]
		dst = append(dst, byte(v.Position), v.Number<<4|byte(v.Impression), v.Quality, byte(len(v.Minutiae)))
		for _, m := range v.Minutiae {
			dst = binary.BigEndian.AppendUint16(dst, uint16(m.Type)<<14|m.X)
			dst = binary.BigEndian.AppendUint16(dst, m.Y)
			dst = append(dst, m.Angle, m.Quality)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(v.Extended)+int(v.Overstated)))
		dst = append(dst, v.Extended...)
	}
	return append(dst, make([]byte, r.Padding)...), nil
}

// size is the length in bytes of the encoded record with its padding.
func (r *Record) size() int {
	n := headerSize + r.Padding
	for i := range r.Views {
		n += viewSize + len(r.Views[i].Minutiae)*minutiaSize + lengthSize + len(r.Views[i].Extended)
	}
	return n
}
