package ansinist

import (
	"fmt"

	"immis/templates"
)

// Fields of the INCITS 378 block (ANSI/NIST-ITL 1-2007, 13.1.2).
const (
	fieldM1Width    = 128 // HLL
	fieldM1Height   = 129 // VLL
	fieldM1Units    = 130 // SLC
	fieldM1ScaleX   = 131
	fieldM1ScaleY   = 132
	fieldM1Position = 134 // FGP
	fieldM1Quality  = 135 // FQD: quality, vendor, algorithm
	fieldM1Count    = 136 // NOM
)

// Resolutions that a finger can be captured with, in pixels per inch, as package
// iso19794 takes them.
const (
	minPPI = 249
	maxPPI = 4000
)

// incitsHeader is what the block says besides minutiae.
type incitsHeader struct {
	width, height         int // pixels
	units, scaleX, scaleY int
	codes                 []int
	quality               uint8
}

func readINCITSHeader(index int, r *Record) (h incitsHeader, err error) {
	for _, c := range []struct {
		field, lo, hi int
		dst           *int
	}{
		{fieldM1Width, 1, maxPixels, &h.width}, {fieldM1Height, 1, maxPixels, &h.height},
		{fieldM1Units, 1, 2, &h.units}, {fieldM1ScaleX, 1, maxPixels, &h.scaleX}, {fieldM1ScaleY, 1, maxPixels, &h.scaleY},
	} {
		f := r.Field(c.field)
		if f == nil {
			return h, templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(index, r.Type, fmt.Sprintf("field 9.%d", c.field)), "is missing", "a number")
		}
		if *c.dst, err = r.number(index, f, []byte(f.item(0)), "", c.lo, c.hi); err != nil {
			return h, err
		}
	}
	for _, scale := range []int{h.scaleX, h.scaleY} {
		if ppi := perInch(h.units, scale); ppi < minPPI || ppi > maxPPI {
			return h, templates.BadAt(r.Offset, templates.ReasonResolution, recordPath(index, r.Type, "resolution"), ppi, fmt.Sprintf("%d..%d ppi", minPPI, maxPPI))
		}
	}
	if h.codes, err = r.codes(index, fieldM1Position); err != nil {
		return h, err
	}
	h.quality = templates.QualityUnknown
	if f := r.Field(fieldM1Quality); f != nil {
		q, err := r.number(index, f, []byte(f.item(0)), "quality", 0, 255)
		switch {
		case err != nil:
			return h, err
		case q <= 100:
			h.quality = uint8(q)
		case q < 254: // 254 failed, 255 not attempted
			return h, templates.BadAt(f.Offset, templates.ReasonQuality, r.path(index, f, "quality"), q, "0..100, 254 or 255")
		}
	}
	return h, nil
}

// unitsOf scales pixels to units of the normal form, rounded, halves up.
func (h *incitsHeader) unitsOf(pixels, scale int) int {
	base := h.base()
	return (2*pixels*templates.UnitsPerPixel*base + scale) / (2 * scale)
}

// pixelsOf scales pixels to pixels at 500 ppi, rounded up.
func (h *incitsHeader) pixelsOf(pixels, scale int) int {
	return (pixels*h.base() + scale - 1) / scale
}

// base is 500 ppi in the unit of the block's scale.
func (h *incitsHeader) base() int {
	if h.units == 2 {
		return normalPerCM
	}
	return templates.NormalPPI
}

// incitsFinger reads field 9.137: index, x, y, angle in units of 2 degrees, type
// and quality of each minutia.
func incitsFinger(index int, r *Record) (*templates.Finger, error) {
	h, err := readINCITSHeader(index, r)
	if err != nil {
		return nil, err
	}
	width, height := h.pixelsOf(h.width, h.scaleX), h.pixelsOf(h.height, h.scaleY)
	if err := checkSize(index, r, width, height); err != nil {
		return nil, err
	}
	position, err := r.onePosition(index, fieldM1Position)
	if err != nil {
		return nil, err
	}
	minutiae, err := r.minutiae(index, fieldM1Minutiae, fieldM1Count, 5, func(w *row) (templates.Minutia, error) {
		m := templates.Minutia{Quality: templates.QualityUnknown}
		var v [5]int // x, y, angle, type, quality
		for i := range v {
			if i+1 == len(w.items) {
				break
			}
			var ok bool
			if v[i], ok = decimal(w.items[i+1], maxDigits); !ok {
				return m, w.bad(templates.ReasonMalformed, "", "holds what is not a number", "numbers")
			}
		}
		switch {
		case v[0] >= h.width || v[1] >= h.height:
			return m, w.outside()
		case v[2] > 179:
			return m, w.bad(templates.ReasonOutOfRange, "angle", "is out of range", "0..179 units of 2 degrees")
		case v[3] > int(templates.MinutiaBifurcation):
			return m, w.bad(templates.ReasonOutOfRange, "type", v[3], "0..2")
		case v[4] > 100:
			return m, w.bad(templates.ReasonQuality, "quality", v[4], "0..100")
		}
		m.X, m.Y = inside(h.unitsOf(v[0], h.scaleX), width), inside(h.unitsOf(v[1], h.scaleY), height)
		m.Angle, m.Type = degrees(2*v[2]), templates.MinutiaType(v[3])
		if v[4] > 0 { // 0 is not reported
			m.Quality = uint8(v[4])
		}
		return m, nil
	})
	if err != nil {
		return nil, err
	}
	return &templates.Finger{Position: position, Width: uint16(width), Height: uint16(height), Quality: h.quality, Minutiae: minutiae}, nil
}
