package iso19794

import (
	"bytes"
	"math/big"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/fmr"

	"pgregory.net/rapid"
)

// TestCoordinateExhaustive compares the scaling with rational numbers at every
// resolution, and shows that the edge of the image stays inside.
func TestCoordinateExhaustive(t *testing.T) {
	half := big.NewRat(1, 2)
	for resolution := uint16(MinResolution); resolution <= MaxResolution; resolution++ {
		for _, x := range []uint16{0, 1, 2, 3, 7, 100, 387, 511, 1000, 2037} {
			exact := big.NewRat(int64(x)*templates.UnitsPerPixel*fmr.NormalResolution, int64(resolution))
			exact.Add(exact, half)
			want := new(big.Int).Quo(exact.Num(), exact.Denom()).Uint64()
			if want > 0xffff {
				continue
			}
			if got := fmr.NormalCoordinate(x, resolution); uint64(got) != want {
				t.Fatalf("x %d at %d per cm: %d, want %d", x, resolution, got, want)
			}
			width := fmr.NormalSize(x+1, resolution)
			if width <= templates.MaxPixels && uint32(fmr.NormalCoordinate(x, resolution)) >= width*templates.UnitsPerPixel {
				t.Fatalf("x %d at %d per cm leaves the image of %d pixels", x, resolution, width)
			}
		}
	}
}

// TestAxesScaleApart: an image of 250 x 1,000 ppi over the same finger gives the
// normal form of the isotropic one.
func TestAxesScaleApart(t *testing.T) {
	normal := func(w, h, rx, ry, x, y uint16) templates.Finger {
		r := record(1, 1)
		r.Width, r.Height, r.ResolutionX, r.ResolutionY = w, h, rx, ry
		r.Views[0].Minutiae[0].X, r.Views[0].Minutiae[0].Y = x, y
		fingers, err := r.Fingers()
		if err != nil {
			t.Fatal(err)
		}
		return fingers[0]
	}
	// 394 per cm is twice 197.
	isotropic := normal(200, 300, 197, 197, 100, 40)
	stretched := normal(200, 600, 197, 394, 100, 80)
	if isotropic.Minutiae[0] != stretched.Minutiae[0] || isotropic.Width != stretched.Width || isotropic.Height != stretched.Height {
		t.Errorf("got %+v, want %+v", stretched, isotropic)
	}
	if got := isotropic.Minutiae[0]; got.X != 1600 || got.Y != 640 {
		t.Errorf("197 per cm is not the identity: %d, %d", got.X, got.Y)
	}
	if got := normal(200, 300, 100, 197, 100, 40); got.Width != 394 || got.Minutiae[0].X != 3152 || got.Minutiae[0].Y != 640 {
		t.Errorf("100 per cm: width %d x %d", got.Width, got.Minutiae[0].X)
	}
}

// TestNormalFormIsStable: writing a normal form moves every minutia by at most
// half a pixel (one at the far edge) and half a unit of angle, once; writing what
// was read back gives the same bytes.
func TestNormalFormIsStable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fingers := codectest.Fingers(rt)
		first, err := FromFingers(fingers, Capture{Certification: 1, Device: 2, Impression: Swipe})
		if err != nil {
			rt.Fatal(err)
		}
		bytesOfFirst := encode(t, first)
		decoded, err := Decode(bytesOfFirst)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := decoded.Fingers()
		if err != nil {
			rt.Fatal(err)
		}
		codectest.Rounding{Angle: 128, ZeroUnknown: true}.Moved(rt, fingers, back)
		second, err := FromFingers(back, Capture{Certification: 1, Device: 2, Impression: Swipe})
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(encode(t, second), bytesOfFirst) {
			rt.Fatal("the second pass changes something")
		}
	})
}

// TestRecordSurvivesNormalForm: at 197 pixels per cm nothing is rounded, so a
// record comes back whole, but for its extended data.
func TestRecordSurvivesNormalForm(t *testing.T) {
	r := record(30, 25)
	r.Certification = 9
	fingers, err := r.Fingers()
	if err != nil {
		t.Fatal(err)
	}
	got, err := FromFingers(fingers, Capture{Certification: 9, Device: 0xb5})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, got), encode(t, r)) {
		t.Error("another record comes back")
	}
}

func TestFromFingersRefuses(t *testing.T) {
	change := func(f []templates.Finger, c func(f *templates.Finger)) []templates.Finger {
		c(&f[len(f)-1])
		return f
	}
	for _, c := range []struct {
		name    string
		fingers []templates.Finger
		capture Capture
		want    templates.Reason
	}{
		{"good", codectest.Good(16), Capture{}, ""},
		{"none", nil, Capture{}, templates.ReasonOutOfRange},
		{"17 views of a finger", codectest.Good(17), Capture{}, templates.ReasonOutOfRange},
		{"277 views of a finger", codectest.Good(277), Capture{}, templates.ReasonOutOfRange},
		{"other width", change(codectest.Good(2), func(f *templates.Finger) { f.Width = 11 }), Capture{}, templates.ReasonMixedImages},
		{"other height", change(codectest.Good(2), func(f *templates.Finger) { f.Height = 11 }), Capture{}, templates.ReasonMixedImages},
		{"invalid finger", change(codectest.Good(2), func(f *templates.Finger) { f.Minutiae = nil }), Capture{}, templates.ReasonMinutiaCount},
		{"position 11", change(codectest.Good(2), func(f *templates.Finger) { f.Position = 11 }), Capture{}, templates.ReasonPosition},
		{"certification", codectest.Good(1), Capture{Certification: 16}, templates.ReasonOutOfRange},
		{"device", codectest.Good(1), Capture{Device: 4096}, templates.ReasonOutOfRange},
		{"impression", codectest.Good(1), Capture{Impression: 5}, templates.ReasonOutOfRange},
	} {
		r, err := FromFingers(c.fingers, c.capture)
		if got := codectest.Reason(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if (r == nil) != (err != nil) {
			t.Errorf("%s: a record and an error, or neither", c.name)
		}
	}
}
