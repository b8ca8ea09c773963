package iso19794

import (
	"time"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Fingers is the normal form of every representation, in the order of the record.
// Coordinates, angles and sizes are scaled as in Record.Fingers, by the resolution
// of each representation. Minutia qualities QualityNotReported and QualityFailed
// become QualityUnknown. The finger's quality is that of the first block that has
// one, and unknown where none has: several algorithms are not averaged.
//
// Errors are those of Record.Fingers.
func (r *Record2011) Fingers() ([]templates.Finger, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	fingers := make([]templates.Finger, len(r.Representations))
	for i := range r.Representations {
		v := &r.Representations[i]
		var err error
		if fingers[i], err = codes2011().Normal(v.Position, v.quality(), v.image(), v.Minutiae, representation(i)); err != nil {
			return nil, err
		}
	}
	return fingers, nil
}

func (v *Representation) quality() uint8 {
	for _, q := range v.Qualities {
		if q.Quality <= 100 {
			return q.Quality
		}
	}
	return templates.QualityUnknown
}

// Capture2011 is what a record says of the capture and the normal form does not
// hold. The zero value says that nothing is known, of a live plain impression.
type Capture2011 struct {
	// Time of the capture, zero for unknown.
	Time           time.Time
	Technology     uint8 // 0..20
	Vendor, Device uint16
	Certifications []CertificationBlock
	Impression     Impression
	Endings        EndingKind
	// QualityVendor and QualityAlgorithm computed the quality of the fingers.
	QualityVendor, QualityAlgorithm uint16
}

// FromFingers2011 makes a record at 197 pixels per cm; the images may differ in
// size. Rounding is that of FromFingers. Unknown minutia quality becomes
// QualityNotReported; where no minutia of a finger has one, its minutiae are
// written with 5 bytes. A finger of unknown quality has no quality block.
//
// Errors (*templates.InputError): those of Finger.Validate, OUT_OF_RANGE for no or
// more than 176 fingers, more than 16 of a position and bad capture data.
func FromFingers2011(fingers []templates.Finger, capture Capture2011) (*Record2011, error) {
	if err := fmr.CheckFingers(fingers, whatRepresentations, representation(0).Kind); err != nil {
		return nil, err
	}
	r := &Record2011{Certified: len(capture.Certifications) > 0, Representations: make([]Representation, len(fingers))}
	var numbers fmr.Numbers
	for i := range fingers {
		f := &fingers[i]
		v := &r.Representations[i]
		*v = Representation{
			Captured:       NewCaptureTime(capture.Time),
			Technology:     capture.Technology,
			Vendor:         capture.Vendor,
			Device:         capture.Device,
			Certifications: append([]CertificationBlock(nil), capture.Certifications...),
			Position:       f.Position,
			Number:         numbers.Next(f.Position),
			ResolutionX:    fmr.NormalResolution,
			ResolutionY:    fmr.NormalResolution,
			Impression:     capture.Impression,
			Width:          f.Width,
			Height:         f.Height,
			Endings:        capture.Endings,
			Short:          true,
			Minutiae:       codes2011().Exchange(f),
		}
		for _, m := range v.Minutiae {
			v.Short = v.Short && m.Quality == QualityNotReported
		}
		if f.Quality != templates.QualityUnknown {
			v.Qualities = []QualityBlock{{f.Quality, capture.QualityVendor, capture.QualityAlgorithm}}
		}
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
