package ansinist

import (
	"immis/templates"
)

// Fields of the extended feature set (ANSI/NIST-ITL 1-2011, 8.9.7).
const (
	fieldEFSRegion   = 300 // ROI: width, height in 0.01 mm, ...
	fieldEFSPosition = 302 // FPP
)

// maxHundredths bounds a region, in 0.01 mm.
const maxHundredths = 99_999

// efsRegion is the size of the region of interest, in 0.01 mm.
func efsRegion(index int, r *Record) (width, height int, err error) {
	f := r.Field(fieldEFSRegion)
	if f == nil {
		return 0, 0, templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(index, r.Type, "field 9.300"), "is missing", "the region of interest")
	}
	if width, err = r.number(index, f, []byte(f.item(0)), "width", 1, maxHundredths); err != nil {
		return 0, 0, err
	}
	height, err = r.number(index, f, []byte(f.item(1)), "height", 1, maxHundredths)
	return width, height, err
}

// efsFinger reads field 9.331: x, y, angle, type and, optionally, how uncertain
// place and direction are. The direction runs up the ridge of an ending and
// between the ridges of a bifurcation, as in ISO/IEC 19794-2. The block states no
// quality.
func efsFinger(index int, r *Record) (*templates.Finger, error) {
	w, h, err := efsRegion(index, r)
	if err != nil {
		return nil, err
	}
	width, height := hundredthsToPixels(w), hundredthsToPixels(h)
	if err := checkSize(index, r, width, height); err != nil {
		return nil, err
	}
	position, err := r.onePosition(index, fieldEFSPosition)
	if err != nil {
		return nil, err
	}
	minutiae, err := r.minutiae(index, fieldEFSMinutiae, 0, 4, func(f *Field, part string, items [][]byte) (templates.Minutia, error) {
		m := templates.Minutia{Quality: templates.QualityUnknown}
		x, okX := decimal(items[0], maxDigits)
		y, okY := decimal(items[1], maxDigits)
		angle, okAngle := decimal(items[2], 3)
		switch {
		case !okX || !okY || !okAngle:
			return m, templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(index, f, part), "is not x, y and angle", "three numbers")
		case x > w || y > h:
			return m, outside(index, r, f, part)
		case angle > 360: // 360 occurs for 0 in reference transactions
			return m, templates.BadAt(f.Offset, templates.ReasonOutOfRange, r.path(index, f, part+": angle"), "is out of range", "0..359 degrees")
		}
		switch string(items[3]) {
		case "E":
			m.Type = templates.MinutiaEnding
		case "B":
			m.Type = templates.MinutiaBifurcation
		case "X":
		default:
			return m, templates.BadAt(f.Offset, templates.ReasonOutOfRange, r.path(index, f, part+": type"), "is not known", "E, B or X")
		}
		m.X, m.Y = inside(hundredthsToUnits(x), width), inside(hundredthsToUnits(y), height)
		m.Angle = degrees(angle)
		return m, nil
	})
	if err != nil {
		return nil, err
	}
	return &templates.Finger{Position: position, Width: uint16(width), Height: uint16(height), Quality: templates.QualityUnknown, Minutiae: minutiae}, nil
}
