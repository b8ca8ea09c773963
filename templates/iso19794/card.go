package iso19794

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// CardFormat is one of the two formats for cards of ISO/IEC 19794-2, clause 9 in
// the version of 2005: bare minutiae, one after the other, without a header and
// without qualities.
type CardFormat uint8

const (
	// CardNormal has 5 bytes a minutia: type (2 bits) and x (14 bits), 2 reserved
	// bits and y (14 bits), both in 1/100 mm, angle in units of 360/256 degrees.
	CardNormal CardFormat = iota + 1
	// CardCompact has 3 bytes a minutia: x and y in 1/10 mm, type (2 bits) and angle
	// (6 bits) in units of 360/64 degrees. It reaches 25.5 mm, 502 pixels at 500 ppi.
	CardCompact
)

const compactMinutia = 3

// unitsPerCM is the unit of coordinates as a resolution.
func (f CardFormat) unitsPerCM() uint16 {
	if f == CardCompact {
		return 100
	}
	return 1000
}

func (f CardFormat) size() int {
	if f == CardCompact {
		return compactMinutia
	}
	return fmr.ShortMinutia
}

func (f CardFormat) largest() uint16 {
	if f == CardCompact {
		return 0xff
	}
	return fmr.MaxCoordinate
}

func (f CardFormat) codes() fmr.Codes {
	if f == CardCompact {
		return fmr.Codes{Angles: 64, Unreported: QualityNotReported}
	}
	return codes2011()
}

// Card is one finger as a card holds it. What the bytes do not tell stands beside
// them: DecodeCard leaves Position, Quality and Image to the caller.
type Card struct {
	Format CardFormat
	// Position is PositionUnknown where nobody states it.
	Position templates.Position
	// Quality is 0..100, QualityNotReported or QualityFailed.
	Quality uint8
	// Image is the image that the minutiae were found in; the zero value where nobody
	// states it.
	Image CardImage
	// Minutiae holds 1..255 entries in the order of the bytes, in which a card may see
	// a meaning. X, Y and Angle are in the units of the format, Quality is
	// QualityNotReported.
	Minutiae []Minutia
}

// CardImage is the size of an image in pixels and its resolutions in pixels per cm.
type CardImage struct {
	Width, Height, ResolutionX, ResolutionY uint16
}

// DecodeCardNormal reads minutiae of CardNormal, see DecodeCard.
func DecodeCardNormal(data []byte) (*Card, error) { return DecodeCard(CardNormal, data) }

// DecodeCardCompact reads minutiae of CardCompact, see DecodeCard.
func DecodeCardCompact(data []byte) (*Card, error) { return DecodeCard(CardCompact, data) }

// DecodeCard reads minutiae; what is accepted is encoded back to the same bytes.
// Any bytes of a fitting length are good minutiae for CardCompact but for the
// reserved type, so a mistaken format is not found here. Errors wrap a
// *templates.InputError with the byte they stand at: UNKNOWN_FORMAT, EMPTY,
// TRUNCATED for a part of a minutia, MINUTIA_COUNT for more than 255,
// RESERVED_BITS, OUT_OF_RANGE.
func DecodeCard(format CardFormat, data []byte) (*Card, error) {
	c, err := parseCard(format, data)
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("decode card minutiae: %w", err)
	}
	return c, nil
}

func parseCard(format CardFormat, data []byte) (*Card, error) {
	if err := format.check(); err != nil {
		return nil, err
	}
	n, size := len(data)/format.size(), format.size()
	switch {
	case len(data) == 0:
		return nil, templates.BadAt(0, templates.ReasonEmpty, "card minutiae", "are empty", fmt.Sprintf(">= %d bytes", size))
	case n > templates.MaxMinutiae:
		return nil, templates.BadAt(0, templates.ReasonMinutiaCount, card().At("minutia count"), n, fmt.Sprintf("1..%d", templates.MaxMinutiae))
	case len(data)%size != 0:
		return nil, templates.BadAt(n*size, templates.ReasonTruncated, card().At(fmt.Sprintf("minutia %d with", n+1)),
			fmt.Sprintf("%d bytes", len(data)%size), size)
	}
	c := &Card{Format: format, Quality: QualityNotReported, Minutiae: make([]Minutia, n)}
	for i := range c.Minutiae {
		b := data[i*size:]
		if format == CardCompact {
			c.Minutiae[i] = Minutia{X: uint16(b[0]), Y: uint16(b[1]), Type: templates.MinutiaType(b[2] >> 6), Angle: b[2] & 0x3f, Quality: QualityNotReported}
			continue
		}
		x, y := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if y>>14 != 0 {
			return nil, templates.BadAt(i*size+2, templates.ReasonReserved, card().At(fmt.Sprintf("minutia %d: reserved bits", i+1)), y>>14, 0)
		}
		c.Minutiae[i] = Minutia{X: x & fmr.MaxCoordinate, Y: y, Type: templates.MinutiaType(x >> 14), Angle: b[4], Quality: QualityNotReported}
	}
	return c, nil
}

func (f CardFormat) check() error {
	if f != CardNormal && f != CardCompact {
		return templates.Bad(templates.ReasonFormat, card().At("format"), uint8(f), "1 normal or 2 compact")
	}
	return nil
}

// card is the path of a part of card minutiae in an error.
func card() fmr.Path { return fmr.Path{Kind: "card", Index: fmr.Header} }

// Encode is the bytes of the minutiae, after Validate.
func (c *Card) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("encode card minutiae: %w", err)
	}
	if c.Format == CardNormal {
		return fmr.AppendMinutiae(nil, c.Minutiae, fmr.ShortMinutia), nil
	}
	out := make([]byte, 0, len(c.Minutiae)*compactMinutia)
	for _, m := range c.Minutiae {
		out = append(out, byte(m.X), byte(m.Y), byte(m.Type)<<6|m.Angle)
	}
	return out, nil
}

// Validate checks every value against the format. Errors are
// *templates.InputError: UNKNOWN_FORMAT, UNKNOWN_FINGER_POSITION,
// QUALITY_OUT_OF_RANGE, MINUTIA_COUNT (none, or more than 255),
// MINUTIA_OUTSIDE_IMAGE (outside the reach of the format), OUT_OF_RANGE,
// IMPOSSIBLE_RESOLUTION.
func (c *Card) Validate() error { return fmr.WithoutOffset(c.validate()) }

func (c *Card) validate() error {
	if err := c.Format.check(); err != nil {
		return err
	}
	if c.Position > templates.LeftLittle {
		return badPosition(c.Position, templates.NoOffset, card())
	}
	if err := c.Format.codes().CheckQuality(c.Quality, templates.NoOffset, card().At("finger quality")); err != nil {
		return err
	}
	if c.Image != (CardImage{}) {
		if err := fmr.Image(c.Image).Check(templates.NoOffset, templates.NoOffset, card()); err != nil {
			return err
		}
	}
	if len(c.Minutiae) == 0 {
		return templates.Bad(templates.ReasonMinutiaCount, card().At("minutia count"), 0, fmt.Sprintf("1..%d", templates.MaxMinutiae))
	}
	end := c.Format.largest() + 1
	for i, m := range c.Minutiae {
		if m.X >= end || m.Y >= end {
			return templates.BadAt(i*c.Format.size(), templates.ReasonMinutiaOutside, card().At(fmt.Sprintf("minutia %d", i+1)), "lies beyond the format",
				fmt.Sprintf("x and y of 0..%d mm/%d", end-1, c.Format.unitsPerCM()/10))
		}
	}
	return c.Format.codes().CheckMinutiae(c.Minutiae, fmr.Image{Width: end, Height: end}, c.Format.size(), 0, card())
}
