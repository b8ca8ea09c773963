package iso19794

import (
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Fingers is the normal form, one finger. A unit of 1/10 or 1/100 mm is a
// resolution of 100 or 1,000 pixels per cm, scaled as in Record.Fingers.
//
// Where no image is stated, its size is that up to the largest coordinates: the
// smallest image that holds all minutiae, which may be smaller than the real one.
// In a stated image a minutia that lies outside by less than a unit of the format
// is moved to the edge, for the rounding to that unit put it there; one farther
// outside is MINUTIA_OUTSIDE_IMAGE.
//
// Other errors (*templates.InputError): those of Validate, and OUT_OF_RANGE for
// an image larger than templates.MaxPixels at 500 ppi.
func (c *Card) Fingers() ([]templates.Finger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	unit := c.Format.unitsPerCM()
	reach := fmr.Image{ResolutionX: unit, ResolutionY: unit}
	for _, m := range c.Minutiae {
		reach.Width, reach.Height = max(reach.Width, m.X+1), max(reach.Height, m.Y+1)
	}
	f, err := c.Format.codes().Normal(c.Position, c.Quality, reach, c.Minutiae, card())
	if err != nil {
		return nil, err
	}
	if c.Image != (CardImage{}) {
		if err := c.crop(&f); err != nil {
			return nil, err
		}
	}
	return []templates.Finger{f}, nil
}

// crop gives f the stated image.
func (c *Card) crop(f *templates.Finger) error {
	width, height := fmr.NormalSize(c.Image.Width, c.Image.ResolutionX), fmr.NormalSize(c.Image.Height, c.Image.ResolutionY)
	if width > templates.MaxPixels || height > templates.MaxPixels {
		return templates.Bad(templates.ReasonOutOfRange, card().At("image size at 500 ppi"), fmt.Sprintf("%d x %d", width, height),
			fmt.Sprintf("<= %d x %d pixels", templates.MaxPixels, templates.MaxPixels))
	}
	f.Width, f.Height = uint16(width), uint16(height)
	unit := uint32(fmr.NormalCoordinate(1, c.Format.unitsPerCM()))
	endX, endY := width*templates.UnitsPerPixel, height*templates.UnitsPerPixel
	for i := range f.Minutiae {
		m := &f.Minutiae[i]
		if uint32(m.X) >= endX+unit || uint32(m.Y) >= endY+unit {
			return templates.Bad(templates.ReasonMinutiaOutside, card().At(fmt.Sprintf("minutia %d", i+1)), "lies outside the image",
				fmt.Sprintf("inside %d x %d pixels at 500 ppi", f.Width, f.Height))
		}
		m.X, m.Y = uint16(min(uint32(m.X), endX-1)), uint16(min(uint32(m.Y), endY-1))
	}
	return nil
}

// CardFromFinger makes card minutiae of a finger, in its order. Coordinates round
// to the nearest unit and angles to the nearest angle of the format, halves up;
// the quality of minutiae is lost. Image is stated as the finger has it.
//
// Errors (*templates.InputError): UNKNOWN_FORMAT, those of Finger.Validate, and
// MINUTIA_OUTSIDE_IMAGE for a minutia beyond the reach of the format: leaving out
// minutiae is the decision of the caller, who knows what the card asks for.
func CardFromFinger(format CardFormat, f *templates.Finger) (*Card, error) {
	if err := format.check(); err != nil {
		return nil, err
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	codes := format.codes()
	c := &Card{
		Format:   format,
		Position: f.Position,
		Quality:  codes.FingerQuality(f.Quality),
		Image:    CardImage(fmr.NormalImage(f)),
		Minutiae: make([]Minutia, len(f.Minutiae)),
	}
	unit := uint32(format.unitsPerCM())
	const normal = templates.UnitsPerPixel * fmr.NormalResolution
	for i, m := range f.Minutiae {
		c.Minutiae[i] = Minutia{
			X:       uint16((uint32(m.X)*unit + normal/2) / normal),
			Y:       uint16((uint32(m.Y)*unit + normal/2) / normal),
			Angle:   codes.ExchangeAngle(m.Angle),
			Type:    m.Type,
			Quality: QualityNotReported,
		}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}
