package ansi378

import (
	"bytes"
	"math"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"

	"pgregory.net/rapid"
)

// TestNormalFormIsStable: writing a normal form moves every minutia by the
// rounding, once; writing what was read back gives the same bytes.
func TestNormalFormIsStable(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				fingers := codectest.Fingers(rt)
				capture := Capture{Owner: 0x42, Certification: 1, Device: 2, Impression: Swipe}
				pass := func(fingers []templates.Finger) ([]byte, []templates.Finger) {
					r, err := FromFingers(format, fingers, capture)
					if err != nil {
						rt.Fatal(err)
					}
					data := encode(t, r)
					if got := Sniff(data); got != format {
						rt.Fatalf("looks like %v", got)
					}
					decoded, err := Decode(format, data, 0)
					if err != nil {
						rt.Fatal(err)
					}
					back, err := decoded.Fingers()
					if err != nil {
						rt.Fatal(err)
					}
					return data, back
				}
				first, back := pass(fingers)
				codectest.Rounding{Angle: 183, ZeroUnknown: format == formats[0]}.Moved(rt, fingers, back)
				if second, _ := pass(back); !bytes.Equal(second, first) {
					rt.Fatal("the second pass changes something")
				}
			})
		})
	}
}

// TestAnglesExhaustive compares all angles with floating point, both ways.
func TestAnglesExhaustive(t *testing.T) {
	codes := codes2007()
	for a := range 180 {
		want := uint16(math.Round(float64(a) * 65536 / 180))
		if got := codes.NormalAngle(uint8(a)); got != want {
			t.Errorf("angle %d: %d, want %d", a, got, want)
		}
		if back := codes.ExchangeAngle(want); back != uint8(a) {
			t.Errorf("angle %d comes back as %d", a, back)
		}
	}
	for a := range 65536 {
		if want := uint8(int(math.Floor(float64(a)*180/65536+0.5)) % 180); codes.ExchangeAngle(uint16(a)) != want {
			t.Fatalf("%d: %d, want %d", a, codes.ExchangeAngle(uint16(a)), want)
		}
	}
}

func TestFromFingersRefuses(t *testing.T) {
	change := func(f []templates.Finger, c func(f *templates.Finger)) []templates.Finger {
		c(&f[len(f)-1])
		return f
	}
	for _, c := range []struct {
		name    string
		format  templates.Format
		fingers []templates.Finger
		capture Capture
		want    templates.Reason
	}{
		{"good", formats[0], codectest.Good(16), Capture{}, ""},
		{"good", formats[2], codectest.Good(16), Capture{Certification: 255, Device: 65535}, ""},
		{"format", templates.FormatPNG, codectest.Good(1), Capture{}, templates.ReasonFormat},
		{"none", formats[1], nil, Capture{}, templates.ReasonOutOfRange},
		{"17 views of a finger", formats[1], codectest.Good(17), Capture{}, templates.ReasonOutOfRange},
		{"177 views", formats[1], codectest.Good(177), Capture{}, templates.ReasonOutOfRange},
		{"other width", formats[0], change(codectest.Good(2), func(f *templates.Finger) { f.Width = 11 }), Capture{}, templates.ReasonMixedImages},
		{"other width", formats[1], change(codectest.Good(2), func(f *templates.Finger) { f.Width = 11 }), Capture{}, ""},
		{"invalid finger", formats[0], change(codectest.Good(2), func(f *templates.Finger) { f.Minutiae = nil }), Capture{}, templates.ReasonMinutiaCount},
		{"position 11", formats[0], change(codectest.Good(2), func(f *templates.Finger) { f.Position = 11 }), Capture{}, templates.ReasonPosition},
		{"certification", formats[0], codectest.Good(1), Capture{Certification: 16}, templates.ReasonOutOfRange},
		{"device", formats[1], codectest.Good(1), Capture{Device: 4096}, templates.ReasonOutOfRange},
		{"impression", formats[2], codectest.Good(1), Capture{Impression: LiveContactless}, templates.ReasonOutOfRange},
	} {
		r, err := FromFingers(c.format, c.fingers, c.capture)
		if got := codectest.Reason(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if (r == nil) != (err != nil) {
			t.Errorf("%s: a record and an error, or neither", c.name)
		}
	}
}
