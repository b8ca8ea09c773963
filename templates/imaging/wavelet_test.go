package imaging

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"testing"

	"immis/templates"
	"immis/templates/imaging/wsq"
)

// TestWSQ: size, resolution and pixels come through, and the bounds count before
// anything is decoded.
func TestWSQ(t *testing.T) {
	m := ridges(500, 120)
	src := &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
	for _, ppi := range []int{0, 500, 1000} {
		data, err := wsq.Encode(src, wsq.Options{BitRate: 2.25, PPI: ppi})
		if err != nil {
			t.Fatal(err)
		}
		if f := Sniff(data); f != templates.FormatWSQ {
			t.Fatalf("is %v", f)
		}
		got, err := Decode(templates.FormatWSQ, data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		twin, _, err := wsq.Decode(data, 1<<20)
		if err != nil || got.PPI != float64(ppi) || !bytes.Equal(got.Pix, twin.Pix) || psnr(got, m) < 30 {
			t.Errorf("%g ppi, %.1f dB, %v", got.PPI, psnr(got, m), err)
		}
		n := m.Width * m.Height
		for _, o := range []Options{{MaxPixels: n - 1}, {MaxBytes: wsqBytes*n - 1}} {
			if _, err := Decode(templates.FormatWSQ, data, o); reasonOf(t, err) != templates.ReasonOversized {
				t.Errorf("%+v: %v", o, err)
			}
		}
		if bytes, _ := allocated(func() { _, err = Decode(templates.FormatWSQ, data, Options{}) }); err != nil || bytes > uint64(wsqBytes*n)+1<<18 {
			t.Errorf("%d bytes allocated for %d pixels, %v", bytes, n, err)
		}
		if _, err := Decode(templates.FormatWSQ, data[:len(data)-1], Options{}); reasonOf(t, err) != templates.ReasonTruncated {
			t.Errorf("cut: %v", err)
		}
	}
}

// TestJPEG2000 reads the synthetic files of the decoder's own tests, grey and colour.
func TestJPEG2000(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("jpeg2000", "testdata", "vectors", "*.j*"))
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files, want >= 5, %v", len(paths), err)
	}
	read, colour := 0, 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if f := Sniff(data); f != templates.FormatJP2 {
			t.Fatalf("%s: is %v", path, f)
		}
		picture, info, err := DecodePicture(templates.FormatJP2, data, Limits{})
		if reasonOf(t, err) != "" {
			continue
		}
		m, err := Decode(templates.FormatJP2, data, Options{PPI: 500})
		if err != nil || m.Width != info.Width || m.Height != info.Height || picture.Bounds() != image.Rect(0, 0, m.Width, m.Height) {
			t.Errorf("%s: %+v, %v", path, info, err)
			continue
		}
		read++
		if info.Colour {
			colour++
		}
		for _, l := range []Limits{{MaxPixels: info.Width*info.Height - 1}, {MaxBytes: jpeg2000Bytes*info.Width*info.Height - 1}} {
			if _, _, err := DecodePicture(templates.FormatJP2, data, l); reasonOf(t, err) != templates.ReasonOversized {
				t.Errorf("%s: %+v: %v", path, l, err)
			}
		}
	}
	if read < 5 || colour == 0 {
		t.Errorf("%d files read, %d of them in colour", read, colour)
	}
}
