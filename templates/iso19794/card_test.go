package iso19794

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/golden"

	"pgregory.net/rapid"
)

const casesCard = "testdata/card.txt"

// cardFormatOf is the format that the name of a case starts with.
func cardFormatOf(t testing.TB, c golden.Case) CardFormat {
	t.Helper()
	word, _, _ := strings.Cut(c.Name, " ")
	f, ok := map[string]CardFormat{"normal": CardNormal, "compact": CardCompact}[word]
	if !ok {
		t.Fatalf("case %q starts with no format", c.Name)
	}
	return f
}

func TestCasesCard(t *testing.T) {
	golden.Run(t, casesCard, *rewrite, func(t *testing.T, c golden.Case) string {
		card, err := DecodeCard(cardFormatOf(t, c), c.Input)
		if err != nil {
			codectest.InPlace(t, c.Input, err)
			return fmt.Sprintf("%s: %v", codectest.Reason(t, err), err)
		}
		if again, err := card.Encode(); err != nil || !bytes.Equal(again, c.Input) {
			t.Errorf("encodes to %x, %v", again, err)
		}
		var b strings.Builder
		if len(card.Minutiae) > 9 {
			fmt.Fprintf(&b, "%d minutiae\n", len(card.Minutiae))
			card.Minutiae = card.Minutiae[:1]
		}
		for _, m := range card.Minutiae {
			fmt.Fprintf(&b, "  x %d y %d angle %d type %d quality %d\n", m.X, m.Y, m.Angle, m.Type, m.Quality)
		}
		drawNormal(t, &b, card)
		card.Position, card.Quality, card.Image = templates.RightIndex, 50, CardImage{300, 400, 197, 197}
		drawNormal(t, &b, card)
		return b.String()
	})
}

func TestMutationsCard(t *testing.T) {
	for _, f := range []CardFormat{CardNormal, CardCompact} {
		card, err := CardFromFinger(f, &codectest.Good(1)[0])
		if err != nil {
			t.Fatal(err)
		}
		card.Minutiae = append(card.Minutiae, card.Minutiae[0])
		data, err := card.Encode()
		if err != nil {
			t.Fatal(err)
		}
		codec := func(data []byte) ([]byte, error) {
			c, err := DecodeCard(f, data)
			if err != nil {
				return nil, err
			}
			return c.Encode()
		}
		codectest.EveryPrefix(t, data[:f.size()], codec)
		codectest.EveryByte(t, data, codec)
		if _, err := codec(data[:f.size()+1]); codectest.Reason(t, err) != templates.ReasonTruncated {
			t.Errorf("a byte more than a minutia: %v", err)
		}
	}
	if a, err := DecodeCardNormal(make([]byte, 15)); err != nil || len(a.Minutiae) != 3 {
		t.Errorf("15 bytes: %v", err)
	}
	if a, err := DecodeCardCompact(make([]byte, 15)); err != nil || len(a.Minutiae) != 5 {
		t.Errorf("15 bytes: %v", err)
	}
}

func TestEncodeCardRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(c *Card)
		want   templates.Reason
	}{
		{"good", func(*Card) {}, ""},
		{"format", func(c *Card) { c.Format = 3 }, templates.ReasonFormat},
		{"no format", func(c *Card) { c.Format = 0 }, templates.ReasonFormat},
		{"position", func(c *Card) { c.Position = 11 }, templates.ReasonPosition},
		{"quality", func(c *Card) { c.Quality = 101 }, templates.ReasonQuality},
		{"image without resolution", func(c *Card) { c.Image = CardImage{Width: 1, Height: 1} }, templates.ReasonResolution},
		{"image without width", func(c *Card) { c.Image = CardImage{Height: 1, ResolutionX: 197, ResolutionY: 197} }, templates.ReasonOutOfRange},
		{"no minutiae", func(c *Card) { c.Minutiae = nil }, templates.ReasonMinutiaCount},
		{"256 minutiae", func(c *Card) { c.Minutiae = make([]Minutia, 256) }, templates.ReasonMinutiaCount},
		{"x", func(c *Card) { c.Minutiae[0].X = 256 }, templates.ReasonMinutiaOutside},
		{"y", func(c *Card) { c.Minutiae[0].Y = 65535 }, templates.ReasonMinutiaOutside},
		{"angle", func(c *Card) { c.Minutiae[0].Angle = 64 }, templates.ReasonOutOfRange},
		{"type", func(c *Card) { c.Minutiae[0].Type = 3 }, templates.ReasonOutOfRange},
		{"minutia quality", func(c *Card) { c.Minutiae[0].Quality = 0 }, templates.ReasonQuality},
	} {
		card, err := CardFromFinger(CardCompact, &codectest.Good(1)[0])
		if err != nil {
			t.Fatal(err)
		}
		c.change(card)
		data, err := card.Encode()
		if got := codectest.Reason(t, err); got != c.want || (data == nil) != (err != nil) {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
	}
	far := codectest.Good(1)[0]
	far.Width, far.Minutiae[0].X = 600, 599*templates.UnitsPerPixel
	for f, want := range map[CardFormat]templates.Reason{CardNormal: "", CardCompact: templates.ReasonMinutiaOutside, 0: templates.ReasonFormat} {
		if _, err := CardFromFinger(f, &far); codectest.Reason(t, err) != want {
			t.Errorf("format %d, 30 mm: %v, want %q", f, err, want)
		}
	}
}

// TestCardKeepsFinger: in the stated image every minutia comes back within half a
// unit of the format (10.08 or 1.01 pixels of 1/16, and the rounding), and what came
// back is written to the same bytes.
func TestCardKeepsFinger(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fingers := codectest.Fingers(rt)
		f := &fingers[0]
		for _, c := range []struct {
			format      CardFormat
			pixel, turn int
		}{{CardNormal, 3, 128}, {CardCompact, 17, 512}} {
			card, err := CardFromFinger(c.format, f)
			if err != nil {
				if codectest.Reason(t, err) != templates.ReasonMinutiaOutside { // larger than the format reaches
					rt.Fatal(err)
				}
				continue
			}
			data, err := card.Encode()
			if err != nil {
				rt.Fatal(err)
			}
			back, err := DecodeCard(c.format, data)
			if err != nil {
				rt.Fatal(err)
			}
			back.Position, back.Quality, back.Image = card.Position, card.Quality, card.Image
			got, err := back.Fingers()
			if err != nil {
				rt.Fatal(err)
			}
			codectest.Valid(t, got)
			if g := got[0]; g.Position != f.Position || g.Width != f.Width || g.Height != f.Height || g.Quality != f.Quality {
				rt.Fatalf("%+v comes back as %+v", f, g)
			}
			for i, m := range f.Minutiae {
				n := got[0].Minutiae[i]
				dx, dy, da := int(m.X)-int(n.X), int(m.Y)-int(n.Y), int(int16(m.Angle-n.Angle))
				if max(dx, -dx, dy, -dy) > c.pixel || max(da, -da) > c.turn || m.Type != n.Type || n.Quality != templates.QualityUnknown {
					rt.Fatalf("minutia %d moves by %d, %d, turns by %d", i, dx, dy, da)
				}
			}
			again, err := CardFromFinger(c.format, &got[0])
			if err != nil {
				rt.Fatal(err)
			}
			if !reflect.DeepEqual(again.Minutiae, card.Minutiae) {
				rt.Fatal("the second pass changes something")
			}
			back.Image = CardImage{}
			if derived, err := back.Fingers(); err != nil {
				rt.Fatal(err)
			} else {
				codectest.Valid(t, derived)
			}
		}
	})
}

func FuzzDecodeCard(f *testing.F) {
	for _, c := range golden.Load(f, casesCard) {
		f.Add(c.Input, uint8(cardFormatOf(f, c)), uint16(300), uint16(400), uint16(197))
		f.Add(c.Input, uint8(cardFormatOf(f, c)), uint16(0), uint16(0), uint16(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, format uint8, width, height, resolution uint16) {
		var card *Card
		var err error
		cost.Bounded(t, 64*len(data), func() { card, err = DecodeCard(CardFormat(format), data) })
		if err != nil {
			codectest.Reason(t, err)
			return
		}
		if again, err := card.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("written back as %x, %v, want %x", again, err, data)
		}
		if Sniff(data) != templates.FormatUnknown && !bytes.HasPrefix(data, []byte("FMR\x00")) {
			t.Fatal("a card has no header")
		}
		card.Image = CardImage{width, height, resolution, resolution}
		fingers, err := card.Fingers()
		if err != nil {
			codectest.Reason(t, err)
			return
		}
		codectest.Valid(t, fingers)
		if len(fingers) != 1 || len(fingers[0].Minutiae) != len(card.Minutiae) {
			t.Fatalf("%d fingers", len(fingers))
		}
	})
}

// TestFuzzSeedsCard: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeedsCard(t *testing.T) {
	good, bad := 0, 0
	for _, c := range golden.Load(t, casesCard) {
		if _, err := DecodeCard(cardFormatOf(t, c), c.Input); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 8 || bad < 8 {
		t.Errorf("%d good and %d bad seeds, want >= 8 of each", good, bad)
	}
}
