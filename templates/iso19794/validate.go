package iso19794

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Validate checks every value of the record against the standard and the bounds
// of this package. Errors are *templates.InputError: OUT_OF_RANGE,
// IMPOSSIBLE_RESOLUTION, UNKNOWN_FINGER_POSITION, QUALITY_OUT_OF_RANGE,
// MINUTIA_COUNT (more than 255), MINUTIA_OUTSIDE_IMAGE, OVERSIZED. Fields are
// named by view and minutia, counted from 1, and never by coordinates.
func (r *Record) Validate() error { return fmr.WithoutOffset(r.validate()) }

// validate gives its errors the byte where the encoded record has the value.
func (r *Record) validate() error {
	if r.Certification > 0xf {
		return templates.BadAt(12, templates.ReasonOutOfRange, header().At("certification"), r.Certification, "0..15")
	}
	if r.Device > 0xfff {
		return templates.BadAt(12, templates.ReasonOutOfRange, header().At("device"), r.Device, "0..4095")
	}
	if err := r.image().Check(14, 18, header()); err != nil {
		return err
	}
	if err := fmr.CheckPadding(r.Padding); err != nil {
		return err
	}
	if err := fmr.CheckCount(len(r.Views), 22, whatViews); err != nil {
		return err
	}
	if err := fmr.CheckTotal(r.size()); err != nil {
		return err
	}
	off := headerSize
	for i := range r.Views {
		v := &r.Views[i]
		if err := v.validate(r.image(), off, i == len(r.Views)-1, view(i)); err != nil {
			return err
		}
		off += v.size()
	}
	return nil
}

func (r *Record) image() fmr.Image {
	return fmr.Image{Width: r.Width, Height: r.Height, ResolutionX: r.ResolutionX, ResolutionY: r.ResolutionY}
}

// validate checks a view that starts at byte off.
func (v *View) validate(image fmr.Image, off int, last bool, path fmr.Path) error {
	if v.Position > templates.LeftLittle {
		return badPosition(v.Position, off, path)
	}
	if v.Number > 0xf {
		return templates.BadAt(off+1, templates.ReasonOutOfRange, path.At("view number"), v.Number, "0..15")
	}
	switch v.Impression {
	case LivePlain, LiveRolled, NonlivePlain, NonliveRolled, Swipe:
	default:
		return templates.BadAt(off+1, templates.ReasonOutOfRange, path.At("impression type"), uint8(v.Impression), "0..3 or 8")
	}
	if v.Quality > 100 {
		return codes2005().CheckQuality(v.Quality, off+2, path.At("finger quality"))
	}
	end := off + viewSize + len(v.Minutiae)*fmr.LongMinutia
	if err := fmr.CheckExtended(len(v.Extended)+int(v.Overstated), end, path); err != nil {
		return err
	}
	if err := fmr.CheckOverstated(v.Overstated, last, end, path); err != nil {
		return err
	}
	return codes2005().CheckMinutiae(v.Minutiae, image, fmr.LongMinutia, off+viewSize, path)
}

// badPosition refuses a position at byte off that names no finger.
func badPosition(p templates.Position, off int, path fmr.Path) error {
	return templates.BadAt(off, templates.ReasonPosition, path.At("finger position"), p, "0..10")
}
