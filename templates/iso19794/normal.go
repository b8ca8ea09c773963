package iso19794

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Fingers is the normal form of every view, in the order of the record.
//
// Each axis is scaled by its own resolution to the isotropic 500 ppi:
// X = round(16 * x * 197 / ResolutionX), halves up, in integers; 197 pixels per cm,
// the standard's rounding of 500 ppi, is taken as 500 ppi exactly; the image's
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
	fingers := make([]templates.Finger, len(r.Views))
	for i := range r.Views {
		v := &r.Views[i]
		var err error
		if fingers[i], err = codes2005().Normal(v.Position, v.Quality, r.image(), v.Minutiae, view(i)); err != nil {
			return nil, err
		}
	}
	return fingers, nil
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
	if err := fmr.CheckFingers(fingers, whatViews, view(0).Kind); err != nil {
		return nil, err
	}
	r := &Record{
		Certification: capture.Certification,
		Device:        capture.Device,
		Width:         fingers[0].Width,
		Height:        fingers[0].Height,
		ResolutionX:   fmr.NormalResolution,
		ResolutionY:   fmr.NormalResolution,
		Views:         make([]View, len(fingers)),
	}
	var numbers fmr.Numbers
	for i := range fingers {
		f := &fingers[i]
		if err := fmr.CheckSameImage(f, &fingers[0], view(i)); err != nil {
			return nil, err
		}
		r.Views[i] = View{
			Position:   f.Position,
			Number:     numbers.Next(f.Position),
			Impression: capture.Impression,
			Quality:    codes2005().FingerQuality(f.Quality),
			Minutiae:   codes2005().Exchange(f),
		}
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
