package wsq

import (
	"image"
	"math"
	"testing"
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

func BenchmarkEncodeReal(b *testing.B) {
	for name, pair := range samples(b) {
		img := pgm(b, pair[1])
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Encode(img, Options{BitRate: 0.75, PPI: 500}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
