package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Fingers is the normal form of every view, in the order of the record.
//
// Each axis is scaled by the view's own resolution to the isotropic 500 ppi:
// X = round(16 * x * 197 / ResolutionX), halves up, in integers; 197 pixels per cm,
// the standard's rounding of 500 ppi, is taken as 500 ppi exactly; the image's size
// is rounded up to whole pixels. Angles are taken as angles on the finger: a unit
// of 2 degrees is 65536/180 units of the normal form, to the nearest, halves up.
// Minutia quality 0 of the version of 2004 and qualities 254 and 255 of the others
// become QualityUnknown, and so do finger qualities 254 and 255.
//
// Errors (*templates.InputError): MINUTIA_COUNT for a view without minutiae,
// OUT_OF_RANGE for an image larger than templates.MaxPixels at 500 ppi and for
// angles that were only tolerated, and those of Validate. One view that cannot be
// used refuses the record: silently searching with fewer fingers than were sent
// would hide a fault of a station.
func (r *Record) Fingers() ([]templates.Finger, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	l, _ := layoutOf(r.Format)
	fingers := make([]templates.Finger, len(r.Views))
	for i := range r.Views {
		v := &r.Views[i]
		var err error
		if fingers[i], err = l.codes.Normal(v.Position, v.Quality, v.image(), v.Minutiae, view(i)); err != nil {
			return nil, err
		}
	}
	return fingers, nil
}

// Capture is what a record says of the capture and the normal form does not hold.
type Capture struct {
	// Owner and Product identify the product that made the record.
	Owner, Product uint16
	Certification  uint8
	Device         uint16
	Impression     Impression
	// QualityVendor and QualityAlgorithm computed the quality of the fingers; there
	// is no place for them in the version of 2004, and none where it is unknown.
	QualityVendor, QualityAlgorithm uint16
}

// FromFingers makes a record of a version at 197 pixels per cm. In the version of
// 2004 all images must have one size, since the header holds it; fingers from
// images of different sizes need a record each.
//
// Coordinates round to the nearest pixel, halves up, and stay inside the image;
// angles round to the nearest 2 degrees, halves up. Unknown qualities become
// QualityNotReported; in the version of 2004, which has no such code, they become 0,
// and the worst known minutia quality, 0, becomes 1, because 0 is taken. Views are
// numbered per position in their order. What the rounding takes is gone after one
// pass: normal form to record to normal form to record gives the same record.
//
// Errors (*templates.InputError): UNKNOWN_FORMAT, those of Finger.Validate,
// MIXED_IMAGE_SIZES, OUT_OF_RANGE for more than 16 views of a position and bad
// capture data.
func FromFingers(format templates.Format, fingers []templates.Finger, capture Capture) (*Record, error) {
	l, err := checkFormat(format)
	if err != nil {
		return nil, err
	}
	if err := fmr.CheckFingers(fingers, whatViews, view(0).Kind); err != nil {
		return nil, err
	}
	r := &Record{
		Format:        format,
		Owner:         capture.Owner,
		Product:       capture.Product,
		Certification: capture.Certification,
		Device:        capture.Device,
		Views:         make([]View, len(fingers)),
	}
	var numbers fmr.Numbers
	for i := range fingers {
		f := &fingers[i]
		if l.shared {
			if err := fmr.CheckSameImage(f, &fingers[0], view(i)); err != nil {
				return nil, err
			}
		}
		v := &r.Views[i]
		*v = View{
			Position:    f.Position,
			Number:      numbers.Next(f.Position),
			Impression:  capture.Impression,
			Quality:     l.codes.FingerQuality(f.Quality),
			Width:       f.Width,
			Height:      f.Height,
			ResolutionX: fmr.NormalResolution,
			ResolutionY: fmr.NormalResolution,
			Minutiae:    l.codes.Exchange(f),
		}
		if !l.shared && f.Quality != templates.QualityUnknown {
			v.QualityVendor, v.QualityAlgorithm = capture.QualityVendor, capture.QualityAlgorithm
		}
	}
	r.Long = l.shared && r.size(l) > 0xffff
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
