package wsq

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"immis/templates"
)

// ridges draws a picture that has the statistics of a fingerprint of 500 ppi and
// is nobody's: whorled waves nine pixels apart in an ellipse, some noise.
func ridges(w, h int, seed uint64) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	rnd := rand.New(rand.NewPCG(seed, 1))
	cx, cy := float64(w)*0.5, float64(h)*0.45
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-cx, float64(y)-cy
			r := math.Hypot(dx, 1.2*dy)
			v := 200 + 2*rnd.NormFloat64()
			if (dx*dx)/(cx*cx)+(dy*dy)/(cy*cy*1.4) < 0.95 {
				phase := 2*math.Pi*r/9 + 2*math.Sin(dx/60) + 1.5*math.Atan2(dy, dx)
				v = 120 + 80*math.Sin(phase) + 3*rnd.NormFloat64()
			}
			img.Pix[y*w+x] = uint8(min(max(v, 0), 255))
		}
	}
	return img
}

// encoded is the file of a synthetic picture.
func encoded(t testing.TB, w, h int, rate float64) []byte {
	t.Helper()
	data, err := Encode(ridges(w, h, 1), Options{BitRate: rate, PPI: 500})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// reasonOf returns the reason of an error, which must be an input error that does
// not quote more than a little of the input.
func reasonOf(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *templates.InputError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no input error", err)
	}
	if e.Field == "" || e.Got == "" || e.Want == "" || len(e.Error()) > 200 {
		t.Fatalf("error does not say field, got and want: %v", err)
	}
	return e.Reason
}

// offsetOf returns the offset of an input error.
func offsetOf(err error) int {
	var e *templates.InputError
	if errors.As(err, &e) {
		return e.Offset
	}
	return templates.NoOffset
}
