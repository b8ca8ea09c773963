package ansinist

import "immis/templates"

// Fields that tagged image records share, types 10 and 13-19 (ANSI/NIST-ITL
// 1-2011, 8.10 to 8.19).
const (
	fieldImpression  = 3 // IMP; in Type 10 the image type, in 17 the eye
	fieldSource      = 4
	fieldDate        = 5
	fieldWidth       = 6
	fieldHeight      = 7
	fieldUnits       = 8 // SLC: 0 none, 1 per inch, 2 per cm
	fieldScaleX      = 9
	fieldScaleY      = 10
	fieldCompression = 11
	fieldDepth       = 12 // BPX; in Type 10 the color space
	fieldPosition    = 13 // FGP; in types 16 and 17 the color space
	fieldAreas       = 15 // PPC in types 13 and 14
	fieldMissing     = 18 // AMP in types 14, 15 and 19
	fieldIrisDevice  = 19 // MMS in Type 17
	fieldSegments    = 21 // SEG in Type 14
	fieldPolygons    = 25 // ASEG in Type 14
	fieldDevice      = 904
)

// maxPixels is the largest width or height that the fields can state.
const maxPixels = 99_999

// fillImage tells the sample of a tagged image record.
func fillImage(s *Sample, r *Record) error {
	s.Source, s.Captured = r.text(fieldSource), r.text(fieldDate)
	s.Data = r.Image
	s.Compression = r.text(fieldCompression)
	s.Format, s.Raw = compression(s.Compression)
	if s.Data == nil {
		s.Format, s.Raw = templates.FormatUnknown, false
	}
	err := s.fillSize(s.Record, r)
	number := func(field, hi int) int {
		var n int
		if err == nil {
			n, err = r.integer(s.Record, field, 0, hi)
		}
		return max(n, 0)
	}
	switch r.Type {
	case 10:
		s.ImageType = r.text(fieldImpression)
		if s.ImageType == "FACE" {
			s.Modality = templates.ModalityFace
		}
		s.ColorSpace = r.text(fieldDepth)
		s.Bits = depthOf(s.ColorSpace)
	case 16, 17:
		s.Bits = number(fieldDepth, 99)
		s.ColorSpace = r.text(fieldPosition)
		if r.Type == 17 {
			s.Modality = templates.ModalityIris
		}
	default:
		s.Bits = number(fieldDepth, 99)
		if err == nil {
			s.Impression, err = r.integer(s.Record, fieldImpression, 0, 255)
		}
		if err == nil {
			s.Codes, err = r.codes(s.Record, fieldPosition)
		}
		s.Modality = ridgeModality(s.Codes)
	}
	device := r.Field(fieldDevice)
	if device == nil && r.Type == 17 {
		device = r.Field(fieldIrisDevice)
	}
	s.Make, s.Model, s.Serial = device.item(0), device.item(1), device.item(2)
	for _, fill := range []func(*Sample, *Record) error{fillQualities, fillMissing, fillSegments, fillPolygons, fillAreas} {
		if err == nil {
			err = fill(s, r)
		}
	}
	return err
}

// fillSize reads width, height and resolution of a tagged image record.
func (s *Sample) fillSize(index int, r *Record) error {
	var units, scaleX, scaleY int
	for _, c := range []struct {
		field, hi int
		dst       *int
	}{
		{fieldWidth, maxPixels, &s.Width}, {fieldHeight, maxPixels, &s.Height}, {fieldUnits, 2, &units},
		{fieldScaleX, maxPixels, &scaleX}, {fieldScaleY, maxPixels, &scaleY},
	} {
		n, err := r.integer(index, c.field, 0, c.hi)
		if err != nil {
			return err
		}
		*c.dst = max(n, 0)
	}
	s.PPIX, s.PPIY = perInch(units, scaleX), perInch(units, scaleY)
	return nil
}

// perInch converts a scale: pixels per cm by 500/197, see Sample.PPIX.
func perInch(units, scale int) int {
	switch units {
	case 1:
		return scale
	case 2:
		return (scale*templates.NormalPPI*2 + normalPerCM) / (2 * normalPerCM)
	}
	return 0
}

// normalPerCM is 500 ppi in pixels per cm, rounded as every record rounds it.
const normalPerCM = 197

// depthOf is the number of bits per pixel of a color space of Type 10, which has
// no field for it.
func depthOf(colorSpace string) int {
	switch colorSpace {
	case "GRAY":
		return 8
	case "RGB", "SRGB", "YCC", "SYCC":
		return 24
	}
	return 0
}

// codes reads a field of position codes, one in each subfield.
func (r *Record) codes(index, number int) (codes []int, err error) {
	err = r.rows(index, number, 1, func(w *row) error {
		code, err := w.integer(0, "position", 0, 255)
		codes = append(codes, code)
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
