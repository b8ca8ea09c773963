package exchange

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/imaging/wsq"
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

// ridges is a made-up picture that is no flat area.
func ridges(t testing.TB, ppi float64) *imaging.Image {
	t.Helper()
	m := &imaging.Image{Width: 96, Height: 80, PPI: ppi}
	for y := range m.Height {
		for x := range m.Width {
			m.Pix = append(m.Pix, uint8(128+100*math.Sin(float64(x)*0.7+float64(y)*0.2)))
		}
	}
	return m
}

func gray(m *imaging.Image) *image.Gray {
	return &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
}

// samples has a sound sample of every format but the face vectors; pictures state
// 500 ppi where their format can.
func samples(t testing.TB) map[templates.Format][]byte {
	t.Helper()
	fingers := []templates.Finger{{Position: 2, Width: 300, Height: 400, Quality: 80,
		Minutiae: []templates.Minutia{{X: 160, Y: 320, Angle: 0x4000, Type: templates.MinutiaEnding, Quality: 90}}}}
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	out := map[templates.Format][]byte{templates.FormatISO19794_2_2005: minutiae(t, 2), templates.FormatOther: []byte("anything")}
	r, err := iso19794.FromFingers2011(fingers, iso19794.Capture2011{})
	if err != nil {
		t.Fatal(err)
	}
	out[templates.FormatISO19794_2_2011] = must(r.Encode())
	for f, card := range map[templates.Format]iso19794.CardFormat{templates.FormatISO19794_2_CardNormal: iso19794.CardNormal, templates.FormatISO19794_2_CardCompact: iso19794.CardCompact} {
		c, err := iso19794.CardFromFinger(card, &fingers[0])
		if err != nil {
			t.Fatal(err)
		}
		out[f] = must(c.Encode())
	}
	for f := templates.FormatANSI378_2004; f <= templates.FormatANSI378_2009AM1; f++ {
		r, err := ansi378.FromFingers(f, fingers, ansi378.Capture{Owner: 0x103})
		if err != nil {
			t.Fatal(err)
		}
		out[f] = must(r.Encode())
	}
	m := ridges(t, 500)
	out[templates.FormatPNG] = must(imaging.EncodePNG(m))
	out[templates.FormatWSQ] = must(wsq.Encode(gray(m), wsq.Options{BitRate: 2.25, PPI: 500}))
	var jpg, bm, tif bytes.Buffer
	if err := errors.Join(jpeg.Encode(&jpg, gray(m), nil), bmp.Encode(&bm, gray(m)), tiff.Encode(&tif, gray(m), nil)); err != nil {
		t.Fatal(err)
	}
	out[templates.FormatJPEG], out[templates.FormatBMP], out[templates.FormatTIFF] = jpg.Bytes(), bm.Bytes(), tif.Bytes()
	vectors, err := filepath.Glob("../imaging/jpeg2000/testdata/vectors/*.jp2")
	if err != nil || len(vectors) == 0 {
		t.Fatalf("no JPEG 2000 files: %v", err)
	}
	out[templates.FormatJP2] = must(os.ReadFile(vectors[0]))

	finger := imagerecord.View{Modality: templates.ModalityFinger, Position: 2, Format: templates.FormatPNG, Payload: out[templates.FormatPNG],
		BitDepth: 8, Width: m.Width, Height: m.Height, PPIX: 500, PPIY: 500}
	raw := finger
	raw.Format, raw.Payload = templates.FormatUnknown, m.Pix
	face := imagerecord.View{Modality: templates.ModalityFace, Format: templates.FormatJPEG, Payload: out[templates.FormatJPEG], Width: m.Width, Height: m.Height}
	for f, make := range map[templates.Format]func() (interface{ Encode() ([]byte, error) }, error){
		templates.FormatISO19794_4_2005: func() (interface{ Encode() ([]byte, error) }, error) {
			return imagerecord.NewFinger2005([]imagerecord.View{raw})
		},
		templates.FormatISO19794_4_2011: func() (interface{ Encode() ([]byte, error) }, error) {
			return imagerecord.NewFinger2011([]imagerecord.View{finger})
		},
		templates.FormatISO19794_5_2005: func() (interface{ Encode() ([]byte, error) }, error) {
			return imagerecord.NewFace2005([]imagerecord.View{face})
		},
		templates.FormatISO19794_5_2011: func() (interface{ Encode() ([]byte, error) }, error) {
			return imagerecord.NewFace2011([]imagerecord.View{face})
		},
	} {
		r, err := make()
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		out[f] = must(r.Encode())
	}
	return out
}

func TestDecodeFaces(t *testing.T) {
	for _, f := range []templates.Format{templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8} {
		for _, dims := range []int{0, 16} {
			got, err := Decode(f, vector(f), Options{Model: "m/1", Dims: dims})
			if err != nil || len(got.Templates) != 1 || got.Templates[0].Face == nil || got.Templates[0].Face.Model != "m/1" || len(got.Templates[0].Face.Vector) != 16 {
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
			for i, x := range got.Templates {
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

// stated are the options under which a sample of samples decodes.
func stated(f templates.Format) Options {
	o := Options{}
	switch f {
	case templates.FormatPNG, templates.FormatWSQ:
		o.Modality = templates.ModalityFinger
	case templates.FormatJPEG, templates.FormatBMP, templates.FormatTIFF: // none, or the 72 ppi of who does not know
		o.Modality, o.Resolution = templates.ModalityFinger, 500
	case templates.FormatJP2:
		o.Modality = templates.ModalityFace
	}
	return o
}

// TestEveryFormat: each decodes, gives templates just when it is searchable, is
// recognised, and is refused in the name of another and when nothing is there.
func TestEveryFormat(t *testing.T) {
	all := samples(t)
	for f, data := range all {
		got, err := Decode(f, data, stated(f))
		if err != nil || (len(got.Templates) > 0) != f.Searchable() {
			t.Errorf("%v: %d templates, %v", f, len(got.Templates), err)
		}
		headless := f == templates.FormatOther || f == templates.FormatISO19794_2_CardNormal || f == templates.FormatISO19794_2_CardCompact
		if s := Sniff(data); !headless && s != f {
			t.Errorf("%v is taken for %v", f, s)
		}
		for other, bytes := range all {
			if headless || other == f {
				continue
			}
			if _, err := Decode(f, bytes, stated(f)); err == nil || reasonOf(t, err) == "" {
				t.Errorf("%v with the bytes of %v: %v", f, other, err)
			}
		}
		if _, err := Decode(f, nil, stated(f)); reasonOf(t, err) != templates.ReasonEmpty {
			t.Errorf("%v of no bytes: %v", f, err)
		}
		if _, err := Decode(f, make([]byte, MaxSize+1), stated(f)); reasonOf(t, err) != templates.ReasonOversized {
			t.Errorf("%v of %d bytes: %v", f, MaxSize+1, err)
		}
		if !headless {
			if _, err := Decode(f, data[:len(data)-1], stated(f)); err == nil || reasonOf(t, err) == "" {
				t.Errorf("%v without its last byte: %v", f, err)
			}
		}
	}
	if len(all) != 19 {
		t.Errorf("samples of %d formats, want 19: all but vectors and containers", len(all))
	}
}

func TestResolutionOfFingers(t *testing.T) {
	all := samples(t)
	finger := func(ppi float64) Options { return Options{Modality: templates.ModalityFinger, Resolution: ppi} }
	for _, c := range []struct {
		name string
		f    templates.Format
		o    Options
		want templates.Reason
	}{
		{"stated in the file", templates.FormatPNG, finger(0), ""},
		{"stated twice", templates.FormatPNG, finger(500), ""},
		{"contradicted", templates.FormatPNG, finger(1000), templates.ReasonResolution},
		{"not stated", templates.FormatJPEG, finger(0), templates.ReasonResolution},
		{"not needed", templates.FormatJPEG, Options{Modality: templates.ModalityFace}, ""},
		{"impossible", templates.FormatJPEG, finger(20000), templates.ReasonResolution},
		{"of a record", templates.FormatISO19794_4_2011, finger(500), ""},
		{"of a record, contradicted", templates.FormatISO19794_4_2011, finger(1000), templates.ReasonResolution},
		{"of minutiae", templates.FormatISO19794_2_2005, Options{Resolution: 500}, templates.ReasonResolution},
	} {
		if _, err := Decode(c.f, all[c.f], c.o); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestPositionsOfImages(t *testing.T) {
	all := samples(t)
	for _, c := range []struct {
		f      templates.Format
		stated templates.Position
		want   templates.Position
		reason templates.Reason
	}{
		{templates.FormatPNG, templates.RightFour, templates.RightFour, ""},
		{templates.FormatPNG, 12, 0, templates.ReasonPosition},
		{templates.FormatISO19794_4_2011, templates.PositionUnknown, 2, ""},
		{templates.FormatISO19794_4_2011, 2, 2, ""},
		{templates.FormatISO19794_4_2011, 3, 0, templates.ReasonPosition},
		{templates.FormatISO19794_2_2005, templates.RightFour, 0, templates.ReasonPosition},
		{templates.FormatISO19794_5_2005, 2, 0, templates.ReasonPosition},
	} {
		o := stated(c.f)
		o.Position = c.stated
		d, err := Decode(c.f, all[c.f], o)
		if reasonOf(t, err) != c.reason || d.Position != c.want {
			t.Errorf("%v stated as %d: position %d, %v; want %d, %q", c.f, c.stated, d.Position, err, c.want, c.reason)
		}
	}
}

// TestRecordsAreComparedWithTheirImages: a record that lies about its image is refused.
func TestRecordsAreComparedWithTheirImages(t *testing.T) {
	data := bytes.Clone(samples(t)[templates.FormatISO19794_4_2011])
	r, err := imagerecord.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	r.Finger2011.Images[0].Width++
	lie, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Decode(templates.FormatISO19794_4_2011, lie, Options{})
	var bad *templates.InputError
	if !errors.As(err, &bad) || bad.Reason != templates.ReasonMalformed || bad.Offset <= 0 {
		t.Errorf("record that says another width: %v", err)
	}
}

// TestTransactionsAreComparedWithTheirImages: what a record says of resolution and size
// holds for the image in it, and the quality of a slap is not that of one finger.
func TestTransactionsAreComparedWithTheirImages(t *testing.T) {
	m := &imaging.Image{Pix: make([]byte, 40*40), Width: 40, Height: 40, PPI: 500}
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	picture, err := imaging.EncodePNG(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set     map[int]string
		want    templates.Reason
		quality uint8
	}{
		"sound":              {nil, "", templates.QualityUnknown},
		"axes differ":        {map[int]string{9: "500", 10: "1000"}, templates.ReasonResolution, 0},
		"axes rounded":       {map[int]string{9: "500", 10: "501"}, "", templates.QualityUnknown},
		"one axis":           {map[int]string{9: "500", 10: "0"}, templates.ReasonResolution, 0},
		"width":              {map[int]string{6: "4000"}, templates.ReasonMalformed, 0},
		"height":             {map[int]string{7: "41"}, templates.ReasonMalformed, 0},
		"quality":            {map[int]string{24: "2\x1f88\x1f0000\x1f0"}, "", 88},
		"how well it is cut": {map[int]string{23: "2\x1f7\x1f0000\x1f0"}, "", templates.QualityUnknown},
		"both":               {map[int]string{23: "2\x1f7\x1f0000\x1f0", 24: "2\x1f88\x1f0000\x1f0"}, "", 88},
		"several fingers":    {map[int]string{13: "13", 24: "2\x1f95\x1f0000\x1f0\x1e3\x1f5\x1f0000\x1f0"}, "", templates.QualityUnknown},
		"one of several":     {map[int]string{13: "13", 24: "2\x1f95\x1f0000\x1f0"}, "", templates.QualityUnknown},
	} {
		r := printRecord(40, 2, "PNG", picture)
		for number, value := range c.set {
			r.Set(number, value)
		}
		got, err := Open(templates.FormatANSINIST, transaction(t, r))
		if reasonOf(t, err) != c.want || err == nil && (len(got.Parts) != 1 || got.Parts[0].Quality != c.quality || math.Abs(got.Parts[0].Resolution-500) > 1) {
			t.Errorf("%s: %+v, %v; want %q", name, got.Parts, err, c.want)
		}
	}
}

func TestUnpackBits(t *testing.T) {
	for _, c := range []struct {
		bits   int
		packed []byte
		n      int
		want   []byte
	}{
		{1, []byte{0b10110000}, 5, []byte{1, 0, 1, 1, 0}},
		{1, []byte{0b10110000, 0b01010001, 0b11000000}, 19, []byte{1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0}},
		{4, []byte{0x12, 0x30}, 3, []byte{1, 2, 3}},
		{5, []byte{0b00001_000, 0b10_00011_0}, 3, []byte{1, 2, 3}},
		{12, []byte{0x12, 0x3a, 0xbc}, 2, []byte{0x01, 0x23, 0x0a, 0xbc}},
	} {
		if got := appendBits(nil, c.packed, c.n, c.bits); !bytes.Equal(got, c.want) {
			t.Errorf("%d bits: %x, want %x", c.bits, got, c.want)
		}
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
		{"dimension of an image", templates.FormatPNG, samples(t)[templates.FormatPNG], Options{Dims: 16}, templates.ReasonModel},
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
		if err != nil && got.Templates != nil {
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

type seed struct {
	format templates.Format
	data   []byte
}

func seeds(t testing.TB) []seed {
	s := []seed{{templates.FormatISO19794_2_2005, minutiae(t, 2)}, {templates.FormatISO19794_2_2005, minutiae(t, 1, 0, 10)}}
	for f := templates.FormatFaceFloat32; f <= templates.FormatFaceInt8; f++ {
		s = append(s, seed{f, vector(f)})
	}
	for f, data := range samples(t) {
		s = append(s, seed{f, data})
	}
	slices.SortStableFunc(s, func(a, b seed) int { return cmp.Compare(a.format, b.format) })
	return s
}

// TestFuzzSeeds: every format has a seed that decodes.
func TestFuzzSeeds(t *testing.T) {
	count := map[templates.Format]int{}
	for _, s := range seeds(t) {
		o := stated(s.format)
		if s.format.Encoding() != templates.EncodingUnknown {
			o.Model = "m"
		}
		if _, err := Decode(s.format, s.data, o); err != nil {
			t.Errorf("seed of %v: %v", s.format, err)
		}
		count[s.format]++
	}
	if len(count) != 22 {
		t.Errorf("seeds of %d formats, want 22: all but containers", len(count))
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		for _, model := range []string{"", "m"} {
			f.Add(uint8(s.format), s.data, model, 0, uint8(0), false)
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte, model string, dims int, position uint8, padding bool) {
		var got Decoded
		var err error
		cost.Bounded(t, imaging.DefaultMaxBytes+64*len(data), func() {
			got, err = Decode(templates.Format(format), data, Options{Model: model, Dims: dims, Position: templates.Position(position), AllowPadding: padding})
		})
		if err != nil {
			reasonOf(t, err)
			return
		}
		if (len(got.Templates) > 0) != templates.Format(format).Searchable() {
			t.Fatalf("format %d: %d templates", format, len(got.Templates))
		}
		for _, x := range got.Templates {
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
