package imagerecord

import (
	"bytes"
	"fmt"
	"time"

	"immis/templates"
)

// View is one image of a record, in the shape common to all four formats. Fields
// that a format does not have are zero.
type View struct {
	Modality templates.Modality
	// Position is the finger (0..10), or several fingers of one hand or both thumbs
	// (13..15); PositionUnknown for palms, faces and other combinations.
	Position templates.Position
	// PositionCode is the position as the record has it: also 20..36 (palms), 40..50
	// (two or three fingers), and 11 and 12 (plain thumbs), which are ANSI/NIST's but
	// found.
	PositionCode uint8
	// Number counts the images of one position, as the record counts them.
	Number uint8
	// Impression of a finger: 0 live plain, 1 live rolled, 2 and 3 the same from paper,
	// 4..7 latent, 8 swipe, 10..15 palms, 24 contactless, 28 other, 29 unknown; 2005 has
	// 9 for contactless. ImageType of a face: 0 basic, 1 full frontal, 2 token, 3
	// post-processed (2011) or other (2005); with bit 0x80 three-dimensional.
	Impression, ImageType uint8
	// Format is that of the payload; FormatUnknown: pixels without compression, gray,
	// line after line from the upper left.
	Format templates.Format
	// Payload is the image. It shares the memory of the record.
	Payload []byte
	// Offset is where the payload starts in the record.
	Offset int
	// Lossless: the record calls its compression lossless. JPEG 2000 only; nothing
	// in the payload was looked at.
	Lossless bool
	// Packed: pixels without compression stand in BitDepth bits each, not in bytes.
	Packed bool
	// BitDepth is in bits per pixel as the record says; 0 for faces.
	BitDepth uint8
	// Width and Height are in pixels as the record says. Whether the payload says the
	// same shows when it is decoded; the caller compares.
	Width, Height int
	// PPIX and PPIY are the resolution of the image in pixels per inch, converted
	// where the record counts per centimetre; 0 for faces, whose records state none.
	PPIX, PPIY float64
	// Quality holds the stated qualities, empty where there are none.
	Quality []Quality
	// Captured is when the image was taken, in UTC; zero when the record does not say.
	Captured time.Time
	// Device names the capture device by its numbers; empty when the record does not.
	Device string
	// Landmarks are the feature points of a face.
	Landmarks []Landmark
	// Extended holds segmentation, annotation, comment and others of a finger.
	Extended []Block
}

// Quality is one quality block (ISO/IEC 19794-1:2011, 12.3.6).
type Quality struct {
	// Score is 0..100; QualityFailed: an attempt to compute it failed.
	Score uint8
	// Vendor and Algorithm are registered with IBIA; 0 is unknown.
	Vendor, Algorithm uint16
}

// QualityFailed is the score of a quality that could not be computed.
const QualityFailed = 255

// Block is an extended data block of a finger image (ISO/IEC 19794-4:2011, 8.4).
type Block struct {
	// Type is BlockSegmentation, BlockAnnotation, BlockComment or a vendor's.
	Type uint16
	// Data follows the header of 4 bytes. It is kept as it is: writers differ in
	// what a segmentation block holds.
	Data []byte
}

// Types of extended data blocks.
const (
	BlockSegmentation = 1
	BlockAnnotation   = 2
	BlockComment      = 3
)

// Landmark is a feature point of a face (ISO/IEC 19794-5, feature point block).
type Landmark struct {
	// Type is 1 for a point of MPEG-4, 2 for an anthropometric one; Code names the
	// point: major and minor number in four bits each.
	Type, Code uint8
	// X and Y are in pixels from the upper left.
	X, Y uint16
	// Z is reserved in 2005 and of three-dimensional points in 2011.
	Z uint16
}

const landmarkSize = 8

// SingleFinger tells whether the image shows at most one finger: only such images
// give templates with a position.
func (v *View) SingleFinger() bool {
	return v.Modality == templates.ModalityFinger && v.PositionCode <= plainLeftThumb
}

// Position codes beyond those of templates.Position (ISO/IEC 19794-4:2011, tables 7
// and 8).
const (
	plainRightThumb = 11
	plainLeftThumb  = 12
	lastSlap        = 15
	firstPalm       = 20
	lastPalm        = 36
	firstGroup      = 40 // two or three fingers
	lastGroup       = 50
)

func knownPosition(code uint8) bool {
	return code <= lastSlap || code >= firstPalm && code <= lastPalm || code >= firstGroup && code <= lastGroup
}

const wantPosition = "0..15, 20..36 or 40..50"

// position is the code in the vocabulary of templates.
func position(code uint8) templates.Position {
	switch {
	case code == plainRightThumb:
		return templates.RightThumb
	case code == plainLeftThumb:
		return templates.LeftThumb
	case code <= lastSlap:
		return templates.Position(code)
	}
	return templates.PositionUnknown
}

// knownImpression covers the tables of both editions.
func knownImpression(code uint8) bool { return code <= 15 || code >= 20 && code <= 29 }

const wantImpression = "0..15 or 20..29"

// payloadFormat is the format by the payload's signature, FormatUnknown for none.
func payloadFormat(payload []byte) templates.Format {
	for _, s := range [...]struct {
		signature string
		format    templates.Format
	}{
		{"\xff\xa0\xff", templates.FormatWSQ},
		{"\xff\xd8\xff", templates.FormatJPEG},
		{"\x00\x00\x00\x0cjP  \r\n\x87\n", templates.FormatJP2}, // the file format
		{"\xff\x4f\xff\x51", templates.FormatJP2},               // its bare codestream
		{"\x89PNG\r\n\x1a\n", templates.FormatPNG},
	} {
		if bytes.HasPrefix(payload, []byte(s.signature)) {
			return s.format
		}
	}
	return templates.FormatUnknown
}

// checkPayload compares the payload with what the record says of it.
func (v *View) checkPayload(field string) error {
	if len(v.Payload) == 0 {
		return templates.BadAt(v.Offset, templates.ReasonNoBiometric, field+": image", "is empty", "an image")
	}
	if v.Format != templates.FormatUnknown {
		if got := payloadFormat(v.Payload); got != v.Format {
			text := "bytes without a known signature"
			if got != templates.FormatUnknown {
				text = got.String()
			}
			return templates.BadAt(v.Offset, templates.ReasonMalformed, field+": image of", text, v.Format.String()+" as the header says")
		}
		return nil
	}
	pixels := v.Width * v.Height
	want := []int{pixels * (int(v.BitDepth+7) / 8)}
	if v.Packed { // the standards leave open whether lines start at a byte
		want = []int{(pixels*int(v.BitDepth) + 7) / 8, (v.Width*int(v.BitDepth) + 7) / 8 * v.Height}
	}
	for _, n := range want {
		if len(v.Payload) == n {
			return nil
		}
	}
	return templates.BadAt(v.Offset, templates.ReasonWrongLength, field+": pixels of", fmt.Sprintf("%d bytes", len(v.Payload)), want[0])
}
