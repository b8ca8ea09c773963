package codectest

import (
	"testing"

	"immis/templates"

	"pgregory.net/rapid"
)

// Fingers draws 1..16 normal forms from images of one size.
func Fingers(rt *rapid.T) []templates.Finger {
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

// Good are n valid fingers of one position.
func Good(n int) []templates.Finger {
	out := make([]templates.Finger, n)
	for i := range out {
		out[i] = templates.Finger{Position: 1, Width: 10, Height: 10, Quality: 1, Minutiae: []templates.Minutia{{X: 1, Y: 1}}}
	}
	return out
}

// Rounding is what a record may change in a normal form.
type Rounding struct {
	// Angle is half the unit of angles, rounded up.
	Angle int
	// ZeroUnknown: quality 0 stands for none, so that a known 0 comes back as 1 and
	// an unknown finger quality as 0.
	ZeroUnknown bool
}

// Moved fails where a finger that went through a record differs by more than the
// rounding: half a pixel (one at the far edge) and half a unit of angle.
func (r Rounding) Moved(t *rapid.T, before, after []templates.Finger) {
	if len(before) != len(after) {
		t.Fatalf("%d fingers, want %d", len(after), len(before))
	}
	for i := range before {
		f, g := &before[i], &after[i]
		quality := f.Quality
		if r.ZeroUnknown && quality == templates.QualityUnknown {
			quality = 0
		}
		if f.Position != g.Position || f.Width != g.Width || f.Height != g.Height || g.Quality != quality || len(f.Minutiae) != len(g.Minutiae) {
			t.Fatalf("view %d: %v, want %v", i, g, f)
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
			if max(dx, -dx) > limit(f.Width, n.X) || max(dy, -dy) > limit(f.Height, n.Y) || max(da, -da) > r.Angle || m.Type != n.Type {
				t.Fatalf("view %d: minutia %d moves by %d, %d, turns by %d", i, j, dx, dy, da)
			}
			if m.Quality != n.Quality && (!r.ZeroUnknown || m.Quality != 0 || n.Quality != 1) {
				t.Fatalf("view %d: minutia %d of quality %d comes back with %d", i, j, m.Quality, n.Quality)
			}
		}
	}
}

// Valid fails for a normal form that is none.
func Valid(t testing.TB, fingers []templates.Finger) {
	t.Helper()
	for i := range fingers {
		if err := fingers[i].Validate(); err != nil {
			t.Fatalf("view %d gives no normal form: %v", i+1, err)
		}
	}
}
