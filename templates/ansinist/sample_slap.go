package ansinist

import (
	"fmt"

	"immis/templates"
)

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
		value := 0 // the item of the value
		if m.position {
			value = 1
		}
		err := r.rows(s.Record, m.field, value+1, func(w *row) (err error) {
			q := Quality{Metric: m.name, Code: -1}
			if m.position {
				if q.Code, err = w.integer(0, "position", 0, 255); err != nil {
					return err
				}
			}
			if q.Value, err = w.integer(value, "value", 0, 255); err != nil {
				return err
			}
			if len(w.items) > value+2 {
				q.Vendor, q.Algorithm = string(w.items[value+1]), string(w.items[value+2])
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
	return r.rows(s.Record, fieldMissing, 2, func(w *row) error {
		code, err := w.integer(0, "position", 0, 255)
		s.Missing = append(s.Missing, Missing{Code: code, Reason: string(w.items[1])})
		return err
	})
}

func fillSegments(s *Sample, r *Record) error {
	if r.Type != 14 {
		return nil
	}
	return r.rows(s.Record, fieldSegments, 5, func(w *row) error {
		code, err := w.integer(0, "position", 0, 255)
		if err != nil {
			return err
		}
		box, err := s.box(w, 1)
		if err == nil && (box[0] > box[1] || box[2] > box[3]) {
			err = w.bad(templates.ReasonOutOfRange, "box", "ends before it starts", "left <= right and top <= bottom")
		}
		s.Segments = append(s.Segments, Segment{Code: code, Left: box[0], Right: box[1], Top: box[2], Bottom: box[3]})
		return err
	})
}

// box reads left, right, top and bottom from item i on and checks that they lie
// in the image.
func (s *Sample) box(w *row, i int) (box [4]int, err error) {
	for side, hi := range [4]int{s.Width, s.Width, s.Height, s.Height} {
		if box[side], err = w.integer(i+side, "box", 0, hi); err != nil {
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
	return r.rows(s.Record, fieldPolygons, 2, func(w *row) error {
		code, err := w.integer(0, "position", 0, 255)
		if err != nil {
			return err
		}
		n, err := w.integer(1, "number of points", 3, 99)
		if err != nil {
			return err
		}
		if have := len(w.items) - 2; have != 2*n {
			return w.bad(templates.ReasonMalformed, "coordinates", have, fmt.Sprintf("%d for %d points", 2*n, n))
		}
		g := Segment{Code: code, Left: s.Width, Top: s.Height, Polygon: make([]Point, n)}
		for i := range g.Polygon {
			p := &g.Polygon[i]
			if p.X, err = w.integer(2+2*i, "x", 0, s.Width); err != nil {
				return err
			}
			if p.Y, err = w.integer(3+2*i, "y", 0, s.Height); err != nil {
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
	return r.rows(s.Record, fieldAreas, 6, func(w *row) error {
		box, err := s.box(w, 2)
		s.Areas = append(s.Areas, Area{View: string(w.items[0]), Location: string(w.items[1]), Left: box[0], Right: box[1], Top: box[2], Bottom: box[3]})
		return err
	})
}
