package templates

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func finger(n int) *Finger {
	f := &Finger{Position: RightIndex, Width: 300, Height: 400, Quality: 80}
	for i := range n {
		f.Minutiae = append(f.Minutiae, Minutia{
			X: uint16(i * 18), Y: uint16(6399 - i*25), Angle: uint16(i * 257), Type: MinutiaType(i % 3), Quality: uint8(i % 101),
		})
	}
	return f
}

func TestFingerValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Finger)
		want   Reason
	}{
		{"good", func(*Finger) {}, ""},
		{"one minutia", func(f *Finger) { f.Minutiae = f.Minutiae[:1] }, ""},
		{"255 minutiae", func(f *Finger) { f.Minutiae = finger(255).Minutiae }, ""},
		{"none", func(f *Finger) { f.Minutiae = nil }, ReasonMinutiaCount},
		{"256 minutiae", func(f *Finger) { f.Minutiae = finger(256).Minutiae }, ReasonMinutiaCount},
		{"unknown position", func(f *Finger) { f.Position = PositionUnknown }, ""},
		{"position 10", func(f *Finger) { f.Position = LeftLittle }, ""},
		{"position 11", func(f *Finger) { f.Position = 11 }, ReasonPosition},
		{"no width", func(f *Finger) { f.Width = 0 }, ReasonOutOfRange},
		{"no height", func(f *Finger) { f.Height = 0 }, ReasonOutOfRange},
		{"widest", func(f *Finger) { f.Width = MaxPixels }, ""},
		{"too wide", func(f *Finger) { f.Width = MaxPixels + 1 }, ReasonOutOfRange},
		{"too high", func(f *Finger) { f.Height = MaxPixels + 1 }, ReasonOutOfRange},
		{"quality 100", func(f *Finger) { f.Quality = 100 }, ""},
		{"quality unknown", func(f *Finger) { f.Quality = QualityUnknown }, ""},
		{"quality 101", func(f *Finger) { f.Quality = 101 }, ReasonQuality},
		{"right edge", func(f *Finger) { f.Minutiae[1].X = 300*16 - 1 }, ""},
		{"beyond the right edge", func(f *Finger) { f.Minutiae[1].X = 300 * 16 }, ReasonMinutiaOutside},
		{"beyond the lower edge", func(f *Finger) { f.Minutiae[1].Y = 400 * 16 }, ReasonMinutiaOutside},
		{"type 3", func(f *Finger) { f.Minutiae[1].Type = 3 }, ReasonOutOfRange},
		{"minutia quality 254", func(f *Finger) { f.Minutiae[1].Quality = 254 }, ReasonQuality},
		{"largest angle", func(f *Finger) { f.Minutiae[1].Angle = 65535 }, ""},
	} {
		f := finger(9)
		c.change(f)
		if got := reasonOf(t, f.Validate()); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		_, err := NewFinger(f.Position, f.Width, f.Height, f.Quality, f.Minutiae)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: NewFinger %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNewFingerCopiesInOrder(t *testing.T) {
	in := finger(5).Minutiae
	f, err := NewFinger(LeftThumb, 300, 400, 7, in)
	if err != nil {
		t.Fatal(err)
	}
	want := in[0]
	in[0] = Minutia{}
	if f.Minutiae[0] != want {
		t.Error("the minutiae are shared with the caller")
	}
	for i, m := range finger(5).Minutiae {
		if f.Minutiae[i] != m {
			t.Errorf("minutia %d is %v, want %v", i, f.Minutiae[i], m)
		}
	}
	if f.Position != LeftThumb || f.Width != 300 || f.Height != 400 || f.Quality != 7 {
		t.Errorf("got %d %d %d %d", f.Position, f.Width, f.Height, f.Quality)
	}
}

// TestTemplatesDoNotPrint: a template in a log line, text or JSON, shows no value.
func TestTemplatesDoNotPrint(t *testing.T) {
	f := finger(3)
	f.Minutiae[1].X = 4321
	face := &Face{Model: "m", Vector: []float32{0.8125, 0.25}}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("sample", "finger", f, "face", face, "fingers", *f, "faces", *face)
	}
	fmt.Fprintf(&log, "%v %+v %s %v %+v %s", f, *f, f, face, *face, face)
	for _, secret := range []string{"4321", "0.8125"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s appears in %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "3 minutiae") {
		t.Errorf("the count is missing in %s", log.String())
	}
}
