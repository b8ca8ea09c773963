package ansinist

import (
	"immis/templates"
)

// The legacy fields (ANSI/NIST-ITL 1-2007, 13.1.1; deprecated since 2011).
const (
	fieldLegacyPosition = 6  // FGP
	fieldLegacyCount    = 10 // MIN
)

// legacyFinger reads field 9.012: index; x, y (four digits each, 0.01 mm from the
// lower left corner) and angle (three digits, degrees); quality; type; then
// neighbors with ridge counts, which are not read.
func (t *Transaction) legacyFinger(index int, r *Record) (*templates.Finger, error) {
	position, err := r.onePosition(index, fieldLegacyPosition)
	if err != nil {
		return nil, err
	}
	var places []place
	minutiae, err := r.minutiae(index, fieldLegacyMinutiae, fieldLegacyCount, 4, func(w *row) (templates.Minutia, error) {
		var m templates.Minutia
		if _, ok := decimal(w.items[1], 11); !ok || len(w.items[1]) != 11 {
			return m, w.bad(templates.ReasonMalformed, "place", "is not x, y and angle", "11 digits")
		}
		x, _ := decimal(w.items[1][:4], 4)
		y, _ := decimal(w.items[1][4:8], 4)
		angle, _ := decimal(w.items[1][8:], 3)
		if angle > 360 { // 360 is taken for 0, as in the extended feature set
			return m, w.bad(templates.ReasonOutOfRange, "angle", "is out of range", "0..359 degrees")
		}
		quality, err := w.integer(2, "quality", 0, 63)
		if err != nil {
			return m, err
		}
		switch string(w.items[3]) {
		case "A":
			m.Type = templates.MinutiaEnding
		case "B":
			m.Type = templates.MinutiaBifurcation
		case "C", "D": // compound, undetermined
		default:
			return m, w.bad(templates.ReasonOutOfRange, "type", "is not known", "A, B, C or D")
		}
		m.Angle, m.Quality = degrees(angle+180), legacyQuality(quality)
		places = append(places, place{hundredthsToUnits(x), hundredthsToUnits(y)})
		return m, nil
	})
	if err != nil {
		return nil, err
	}
	size, linked, err := t.linkedImage(r)
	if err != nil {
		return nil, err
	}
	if !linked {
		for _, p := range places {
			size.x, size.y = max(size.x, p.x), max(size.y, p.y)
		}
		// The next whole pixel, so that the last unit lies inside.
		size.x = (size.x/templates.UnitsPerPixel + 1) * templates.UnitsPerPixel
		size.y = (size.y/templates.UnitsPerPixel + 1) * templates.UnitsPerPixel
	}
	width := (size.x + templates.UnitsPerPixel - 1) / templates.UnitsPerPixel
	height := (size.y + templates.UnitsPerPixel - 1) / templates.UnitsPerPixel
	if err := checkSize(index, r, width, height); err != nil {
		return nil, err
	}
	for i, p := range places {
		if p.x > size.x || p.y > size.y {
			return nil, templates.BadAt(r.Offset, templates.ReasonMinutiaOutside, recordPath(index, r.Type, "field 9.012"), "has a minutia outside the image",
				"inside the image with the same IDC")
		}
		minutiae[i].X, minutiae[i].Y = inside(p.x, width), inside(size.y-p.y, height)
	}
	return &templates.Finger{Position: position, Width: uint16(width), Height: uint16(height), Quality: templates.QualityUnknown, Minutiae: minutiae}, nil
}

// place is in units of the normal form.
type place struct{ x, y int }

// legacyQuality turns 2 (best) .. 63 into 100 .. 0; 0 is marked by hand and 1 not
// determined.
func legacyQuality(q int) uint8 {
	if q < 2 {
		return templates.QualityUnknown
	}
	return uint8((100*(63-q) + 30) / 61)
}

// linkedImage is the size, in units of the normal form, of the first finger image
// with the same IDC; not linked where there is none or it does not state size and
// resolution. One look at one image for each record keeps hostile transactions
// cheap.
func (t *Transaction) linkedImage(r *Record) (size place, linked bool, err error) {
	for i := range t.Records {
		image := &t.Records[i]
		if image.IDC != r.IDC {
			continue
		}
		var s Sample
		switch image.Type {
		case 3, 4, 5, 6:
			if image.Header == nil {
				continue
			}
			s.Width, s.Height = int(image.Header.Width), int(image.Header.Height)
			s.PPIX, err = t.binaryPPI(i, image)
			s.PPIY = s.PPIX
		case 13, 14:
			err = s.fillSize(i, image)
		default:
			continue
		}
		if err != nil || s.Width == 0 || s.Height == 0 || s.PPIX == 0 || s.PPIY == 0 {
			return place{}, false, err
		}
		return place{s.Width * unitsPerInch / s.PPIX, s.Height * unitsPerInch / s.PPIY}, true, nil
	}
	return place{}, false, nil
}
