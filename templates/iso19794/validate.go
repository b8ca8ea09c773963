package iso19794

import (
	"fmt"

	"immis/templates"
)

// Validate checks every value of the record against the standard and the bounds
// of this package. Errors are *templates.InputError: OUT_OF_RANGE,
// IMPOSSIBLE_RESOLUTION, UNKNOWN_FINGER_POSITION, QUALITY_OUT_OF_RANGE,
// MINUTIA_COUNT (more than 255), MINUTIA_OUTSIDE_IMAGE, OVERSIZED. Fields are
// named by view and minutia, counted from 1, and never by coordinates.
func (r *Record) Validate() error {
	if r.Certification > 0xf {
		return templates.Bad(templates.ReasonOutOfRange, "record header: certification", r.Certification, "0..15")
	}
	if r.Device > 0xfff {
		return templates.Bad(templates.ReasonOutOfRange, "record header: device", r.Device, "0..4095")
	}
	if r.Width == 0 || r.Height == 0 {
		return templates.Bad(templates.ReasonOutOfRange, "record header: image size",
			fmt.Sprintf("%d x %d", r.Width, r.Height), "at least 1 x 1 pixels")
	}
	for _, axis := range []struct {
		name  string
		value uint16
	}{{"horizontal", r.ResolutionX}, {"vertical", r.ResolutionY}} {
		if axis.value < MinResolution || axis.value > MaxResolution {
			return templates.Bad(templates.ReasonResolution, "record header: "+axis.name+" resolution", axis.value,
				fmt.Sprintf("%d..%d pixels per cm", MinResolution, MaxResolution))
		}
	}
	if r.Padding < 0 || r.Padding > MaxRecord {
		return templates.Bad(templates.ReasonOutOfRange, "record padding", r.Padding, fmt.Sprintf("0..%d", MaxRecord))
	}
	if err := checkViews(len(r.Views)); err != nil {
		return err
	}
	if size := r.size(); size > MaxRecord {
		return templates.Bad(templates.ReasonOversized, "record of", fmt.Sprintf("%d bytes", size), fmt.Sprintf("<= %d", MaxRecord))
	}
	for i := range r.Views {
		if err := r.validateView(i); err != nil {
			return err
		}
	}
	return nil
}

func checkViews(n int) error {
	if n < 1 || n > MaxViews {
		return templates.Bad(templates.ReasonOutOfRange, "record header: number of finger views", n, fmt.Sprintf("1..%d", MaxViews))
	}
	return nil
}

// viewField is the path of a part of view i in an error. It is called only where
// there is one: formatting it for good views would cost more than the checks.
func viewField(i int, part string) string {
	return fmt.Sprintf("finger view %d: %s", i+1, part)
}

func (r *Record) validateView(i int) error {
	v := &r.Views[i]
	if v.Position > templates.LeftLittle {
		return templates.CheckPosition(viewField(i, "finger position"), v.Position)
	}
	if v.Number > 0xf {
		return templates.Bad(templates.ReasonOutOfRange, viewField(i, "view number"), v.Number, "0..15")
	}
	switch v.Impression {
	case LivePlain, LiveRolled, NonlivePlain, NonliveRolled, Swipe:
	default:
		return templates.Bad(templates.ReasonOutOfRange, viewField(i, "impression type"), uint8(v.Impression), "0..3 or 8")
	}
	if v.Quality > 100 {
		return templates.Bad(templates.ReasonQuality, viewField(i, "finger quality"), v.Quality, "0..100")
	}
	if n := len(v.Minutiae); n > templates.MaxMinutiae {
		return templates.Bad(templates.ReasonMinutiaCount, viewField(i, "minutia count"), n, fmt.Sprintf("<= %d", templates.MaxMinutiae))
	}
	if n := len(v.Extended) + int(v.Overstated); n > 0xffff {
		return templates.Bad(templates.ReasonOversized, viewField(i, "extended data of"), fmt.Sprintf("%d bytes", n), "<= 65535")
	}
	if v.Overstated > 1 || v.Overstated == 1 && i != len(r.Views)-1 {
		return templates.Bad(templates.ReasonOutOfRange, viewField(i, "overstated length"), v.Overstated, "0, or 1 in the last view")
	}
	for j, m := range v.Minutiae {
		if err := r.checkMinutia(m); err != nil {
			err.Field = viewField(i, fmt.Sprintf("minutia %d%s", j+1, err.Field))
			return err
		}
	}
	return nil
}

// checkMinutia leaves the front of the field's path to the caller.
func (r *Record) checkMinutia(m Minutia) *templates.InputError {
	switch {
	case m.X >= r.Width || m.Y >= r.Height || m.X > 0x3fff || m.Y > 0x3fff:
		return templates.Bad(templates.ReasonMinutiaOutside, "", "lies outside the image",
			fmt.Sprintf("inside %d x %d pixels", min(r.Width, 0x4000), min(r.Height, 0x4000)))
	case m.Type > templates.MinutiaBifurcation:
		return templates.Bad(templates.ReasonOutOfRange, ": type", m.Type, "0..2")
	case m.Quality > 100:
		return templates.Bad(templates.ReasonQuality, ": quality", m.Quality, "0..100")
	}
	return nil
}
