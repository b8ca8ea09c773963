package imagerecord

import (
	"math"
	"reflect"
	"testing"
	"time"

	"immis/templates"
)

// TestBuild: what the views of a record make has the same views.
func TestBuild(t *testing.T) {
	for _, f := range formats {
		views, err := record(f).Views()
		if err != nil {
			t.Fatal(err)
		}
		for i := range views {
			views[i].ImageType &^= threeD
		}
		r := &Record{Format: f}
		switch f {
		case templates.FormatISO19794_4_2005:
			r.Finger2005, err = NewFinger2005(views)
		case templates.FormatISO19794_4_2011:
			r.Finger2011, err = NewFinger2011(views)
		case templates.FormatISO19794_5_2005:
			r.Face2005, err = NewFace2005(views)
		case templates.FormatISO19794_5_2011:
			r.Face2011, err = NewFace2011(views)
		}
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		back, err := Decode(encode(t, r))
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		got, err := back.Views()
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		if n := back.Notes(); n != nil {
			t.Errorf("%v: notes %q", f, n)
		}
		for i := range got {
			for _, v := range []*View{&got[i], &views[i]} {
				v.Offset, v.Device, v.Number = 0, "", 0
			}
		}
		if !reflect.DeepEqual(got, views) {
			t.Errorf("%v: %+v, want %+v", f, got, views)
		}
	}
}

func TestBuildCounts(t *testing.T) {
	v := View{Modality: templates.ModalityFinger, Position: 2, Payload: []byte("123456"), Width: 3, Height: 2, PPIX: 500, PPIY: 500}
	w := v
	w.Position = 3
	r, err := NewFinger2005([]View{v, w, v})
	if err != nil {
		t.Fatal(err)
	}
	if r.Images[0].Count != 2 || r.Images[2].Number != 2 || r.Images[1].Count != 1 || r.Fingers != 3 || r.Acquisition != 30 {
		t.Errorf("%+v", r)
	}
	s, err := NewFinger2011([]View{v, w, v})
	if err != nil {
		t.Fatal(err)
	}
	if s.Positions != 2 || s.Images[2].Number != 1 || s.Images[1].Number != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBuildRefuses(t *testing.T) {
	good := View{Modality: templates.ModalityFinger, Position: 2, Payload: []byte("123456"), Width: 3, Height: 2, PPIX: 500, PPIY: 500}
	for _, c := range []struct {
		name     string
		change   func(*View)
		old, new templates.Reason
	}{
		{"good", func(*View) {}, "", ""},
		{"modality", func(v *View) { v.Modality = templates.ModalityFace }, templates.ReasonMalformed, templates.ReasonMalformed},
		{"position", func(v *View) { v.PositionCode = 3 }, templates.ReasonMalformed, templates.ReasonMalformed},
		{"width", func(v *View) { v.Width = 65536 }, templates.ReasonOutOfRange, templates.ReasonOutOfRange},
		{"height", func(v *View) { v.Height = 0 }, templates.ReasonOutOfRange, templates.ReasonOutOfRange},
		{"pixels", func(v *View) { v.Width = 4 }, templates.ReasonWrongLength, templates.ReasonWrongLength},
		{"empty", func(v *View) { v.Payload = nil }, templates.ReasonNoBiometric, templates.ReasonNoBiometric},
		{"format", func(v *View) { v.Format = templates.FormatPNG }, templates.ReasonMalformed, templates.ReasonMalformed},
		{"resolution", func(v *View) { v.PPIY = 0 }, templates.ReasonResolution, templates.ReasonResolution},
		{"resolution NaN", func(v *View) { v.PPIX = math.NaN() }, templates.ReasonResolution, templates.ReasonResolution},
		{"year", func(v *View) { v.Captured = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, templates.ReasonOutOfRange, templates.ReasonOutOfRange},
		{"other resolution", func(v *View) { v.PPIX, v.PPIY = 1000, 1000 }, templates.ReasonMixedImages, ""},
	} {
		v := good
		c.change(&v)
		if _, err := NewFinger2005([]View{good, v}); reasonOf(t, err) != c.old {
			t.Errorf("%s: 2005: %v, want %q", c.name, err, c.old)
		}
		if _, err := NewFinger2011([]View{good, v}); reasonOf(t, err) != c.new {
			t.Errorf("%s: 2011: %v, want %q", c.name, err, c.new)
		}
	}
	if _, err := NewFinger2011(nil); reasonOf(t, err) != templates.ReasonOutOfRange {
		t.Errorf("no views: %v", err)
	}
	face := View{Modality: templates.ModalityFace, Format: templates.FormatPNG, Payload: []byte(png), Width: 3, Height: 2}
	if _, err := NewFace2005([]View{face}); reasonOf(t, err) != templates.ReasonUnsupported {
		t.Errorf("png in 2005: %v", err)
	}
	face.ImageType = 0x81
	if _, err := NewFace2011([]View{face}); reasonOf(t, err) != templates.ReasonUnsupported {
		t.Errorf("three-dimensional: %v", err)
	}
}
