package fmr

import (
	"fmt"

	"immis/templates"
)

const (
	// NormalResolution is 500 ppi in the unit of the standards: 196.85 pixels per
	// cm, which every record rounds to 197. Taking 197 for 500 ppi exactly makes the
	// common case an identity; other resolutions carry the same factor, so all
	// coordinates stay in one scale.
	NormalResolution = 197
	// MinResolution and MaxResolution are what a finger can be captured with, in
	// pixels per cm: 250 ppi (the least the standards allow, 98.43, cut) to
	// 4,000 ppi.
	MinResolution = 98
	MaxResolution = 1576
)

// Image is the size of an image in pixels and its resolutions in pixels per cm.
type Image struct {
	Width, Height, ResolutionX, ResolutionY uint16
}

// Check checks an image whose size stands at byte sizeAt and whose resolutions
// stand at byte resolutionAt. Errors: OUT_OF_RANGE, IMPOSSIBLE_RESOLUTION.
func (m Image) Check(sizeAt, resolutionAt int, path Path) error {
	if m.Width == 0 || m.Height == 0 {
		return templates.BadAt(sizeAt, templates.ReasonOutOfRange, path.At("image size"),
			fmt.Sprintf("%d x %d", m.Width, m.Height), "at least 1 x 1 pixels")
	}
	for i, value := range [...]uint16{m.ResolutionX, m.ResolutionY} {
		if value < MinResolution || value > MaxResolution {
			axis := [...]string{"horizontal resolution", "vertical resolution"}[i]
			return templates.BadAt(resolutionAt+2*i, templates.ReasonResolution, path.At(axis), value,
				fmt.Sprintf("%d..%d pixels per cm", MinResolution, MaxResolution))
		}
	}
	return nil
}

// Normal is the normal form of a view: each axis is scaled by its own resolution,
// halves up, in integers; the image's size is rounded up to whole pixels, so that
// a minutia inside the image stays inside. Angles are angles on the finger and do
// not change with the resolutions; they round to the nearest, halves up. Errors:
// MINUTIA_COUNT for no minutiae, OUT_OF_RANGE for an image larger than
// templates.MaxPixels at 500 ppi and for an angle that the version does not have.
func (c Codes) Normal(position templates.Position, quality uint8, image Image, minutiae []Minutia, path Path) (templates.Finger, error) {
	width, height := NormalSize(image.Width, image.ResolutionX), NormalSize(image.Height, image.ResolutionY)
	if width > templates.MaxPixels || height > templates.MaxPixels {
		return templates.Finger{}, templates.Bad(templates.ReasonOutOfRange, path.At("image size at 500 ppi"), fmt.Sprintf("%d x %d", width, height),
			fmt.Sprintf("<= %d x %d pixels", templates.MaxPixels, templates.MaxPixels))
	}
	if len(minutiae) == 0 {
		return templates.Finger{}, templates.Bad(templates.ReasonMinutiaCount, path.At("minutia count"), 0,
			fmt.Sprintf("1..%d", templates.MaxMinutiae))
	}
	f := templates.Finger{Position: position, Width: uint16(width), Height: uint16(height), Quality: quality,
		Minutiae: make([]templates.Minutia, len(minutiae))}
	if quality > 100 {
		f.Quality = templates.QualityUnknown
	}
	for i, m := range minutiae {
		if uint32(m.Angle) >= c.Angles {
			return templates.Finger{}, templates.Bad(templates.ReasonOutOfRange, path.At(fmt.Sprintf("minutia %d: angle", i+1)), m.Angle,
				fmt.Sprintf("0..%d", c.Angles-1))
		}
		f.Minutiae[i] = templates.Minutia{
			X:       NormalCoordinate(m.X, image.ResolutionX),
			Y:       NormalCoordinate(m.Y, image.ResolutionY),
			Angle:   c.NormalAngle(m.Angle),
			Type:    m.Type,
			Quality: c.normalQuality(m.Quality),
		}
	}
	return f, nil
}

// NormalCoordinate stays inside the image: 16(w-1)s + 1/2 < 16ws where the scale
// s > 1/32, and s >= 197/MaxResolution = 1/8. The product is below 2^29.
func NormalCoordinate(x, resolution uint16) uint16 {
	r := uint32(resolution)
	return uint16((2*uint32(x)*templates.UnitsPerPixel*NormalResolution + r) / (2 * r))
}

// NormalSize is a size in pixels at 500 ppi, rounded up.
func NormalSize(pixels, resolution uint16) uint32 {
	r := uint32(resolution)
	return (uint32(pixels)*NormalResolution + r - 1) / r
}

// NormalAngle is an angle of the version in 1/65536 of a turn.
func (c Codes) NormalAngle(a uint8) uint16 {
	return uint16((uint32(a)*0x10000*2 + c.Angles) / (2 * c.Angles))
}

func (c Codes) normalQuality(q uint8) uint8 {
	if q == c.Unreported || q > 100 {
		return templates.QualityUnknown
	}
	return q
}

// Exchange are the minutiae of a normal form at NormalResolution: the nearest
// pixel, halves up, but inside the image; the nearest angle, halves up. Unknown
// quality becomes the version's code for none; where that is 0, the worst known
// one, 0, becomes 1. What the rounding takes is gone after one pass.
func (c Codes) Exchange(f *templates.Finger) []Minutia {
	out := make([]Minutia, len(f.Minutiae))
	for i, m := range f.Minutiae {
		out[i] = Minutia{
			X:       exchangeCoordinate(m.X, f.Width),
			Y:       exchangeCoordinate(m.Y, f.Height),
			Angle:   c.ExchangeAngle(m.Angle),
			Type:    m.Type,
			Quality: c.exchangeQuality(m.Quality),
		}
	}
	return out
}

// ExchangeAngle is the inverse of NormalAngle.
func (c Codes) ExchangeAngle(a uint16) uint8 {
	return uint8(((uint32(a)*c.Angles + 0x8000) >> 16) % c.Angles)
}

func exchangeCoordinate(x, size uint16) uint16 {
	const half = templates.UnitsPerPixel / 2
	return min((x+half)/templates.UnitsPerPixel, size-1)
}

func (c Codes) exchangeQuality(q uint8) uint8 {
	switch {
	case q == templates.QualityUnknown:
		return c.Unreported
	case q == 0 && c.Unreported == 0:
		return 1
	}
	return q
}

// FingerQuality is the code of a finger quality of the normal form.
func (c Codes) FingerQuality(q uint8) uint8 {
	if q == templates.QualityUnknown {
		return c.Unreported
	}
	return q
}

// NormalImage is the image of a normal form.
func NormalImage(f *templates.Finger) Image {
	return Image{Width: f.Width, Height: f.Height, ResolutionX: NormalResolution, ResolutionY: NormalResolution}
}

// Numbers counts the views of each finger position in the order of a record.
type Numbers [templates.LeftLittle + 1]uint8

// Next is the number of the next view of a position; from the 17th view on it is
// one that no version can hold.
func (n *Numbers) Next(p templates.Position) uint8 {
	number := n[p]
	n[p]++
	return number
}

// CheckFingers checks what a record is to be made of: the count, and each normal
// form, whose errors are wrapped with the kind and number of its view.
func CheckFingers(fingers []templates.Finger, what, kind string) error {
	if err := CheckCount(len(fingers), templates.NoOffset, what); err != nil {
		return err
	}
	for i := range fingers {
		if err := fingers[i].Validate(); err != nil {
			return fmt.Errorf("%s %d: %w", kind, i+1, err)
		}
	}
	return nil
}

// CheckSameImage refuses a view of another image size than the first, for
// versions whose header holds one size. The error is MIXED_IMAGE_SIZES.
func CheckSameImage(f, first *templates.Finger, path Path) error {
	if f.Width != first.Width || f.Height != first.Height {
		return templates.Bad(templates.ReasonMixedImages, path.At("image size"),
			fmt.Sprintf("%d x %d", f.Width, f.Height), fmt.Sprintf("%d x %d as the first", first.Width, first.Height))
	}
	return nil
}
