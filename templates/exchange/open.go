package exchange

import (
	"time"

	"immis/templates"
)

// Part is one sample found in a container, with what the container says about it.
type Part struct {
	// Where names the part for people, e.g. "BIR 2" or "record 3 of type 14".
	Where    string
	Modality templates.Modality
	// Position is PositionUnknown for faces and where the container does not tell;
	// for images also that of several fingers.
	Position templates.Position
	Format   templates.Format
	// Data may share memory with the container.
	Data []byte
	// Model of a face vector.
	Model string
	// Quality is 0-100, or templates.QualityUnknown.
	Quality          uint8
	QualityAlgorithm string
	Device           string
	// Captured is zero where the container does not tell.
	Captured time.Time
	// Resolution is in pixels per inch; 0: what Data says.
	Resolution float64
}

// Reasons why a finger is missing; the numbers are those of the API.
const (
	MissingAmputated uint8 = 1
	MissingUnable    uint8 = 2
)

// Missing is a finger that the container says could not be captured.
type Missing struct {
	Position templates.Position
	Reason   uint8
}

// Contents is what a container holds, in its order.
type Contents struct {
	Parts   []Part
	Missing []Missing
}

// Open reads a container (Format.Container) and lists the samples in it; a part is
// not decoded further, and never a container itself.
//
// Errors wrap a *templates.InputError: UNKNOWN_FORMAT for what is no container,
// OVERSIZED beyond MaxContainer, NO_BIOMETRIC_DATA for a sound container without
// any sample, ENCRYPTED, MALFORMED and the others of the reader.
func Open(format templates.Format, data []byte) (Contents, error) {
	return Contents{}, templates.Bad(templates.ReasonFormat, "container format", format, "one that is read here")
}
