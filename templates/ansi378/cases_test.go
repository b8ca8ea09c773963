package ansi378

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the answers in testdata")

const cases = "testdata/records.txt"

var formats = []templates.Format{templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1}

// formatOf is the version that the name of a case starts with.
func formatOf(t testing.TB, c golden.Case) templates.Format {
	t.Helper()
	word, _, _ := strings.Cut(c.Name, " ")
	f, ok := map[string]templates.Format{"2004": formats[0], "2007": formats[1], "2009": formats[2], "2009AM1": formats[3]}[word]
	if !ok {
		t.Fatalf("case %q starts with no version", c.Name)
	}
	return f
}

// TestCases answers strictly, then with all deviations tolerated where that
// changes the answer.
func TestCases(t *testing.T) {
	golden.Run(t, cases, *rewrite, func(t *testing.T, c golden.Case) string {
		strict, strictErr := Decode(formatOf(t, c), c.Input, 0)
		answer := drawAnswer(t, c.Input, strict, strictErr)
		tolerant, err := Decode(formatOf(t, c), c.Input, allTolerances)
		if other := drawAnswer(t, c.Input, tolerant, err); other != answer {
			answer += "\ntolerant:\n" + other
		}
		return fmt.Sprintf("looks like %v\n%s", Sniff(c.Input), answer)
	})
}

func drawAnswer(t *testing.T, data []byte, r *Record, err error) string {
	if err != nil {
		return fmt.Sprintf("%s: %v", codectest.Reason(t, err), err)
	}
	if !bytes.Equal(encode(t, r), data) {
		t.Errorf("encodes to %x", encode(t, r))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "product %04x %04x, certification %d, device %d, long %t, deviations %+v\n",
		r.Owner, r.Product, r.Certification, r.Device, r.Long, r.Deviations)
	for _, v := range r.Views {
		fmt.Fprintf(&b, "position %d, view %d, impression %d, quality %d by %d/%d, %d x %d pixels at %d x %d per cm, extended %x (+%d -%d)\n",
			v.Position, v.Number, v.Impression, v.Quality, v.QualityVendor, v.QualityAlgorithm,
			v.Width, v.Height, v.ResolutionX, v.ResolutionY, v.Extended, v.Overstated, v.Understated)
		for _, m := range v.Minutiae {
			fmt.Fprintf(&b, "  x %d y %d angle %d type %d quality %d\n", m.X, m.Y, m.Angle, m.Type, m.Quality)
		}
	}
	fingers, err := r.Fingers()
	if err != nil {
		fmt.Fprintf(&b, "normal: %s: %v\n", codectest.Reason(t, err), err)
	}
	for _, f := range fingers {
		fmt.Fprintf(&b, "normal: position %d, %d x %d pixels, quality %d\n", f.Position, f.Width, f.Height, f.Quality)
		for _, m := range f.Minutiae {
			fmt.Fprintf(&b, "  x %v y %v angle %.3f type %d quality %d\n", float64(m.X)/templates.UnitsPerPixel,
				float64(m.Y)/templates.UnitsPerPixel, float64(m.Angle)*360/65536, m.Type, m.Quality)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// TestCasesCoverReasons: the file holds a case for each way to fail, and strict
// errors name the byte where there is one.
func TestCasesCoverReasons(t *testing.T) {
	seen := map[templates.Reason]bool{}
	for _, c := range golden.Load(t, cases) {
		r, err := Decode(formatOf(t, c), c.Input, 0)
		codectest.InPlace(t, c.Input, err)
		if err == nil {
			_, err = r.Fingers()
		}
		seen[codectest.Reason(t, err)] = true
	}
	for _, want := range []templates.Reason{"", templates.ReasonEmpty, templates.ReasonTruncated, templates.ReasonTrailing,
		templates.ReasonOversized, templates.ReasonWrongLength, templates.ReasonWrongMagic, templates.ReasonWrongVersion,
		templates.ReasonOutOfRange, templates.ReasonMinutiaCount, templates.ReasonMinutiaOutside, templates.ReasonPosition,
		templates.ReasonReserved, templates.ReasonResolution, templates.ReasonQuality} {
		if !seen[want] {
			t.Errorf("no case for reason %q", want)
		}
	}
}
