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
	regionWidth, regionHeight, err := efsRegion(index, r)
	if err != nil {
		return nil, err
	}
	width, height := hundredthsToPixels(regionWidth), hundredthsToPixels(regionHeight)
	if err := checkSize(index, r, width, height); err != nil {
		return nil, err
	}
	position, err := r.onePosition(index, fieldEFSPosition)
	if err != nil {
		return nil, err
	}
	minutiae, err := r.minutiae(index, fieldEFSMinutiae, 0, 4, func(w *row) (templates.Minutia, error) {
		m := templates.Minutia{Quality: templates.QualityUnknown}
		x, okX := decimal(w.items[0], maxDigits)
		y, okY := decimal(w.items[1], maxDigits)
		angle, okAngle := decimal(w.items[2], 3)
		switch {
		case !okX || !okY || !okAngle:
			return m, w.bad(templates.ReasonMalformed, "", "is not x, y and angle", "three numbers")
		case x > regionWidth || y > regionHeight:
			return m, w.outside()
		case angle > 360: // 360 occurs for 0 in reference transactions
			return m, w.bad(templates.ReasonOutOfRange, "angle", "is out of range", "0..359 degrees")
		}
		switch string(w.items[3]) {
		case "E":
			m.Type = templates.MinutiaEnding
		case "B":
			m.Type = templates.MinutiaBifurcation
		case "X":
		default:
			return m, w.bad(templates.ReasonOutOfRange, "type", "is not known", "E, B or X")
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
