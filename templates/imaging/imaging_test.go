package imaging

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"immis/templates"
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

func offsetOf(err error) int {
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		return -2
	}
	return bad.Offset
}

// noise is a grey image of random levels.
func noise(seed uint64, w, h int) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	return m
}

// colours is a picture of random colours and, if asked, transparencies.
func colours(seed uint64, w, h int, alpha bool) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 2))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
		if i%4 == 3 && !alpha {
			m.Pix[i] = 255
		}
	}
	return m
}

// referenceGrey is the slow twin of grey: floating point, pixel by pixel.
func referenceGrey(c color.Color) float64 {
	n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
	a := float64(n.A) / 65535
	over := func(v uint16) float64 { return a*float64(v)/257 + (1-a)*255 }
	return 0.299*over(n.R) + 0.587*over(n.G) + 0.114*over(n.B)
}

// TestGrey compares every kind of picture with the slow twin.
func TestGrey(t *testing.T) {
	b := image.Rect(0, 0, 31, 17)
	kinds := map[string]interface {
		image.Image
		Set(x, y int, c color.Color)
	}{
		"RGBA": image.NewRGBA(b), "NRGBA": image.NewNRGBA(b), "RGBA64": image.NewRGBA64(b), "NRGBA64": image.NewNRGBA64(b),
		"Gray": image.NewGray(b), "Gray16": image.NewGray16(b), "CMYK": image.NewCMYK(b),
		"Paletted": image.NewPaletted(b, color.Palette{color.Black, color.White, color.NRGBA{10, 200, 30, 128}, color.Gray{77}}),
	}
	for name, m := range kinds {
		src := colours(7, b.Dx(), b.Dy(), true)
		for y := range b.Dy() {
			for x := range b.Dx() {
				m.Set(x, y, src.At(x, y))
			}
		}
		want := make([]float64, 0, b.Dx()*b.Dy())
		for y := range b.Dy() {
			for x := range b.Dx() {
				want = append(want, referenceGrey(m.At(x, y)))
			}
		}
		got := grey(m)
		if got.Width != b.Dx() || got.Height != b.Dy() || len(got.Pix) != len(want) {
			t.Fatalf("%s: %d x %d", name, got.Width, got.Height)
		}
		for i, w := range want {
			if d := float64(got.Pix[i]) - w; d > 0.75 || d < -0.75 {
				t.Fatalf("%s: pixel %d is %d, want %.2f", name, i, got.Pix[i], w)
			}
		}
	}
	for v := range 256 { // a grey colour keeps its value, in 8 and in 16 bits
		w := uint32(v) * 257
		if got := luma(w, w, w, 0xffff); got != uint8(v) || eightBits(w) != uint8(v) {
			t.Errorf("grey %d becomes %d", v, got)
		}
	}
	if got := luma(0, 0, 0, 0); got != 255 {
		t.Errorf("transparent becomes %d, want white", got)
	}
}

// TestGreyOfPart: a picture whose rows are padded, as those of a JPEG.
func TestGreyOfPart(t *testing.T) {
	whole := noise(3, 40, 30)
	part := whole.SubImage(image.Rect(0, 0, 33, 29)).(*image.Gray)
	want := []byte{}
	for y := range 29 {
		want = append(want, part.Pix[y*part.Stride:][:33]...)
	}
	if got := grey(part); !bytes.Equal(got.Pix, want) {
		t.Error("rows are not put together")
	}
}

func TestSniff(t *testing.T) {
	for magic, want := range map[string]templates.Format{
		magicPNG: templates.FormatPNG, magicJPEG + "\xe0": templates.FormatJPEG, magicBMP + "12": templates.FormatBMP,
		magicTIFFLE: templates.FormatTIFF, magicTIFFBE: templates.FormatTIFF, magicWSQ: templates.FormatWSQ,
		magicJP2: templates.FormatJP2, magicJ2K: templates.FormatJP2, "": templates.FormatUnknown, "\x89PNG": templates.FormatUnknown,
		"FMR\x00 20\x00": templates.FormatUnknown, "II+\x00": templates.FormatUnknown,
	} {
		if got := Sniff([]byte(magic)); got != want {
			t.Errorf("%q is %v, want %v", magic, got, want)
		}
	}
}

// TestOtherFormats: what is no image, and what is another one.
func TestOtherFormats(t *testing.T) {
	for f := templates.FormatUnknown; f < 200; f++ {
		want := templates.ReasonFormat
		switch f {
		case templates.FormatPNG, templates.FormatJPEG, templates.FormatBMP, templates.FormatTIFF, templates.FormatWSQ, templates.FormatJP2:
			want = templates.ReasonWrongMagic
		}
		data := bytes.Repeat([]byte("no image"), 10)
		if _, err := Inspect(f, data); reasonOf(t, err) != want {
			t.Errorf("inspect %v: %v", f, err)
		}
		if _, err := Decode(f, data, Options{}); reasonOf(t, err) != want {
			t.Errorf("decode %v: %v", f, err)
		}
		if _, _, err := DecodePicture(f, nil, Limits{}); reasonOf(t, err) != templates.ReasonEmpty {
			t.Errorf("decode nothing as %v: %v", f, err)
		}
	}
}

// TestResolution: what is worked with, given what the file and the caller say.
func TestResolution(t *testing.T) {
	const bad = -1
	for _, c := range []struct{ x, y, stated, want float64 }{
		{0, 0, 0, 0}, {500, 500, 0, 500}, {0, 0, 500, 500}, {500, 500, 500, 500},
		{100, 100, 0, 100}, {2000, 2000, 0, 2000}, {99.9, 99.9, 0, bad}, {72, 72, 500, 500}, {2001, 2001, 0, bad},
		{1, 1, 0, bad}, {1, 1, 500, 500}, {500, 0, 0, bad}, {500, 0, 500, 500},
		{500, 504, 0, 502}, {500, 506, 0, bad}, {500, 506, 503, bad}, {500, 504, 502, 502}, {500, 1000, 0, bad}, {500, 1000, 500, bad},
		{500, 96, 500, bad}, {96, 500, 500, bad}, {500, 0, 1000, bad}, {0, 500, 1000, bad}, {0.5, 1, 500, bad}, {492, 508, 500, bad}, {72, 72.5, 500, 500},
		{500, 500, 509, 509}, {500, 500, 511, bad}, {500, 500, 489, bad}, {100, 100, 500, bad},
		{0, 0, 99, bad}, {0, 0, 2001, bad}, {0, 0, -1, bad}, {500, 500, -500, bad},
	} {
		got, err := Info{PPIX: c.x, PPIY: c.y}.PPI(c.stated)
		switch {
		case c.want == bad && reasonOf(t, err) != templates.ReasonResolution:
			t.Errorf("%+v: %v, %v", c, got, err)
		case c.want != bad && (err != nil || got != c.want):
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	for _, ppi := range []float64{100, 300, 500, 508, 512, 569, 600, 1000, 1200, 2000} {
		for _, n := range []float64{float64(int(ppi/metresPerInch + 0.5)), float64(int(ppi / metresPerInch))} {
			if got := ppiFromMetre(n); got != ppi {
				t.Errorf("%g per metre is %g ppi, want %g", n, got, ppi)
			}
		}
	}
	for n, want := range map[float64]float64{197: 500, 196: 500, 196.85: 500, 394: 1000, 393: 1000, 118: 300, 200: 508, 0: 0, 157.5: 400.05} {
		if got := ppiFromCentimetre(n); got != want {
			t.Errorf("%g per cm is %g ppi, want %g", n, got, want)
		}
	}
}

// TestFromRaw: all depths, and what does not fit.
func TestFromRaw(t *testing.T) {
	for bits := 1; bits <= 16; bits++ {
		white := 1<<bits - 1
		raw := []byte{0, byte(white)}
		if bits > 8 {
			raw = []byte{0, 0, byte(white >> 8), byte(white)}
		}
		m, err := FromRaw(raw, 2, 1, bits, 500)
		if err != nil || m.Pix[0] != 0 || m.Pix[1] != 255 || m.PPI != 500 {
			t.Errorf("%d bits: %v, %v", bits, m, err)
		}
	}
	pix := noise(1, 9, 7).Pix
	m, err := FromRaw(pix, 9, 7, 8, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Pix, pix) || &m.Pix[0] == &pix[0] {
		t.Error("samples are changed or shared")
	}
	for name, c := range map[string]struct {
		n, w, h, bits int
		ppi           float64
		want          templates.Reason
	}{
		"short": {62, 9, 7, 8, 0, templates.ReasonWrongLength}, "long": {64, 9, 7, 8, 0, templates.ReasonWrongLength},
		"two bytes": {63, 9, 7, 9, 0, templates.ReasonWrongLength}, "no width": {0, 0, 7, 8, 0, templates.ReasonOutOfRange},
		"negative": {63, -9, -7, 8, 0, templates.ReasonOutOfRange}, "bits": {63, 9, 7, 17, 0, templates.ReasonOutOfRange},
		"no bits": {63, 9, 7, 0, 0, templates.ReasonOutOfRange}, "ppi": {63, 9, 7, 8, 50, templates.ReasonResolution},
		"big": {63, 65535, 65535, 8, 0, templates.ReasonOversized}, "side": {63, 65536, 1, 8, 0, templates.ReasonOversized},
	} {
		if _, err := FromRaw(make([]byte, c.n), c.w, c.h, c.bits, c.ppi); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := FromRaw([]byte{3, 4}, 2, 1, 2, 0); reasonOf(t, err) != templates.ReasonOutOfRange {
		t.Errorf("sample of too many bits: %v", err)
	}
}

// TestResolutionOfRecord: what a record says of its image counts before the file.
func TestResolutionOfRecord(t *testing.T) {
	data, err := EncodePNG(&Image{Pix: make([]byte, 64), Width: 8, Height: 8, PPI: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    Options
		want float64
	}{{Options{}, 1000}, {Options{OfRecord: true}, 1000}, {Options{OfRecord: true, PPI: 500}, 500}} {
		m, err := Decode(templates.FormatPNG, data, c.o)
		if err != nil || m.PPI != c.want {
			t.Errorf("%+v: %+v, %v; want %g ppi", c.o, m, err, c.want)
		}
	}
	if _, err := Decode(templates.FormatPNG, data, Options{PPI: 500}); reasonOf(t, err) != templates.ReasonResolution {
		t.Errorf("stated by the caller, contradicted by the file: %v", err)
	}
}
