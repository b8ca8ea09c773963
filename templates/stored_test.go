package templates

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"

	"immis/internal/cost"
	"immis/templates/internal/golden"

	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the answers in testdata")

const storedCases = "testdata/stored.txt"

func TestStoredCases(t *testing.T) {
	golden.Run(t, storedCases, *rewrite, func(t *testing.T, c golden.Case) string {
		got, err := DecodeStored(c.Input)
		if err != nil {
			return fmt.Sprintf("%s: %v", reasonOf(t, err), err)
		}
		again, err := AppendStored([]byte("front"), got)
		if err != nil || !bytes.Equal(again, append([]byte("front"), c.Input...)) {
			t.Errorf("encodes to %x, %v", again, err)
		}
		return draw(got)
	})
}

// TestStoredCasesCoverReasons: the file holds a case for each way to fail.
func TestStoredCasesCoverReasons(t *testing.T) {
	seen := map[Reason]bool{}
	for _, c := range golden.Load(t, storedCases) {
		_, err := DecodeStored(c.Input)
		seen[reasonOf(t, err)] = true
	}
	for _, want := range []Reason{"", ReasonEmpty, ReasonOversized, ReasonTruncated, ReasonTrailing, ReasonWrongVersion, ReasonFormat,
		ReasonModel, ReasonDimension, ReasonNotFinite, ReasonNotUnit, ReasonConstantVector, ReasonPosition, ReasonOutOfRange,
		ReasonQuality, ReasonMinutiaCount, ReasonMinutiaOutside} {
		if !seen[want] {
			t.Errorf("no case for reason %q", want)
		}
	}
}

func draw(t Template) string {
	var b strings.Builder
	if f := t.Face; f != nil {
		fmt.Fprintf(&b, "face, model %s, %d dimensions\n%v", f.Model, len(f.Vector), f.Vector)
		return b.String()
	}
	f := t.Finger
	fmt.Fprintf(&b, "finger, position %d, quality %d, %d x %d pixels", f.Position, f.Quality, f.Width, f.Height)
	for _, m := range f.Minutiae {
		fmt.Fprintf(&b, "\n  x %v y %v angle %.3f type %d quality %d", float64(m.X)/UnitsPerPixel, float64(m.Y)/UnitsPerPixel,
			float64(m.Angle)*360/65536, m.Type, m.Quality)
	}
	return b.String()
}

func drawTemplate(rt *rapid.T) Template {
	if rapid.Bool().Draw(rt, "face") {
		v := rapid.SliceOfN(rapid.Float32Range(-1, 1), MinDims, 64).Draw(rt, "vector")
		model := rapid.StringMatching(`[A-Za-z0-9._:/-]{1,64}`).Draw(rt, "model")
		f, err := NewFace(model, v)
		if err != nil {
			rt.Skip(err)
		}
		return Template{Face: f}
	}
	f := &Finger{
		Position: Position(rapid.IntRange(0, 10).Draw(rt, "position")),
		Width:    uint16(rapid.IntRange(1, MaxPixels).Draw(rt, "width")),
		Height:   uint16(rapid.IntRange(1, MaxPixels).Draw(rt, "height")),
		Quality:  uint8(rapid.IntRange(0, 100).Draw(rt, "quality")),
	}
	for range rapid.IntRange(1, MaxMinutiae).Draw(rt, "count") {
		f.Minutiae = append(f.Minutiae, Minutia{
			X:       uint16(rapid.IntRange(0, int(f.Width)*UnitsPerPixel-1).Draw(rt, "x")),
			Y:       uint16(rapid.IntRange(0, int(f.Height)*UnitsPerPixel-1).Draw(rt, "y")),
			Angle:   rapid.Uint16().Draw(rt, "angle"),
			Type:    MinutiaType(rapid.IntRange(0, 2).Draw(rt, "type")),
			Quality: rapid.SampledFrom([]uint8{0, 1, 50, 100, QualityUnknown}).Draw(rt, "quality"),
		})
	}
	return Template{Finger: f}
}

// TestStoredRandom: what is stored comes back to the bit, no prefix of it is a
// template, and nothing may follow it.
func TestStoredRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := drawTemplate(rt)
		data, err := AppendStored(nil, in)
		if err != nil {
			rt.Fatal(err)
		}
		out, err := DecodeStored(data)
		if err != nil {
			rt.Fatal(err)
		}
		if !same(in, out) {
			rt.Fatal("another template comes back")
		}
		cut := rapid.IntRange(0, len(data)-1).Draw(rt, "cut")
		if _, err := DecodeStored(data[:cut]); err == nil {
			rt.Fatalf("a prefix of %d of %d bytes is accepted", cut, len(data))
		}
		if _, err := DecodeStored(append(data, 0)); err == nil {
			rt.Fatal("a trailing byte is accepted")
		}
	})
}

func same(a, b Template) bool {
	if a.Modality() != b.Modality() {
		return false
	}
	if a.Face != nil {
		if a.Face.Model != b.Face.Model || len(a.Face.Vector) != len(b.Face.Vector) {
			return false
		}
		for i := range a.Face.Vector {
			if math.Float32bits(a.Face.Vector[i]) != math.Float32bits(b.Face.Vector[i]) {
				return false
			}
		}
		return true
	}
	f, g := *a.Finger, *b.Finger
	if f.Position != g.Position || f.Width != g.Width || f.Height != g.Height || f.Quality != g.Quality || len(f.Minutiae) != len(g.Minutiae) {
		return false
	}
	for i := range f.Minutiae {
		if f.Minutiae[i] != g.Minutiae[i] {
			return false
		}
	}
	return true
}

func TestAppendStoredRefuses(t *testing.T) {
	face, err := NewFace("m", ramp(16))
	if err != nil {
		t.Fatal(err)
	}
	long := &Face{Model: "m", Vector: []float32{0: 2, 15: 0}}
	for name, c := range map[string]struct {
		t    Template
		want Reason
	}{
		"neither":          {Template{}, ReasonFormat},
		"both":             {Template{Face: face, Finger: finger(1)}, ReasonFormat},
		"not normalized":   {Template{Face: long}, ReasonNotUnit},
		"without minutiae": {Template{Finger: finger(0)}, ReasonMinutiaCount},
	} {
		dst, err := AppendStored([]byte("kept"), c.t)
		if got := reasonOf(t, err); got != c.want || string(dst) != "kept" {
			t.Errorf("%s: %q %q, want %q", name, got, dst, c.want)
		}
	}
}

// TestDecodeStoredMemory: a header that claims much and brings little costs no
// more than its error.
func TestDecodeStoredMemory(t *testing.T) {
	for name, data := range map[string][]byte{
		"face":   {1, 1, 64, 0x00, 0x10},
		"finger": {1, 2, 1, 80, 0xff, 0x0f, 0xff, 0x0f, 255},
	} {
		got := cost.Allocated(100, func() {
			if _, err := DecodeStored(data); err == nil {
				t.Fatal("accepted")
			}
		})
		if got > 512 {
			t.Errorf("%s: %d bytes allocated for %d bytes of input, want <= 512", name, got, len(data))
		}
	}
}

func FuzzDecodeStored(f *testing.F) {
	for _, c := range golden.Load(f, storedCases) {
		if len(c.Input) <= MaxStored {
			f.Add(c.Input)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got Template
		var err error
		cost.Bounded(t, 64*len(data), func() { got, err = DecodeStored(data) })
		if err != nil {
			reasonOf(t, err)
			return
		}
		again, err := AppendStored(nil, got)
		if err != nil {
			t.Fatalf("decodes but does not encode: %v", err)
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("encodes to %x, want %x", again, data)
		}
	})
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := 0, 0
	for _, c := range golden.Load(t, storedCases) {
		if _, err := DecodeStored(c.Input); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 3 || bad < 15 {
		t.Errorf("%d good and %d bad seeds, want >= 3 and >= 15", good, bad)
	}
}

func BenchmarkDecodeStored(b *testing.B) {
	face, err := NewFace("m", ramp(512))
	if err != nil {
		b.Fatal(err)
	}
	for name, t := range map[string]Template{"modality=face/dims=512": {Face: face}, "modality=finger/minutiae=40": {Finger: finger(40)}} {
		b.Run(name, func(b *testing.B) {
			data, err := AppendStored(nil, t)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := DecodeStored(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
