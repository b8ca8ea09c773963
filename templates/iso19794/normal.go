package iso19794

import (
	"fmt"

	"immis/templates"
)

// normalResolution is 500 ppi in the unit of the standard: 196.85 pixels per cm,
// which every record rounds to 197. Taking 197 for 500 ppi exactly makes the
// common case an identity; other resolutions carry the same factor, so all
// coordinates stay in one scale.
const normalResolution = 197

// Fingers is the normal form of every view, in the order of the record.
//
// Each axis is scaled by its own resolution to the isotropic 500 ppi:
// X = round(16 * x * 197 / ResolutionX), halves up, in integers; the image's
// size is rounded up to whole pixels, so that a minutia inside the image stays
// inside. Angles are taken as angles on the finger, not on the pixel grid, and
// are therefore not changed where the two resolutions differ; a unit of 360/256
// degrees is 256 units of the normal form. Minutia quality 0 (not reported)
// becomes QualityUnknown. Finger quality is taken as it is: the version of 2005
// has no code for an unknown one.
//
// Errors (*templates.InputError): MINUTIA_COUNT for a view without minutiae,
// OUT_OF_RANGE for an image larger than templates.MaxPixels at 500 ppi, and
// those of Validate. One view that cannot be used refuses the record: silently
// searching with fewer fingers than were sent would hide a fault of a station.
func (r *Record) Fingers() ([]templates.Finger, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	width, height := normalSize(r.Width, r.ResolutionX), normalSize(r.Height, r.ResolutionY)
	if width > templates.MaxPixels || height > templates.MaxPixels {
		return nil, templates.Bad(templates.ReasonOutOfRange, "image size at 500 ppi", fmt.Sprintf("%d x %d", width, height),
			fmt.Sprintf("<= %d x %d pixels", templates.MaxPixels, templates.MaxPixels))
	}
	fingers := make([]templates.Finger, len(r.Views))
	for i := range r.Views {
		v := &r.Views[i]
		if len(v.Minutiae) == 0 {
			return nil, templates.Bad(templates.ReasonMinutiaCount, viewField(i, "minutia count"), 0,
				fmt.Sprintf("1..%d", templates.MaxMinutiae))
		}
		f := &fingers[i]
		*f = templates.Finger{
			Position: v.Position,
			Width:    uint16(width),
			Height:   uint16(height),
			Quality:  v.Quality,
			Minutiae: make([]templates.Minutia, len(v.Minutiae)),
		}
		for j, m := range v.Minutiae {
			f.Minutiae[j] = templates.Minutia{
				X:       normalCoordinate(m.X, r.ResolutionX),
				Y:       normalCoordinate(m.Y, r.ResolutionY),
				Angle:   uint16(m.Angle) << 8,
				Type:    m.Type,
				Quality: normalQuality(m.Quality),
			}
		}
	}
	return fingers, nil
}

// normalCoordinate stays inside the image: 16(w-1)s + 1/2 < 16ws where the scale
// s > 1/32, and s >= 197/MaxResolution = 1/8. The product is below 2^28.
func normalCoordinate(x, resolution uint16) uint16 {
	r := uint32(resolution)
	return uint16((2*uint32(x)*templates.UnitsPerPixel*normalResolution + r) / (2 * r))
}

func normalSize(pixels, resolution uint16) uint32 {
	r := uint32(resolution)
	return (uint32(pixels)*normalResolution + r - 1) / r
}

func normalQuality(q uint8) uint8 {
	if q == 0 {
		return templates.QualityUnknown
	}
	return q
}

// Capture is what a record says of the capture and the normal form does not hold.
type Capture struct {
	Certification uint8  // 0..15
	Device        uint16 // 0..4095, 0 not reported
	Impression    Impression
}

// FromFingers makes a record at 197 pixels per cm of views that share one image
// size; fingers from images of different sizes need a record each, since the
// header holds one size.
//
// Coordinates round to the nearest pixel, halves up, and stay inside the image;
// angles round to the nearest 1/256 of a turn, halves up. Unknown minutia quality
// becomes 0 (not reported) and the worst known one, 0, becomes 1, because 0 is
// taken. Unknown finger quality becomes 0. Views are numbered per position in
// their order. What the rounding takes is gone after one pass: normal form to
// record to normal form to record gives the same record.
//
// Errors (*templates.InputError): those of Finger.Validate, MIXED_IMAGE_SIZES,
// OUT_OF_RANGE for more than 16 views of a position and bad capture data.
func FromFingers(fingers []templates.Finger, capture Capture) (*Record, error) {
	if err := checkViews(len(fingers)); err != nil {
		return nil, err
	}
	r := &Record{
		Certification: capture.Certification,
		Device:        capture.Device,
		Width:         fingers[0].Width,
		Height:        fingers[0].Height,
		ResolutionX:   normalResolution,
		ResolutionY:   normalResolution,
		Views:         make([]View, len(fingers)),
	}
	var numbers [templates.LeftLittle + 1]uint8
	for i := range fingers {
		f := &fingers[i]
		if err := f.Validate(); err != nil {
			return nil, fmt.Errorf("finger view %d: %w", i+1, err)
		}
		if f.Width != r.Width || f.Height != r.Height {
			return nil, templates.Bad(templates.ReasonMixedImages, viewField(i, "image size"),
				fmt.Sprintf("%d x %d", f.Width, f.Height), fmt.Sprintf("%d x %d as the first", r.Width, r.Height))
		}
		v := &r.Views[i]
		*v = View{
			Position:   f.Position,
			Number:     numbers[f.Position],
			Impression: capture.Impression,
			Quality:    f.Quality,
			Minutiae:   make([]Minutia, len(f.Minutiae)),
		}
		numbers[f.Position]++
		if f.Quality == templates.QualityUnknown {
			v.Quality = 0
		}
		for j, m := range f.Minutiae {
			v.Minutiae[j] = Minutia{
				X:       exchangeCoordinate(m.X, f.Width),
				Y:       exchangeCoordinate(m.Y, f.Height),
				Angle:   uint8((uint32(m.Angle) + 128) >> 8),
				Type:    m.Type,
				Quality: exchangeQuality(m.Quality),
			}
		}
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

func exchangeCoordinate(x, size uint16) uint16 {
	const half = templates.UnitsPerPixel / 2
	return min((x+half)/templates.UnitsPerPixel, size-1)
}

func exchangeQuality(q uint8) uint8 {
	switch q {
	case templates.QualityUnknown:
		return 0
	case 0:
		return 1
	}
	return q
}
