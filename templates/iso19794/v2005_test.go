package iso19794

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the answers in testdata")

const cases = "testdata/v2005.txt"

// TestCases answers strictly, then with all deviations tolerated where that
// changes the answer.
func TestCases(t *testing.T) {
	golden.Run(t, cases, *rewrite, func(t *testing.T, c golden.Case) string {
		strict, strictErr := Decode(c.Input)
		answer := drawAnswer(t, c.Input, strict, strictErr)
		tolerant, err := DecodeTolerant(c.Input, allTolerances)
		if other := drawAnswer(t, c.Input, tolerant, err); other != answer {
			answer += "\ntolerant:\n" + other
		}
		return answer
	})
}

func drawAnswer(t *testing.T, data []byte, r *Record, err error) string {
	if err != nil {
		return fmt.Sprintf("%s: %v", codectest.Reason(t, err), err)
	}
	again, err := r.AppendBinary([]byte("front"))
	if err != nil || !bytes.Equal(again, append([]byte("front"), data...)) {
		t.Errorf("encodes to %x, %v", again, err)
	}
	return draw(t, r)
}

// draw shows the record and its normal form.
func draw(t *testing.T, r *Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "certification %d, device %d, %d x %d pixels at %d x %d per cm, %d zero bytes behind\n",
		r.Certification, r.Device, r.Width, r.Height, r.ResolutionX, r.ResolutionY, r.Padding)
	for _, v := range r.Views {
		fmt.Fprintf(&b, "position %d, view %d, impression %d, quality %d, extended %x (+%d)\n",
			v.Position, v.Number, v.Impression, v.Quality, v.Extended, v.Overstated)
		for _, m := range v.Minutiae {
			fmt.Fprintf(&b, "  x %d y %d angle %d type %d quality %d\n", m.X, m.Y, m.Angle, m.Type, m.Quality)
		}
	}
	drawNormal(t, &b, r)
	return strings.TrimRight(b.String(), "\n")
}

// drawNormal shows the normal form of what may have one.
func drawNormal(t *testing.T, b *strings.Builder, r interface {
	Fingers() ([]templates.Finger, error)
}) {
	fingers, err := r.Fingers()
	if err != nil {
		fmt.Fprintf(b, "normal: %s: %v\n", codectest.Reason(t, err), err)
	}
	for _, f := range fingers {
		fmt.Fprintf(b, "normal: position %d, %d x %d pixels, quality %d\n", f.Position, f.Width, f.Height, f.Quality)
		for _, m := range f.Minutiae {
			fmt.Fprintf(b, "  x %v y %v angle %.3f type %d quality %d\n", float64(m.X)/templates.UnitsPerPixel,
				float64(m.Y)/templates.UnitsPerPixel, float64(m.Angle)*360/65536, m.Type, m.Quality)
		}
	}
}

// TestCasesCoverReasons: the file holds a case for each way to fail, and each
// case that fails fails for one reason at a time by its name.
func TestCasesCoverReasons(t *testing.T) {
	seen := map[templates.Reason]bool{}
	for _, c := range golden.Load(t, cases) {
		r, err := Decode(c.Input)
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

// record is synthetic: n minutiae in each view on a line through the image.
func record(views, n int) *Record {
	r := &Record{Device: 0xb5, Width: 400, Height: 500, ResolutionX: 197, ResolutionY: 197}
	for i := range views {
		v := View{Position: templates.Position(i % 11), Number: uint8(i / 11), Quality: uint8(i % 101)}
		for j := range n {
			v.Minutiae = append(v.Minutiae, Minutia{X: uint16(j + i), Y: uint16(499 - j), Angle: uint8(j * 7),
				Type: templates.MinutiaType(j % 3), Quality: uint8(j % 101)})
		}
		r.Views = append(r.Views, v)
	}
	return r
}

func encode(t testing.TB, r *Record) []byte {
	t.Helper()
	data, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// codec decodes with tolerance and encodes again.
func codec(t testing.TB, allow Tolerance) codectest.Codec {
	return func(data []byte) ([]byte, error) {
		r, err := DecodeTolerant(data, allow)
		if err != nil {
			return nil, err
		}
		return encode(t, r), nil
	}
}

// TestEveryPrefixIsRefused, whatever is tolerated.
func TestEveryPrefixIsRefused(t *testing.T) {
	r := record(2, 3)
	r.Views[1].Extended = []byte{1, 2, 0, 5, 9}
	for _, allow := range []Tolerance{0, allTolerances} {
		codectest.EveryPrefix(t, encode(t, r), codec(t, allow))
	}
}

// TestEveryByteCounts: a change of any byte is refused or shows in what is
// written back; nothing is skipped.
func TestEveryByteCounts(t *testing.T) {
	r := record(2, 3)
	r.Views[0].Extended = []byte{1, 2, 0, 5, 9}
	codectest.EveryByte(t, encode(t, r), codec(t, 0))
}

func TestLargestRecords(t *testing.T) {
	for _, r := range []*Record{record(MaxViews, 60), record(42, 255), record(1, 255)} {
		data := encode(t, r)
		if len(data) > MaxRecord {
			t.Fatalf("%d bytes", len(data))
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, got), data) {
			t.Error("written back differently")
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Record)
		want   templates.Reason
	}{
		{"good", func(*Record) {}, ""},
		{"certification", func(r *Record) { r.Certification = 16 }, templates.ReasonOutOfRange},
		{"device", func(r *Record) { r.Device = 4096 }, templates.ReasonOutOfRange},
		{"view number", func(r *Record) { r.Views[0].Number = 16 }, templates.ReasonOutOfRange},
		{"impression", func(r *Record) { r.Views[0].Impression = 4 }, templates.ReasonOutOfRange},
		{"no views", func(r *Record) { r.Views = nil }, templates.ReasonOutOfRange},
		{"177 views", func(r *Record) { r.Views = record(177, 1).Views }, templates.ReasonOutOfRange},
		{"256 minutiae", func(r *Record) { r.Views = record(1, 256).Views }, templates.ReasonMinutiaCount},
		{"64 KiB", func(r *Record) { r.Views = record(43, 255).Views }, templates.ReasonOversized},
		{"extended data", func(r *Record) { r.Views[0].Extended = make([]byte, 65536) }, templates.ReasonOversized},
		{"x of 15 bits", func(r *Record) { r.Width = 65535; r.Views[0].Minutiae[0].X = 0x4000 }, templates.ReasonMinutiaOutside},
		{"y of 15 bits", func(r *Record) { r.Height = 65535; r.Views[0].Minutiae[0].Y = 0x4000 }, templates.ReasonMinutiaOutside},
		{"type", func(r *Record) { r.Views[0].Minutiae[0].Type = 3 }, templates.ReasonOutOfRange},
		{"padding", func(r *Record) { r.Padding = -1 }, templates.ReasonOutOfRange},
		{"much padding", func(r *Record) { r.Padding = MaxRecord }, templates.ReasonOversized},
		{"overstated twice", func(r *Record) { r.Views[1].Overstated = 2 }, templates.ReasonOutOfRange},
		{"overstated in the middle", func(r *Record) { r.Views[0].Overstated = 1 }, templates.ReasonOutOfRange},
	} {
		r := record(2, 3)
		c.change(r)
		dst, err := r.AppendBinary([]byte("kept"))
		if got := codectest.Reason(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if err != nil && string(dst) != "kept" {
			t.Errorf("%s: dst became %q", c.name, dst)
		}
	}
}

// TestDecodeMemory: headers that claim much and bring little cost no more than
// their error; good records cost a small multiple of their bytes.
func TestDecodeMemory(t *testing.T) {
	// An error costs about 700 bytes, 1,200 under the race detector; 176 views
	// would cost 11 KiB, 255 minutiae 2 KiB more.
	hostile := encode(t, record(1, 1))
	hostile[22] = MaxViews
	minutiae := encode(t, record(1, 1))
	minutiae[27] = 255
	length := encode(t, record(1, 1))
	copy(length[8:], "\xff\xff\xff\xff")
	extended := encode(t, record(1, 1))
	copy(extended[34:], "\xff\xff")
	for name, c := range map[string]struct {
		data []byte
		want templates.Reason
		max  uint64
	}{
		"views":    {hostile, templates.ReasonTruncated, 2048},
		"minutiae": {minutiae, templates.ReasonTruncated, 2048},
		"length":   {length, templates.ReasonTruncated, 2048},
		"extended": {extended, templates.ReasonTruncated, 2048},
		// 64 bytes for a view of 6 is the worst; the allocator rounds up.
		"empty views": {encode(t, record(MaxViews, 0)), "", 1024 + MaxViews*72},
		"full":        {encode(t, record(42, 255)), "", 2 * MaxRecord},
	} {
		got := cost.Allocated(100, func() {
			if _, err := Decode(c.data); codectest.Reason(t, err) != c.want {
				t.Fatalf("%s: %v, want %q", name, err, c.want)
			}
		})
		if got > c.max {
			t.Errorf("%s: %d bytes allocated for %d bytes of input, want <= %d", name, got, len(c.data), c.max)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range golden.Load(f, cases) {
		if len(c.Input) <= MaxRecord {
			f.Add(c.Input, uint8(0))
			f.Add(c.Input, uint8(allTolerances))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, allow uint8) {
		var r *Record
		var err error
		cost.Bounded(t, 64*len(data), func() { r, err = DecodeTolerant(data, Tolerance(allow)) })
		if err != nil {
			codectest.Reason(t, err)
			codectest.InPlace(t, data, err)
			return
		}
		if again := encode(t, r); !bytes.Equal(again, data) {
			t.Fatalf("written back as %x, want %x", again, data)
		}
		fingers, err := r.Fingers()
		if err != nil {
			codectest.Reason(t, err)
			return
		}
		codectest.Valid(t, fingers)
	})
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := 0, 0
	for _, c := range golden.Load(t, cases) {
		if _, err := Decode(c.Input); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 5 || bad < 20 {
		t.Errorf("%d good and %d bad seeds, want >= 5 and >= 20", good, bad)
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, record(1, 40))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, err := Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Fingers(); err != nil {
			b.Fatal(err)
		}
	}
}
