package iso19794

import (
	"bytes"
	"math/big"
	"testing"

	"immis/templates"
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

func drawFingers(rt *rapid.T) []templates.Finger {
	width := uint16(rapid.IntRange(1, templates.MaxPixels).Draw(rt, "width"))
	height := uint16(rapid.IntRange(1, templates.MaxPixels).Draw(rt, "height"))
	quality := rapid.SampledFrom([]uint8{0, 1, 2, 99, 100, templates.QualityUnknown})
	fingers := make([]templates.Finger, rapid.IntRange(1, 16).Draw(rt, "views"))
	for i := range fingers {
		f := &fingers[i]
		*f = templates.Finger{Position: templates.Position(rapid.IntRange(0, 10).Draw(rt, "position")), Width: width, Height: height,
			Quality: quality.Draw(rt, "quality")}
		for range rapid.IntRange(1, 20).Draw(rt, "count") {
			f.Minutiae = append(f.Minutiae, templates.Minutia{
				X:       uint16(rapid.IntRange(0, int(width)*templates.UnitsPerPixel-1).Draw(rt, "x")),
				Y:       uint16(rapid.IntRange(0, int(height)*templates.UnitsPerPixel-1).Draw(rt, "y")),
				Angle:   rapid.Uint16().Draw(rt, "angle"),
				Type:    templates.MinutiaType(rapid.IntRange(0, 2).Draw(rt, "type")),
				Quality: quality.Draw(rt, "minutia quality"),
			})
		}
	}
	return fingers
}

// TestNormalFormIsStable: writing a normal form moves every minutia by at most
// half a pixel (one at the far edge) and half a unit of angle, once; writing what
// was read back gives the same bytes.
func TestNormalFormIsStable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fingers := drawFingers(rt)
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
		for i := range fingers {
			f, g := &fingers[i], &back[i]
			if f.Position != g.Position || f.Width != g.Width || f.Height != g.Height {
				rt.Fatalf("view %d: %v, want %v", i, g, f)
			}
			for j, m := range f.Minutiae {
				n := g.Minutiae[j]
				dx, dy := int(m.X)-int(n.X), int(m.Y)-int(n.Y)
				da := int(int16(m.Angle - n.Angle))
				limit := func(size, at uint16) int {
					if at == (size-1)*templates.UnitsPerPixel {
						return templates.UnitsPerPixel - 1
					}
					return templates.UnitsPerPixel / 2
				}
				if max(dx, -dx) > limit(f.Width, n.X) || max(dy, -dy) > limit(f.Height, n.Y) || max(da, -da) > 128 || m.Type != n.Type {
					rt.Fatalf("view %d: minutia %d moves by %d, %d, turns by %d", i, j, dx, dy, da)
				}
				if m.Quality != n.Quality && (m.Quality != 0 || n.Quality != 1) {
					rt.Fatalf("view %d: minutia %d of quality %d comes back with %d", i, j, m.Quality, n.Quality)
				}
			}
		}
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
	good := func(n int) []templates.Finger {
		out := make([]templates.Finger, n)
		for i := range out {
			out[i] = templates.Finger{Position: 1, Width: 10, Height: 10, Quality: 1, Minutiae: []templates.Minutia{{X: 1, Y: 1}}}
		}
		return out
	}
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
		{"good", good(16), Capture{}, ""},
		{"none", nil, Capture{}, templates.ReasonOutOfRange},
		{"17 views of a finger", good(17), Capture{}, templates.ReasonOutOfRange},
		{"277 views of a finger", good(277), Capture{}, templates.ReasonOutOfRange},
		{"other width", change(good(2), func(f *templates.Finger) { f.Width = 11 }), Capture{}, templates.ReasonMixedImages},
		{"other height", change(good(2), func(f *templates.Finger) { f.Height = 11 }), Capture{}, templates.ReasonMixedImages},
		{"invalid finger", change(good(2), func(f *templates.Finger) { f.Minutiae = nil }), Capture{}, templates.ReasonMinutiaCount},
		{"position 11", change(good(2), func(f *templates.Finger) { f.Position = 11 }), Capture{}, templates.ReasonPosition},
		{"certification", good(1), Capture{Certification: 16}, templates.ReasonOutOfRange},
		{"device", good(1), Capture{Device: 4096}, templates.ReasonOutOfRange},
		{"impression", good(1), Capture{Impression: 5}, templates.ReasonOutOfRange},
	} {
		r, err := FromFingers(c.fingers, c.capture)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if (r == nil) != (err != nil) {
			t.Errorf("%s: a record and an error, or neither", c.name)
		}
	}
}
