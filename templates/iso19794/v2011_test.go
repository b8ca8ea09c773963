package iso19794

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/golden"

	"pgregory.net/rapid"
)

const cases2011 = "testdata/v2011.txt"

// TestCases2011 answers strictly, then with all deviations tolerated where that
// changes the answer.
func TestCases2011(t *testing.T) {
	golden.Run(t, cases2011, *rewrite, func(t *testing.T, c golden.Case) string {
		strict, strictErr := Decode2011(c.Input)
		codectest.InPlace(t, c.Input, strictErr)
		answer := draw2011(t, c.Input, strict, strictErr)
		tolerant, err := Decode2011Tolerant(c.Input, allTolerances)
		if other := draw2011(t, c.Input, tolerant, err); other != answer {
			answer += "\ntolerant:\n" + other
		}
		return fmt.Sprintf("looks like %v\n%s", Sniff(c.Input), answer)
	})
}

func draw2011(t *testing.T, data []byte, r *Record2011, err error) string {
	if err != nil {
		return fmt.Sprintf("%s: %v", codectest.Reason(t, err), err)
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, data) {
		t.Errorf("encodes to %x, %v", again, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "certified %t, %d zero bytes behind\n", r.Certified, r.Padding)
	for _, v := range r.Representations {
		at, known := v.Captured.Time()
		fmt.Fprintf(&b, "captured %v %t by technology %d, vendor %d, device %d; qualities %v, certifications %v\n",
			at.Format("2006-01-02 15:04:05.000"), known, v.Technology, v.Vendor, v.Device, v.Qualities, v.Certifications)
		fmt.Fprintf(&b, "position %d, number %d, impression %d, %d x %d pixels at %d x %d per cm, endings %d, short %t, extended %x\n",
			v.Position, v.Number, v.Impression, v.Width, v.Height, v.ResolutionX, v.ResolutionY, v.Endings, v.Short, v.Extended)
		for _, m := range v.Minutiae {
			fmt.Fprintf(&b, "  x %d y %d angle %d type %d quality %d\n", m.X, m.Y, m.Angle, m.Type, m.Quality)
		}
	}
	drawNormal(t, &b, r)
	return strings.TrimRight(b.String(), "\n")
}

// TestCases2011CoverReasons: the file holds a case for each way to fail.
func TestCases2011CoverReasons(t *testing.T) {
	seen := map[templates.Reason]int{}
	for _, c := range golden.Load(t, cases2011) {
		r, err := Decode2011(c.Input)
		if err == nil {
			_, err = r.Fingers()
		}
		seen[codectest.Reason(t, err)]++
	}
	for _, want := range []templates.Reason{"", templates.ReasonEmpty, templates.ReasonTruncated, templates.ReasonTrailing,
		templates.ReasonOversized, templates.ReasonWrongLength, templates.ReasonWrongMagic, templates.ReasonWrongVersion,
		templates.ReasonOutOfRange, templates.ReasonMinutiaCount, templates.ReasonMinutiaOutside, templates.ReasonPosition,
		templates.ReasonReserved, templates.ReasonResolution, templates.ReasonQuality} {
		if seen[want] == 0 {
			t.Errorf("no case for reason %q", want)
		}
	}
}

// record2011 is synthetic: n minutiae in each representation on a line.
func record2011(representations, n int) *Record2011 {
	r := &Record2011{Certified: true}
	for i := range representations {
		v := Representation{Captured: UnknownTime(), Device: 0xb5, Position: templates.Position(i % 11), Number: uint8(i / 11),
			Width: 400, Height: 500, ResolutionX: 197, ResolutionY: 197,
			Qualities: []QualityBlock{{Quality: uint8(i % 101), Vendor: 1, Algorithm: 2}}}
		for j := range n {
			v.Minutiae = append(v.Minutiae, Minutia{X: uint16(j + i), Y: uint16(499 - j), Angle: uint8(j * 7),
				Type: templates.MinutiaType(j % 3), Quality: uint8(j % 101)})
		}
		r.Representations = append(r.Representations, v)
	}
	return r
}

func encode2011(t testing.TB, r *Record2011) []byte {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// codec2011 decodes with tolerance and encodes again.
func codec2011(t testing.TB, allow Tolerance) codectest.Codec {
	return func(data []byte) ([]byte, error) {
		r, err := Decode2011Tolerant(data, allow)
		if err != nil {
			return nil, err
		}
		return encode2011(t, r), nil
	}
}

func TestMutations2011(t *testing.T) {
	r := record2011(2, 3)
	v := &r.Representations[0]
	v.Captured = NewCaptureTime(time.Date(2024, 12, 31, 23, 59, 59, 999e6, time.UTC))
	v.Certifications = []CertificationBlock{{1, 2}, {3, 4}}
	v.Extended = []byte{1, 2, 0, 5, 9}
	for _, allow := range []Tolerance{0, allTolerances} {
		codectest.EveryPrefix(t, encode2011(t, r), codec2011(t, allow))
	}
	codectest.EveryByte(t, encode2011(t, r), codec2011(t, 0))
}

func TestLargestRecords2011(t *testing.T) {
	for _, r := range []*Record2011{record2011(MaxViews, 50), record2011(41, 255), record2011(1, 255)} {
		data := encode2011(t, r)
		if again, err := codec2011(t, 0)(data); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
}

func TestEncode2011Refuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *Record2011, v *Representation)
		want   templates.Reason
	}{
		{"good", func(*Record2011, *Representation) {}, ""},
		{"time", func(_ *Record2011, v *Representation) { v.Captured = CaptureTime{} }, templates.ReasonOutOfRange},
		{"technology", func(_ *Record2011, v *Representation) { v.Technology = 21 }, templates.ReasonOutOfRange},
		{"quality block", func(_ *Record2011, v *Representation) { v.Qualities[0].Quality = 253 }, templates.ReasonQuality},
		{"no quality block", func(_ *Record2011, v *Representation) { v.Qualities = nil }, ""},
		{"255 quality blocks", func(_ *Record2011, v *Representation) { v.Qualities = make([]QualityBlock, 255) }, ""},
		{"256 quality blocks", func(_ *Record2011, v *Representation) { v.Qualities = make([]QualityBlock, 256) }, templates.ReasonOutOfRange},
		{"256 certification blocks", func(_ *Record2011, v *Representation) { v.Certifications = make([]CertificationBlock, 256) }, templates.ReasonOutOfRange},
		{"certification without flag", func(r *Record2011, v *Representation) {
			r.Certified, v.Certifications = false, make([]CertificationBlock, 1)
		}, templates.ReasonOutOfRange},
		{"number", func(_ *Record2011, v *Representation) { v.Number = 16 }, templates.ReasonOutOfRange},
		{"impression", func(_ *Record2011, v *Representation) { v.Impression = 10 }, templates.ReasonOutOfRange},
		{"endings", func(_ *Record2011, v *Representation) { v.Endings = 2 }, templates.ReasonOutOfRange},
		{"short with qualities", func(_ *Record2011, v *Representation) { v.Short = true }, templates.ReasonQuality},
		{"short", func(_ *Record2011, v *Representation) {
			v.Short = true
			for i := range v.Minutiae {
				v.Minutiae[i].Quality = QualityNotReported
			}
		}, ""},
		{"no representations", func(r *Record2011, _ *Representation) { r.Representations = nil }, templates.ReasonOutOfRange},
		{"177 representations", func(r *Record2011, _ *Representation) { r.Representations = record2011(177, 1).Representations }, templates.ReasonOutOfRange},
		{"256 minutiae", func(_ *Record2011, v *Representation) { v.Minutiae = record2011(1, 256).Representations[0].Minutiae }, templates.ReasonMinutiaCount},
		{"64 KiB", func(r *Record2011, _ *Representation) { r.Representations = record2011(42, 255).Representations }, templates.ReasonOversized},
		{"extended data", func(_ *Record2011, v *Representation) { v.Extended = make([]byte, 65536) }, templates.ReasonOversized},
		{"padding", func(r *Record2011, _ *Representation) { r.Padding = -1 }, templates.ReasonOutOfRange},
		{"much padding", func(r *Record2011, _ *Representation) { r.Padding = MaxRecord }, templates.ReasonOversized},
	} {
		r := record2011(2, 3)
		c.change(r, &r.Representations[1])
		data, err := r.Encode()
		if got := codectest.Reason(t, err); got != c.want || (data == nil) != (err != nil) {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if err == nil {
			if again, err := codec2011(t, 0)(data); err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s: does not come back: %v", c.name, err)
			}
		}
	}
}

// TestDecodeMemory2011: counts that claim much and bring little cost no more than
// their error; good records cost a small multiple of their bytes.
func TestDecodeMemory2011(t *testing.T) {
	change := func(at int, b string) []byte {
		data := encode2011(t, record2011(1, 1))
		copy(data[at:], b)
		return data
	}
	blocks := record2011(1, 1)
	blocks.Representations[0].Qualities = make([]QualityBlock, 255)
	for name, c := range map[string]struct {
		data []byte
		want templates.Reason
		max  uint64
	}{
		"representations": {change(12, "\x00\xb0"), templates.ReasonTruncated, 2048},
		"length":          {change(8, "\xff\xff\xff\xff"), templates.ReasonTruncated, 2048},
		"representation":  {change(15, "\xff\xff\xff\xff"), templates.ReasonTruncated, 2048},
		"quality blocks":  {change(33, "\xff"), templates.ReasonTruncated, 2048},
		"blocks":          {encode2011(t, blocks), "", 8192},
		// 176 bytes for a representation of 40 is the worst.
		"empty": {encode2011(t, record2011(MaxViews, 0)), "", 1024 + MaxViews*240},
		"full":  {encode2011(t, record2011(41, 255)), "", 2 * MaxRecord},
	} {
		got := cost.Allocated(100, func() {
			if _, err := Decode2011(c.data); codectest.Reason(t, err) != c.want {
				t.Fatalf("%s: %v, want %q", name, err, c.want)
			}
		})
		if got > c.max {
			t.Errorf("%s: %d bytes allocated for %d bytes of input, want <= %d", name, got, len(c.data), c.max)
		}
	}
}

func TestCaptureTime(t *testing.T) {
	moment := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.FixedZone("", 7200))
	if got, ok := NewCaptureTime(moment).Time(); !ok || !got.Equal(moment) {
		t.Errorf("%v comes back as %v, %t", moment, got, ok)
	}
	for _, at := range []time.Time{{}, time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := NewCaptureTime(at); got != UnknownTime() {
			t.Errorf("%v is written as %v", at, got)
		}
	}
	day := NewCaptureTime(moment)
	day.Hour, day.Minute, day.Second, day.Millisecond = 0xff, 0xff, 0xff, 0xffff
	if got, ok := day.Time(); !ok || got.Hour() != 0 || got.Day() != 3 {
		t.Errorf("day alone: %v, %t", got, ok)
	}
	for _, c := range []CaptureTime{UnknownTime(), {Year: 2026, Month: 2, Day: 30}, {Year: 2026, Month: 0xff}} {
		if _, ok := c.Time(); ok {
			t.Errorf("%v is a day", c)
		}
	}
}

// TestNormalFormIsStable2011: see TestNormalFormIsStable; images may differ.
func TestNormalFormIsStable2011(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fingers := codectest.Fingers(rt)
		if len(fingers) > 1 {
			fingers[1].Width, fingers[1].Height = 4095, 4095
		}
		pass := func(fingers []templates.Finger) ([]byte, []templates.Finger) {
			r, err := FromFingers2011(fingers, Capture2011{Technology: 20, Vendor: 1, Impression: LiveContactless, Endings: RidgeEnd,
				Certifications: []CertificationBlock{{1, 2}}})
			if err != nil {
				rt.Fatal(err)
			}
			data := encode2011(t, r)
			if got := Sniff(data); got != templates.FormatISO19794_2_2011 {
				rt.Fatalf("looks like %v", got)
			}
			decoded, err := Decode2011(data)
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
		codectest.Rounding{Angle: 128}.Moved(rt, fingers, back)
		if second, _ := pass(back); !bytes.Equal(second, first) {
			rt.Fatal("the second pass changes something")
		}
	})
}

func TestFromFingers2011Refuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		fingers []templates.Finger
		capture Capture2011
		want    templates.Reason
	}{
		{"good", codectest.Good(16), Capture2011{}, ""},
		{"none", nil, Capture2011{}, templates.ReasonOutOfRange},
		{"17 of a finger", codectest.Good(17), Capture2011{}, templates.ReasonOutOfRange},
		{"177", codectest.Good(177), Capture2011{}, templates.ReasonOutOfRange},
		{"invalid finger", make([]templates.Finger, 1), Capture2011{}, templates.ReasonOutOfRange},
		{"technology", codectest.Good(1), Capture2011{Technology: 21}, templates.ReasonOutOfRange},
		{"impression", codectest.Good(1), Capture2011{Impression: 10}, templates.ReasonOutOfRange},
		{"endings", codectest.Good(1), Capture2011{Endings: 2}, templates.ReasonOutOfRange},
	} {
		r, err := FromFingers2011(c.fingers, c.capture)
		if got := codectest.Reason(t, err); got != c.want || (r == nil) != (err != nil) {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func FuzzDecode2011(f *testing.F) {
	for _, c := range golden.Load(f, cases2011) {
		if len(c.Input) <= MaxRecord {
			f.Add(c.Input, uint8(0))
			f.Add(c.Input, uint8(allTolerances))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, allow uint8) {
		var r *Record2011
		var err error
		cost.Bounded(t, 64*len(data), func() { r, err = Decode2011Tolerant(data, Tolerance(allow)) })
		if again, err2 := Decode2011Tolerant(data, Tolerance(allow)); !reflect.DeepEqual(r, again) || (err == nil) != (err2 == nil) {
			t.Fatal("the second reading differs")
		}
		if err != nil {
			codectest.Reason(t, err)
			codectest.InPlace(t, data, err)
			return
		}
		if again := encode2011(t, r); !bytes.Equal(again, data) {
			t.Fatalf("written back as %x, want %x", again, data)
		}
		if got := Sniff(data); got != templates.FormatISO19794_2_2011 {
			t.Fatalf("is read and looks like %v", got)
		}
		fingers, err := r.Fingers()
		if err != nil {
			codectest.Reason(t, err)
			return
		}
		codectest.Valid(t, fingers)
	})
}

// TestFuzzSeeds2011: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds2011(t *testing.T) {
	good, bad := 0, 0
	for _, c := range golden.Load(t, cases2011) {
		if _, err := Decode2011(c.Input); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 8 || bad < 30 {
		t.Errorf("%d good and %d bad seeds, want >= 8 and >= 30", good, bad)
	}
}

func BenchmarkDecode2011(b *testing.B) {
	data := encode2011(b, record2011(1, 40))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, err := Decode2011(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Fingers(); err != nil {
			b.Fatal(err)
		}
	}
}
