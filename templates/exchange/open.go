package exchange

import (
	"fmt"
	"time"

	"immis/templates"
)

// Part is one sample found in a container, with what the container says about it.
type Part struct {
	// Where names the part for people, e.g. "BIR 2" or "record 3 of type 14".
	Where string
	// Modality is ModalityUnknown for what is no sample of a face, a finger or an
	// iris, e.g. a palm print or the photo of a tattoo; such a part is only listed.
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
// EMPTY, OVERSIZED beyond MaxSize in bytes or in pixels without compression,
// NO_BIOMETRIC_DATA for a sound container without any sample, ENCRYPTED, MALFORMED
// and the others of its reader. One part that cannot be used refuses all: taking
// fewer samples than were sent would hide a fault of the sender.
func Open(format templates.Format, data []byte) (Contents, error) {
	switch {
	case len(data) == 0:
		return Contents{}, templates.BadAt(0, templates.ReasonEmpty, format.String(), "is empty", "a document")
	case len(data) > MaxSize:
		return Contents{}, templates.BadAt(0, templates.ReasonOversized, format.String()+" of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxSize))
	}
	var c Contents
	var err error
	switch format {
	case templates.FormatCBEFF:
		c, err = openCBEFF(data)
	case templates.FormatANSINIST:
		c, err = openANSINIST(data)
	default:
		return Contents{}, templates.Bad(templates.ReasonFormat, "container format", format, "cbeff-xml or ansi-nist-itl")
	}
	if err != nil {
		return Contents{}, err
	}
	if len(c.Parts) == 0 && len(c.Missing) == 0 {
		return Contents{}, templates.Bad(templates.ReasonNoBiometric, format.String(), "holds no sample", "at least one")
	}
	return c, nil
}

// addMissing keeps each finger once.
func (c *Contents) addMissing(p templates.Position, reason uint8) {
	if p < templates.RightThumb || p > templates.LeftLittle {
		return
	}
	for _, m := range c.Missing {
		if m.Position == p {
			return
		}
	}
	c.Missing = append(c.Missing, Missing{p, reason})
}
