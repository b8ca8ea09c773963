package imagerecord

import (
	"fmt"
	"math"
	"slices"

	"immis/templates"
)

// The builders make records of views, e.g. for an export. They take modality,
// position, impression or image type, format, payload, sizes, resolution, qualities,
// date, feature points and extended data; they count the views of a position anew
// and leave out Device, whose numbers a text does not give back. Where PositionCode
// is 0 the code is Position. Payloads are shared, not copied.
//
// Errors are *templates.InputError: UNSUPPORTED for a format that the edition cannot
// hold, MALFORMED for another modality or two different positions in one view,
// MIXED_IMAGE_SIZES where one header must hold for all views and cannot,
// OUT_OF_RANGE, IMPOSSIBLE_RESOLUTION, and those of Record.Views. Encode checks the
// rest.

// NewFinger2005 makes a record of one resolution, depth and format; see above. Only
// the first quality of a view has room, without its algorithm.
func NewFinger2005(views []View) (*Finger2005, error) {
	f := &Finger2005{Fingers: uint8(min(len(views), math.MaxUint8))}
	if err := checkBuild(views, templates.ModalityFinger, math.MaxUint8); err != nil {
		return nil, err
	}
	for i := range views {
		v := &views[i]
		field := fmt.Sprintf("finger image %d", i+1)
		code, err := compression(finger2005Formats, v, 0, field)
		if err != nil {
			return nil, err
		}
		scale, err := newScale(v, field)
		if err != nil {
			return nil, err
		}
		position, count, number, err := place(views, i, field)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			f.Scale, f.BitDepth, f.Compression, f.Acquisition = scale, depth(v), code, acquisition(v.PPIX)
		} else if f.Scale != scale || f.BitDepth != depth(v) || f.Compression != code {
			return nil, templates.Bad(templates.ReasonMixedImages, field, "has another resolution, depth or format", "those of the first")
		}
		m := Finger2005Image{Position: position, Count: count, Number: number + 1, Quality: finger2005Undefined, Impression: v.Impression,
			Width: uint16(v.Width), Height: uint16(v.Height), Data: v.Payload}
		if len(v.Quality) > 0 && v.Quality[0].Score <= 100 {
			m.Quality = v.Quality[0].Score
		}
		f.Images = append(f.Images, m)
	}
	return f, nil
}

// NewFinger2011 makes a record without certifications; see above.
func NewFinger2011(views []View) (*Finger2011, error) {
	if err := checkBuild(views, templates.ModalityFinger, MaxViews); err != nil {
		return nil, err
	}
	f := &Finger2011{}
	for i := range views {
		v := &views[i]
		field := fmt.Sprintf("finger image %d", i+1)
		code, err := compression(finger2011Formats, v, finger2011Lossless, field)
		if err != nil {
			return nil, err
		}
		scale, err := newScale(v, field)
		if err != nil {
			return nil, err
		}
		position, _, number, err := place(views, i, field)
		if err != nil {
			return nil, err
		}
		if number == 0 {
			f.Positions++
		}
		f.Images = append(f.Images, Finger2011Image{Capture: Capture{Date: NewDateTime(v.Captured), Quality: v.Quality},
			Position: position, Number: number, Scale: scale, BitDepth: depth(v), Compression: code, Impression: v.Impression,
			Width: uint16(v.Width), Height: uint16(v.Height), Data: v.Payload, Extended: v.Extended})
	}
	return f, nil
}

// NewFace2005 makes a record with unknown features of the person; see above.
// Qualities and dates have no room.
func NewFace2005(views []View) (*Face2005, error) {
	if err := checkBuild(views, templates.ModalityFace, MaxViews); err != nil {
		return nil, err
	}
	f := &Face2005{}
	for i := range views {
		v := &views[i]
		code, err := compression(face2005Formats, v, 0, fmt.Sprintf("face image %d", i+1))
		if err != nil {
			return nil, err
		}
		f.Images = append(f.Images, Face2005Image{Landmarks: v.Landmarks, Type: v.ImageType, DataType: code,
			Width: uint16(v.Width), Height: uint16(v.Height), Data: v.Payload})
	}
	return f, nil
}

// NewFace2011 makes a record with unknown features of the person; see above. Several
// images get the temporal semantics 1: nothing is said of how they relate.
func NewFace2011(views []View) (*Face2011, error) {
	if err := checkBuild(views, templates.ModalityFace, MaxViews); err != nil {
		return nil, err
	}
	f := &Face2011{}
	if len(views) > 1 {
		f.Temporal = 1
	}
	for i := range views {
		v := &views[i]
		field := fmt.Sprintf("face image %d", i+1)
		if v.ImageType&threeD != 0 {
			return nil, templates.Bad(templates.ReasonUnsupported, field, "is three-dimensional", "a flat image")
		}
		code, err := compression(face2011Formats, v, face2011Lossless, field)
		if err != nil {
			return nil, err
		}
		f.Images = append(f.Images, Face2011Image{Capture: Capture{Date: NewDateTime(v.Captured), Quality: v.Quality}, Landmarks: v.Landmarks,
			Type: v.ImageType, DataType: code, Width: uint16(v.Width), Height: uint16(v.Height), Data: v.Payload})
	}
	return f, nil
}

// checkBuild is what holds for the views of every edition.
func checkBuild(views []View, modality templates.Modality, limit int) error {
	if len(views) < 1 || len(views) > limit {
		return templates.Bad(templates.ReasonOutOfRange, "image record: number of images", len(views), fmt.Sprintf("1..%d", limit))
	}
	for i := range views {
		v := &views[i]
		field := fmt.Sprintf("image %d", i+1)
		if v.Modality != modality {
			return templates.Bad(templates.ReasonMalformed, field+": modality", v.Modality, modality)
		}
		if v.Width < 1 || v.Width > math.MaxUint16 || v.Height < 1 || v.Height > math.MaxUint16 {
			return templates.Bad(templates.ReasonOutOfRange, field+": size", fmt.Sprintf("%d x %d", v.Width, v.Height), "1..65535 pixels")
		}
		if y := v.Captured.Year(); y < 1 || y > 9999 {
			return templates.Bad(templates.ReasonOutOfRange, field+": capture year", y, "1..9999")
		}
		w := *v
		w.BitDepth, w.Offset = depth(v), templates.NoOffset
		if err := w.checkPayload(field); err != nil {
			return err
		}
	}
	return nil
}

func depth(v *View) uint8 {
	if v.BitDepth == 0 {
		return 8
	}
	return v.BitDepth
}

// compression is the code of the view's format in a table of an edition. lossless is
// the code of JPEG 2000 without loss, 0 where there is no such code.
func compression(table []templates.Format, v *View, lossless uint8, field string) (uint8, error) {
	if v.Format == templates.FormatJP2 && v.Lossless && lossless != 0 {
		return lossless, nil
	}
	code := slices.Index(table, v.Format)
	if code < 0 {
		return 0, templates.Bad(templates.ReasonUnsupported, field+": format", v.Format, "one of the edition")
	}
	if v.Packed && v.Format == templates.FormatUnknown {
		code++
	}
	return uint8(code), nil
}

// place is the position code of view i, how many views have it, and how many stand
// before this one.
func place(views []View, i int, field string) (code, count, number uint8, err error) {
	at := func(v *View) uint8 {
		if v.PositionCode == 0 {
			return uint8(v.Position)
		}
		return v.PositionCode
	}
	v := &views[i]
	if v.PositionCode != 0 && v.Position != position(v.PositionCode) {
		return 0, 0, 0, templates.Bad(templates.ReasonMalformed, field+": position", v.Position, fmt.Sprintf("that of code %d", v.PositionCode))
	}
	n, before := 0, 0
	for j := range views {
		if at(&views[j]) == at(v) {
			n++
			if j < i {
				before++
			}
		}
	}
	if n > math.MaxUint8 {
		return 0, 0, 0, templates.Bad(templates.ReasonOutOfRange, field+": images of its position", n, "<= 255")
	}
	return at(v), uint8(n), uint8(before), nil
}

// newScale counts per inch, or per centimetre where only that is exact: what was
// read per centimetre is written so again.
func newScale(v *View, field string) (Scale, error) {
	for _, ppi := range [...]float64{v.PPIX, v.PPIY} {
		if !(ppi >= MinPPI && ppi <= MaxPPI) { // NaN fails, too
			return Scale{}, templates.Bad(templates.ReasonResolution, field+": resolution", ppi, fmt.Sprintf("%d..%d pixels per inch", MinPPI, MaxPPI))
		}
	}
	whole := func(x float64) bool { return math.Abs(x-math.Round(x)) < 1e-6 }
	s := Scale{Units: UnitsInch, ResolutionX: uint16(math.Round(v.PPIX)), ResolutionY: uint16(math.Round(v.PPIY))}
	if x, y := v.PPIX/2.54, v.PPIY/2.54; whole(x) && whole(y) && !(whole(v.PPIX) && whole(v.PPIY)) {
		s = Scale{Units: UnitsCentimetre, ResolutionX: uint16(math.Round(x)), ResolutionY: uint16(math.Round(y))}
	}
	s.ScanX, s.ScanY = s.ResolutionX, s.ResolutionY
	return s, nil
}

// acquisition is the least image acquisition level of a resolution (ISO/IEC
// 19794-4:2005, table 1).
func acquisition(ppi float64) uint16 {
	switch {
	case ppi >= 990:
		return 40
	case ppi >= 740:
		return 35
	case ppi >= 490:
		return 30
	case ppi >= 245:
		return 20
	}
	return 10
}
