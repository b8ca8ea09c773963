package wsq

import (
	"bytes"
	"image"
	"testing"

	"immis/internal/cost"
)

const fuzzPixels = 4096

// seeds are whole files and broken ones.
func seeds(t testing.TB) (good, bad [][]byte) {
	for _, size := range [][2]int{{1, 1}, {2, 3}, {16, 16}, {24, 20}, {33, 17}, {64, 64}} {
		good = append(good, encoded(t, size[0], size[1], 0.75), encoded(t, size[0], size[1], 4))
	}
	for _, tr := range []string{"8/8", "2/2", "6/2"} {
		data, err := encode(ridges(20, 21, 3), Options{BitRate: 2}, transforms()[tr])
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, data)
	}
	for i := range good {
		for _, n := range []int{2, 100, len(good[i]) / 2, len(good[i]) - 1} {
			bad = append(bad, good[i][:n])
		}
	}
	return good, bad
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := seeds(t)
	for i, data := range good {
		if _, _, err := Decode(data, fuzzPixels); err != nil {
			t.Errorf("seed %d: %v", i, err)
		}
	}
	for i, data := range bad {
		if _, _, err := Decode(data, fuzzPixels); err == nil {
			t.Errorf("bad seed %d is read", i)
		}
	}
	if len(good) < 15 || len(bad) < 60 {
		t.Errorf("%d good and %d bad seeds, want >= 15 and >= 60", len(good), len(bad))
	}
}

// FuzzDecode: what is refused is refused with an input error and an offset in the
// file; what is read has the size that DecodeConfig says, reads the same twice,
// and survives being cut into another file: comments and fill bytes change no
// pixel, and a byte more at the end is refused.
func FuzzDecode(f *testing.F) {
	good, bad := seeds(f)
	for _, data := range append(good, bad...) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var img *image.Gray
		var c Config
		var err error
		cost.Bounded(t, 64*fuzzPixels+64*len(data), func() { img, c, err = Decode(data, fuzzPixels) })
		header, headerErr := DecodeConfig(data)
		if err != nil {
			if reasonOf(t, err); offsetOf(err) < 0 || offsetOf(err) > len(data) {
				t.Fatalf("offset outside of %d bytes: %v", len(data), err)
			}
			if headerErr != nil {
				reasonOf(t, headerErr)
			}
			return
		}
		if headerErr != nil || header != c {
			t.Fatalf("header %+v, %v; want %+v", header, headerErr, c)
		}
		if img.Rect != image.Rect(0, 0, c.Width, c.Height) || len(img.Pix) != c.Width*c.Height || len(img.Pix) > fuzzPixels || img.Stride != c.Width {
			t.Fatalf("%v with %d pixels, want %d x %d", img.Rect, len(img.Pix), c.Width, c.Height)
		}
		if _, _, err := Decode(data, len(img.Pix)-1); err == nil {
			t.Fatal("the limit of pixels is not kept")
		}
		if _, _, err := Decode(append(data[:len(data):len(data)], 0xFF), fuzzPixels); err == nil {
			t.Fatal("a byte after the end is read over")
		}
		other := append([]byte{0xFF, markSOI, 0xFF, 0xFF, markCOM, 0, 5, 'a', 0xFF, markSOI}, data[2:]...)
		again, _, err := Decode(other, fuzzPixels)
		if err != nil || !bytes.Equal(again.Pix, img.Pix) {
			t.Fatalf("other pixels with a comment more, %v", err)
		}
	})
}

// FuzzRoundTrip: every picture can be encoded at every rate, the file is right for
// the independent reader, is the same when made again, and the picture that comes
// back is near at a high rate.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{0}, uint8(1), uint8(100))
	f.Add([]byte{0, 255}, uint8(2), uint8(255))
	f.Add(ridges(16, 16, 1).Pix, uint8(16), uint8(30))
	f.Add(ridges(37, 21, 1).Pix, uint8(37), uint8(80))
	f.Add(bytes.Repeat([]byte{200}, 400), uint8(20), uint8(10))
	f.Add(bytes.Repeat([]byte{0, 0, 0, 255, 9}, 100), uint8(25), uint8(0))
	f.Fuzz(func(t *testing.T, pix []byte, width, rate uint8) {
		w := int(width)
		if w == 0 || len(pix) < w || len(pix) > fuzzPixels {
			return
		}
		h := len(pix) / w
		img := &image.Gray{Pix: pix[:w*h], Stride: w, Rect: image.Rect(0, 0, w, h)}
		o := Options{BitRate: MinBitRate + float64(rate)*(MaxBitRate-MinBitRate)/255, PPI: int(rate)}
		data, err := Encode(img, o)
		if err != nil {
			t.Fatalf("%d x %d at %v: %v", w, h, o.BitRate, err)
		}
		if again, _ := Encode(img, o); !bytes.Equal(again, data) {
			t.Fatal("made again, another file")
		}
		if all, err := parts(data); err != nil || len(all) != 11 {
			t.Fatalf("%d parts, %v", len(all), err)
		}
		back, c, err := Decode(data, w*h)
		if err != nil || c.PPI != o.PPI || back.Rect != img.Rect {
			t.Fatalf("%d x %d at %v: %+v, %v", w, h, o.BitRate, c, err)
		}
		// Quantisation and the subbands that are not sent may take much from
		// noise; the mean they cannot move far.
		var sum, sumBack int
		for i, v := range img.Pix {
			sum += int(v)
			sumBack += int(back.Pix[i])
		}
		if d := (sumBack - sum) / len(img.Pix); rate == 255 && (d > 16 || d < -16) {
			t.Fatalf("%d x %d at %v: the mean moved by %d", w, h, o.BitRate, d)
		}
	})
}
