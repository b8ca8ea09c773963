package wsq

import (
	"bytes"
	"image"
	"math"
	"strings"
	"sync"
	"testing"

	"immis/templates"
)

func psnr(a, b *image.Gray) float64 {
	sum := 0.0
	for i, v := range a.Pix {
		d := float64(v) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/sum)
}

// TestRealRates: what the files take and how near they come to the picture.
func TestRealRates(t *testing.T) {
	for name, pair := range samples(t) {
		img := pgm(t, pair[1])
		pixels := float64(len(img.Pix))
		for _, rate := range []float64{0.75, 2.25} {
			data, err := Encode(img, Options{BitRate: rate, PPI: 500})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			back, c, err := Decode(data, len(img.Pix))
			if err != nil || c.PPI != 500 || back.Rect != img.Rect {
				t.Errorf("%s: %v, %v, %d ppi", name, err, back, c.PPI)
				continue
			}
			size, db := float64(len(data))/(rate*pixels/8), psnr(img, back)
			t.Logf("%s at %v: %d bytes, %.2f %% of the rate, %.2f dB", name, rate, len(data), 100*size, db)
			if size < 0.95 || size > 1.05 {
				t.Errorf("%s at %v: %.1f %% of the rate, want 95..105 %%", name, rate, 100*size)
			}
			if rate == 2.25 && db < 38 {
				t.Errorf("%s at %v: %.2f dB, want >= 38", name, rate, db)
			}
		}
	}
}

// TestRates: pictures of many sizes meet the rate, unless they are too small for it.
func TestRates(t *testing.T) {
	for _, size := range [][2]int{{128, 128}, {333, 200}, {201, 334}, {545, 622}} {
		img := ridges(size[0], size[1], 5)
		for _, rate := range []float64{0.75, 1.5, 2.25, 4} {
			data, err := Encode(img, Options{BitRate: rate})
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := Decode(data, len(img.Pix))
			if err != nil {
				t.Fatal(err)
			}
			size, db := float64(len(data))/(rate*float64(len(img.Pix))/8), psnr(img, back)
			t.Logf("%v at %v: %.2f %% of the rate, %.2f dB", img.Rect.Max, rate, 100*size, db)
			if size < 0.97 || size > 1.01 {
				t.Errorf("%v at %v: %.1f %% of the rate, want 97..101 %%", img.Rect.Max, rate, 100*size)
			}
			if db < 24+3*rate {
				t.Errorf("%v at %v: %.2f dB, want %.0f", img.Rect.Max, rate, db, 24+3*rate)
			}
		}
	}
}

// TestFlat: a picture without contrast takes little and comes back as it was.
func TestFlat(t *testing.T) {
	for _, grey := range []uint8{0, 1, 127, 255} {
		img := &image.Gray{Pix: bytes.Repeat([]byte{grey}, 300*200), Stride: 300, Rect: image.Rect(0, 0, 300, 200)}
		data, err := Encode(img, Options{BitRate: 2.25})
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := Decode(data, 1<<20)
		if err != nil || !bytes.Equal(back.Pix, img.Pix) || len(data) > 1000 {
			t.Errorf("%d: %d bytes, %v", grey, len(data), err)
		}
	}
}

// TestSparse: a small mark on a large sheet needs runs of every length and more
// memory than so few bytes suggest.
func TestSparse(t *testing.T) {
	img := &image.Gray{Pix: bytes.Repeat([]byte{255}, 900*700), Stride: 900, Rect: image.Rect(0, 0, 900, 700)}
	for y := 300; y < 324; y++ {
		for x := 500; x < 524; x++ {
			if (x/3+y/4)%2 == 0 {
				img.Pix[y*900+x] = uint8(x * y)
			}
		}
	}
	data, err := Encode(img, Options{BitRate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := Decode(data, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if db := psnr(img, back); db < 30 {
		t.Errorf("%.2f dB, want >= 30", db)
	}
	p := parser{data: data}
	if coefficients, err := p.decode(1 << 20); err != nil || len(coefficients) < 64*len(data) {
		t.Errorf("%d coefficients in %d bytes, %v: not the case this test is for", len(coefficients), len(data), err)
	}
}

// TestSubImage: a part of an image is encoded as the same pixels alone.
func TestSubImage(t *testing.T) {
	whole := ridges(90, 80, 6)
	part := whole.SubImage(image.Rect(7, 9, 71, 60)).(*image.Gray)
	alone := image.NewGray(image.Rect(0, 0, 64, 51))
	for y := range 51 {
		copy(alone.Pix[y*64:][:64], whole.Pix[(y+9)*90+7:])
	}
	a, err := Encode(part, Options{BitRate: 2})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Encode(alone, Options{BitRate: 2}); err != nil || !bytes.Equal(a, b) {
		t.Errorf("other bytes, %v", err)
	}
}

// TestOptions: what Encode refuses.
func TestOptions(t *testing.T) {
	img := ridges(20, 20, 1)
	long := &image.Gray{Pix: make([]uint8, 65536), Stride: 65536, Rect: image.Rect(0, 0, 65536, 1)}
	for name, c := range map[string]struct {
		img    *image.Gray
		o      Options
		reason templates.Reason
	}{
		"no image":      {nil, Options{BitRate: 1}, templates.ReasonEmpty},
		"no pixels":     {image.NewGray(image.Rect(0, 0, 5, 0)), Options{BitRate: 1}, templates.ReasonEmpty},
		"too wide":      {long, Options{BitRate: 1}, templates.ReasonOversized},
		"no rate":       {img, Options{}, templates.ReasonOutOfRange},
		"rate NaN":      {img, Options{BitRate: math.NaN()}, templates.ReasonOutOfRange},
		"rate 9":        {img, Options{BitRate: 9}, templates.ReasonOutOfRange},
		"ppi -1":        {img, Options{BitRate: 1, PPI: -1}, templates.ReasonOutOfRange},
		"ppi 65536":     {img, Options{BitRate: 1, PPI: 65536}, templates.ReasonOutOfRange},
		"long comment":  {img, Options{BitRate: 1, Comment: strings.Repeat("x", 65534)}, templates.ReasonOversized},
		"own attribute": {img, Options{BitRate: 1, Comment: "NIST_COM 1"}, templates.ReasonMalformed},
	} {
		data, err := Encode(c.img, c.o)
		if got := reasonOf(t, err); got != c.reason || data != nil {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
		}
	}
	if data, err := Encode(img, Options{BitRate: 1, Comment: strings.Repeat("x", 65533)}); err != nil {
		t.Error(err)
	} else if _, _, err := Decode(data, 400); err != nil {
		t.Error(err)
	}
}

// TestOtherFilters: files with filters of both symmetries are read from end to end.
func TestOtherFilters(t *testing.T) {
	img := ridges(150, 131, 7)
	for name, tr := range transforms() {
		data, err := encode(img, Options{BitRate: 4}, tr)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := Decode(data, len(img.Pix))
		if err != nil {
			t.Fatal(err)
		}
		db := psnr(img, back)
		t.Logf("%s: %.2f dB", name, db)
		if db < 30 {
			t.Errorf("%s: %.2f dB, want >= 30", name, db)
		}
	}
}

// TestParallel: calls do not know of each other.
func TestParallel(t *testing.T) {
	img := ridges(120, 100, 8)
	file, err := Encode(img, Options{BitRate: 2})
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := Decode(file, len(img.Pix))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				again, err := Encode(img, Options{BitRate: 2})
				back, _, err2 := Decode(file, len(img.Pix))
				if err != nil || err2 != nil || !bytes.Equal(again, file) || !bytes.Equal(back.Pix, want.Pix) {
					t.Errorf("another result, %v, %v", err, err2)
				}
			}
		})
	}
	group.Wait()
}

// TestSearch: bins are as wide as they can be for a target that nothing meets, and
// as fine for one that everything does.
func TestSearch(t *testing.T) {
	img := ridges(64, 64, 1)
	plane := make([]float32, len(img.Pix))
	for i, v := range img.Pix {
		plane[i] = float32(v) - 128
	}
	nodes, bands := decompose(64, 64)
	decomposeImage(plane, 64, nodes, standardTransform().analysis())
	s := newScaler(plane, 64, bands)
	s.search(1)
	if got := s.quant.bins[0]; got < 1000 {
		t.Errorf("bins of %v, want the widest", got)
	}
	s.search(1 << 20)
	if got := s.quant.bins[0]; got > 0.1 {
		t.Errorf("bins of %v, want the finest", got)
	}
}
