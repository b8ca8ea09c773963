package ansinist

import (
	"bytes"
	"fmt"

	"immis/templates"
)

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
		if f := r.Field(fieldImpression); f != nil && err == nil {
			s.Impression, err = r.number(s.Record, f, []byte(f.item(0)), "", 0, 255)
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
func (r *Record) codes(index, number int) ([]int, error) {
	f := r.Field(number)
	if f == nil || len(f.Value) == 0 {
		return nil, nil
	}
	if err := r.checkRows(index, f); err != nil {
		return nil, err
	}
	subfields := f.Subfields()
	codes := make([]int, len(subfields))
	for i, s := range subfields {
		code, err := r.number(index, f, Items(s)[0], fmt.Sprintf("subfield %d", i+1), 0, 255)
		if err != nil {
			return nil, err
		}
		codes[i] = code
	}
	return codes, nil
}

// maxRows bounds the subfields of a field that a view reads. The standard allows
// 45 qualities and fewer of everything else, and 255 minutiae have a normal form.
const maxRows = 512

func (r *Record) checkRows(index int, f *Field) error {
	if n := 1 + bytes.Count(f.Value, []byte{separatorRecord}); n > maxRows {
		return templates.BadAt(f.Offset, templates.ReasonOversized, r.path(index, f, "subfields"), n, fmt.Sprintf("<= %d", maxRows))
	}
	return nil
}

// rows calls fn with the items of each subfield of a field that is there and not
// empty; a subfield with fewer than least items is MALFORMED.
func (r *Record) rows(index, number, least int, fn func(f *Field, part string, items [][]byte) error) error {
	f := r.Field(number)
	if f == nil || len(f.Value) == 0 {
		return nil
	}
	if err := r.checkRows(index, f); err != nil {
		return err
	}
	for i, s := range f.Subfields() {
		part := fmt.Sprintf("subfield %d", i+1)
		items := Items(s)
		if len(items) < least {
			return templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(index, f, part+": items"), len(items), fmt.Sprintf(">= %d", least))
		}
		if err := fn(f, part, items); err != nil {
			return err
		}
	}
	return nil
}

// metric is where a record type states a quality, and whether the first item of
// each subfield is the position that it is about.
type metric struct {
	field    int
	name     string
	position bool
}

func metricsOf(recordType int) []metric {
	switch recordType {
	case 10:
		return []metric{{24, "SQS", false}}
	case 13:
		return []metric{{24, "LQM", true}}
	case 14:
		return []metric{{22, "NQM", true}, {23, "SQM", true}, {24, "FQM", true}}
	case 15:
		return []metric{{24, "PQM", true}}
	case 16:
		return []metric{{24, "UQS", false}}
	case 17:
		return []metric{{24, "IQS", false}}
	case 19:
		return []metric{{24, "FQM", true}}
	case 99:
		return []metric{{102, "BDQ", false}}
	}
	return nil
}

func fillQualities(s *Sample, r *Record) error {
	for _, m := range metricsOf(r.Type) {
		least := 1
		if m.position {
			least = 2
		}
		err := r.rows(s.Record, m.field, least, func(f *Field, part string, items [][]byte) (err error) {
			q := Quality{Metric: m.name, Code: -1}
			if m.position {
				if q.Code, err = r.number(s.Record, f, items[0], part+": position", 0, 255); err != nil {
					return err
				}
				items = items[1:]
			}
			if q.Value, err = r.number(s.Record, f, items[0], part+": value", 0, 255); err != nil {
				return err
			}
			if len(items) > 2 {
				q.Vendor, q.Algorithm = string(items[1]), string(items[2])
			}
			s.Qualities = append(s.Qualities, q)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func fillMissing(s *Sample, r *Record) error {
	if r.Type != 14 && r.Type != 15 && r.Type != 19 {
		return nil
	}
	return r.rows(s.Record, fieldMissing, 2, func(f *Field, part string, items [][]byte) error {
		code, err := r.number(s.Record, f, items[0], part+": position", 0, 255)
		s.Missing = append(s.Missing, Missing{Code: code, Reason: string(items[1])})
		return err
	})
}

func fillSegments(s *Sample, r *Record) error {
	if r.Type != 14 {
		return nil
	}
	return r.rows(s.Record, fieldSegments, 5, func(f *Field, part string, items [][]byte) error {
		code, err := r.number(s.Record, f, items[0], part+": position", 0, 255)
		if err != nil {
			return err
		}
		box, err := s.box(r, f, part, items[1:])
		if err == nil && (box[0] > box[1] || box[2] > box[3]) {
			err = templates.BadAt(f.Offset, templates.ReasonOutOfRange, r.path(s.Record, f, part+": box"), "ends before it starts", "left <= right and top <= bottom")
		}
		s.Segments = append(s.Segments, Segment{Code: code, Left: box[0], Right: box[1], Top: box[2], Bottom: box[3]})
		return err
	})
}

// box reads left, right, top and bottom and checks that they lie in the image.
func (s *Sample) box(r *Record, f *Field, part string, items [][]byte) (box [4]int, err error) {
	for i, hi := range [4]int{s.Width, s.Width, s.Height, s.Height} {
		if box[i], err = r.number(s.Record, f, items[i], part+": box", 0, hi); err != nil {
			return box, err
		}
	}
	return box, nil
}

// fillPolygons reads the alternate segments: position, number of points, and x
// and y of each.
func fillPolygons(s *Sample, r *Record) error {
	if r.Type != 14 {
		return nil
	}
	return r.rows(s.Record, fieldPolygons, 2, func(f *Field, part string, items [][]byte) error {
		code, err := r.number(s.Record, f, items[0], part+": position", 0, 255)
		if err != nil {
			return err
		}
		n, err := r.number(s.Record, f, items[1], part+": number of points", 3, 99)
		if err != nil {
			return err
		}
		items = items[2:]
		if len(items) != 2*n {
			return templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(s.Record, f, part+": coordinates"), len(items), fmt.Sprintf("%d for %d points", 2*n, n))
		}
		g := Segment{Code: code, Left: s.Width, Top: s.Height, Polygon: make([]Point, n)}
		for i := range g.Polygon {
			p := &g.Polygon[i]
			if p.X, err = r.number(s.Record, f, items[2*i], part+": x", 0, s.Width); err != nil {
				return err
			}
			if p.Y, err = r.number(s.Record, f, items[2*i+1], part+": y", 0, s.Height); err != nil {
				return err
			}
			g.Left, g.Right = min(g.Left, p.X), max(g.Right, p.X)
			g.Top, g.Bottom = min(g.Top, p.Y), max(g.Bottom, p.Y)
		}
		s.Segments = append(s.Segments, g)
		return nil
	})
}

// fillAreas does not ask for top <= bottom: reference transactions have it otherwise.
func fillAreas(s *Sample, r *Record) error {
	if r.Type != 13 && r.Type != 14 {
		return nil
	}
	return r.rows(s.Record, fieldAreas, 6, func(f *Field, part string, items [][]byte) error {
		box, err := s.box(r, f, part, items[2:])
		s.Areas = append(s.Areas, Area{View: string(items[0]), Location: string(items[1]), Left: box[0], Right: box[1], Top: box[2], Bottom: box[3]})
		return err
	})
}
