package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"immis/templates"
	"immis/templates/iso19794"
)

// reasonOf is the reason of an input error, "" for none; any other error fails.
func reasonOf(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		t.Fatalf("error %T %v is not an InputError", err, err)
	}
	if bad.Field == "" || bad.Got == "" || bad.Want == "" {
		t.Fatalf("error %+v leaves a part empty", *bad)
	}
	return bad.Reason
}

// vector is 16 made-up components in each face format.
func vector(f templates.Format) []byte {
	var b []byte
	for i := range 16 {
		switch f {
		case templates.FormatFaceFloat32:
			b = append(b, 0, 0, 0x80, byte(0x3f+i%2))
		case templates.FormatFaceFloat16:
			b = append(b, 0, byte(0x3c+4*(i%2)))
		case templates.FormatFaceInt8:
			b = append(b, byte(1+i))
		}
	}
	return b
}

func minutiae(t testing.TB, positions ...templates.Position) []byte {
	t.Helper()
	var fingers []templates.Finger
	for i, p := range positions {
		fingers = append(fingers, templates.Finger{Position: p, Width: 300, Height: 400, Quality: 80,
			Minutiae: []templates.Minutia{{X: uint16(160 * (i + 1)), Y: 320, Angle: 0x4000, Type: templates.MinutiaEnding, Quality: 90}}})
	}
	r, err := iso19794.FromFingers(fingers, iso19794.Capture{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var images = map[templates.Format]string{
	templates.FormatPNG:   "\x89PNG\r\n\x1a\n....",
	templates.FormatJPEG:  "\xff\xd8\xff\xe0....",
	templates.FormatWSQ:   "\xff\xa0\xff\xa8....",
	templates.FormatJP2:   "\x00\x00\x00\x0cjP  \r\n\x87\n....",
	templates.FormatOther: "anything",
}

func TestDecodeFaces(t *testing.T) {
	for _, f := range []templates.Format{templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8} {
		for _, dims := range []int{0, 16} {
			got, err := Decode(f, vector(f), Options{Model: "m/1", Dims: dims})
			if err != nil || len(got) != 1 || got[0].Face == nil || got[0].Face.Model != "m/1" || len(got[0].Face.Vector) != 16 {
				t.Errorf("%v, dims %d: %+v, %v", f, dims, got, err)
			}
		}
	}
}

func TestDecodeFingers(t *testing.T) {
	const any = templates.PositionUnknown
	for _, c := range []struct {
		record []templates.Position
		stated templates.Position
		want   string
	}{
		{[]templates.Position{2}, any, "[2]"},
		{[]templates.Position{2}, 2, "[2]"},
		{[]templates.Position{any}, 7, "[7]"},
		{[]templates.Position{any}, any, "[0]"},
		{[]templates.Position{1, any, 10}, any, "[1 0 10]"},
		{[]templates.Position{3, any}, 3, "[3 3]"},
		{[]templates.Position{2}, 3, "UNKNOWN_FINGER_POSITION"},
		{[]templates.Position{2, 3}, 2, "UNKNOWN_FINGER_POSITION"},
	} {
		got, err := Decode(templates.FormatISO19794_2_2005, minutiae(t, c.record...), Options{Position: c.stated})
		text := string(reasonOf(t, err))
		if err == nil {
			var positions []templates.Position
			for i, x := range got {
				positions = append(positions, x.Finger.Position)
				if x.Finger.Minutiae[0].X != uint16(160*(i+1)) {
					t.Errorf("view %d stands at another place", i+1)
				}
			}
			text = fmt.Sprint(positions)
		}
		if text != c.want {
			t.Errorf("record %v, stated %d: %s, want %s", c.record, c.stated, text, c.want)
		}
	}
}

func TestImagesAreKeptAndNotSearched(t *testing.T) {
	for f, data := range images {
		got, err := Decode(f, []byte(data), Options{Position: 3})
		if err != nil || len(got) != 0 || f.Searchable() {
			t.Errorf("%v: %v, %v", f, got, err)
		}
		for other, data := range images {
			if f == templates.FormatOther || other == f {
				continue
			}
			if _, err := Decode(f, []byte(data), Options{}); reasonOf(t, err) != templates.ReasonWrongMagic {
				t.Errorf("%v with the bytes of %v: %v", f, other, err)
			}
		}
		if _, err := Decode(f, nil, Options{}); reasonOf(t, err) != templates.ReasonEmpty {
			t.Errorf("%v of no bytes: %v", f, err)
		}
	}
	if _, err := Decode(templates.FormatJP2, []byte("\xff\x4f\xff\x51"), Options{}); err != nil {
		t.Errorf("bare codestream: %v", err)
	}
	large := append([]byte(images[templates.FormatPNG]), make([]byte, MaxImage)...)
	if _, err := Decode(templates.FormatPNG, large[:MaxImage], Options{}); err != nil {
		t.Errorf("largest image: %v", err)
	}
	if _, err := Decode(templates.FormatPNG, large[:MaxImage+1], Options{}); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("larger image: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	record := minutiae(t, 2)
	for _, c := range []struct {
		name   string
		format templates.Format
		data   []byte
		o      Options
		want   templates.Reason
	}{
		{"unknown format", templates.FormatUnknown, record, Options{}, templates.ReasonFormat},
		{"format beyond", templates.FormatANSINIST + 1, record, Options{Model: "m"}, templates.ReasonFormat},
		{"stated position 11", templates.FormatISO19794_2_2005, record, Options{Position: 11}, templates.ReasonPosition},
		{"face of a finger", templates.FormatFaceInt8, vector(templates.FormatFaceInt8), Options{Model: "m", Position: 2}, templates.ReasonPosition},
		{"model of a finger", templates.FormatISO19794_2_2005, record, Options{Model: "m"}, templates.ReasonModel},
		{"dimension of an image", templates.FormatPNG, []byte(images[templates.FormatPNG]), Options{Dims: 16}, templates.ReasonModel},
		{"no model", templates.FormatFaceInt8, vector(templates.FormatFaceInt8), Options{}, templates.ReasonModel},
		{"half a component", templates.FormatFaceFloat32, make([]byte, 65), Options{Model: "m"}, templates.ReasonWrongLength},
		{"no vector", templates.FormatFaceFloat32, nil, Options{Model: "m"}, templates.ReasonEmpty},
		{"other dimension", templates.FormatFaceInt8, vector(templates.FormatFaceInt8), Options{Model: "m", Dims: 17}, templates.ReasonWrongLength},
		{"5,000 dimensions", templates.FormatFaceInt8, make([]byte, 5000), Options{Model: "m"}, templates.ReasonDimension},
		{"vector as record", templates.FormatISO19794_2_2005, vector(templates.FormatFaceInt8), Options{}, templates.ReasonWrongMagic},
		{"record cut", templates.FormatISO19794_2_2005, record[:len(record)-1], Options{}, templates.ReasonTruncated},
		{"padding", templates.FormatISO19794_2_2005, append(bytes.Clone(record), 0), Options{}, templates.ReasonTrailing},
		{"padding allowed", templates.FormatISO19794_2_2005, append(bytes.Clone(record), 0), Options{AllowPadding: true}, ""},
		{"tail is no padding", templates.FormatISO19794_2_2005, append(bytes.Clone(record), 1), Options{AllowPadding: true}, templates.ReasonTrailing},
	} {
		got, err := Decode(c.format, c.data, c.o)
		if reason := reasonOf(t, err); reason != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, reason, err, c.want)
		}
		if err != nil && got != nil {
			t.Errorf("%s: templates and an error", c.name)
		}
	}
	empty := bytes.Clone(record[:30])
	empty[11], empty[27], empty[28], empty[29] = 30, 0, 0, 0
	if _, err := Decode(templates.FormatISO19794_2_2005, empty, Options{}); reasonOf(t, err) != templates.ReasonMinutiaCount {
		t.Errorf("no minutiae: %v", err)
	}
	overstated := bytes.Clone(record)
	overstated[len(overstated)-1] = 1
	if _, err := Decode(templates.FormatISO19794_2_2005, overstated, Options{}); err != nil {
		t.Errorf("overstated length of extended data: %v", err)
	}
}

// TestEveryFormatIsDecoded: the switch has an arm for each known format.
func TestEveryFormatIsDecoded(t *testing.T) {
	formats := 0
	for i := range 256 {
		f := templates.Format(i)
		_, err := Decode(f, nil, Options{Model: map[bool]string{true: "m"}[f.Modality() == templates.ModalityFace]})
		want := templates.ReasonFormat
		if f.Known() && f <= templates.FormatOther { // the others are named, and not read yet
			want, formats = templates.ReasonEmpty, formats+1
		}
		if got := reasonOf(t, err); got != want {
			t.Errorf("format %d: %q, want %q", i, got, want)
		}
	}
	if formats != 9 {
		t.Errorf("%d formats, want 9", formats)
	}
}

type seed struct {
	format templates.Format
	data   []byte
}

func seeds(t testing.TB) []seed {
	s := []seed{{templates.FormatISO19794_2_2005, minutiae(t, 2)}, {templates.FormatISO19794_2_2005, minutiae(t, 1, 0, 10)}}
	for f := templates.FormatFaceFloat32; f <= templates.FormatFaceInt8; f++ {
		s = append(s, seed{f, vector(f)})
	}
	for f := templates.FormatPNG; f <= templates.FormatOther; f++ {
		s = append(s, seed{f, []byte(images[f])})
	}
	return s
}

// TestFuzzSeeds: every format has a seed that decodes.
func TestFuzzSeeds(t *testing.T) {
	count := map[templates.Format]int{}
	for _, s := range seeds(t) {
		o := Options{}
		if s.format.Modality() == templates.ModalityFace {
			o.Model = "m"
		}
		if _, err := Decode(s.format, s.data, o); err != nil {
			t.Errorf("seed of %v: %v", s.format, err)
		}
		count[s.format]++
	}
	if len(count) != 9 {
		t.Errorf("seeds of %d formats, want 9", len(count))
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		for _, model := range []string{"", "m"} {
			f.Add(uint8(s.format), s.data, model, 0, uint8(0), false)
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte, model string, dims int, position uint8, padding bool) {
		got, err := Decode(templates.Format(format), data, Options{Model: model, Dims: dims, Position: templates.Position(position), AllowPadding: padding})
		if err != nil {
			reasonOf(t, err)
			return
		}
		if (len(got) > 0) != templates.Format(format).Searchable() {
			t.Fatalf("format %d: %d templates", format, len(got))
		}
		for _, x := range got {
			stored, err := templates.AppendStored(nil, x)
			if err != nil {
				t.Fatalf("decodes but cannot be stored: %v", err)
			}
			if _, err := templates.DecodeStored(stored); err != nil {
				t.Fatalf("is stored but cannot be read back: %v", err)
			}
		}
	})
}
