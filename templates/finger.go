package templates

import (
	"fmt"
	"log/slog"
)

// NewFinger makes the normal form of one finger view: width and height in
// pixels at 500 ppi, quality 0-100 or QualityUnknown. The minutiae are copied
// and keep their order: comparison does not depend on it, and an extractor that
// writes its best minutiae first means something by it.
//
// One minutia is a valid template, because the standard allows it and because a
// record that was taken is worth keeping. Whether so few can be told apart is
// answered by the comparison, which needs several pairs, not by the vocabulary.
// The error is an *InputError, see Validate.
func NewFinger(position Position, width, height uint16, quality uint8, minutiae []Minutia) (*Finger, error) {
	f := &Finger{Position: position, Width: width, Height: height, Quality: quality, Minutiae: minutiae}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	f.Minutiae = append(make([]Minutia, 0, len(minutiae)), minutiae...)
	return f, nil
}

// Validate checks every bound of the normal form: position 0..10, width and
// height 1..MaxPixels, quality 0..100 or QualityUnknown, 1..MaxMinutiae
// minutiae, each with X < UnitsPerPixel*Width, Y < UnitsPerPixel*Height and a
// known type. Every angle is valid. The error is an *InputError; its text names
// the offending minutia (counted from 1) but not its coordinates.
func (f *Finger) Validate() error {
	if err := CheckPosition("finger position", f.Position); err != nil {
		return err
	}
	if f.Width < 1 || f.Width > MaxPixels {
		return Bad(ReasonOutOfRange, "finger image width", f.Width, fmt.Sprintf("1..%d pixels", MaxPixels))
	}
	if f.Height < 1 || f.Height > MaxPixels {
		return Bad(ReasonOutOfRange, "finger image height", f.Height, fmt.Sprintf("1..%d pixels", MaxPixels))
	}
	if err := CheckQuality("finger quality", f.Quality); err != nil {
		return err
	}
	if n := len(f.Minutiae); n < 1 || n > MaxMinutiae {
		return Bad(ReasonMinutiaCount, "finger minutia count", n, fmt.Sprintf("1..%d", MaxMinutiae))
	}
	endX, endY := uint32(f.Width)*UnitsPerPixel, uint32(f.Height)*UnitsPerPixel
	for i, m := range f.Minutiae {
		if uint32(m.X) >= endX || uint32(m.Y) >= endY {
			return Bad(ReasonMinutiaOutside, fmt.Sprintf("finger minutia %d", i+1), "lies outside the image",
				fmt.Sprintf("inside %d x %d pixels", f.Width, f.Height))
		}
		if m.Type > MinutiaBifurcation {
			return Bad(ReasonOutOfRange, fmt.Sprintf("finger minutia %d: type", i+1), m.Type, "0..2")
		}
		if m.Quality > 100 && m.Quality != QualityUnknown { // before formatting the field's name
			return CheckQuality(fmt.Sprintf("finger minutia %d: quality", i+1), m.Quality)
		}
	}
	return nil
}

// CheckPosition refuses position codes that name no finger. Codes 13 and above
// (several fingers, palms) have no minutiae of one finger and are refused too.
func CheckPosition(field string, p Position) error {
	if p > LeftLittle {
		return Bad(ReasonPosition, field, p, "0..10")
	}
	return nil
}

// CheckQuality refuses qualities outside 0..100 that are not QualityUnknown.
func CheckQuality(field string, q uint8) error {
	if q > 100 && q != QualityUnknown {
		return Bad(ReasonQuality, field, q, "0..100, or 255 for unknown")
	}
	return nil
}

// String tells a template without its content, so that a template that strays
// into a log line or an error text shows no biometric data.
func (f Finger) String() string {
	return fmt.Sprintf("finger template (position %d, %d minutiae)", f.Position, len(f.Minutiae))
}

// LogValue is String: structured handlers would otherwise print the fields.
func (f Finger) LogValue() slog.Value { return slog.StringValue(f.String()) }
