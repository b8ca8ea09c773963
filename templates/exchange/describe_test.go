package exchange_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/exchange"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/internal/codectest"
	"immis/templates/iso19794"
)

// described is one small sample of each format, made here, with what must be read in it.
type described struct {
	format templates.Format
	data   []byte
	want   []string
}

func samples(t testing.TB) []described {
	t.Helper()
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	finger := templates.Finger{Position: templates.LeftRing, Width: 300, Height: 400, Quality: 77}
	for i := range 20 {
		finger.Minutiae = append(finger.Minutiae, templates.Minutia{X: uint16(16 * (10 + 9*i)), Y: uint16(16 * (20 + 11*i)), Angle: 0x4000, Type: templates.MinutiaEnding, Quality: templates.QualityUnknown})
	}
	fingers := []templates.Finger{finger}
	var out []described
	add := func(f templates.Format, data []byte, want ...string) { out = append(out, described{f, data, want}) }

	v2005, err := iso19794.FromFingers(fingers, iso19794.Capture{Impression: iso19794.LiveRolled})
	if err != nil {
		t.Fatal(err)
	}
	iso := must(v2005.AppendBinary(nil))
	add(templates.FormatISO19794_2_2005, iso, "searchable", "left ring (9)", "live-scan rolled (1)", "90 degrees", "ending", "quality: 77", "300 pixels", "pixels per cm (", "minutia 20")
	v2011, err := iso19794.FromFingers2011(fingers, iso19794.Capture2011{})
	if err != nil {
		t.Fatal(err)
	}
	add(templates.FormatISO19794_2_2011, must(v2011.Encode()), "searchable", "left ring (9)", "90 degrees", "minutia 20")
	for format, card := range map[templates.Format]iso19794.CardFormat{templates.FormatISO19794_2_CardNormal: iso19794.CardNormal, templates.FormatISO19794_2_CardCompact: iso19794.CardCompact} {
		c, err := iso19794.CardFromFinger(card, &finger)
		if err != nil {
			t.Fatal(err)
		}
		add(format, must(c.Encode()), "searchable", "90 degrees", "minutia 20")
	}
	for _, f := range []templates.Format{templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1} {
		r, err := ansi378.FromFingers(f, fingers, ansi378.Capture{Owner: 1, Product: 1})
		if err != nil {
			t.Fatal(err)
		}
		add(f, must(r.Encode()), "searchable", "left ring (9)", "90 degrees", "minutia 20")
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	add(templates.FormatPNG, picture.Bytes(), "PNG image", "kept, not searchable yet", "40 x 30 pixels", "gray, 8 bits", "resolution: not stated")
	view := imagerecord.View{Modality: templates.ModalityFinger, Position: templates.RightFour, PositionCode: 13, BitDepth: 8, Width: 8, Height: 2, PPIX: 500, PPIY: 500, Payload: make([]byte, 16)}
	image2011, err := imagerecord.NewFinger2011([]imagerecord.View{view})
	if err != nil {
		t.Fatal(err)
	}
	add(templates.FormatISO19794_4_2011, must(image2011.Encode()), "kept, not searchable yet", "right four fingers (13)", "compression: none (0)", "pixels without compression, 8 x 2")
	add(templates.FormatFaceInt8, []byte("0123456789abcdef"), "face vector, int8", "dimensions: 16", "searchable among vectors of its model")
	doc, err := cbeff.New([]cbeff.Sample{{Modality: templates.ModalityFinger, Position: templates.LeftRing, Format: templates.FormatISO19794_2_2005, Data: iso, Quality: templates.Quality{Value: templates.QualityUnknown}}})
	if err != nil {
		t.Fatal(err)
	}
	add(templates.FormatCBEFF, must(doc.Encode()), "Finger", "RingFinger", "BDB: ")
	one, text := ansinist.NewRecord(1, 0), ansinist.NewRecord(2, 0)
	for n, v := range map[int]string{4: "TST", 5: "20260101", 7: "DST", 8: "ORI", 9: "1", 11: "00.00", 12: "00.00"} {
		one.Set(n, v)
	}
	text.Set(3, "made up")
	itl := ansinist.Transaction{Records: []ansinist.Record{one, text}}
	add(templates.FormatANSINIST, must(itl.Encode()), "1.004 type of transaction: TST", "type 2, user-defined text", "2.003: made up")
	return out
}

// draw draws a node as a person sees it.
func draw(b *strings.Builder, n exchange.Node, depth int) {
	fmt.Fprintf(b, "%s%s: %s\n", strings.Repeat(" ", depth), n.Name, n.Value)
	for _, c := range n.Children {
		draw(b, c, depth+1)
	}
}

func TestDescribe(t *testing.T) {
	for _, s := range samples(t) {
		n, err := exchange.Describe(s.format, s.data)
		if err != nil {
			t.Errorf("%v: %v", s.format, err)
			continue
		}
		if n.Name != s.format.String() {
			t.Errorf("%v: name %q", s.format, n.Name)
		}
		var b strings.Builder
		draw(&b, n, 0)
		for _, w := range s.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%v: %q is missing in\n%s", s.format, w, b.String())
			}
		}
	}
}

// Truncated samples are refused with a place and a reason.
func TestDescribeBadInput(t *testing.T) {
	for _, s := range samples(t) {
		for _, data := range [][]byte{nil, s.data[:len(s.data)/3], append(bytes.Clone(s.data[:len(s.data)-1]), 0xff, 0, 1)} {
			if _, err := exchange.Describe(s.format, data); err != nil {
				codectest.Reason(t, err)
			} else if len(data) == 0 {
				t.Errorf("%v: nothing is described", s.format)
			}
		}
	}
	for _, f := range []templates.Format{templates.FormatUnknown, templates.FormatOther, 250} {
		if _, err := exchange.Describe(f, []byte("x")); codectest.Reason(t, err) != templates.ReasonFormat {
			t.Errorf("format %d: %v, want UNKNOWN_FORMAT", f, err)
		}
	}
}

// A name of each field that was seen in real records stays readable.
func TestWordsOfDeviations(t *testing.T) {
	s := samples(t)[0]
	n, err := exchange.Describe(s.format, append(bytes.Clone(s.data), 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(n.Value, "not taken as it is: ") {
		t.Errorf("headline %q of a padded record does not say that it is not taken", n.Value)
	}
	var b strings.Builder
	draw(&b, n, 0)
	if !strings.Contains(b.String(), "padding: 3") {
		t.Errorf("padding is missing in\n%s", b.String())
	}
}

// check is what must hold of each description.
func check(t *testing.T, n exchange.Node, size, depth int) (nodes int) {
	t.Helper()
	if n.Name == "" || depth > 40 {
		t.Fatalf("node %+v at depth %d", n, depth)
	}
	for _, s := range []string{n.Name, n.Value} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Fatalf("node %q: %q is not fit for a terminal", n.Name, s)
		}
	}
	if n.Offset != nil && (*n.Offset < 0 || *n.Offset > size) {
		t.Fatalf("node %q at byte %d of %d", n.Name, *n.Offset, size)
	}
	nodes = 1
	for _, c := range n.Children {
		nodes += check(t, c, size, depth+1)
	}
	return nodes
}

func FuzzDescribe(f *testing.F) {
	seeds := samples(f)
	if len(seeds) < 12 {
		f.Fatalf("%d seeds, want one of each format made here", len(seeds))
	}
	for _, s := range seeds {
		f.Add(uint8(s.format), s.data)
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		var n exchange.Node
		var err error
		cost.Bounded(t, imaging.DefaultMaxBytes+256*len(data), func() { n, err = exchange.Describe(templates.Format(format), data) })
		if err != nil {
			codectest.Reason(t, err)
			return
		}
		// A record may stand in a container inside base64; three nodes a byte are plenty.
		if nodes := check(t, n, len(data), 0); nodes > 100+3*len(data) {
			t.Errorf("%d nodes of %d bytes", nodes, len(data))
		}
		again, err := exchange.Describe(templates.Format(format), data)
		if err != nil || !reflect.DeepEqual(n, again) {
			t.Errorf("described differently the second time, %v", err)
		}
		if _, err := json.Marshal(n); err != nil {
			t.Error(err)
		}
	})
}

// TestDescribeReal describes the files of the evaluation data that are recognized.
func TestDescribeReal(t *testing.T) {
	seen := map[templates.Format]int{}
	for _, where := range [][]string{
		{"data", "fingerprints", "formats", "*", "*"}, {"data", "fingerprints", "formats", "templates", "*", "*"}, {"specs", "nist", "*"},
		{"data", "fingerprints", "images", "*", "10[1-2]_1.tif"}, {"data", "fingerprints", "minutiae", "*", "*", "101_1.iso"},
	} {
		for _, path := range codectest.Files(t, where...) {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			data := codectest.Read(t, path)
			f := exchange.Sniff(data)
			if f == templates.FormatUnknown {
				continue
			}
			n, err := exchange.Describe(f, data)
			if err != nil {
				var bad *templates.InputError
				if !errors.As(err, &bad) {
					t.Errorf("%s: %v", filepath.Base(path), err)
				}
				t.Logf("%s: %v", filepath.Base(path), err)
				continue
			}
			check(t, n, len(data), 0)
			seen[f]++
		}
	}
	t.Logf("described: %v", seen)
	if len(seen) < 5 {
		t.Errorf("%d formats seen, want more", len(seen))
	}
}
