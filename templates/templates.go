// Package templates says what a biometric template is: modality, position,
// quality and provenance, and the two normal forms that everything above
// compares, minutiae (Finger) and face vectors (Face). It decodes exchange
// formats through one visible switch and writes the stored form. It refuses to
// compare, search, store or transport anything: those rooms are above it.
package templates

import "math"

// Modality is a biometric characteristic type (ISO/IEC 2382-37).
type Modality uint8

const (
	ModalityUnknown Modality = iota
	ModalityFace
	ModalityFinger
	// ModalityIris is kept and shown, never compared.
	ModalityIris
)

// String is the field's name of the modality, as used in errors and metrics.
func (m Modality) String() string {
	switch m {
	case ModalityFace:
		return "face"
	case ModalityFinger:
		return "finger"
	case ModalityIris:
		return "iris"
	}
	return "unknown"
}

// Position is a finger position code of ISO/IEC 19794-2:2005, table 2:
// 0 unknown, 1 right thumb ... 5 right little, 6 left thumb ... 10 left little.
type Position uint8

const (
	PositionUnknown Position = iota
	RightThumb
	RightIndex
	RightMiddle
	RightRing
	RightLittle
	LeftThumb
	LeftIndex
	LeftMiddle
	LeftRing
	LeftLittle
)

// Positions of images that show several fingers at once (slaps). A template is of
// one finger and never has one of these.
const (
	RightFour Position = 13
	LeftFour  Position = 14
	Thumbs    Position = 15
)

// Several tells whether the position is that of several fingers.
func (p Position) Several() bool { return p >= RightFour && p <= Thumbs }

// MinutiaType is the kind of a ridge event.
type MinutiaType uint8

const (
	MinutiaOther MinutiaType = iota
	MinutiaEnding
	MinutiaBifurcation
)

// Units of the normal form of minutiae. Integers, so that the stored form and
// the form in memory are the same numbers and a restart changes no score.
const (
	// UnitsPerPixel is the resolution of Minutia.X and Y: 1/16 pixel at 500 ppi.
	UnitsPerPixel = 16
	// NormalPPI is the resolution of the normal form.
	NormalPPI = 500
	// MaxMinutiae is the largest count one finger view may hold
	// (ISO/IEC 19794-2:2005 stores it in one byte).
	MaxMinutiae = 255
	// MaxPixels is the largest width or height at 500 ppi that the units can hold.
	MaxPixels = math.MaxUint16 / UnitsPerPixel
)

// QualityUnknown marks a quality that its source did not state.
const QualityUnknown = 255

// Minutia is one ridge ending or bifurcation in the normal form.
type Minutia struct {
	// X and Y are in 1/16 pixel at 500 ppi, origin upper left, x to the right, y down.
	X, Y uint16
	// Angle is in units of 2*pi/65536, counter-clockwise from the x axis as it is
	// drawn (y up), as in ISO/IEC 19794-2.
	Angle uint16
	Type  MinutiaType
	// Quality is 0-100, or QualityUnknown.
	Quality uint8
}

// Finger is the normal form of one finger view.
type Finger struct {
	Position Position
	// Width and Height of the image in pixels at 500 ppi, 1..MaxPixels.
	Width, Height uint16
	// Quality is 0-100, or QualityUnknown.
	Quality uint8
	// Minutiae holds 1..MaxMinutiae entries inside the image.
	Minutiae []Minutia
}

// Face is the normal form of a face embedding.
type Face struct {
	// Model identifies the network and its version. Vectors of different models
	// are never compared.
	Model string
	// Vector has 16..4096 dimensions, float32, Euclidean length 1.
	Vector []float32
}
