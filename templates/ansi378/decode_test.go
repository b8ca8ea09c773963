package ansi378

import (
	"bytes"
	"reflect"
	"testing"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/internal/golden"
)

func encode(t testing.TB, r *Record) []byte {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// record is synthetic: n minutiae in each view on a line through the image.
func record(format templates.Format, views, n int) *Record {
	r := &Record{Format: format, Owner: 0x42, Device: 0xb5}
	for i := range views {
		v := View{Position: templates.Position(i % 11), Number: uint8(i / 11), Quality: uint8(i % 101),
			Width: 400, Height: 500, ResolutionX: 197, ResolutionY: 197}
		for j := range n {
			v.Minutiae = append(v.Minutiae, Minutia{X: uint16(j + i), Y: uint16(499 - j), Angle: uint8(j * 7 % 180),
				Type: templates.MinutiaType(j % 3), Quality: uint8(j % 101)})
		}
		r.Views = append(r.Views, v)
	}
	return r
}

// codec decodes as a version and encodes again.
func codec(t testing.TB, format templates.Format, allow Tolerance) codectest.Codec {
	return func(data []byte) ([]byte, error) {
		r, err := Decode(format, data, allow)
		if err != nil {
			return nil, err
		}
		return encode(t, r), nil
	}
}

// TestEveryPrefixIsRefused, whatever is tolerated.
func TestEveryPrefixIsRefused(t *testing.T) {
	for _, f := range formats {
		r := record(f, 2, 3)
		r.Views[1].Extended = []byte{0, 1, 0, 5, 9}
		for _, allow := range []Tolerance{0, allTolerances} {
			codectest.EveryPrefix(t, encode(t, r), codec(t, f, allow))
		}
	}
	long := record(formats[0], 2, 3)
	long.Long = true
	codectest.EveryPrefix(t, encode(t, long), codec(t, formats[0], 0))
}

// TestEveryByteCounts: a change of any byte is refused or shows in what is
// written back; nothing is skipped.
func TestEveryByteCounts(t *testing.T) {
	for _, f := range formats {
		r := record(f, 2, 3)
		r.Views[0].Extended = []byte{0, 1, 0, 5, 9}
		for _, allow := range []Tolerance{0, allTolerances} {
			codectest.EveryByte(t, encode(t, r), codec(t, f, allow))
		}
	}
}

func TestLargestRecords(t *testing.T) {
	for _, f := range formats {
		for _, n := range [][2]int{{MaxViews, 50}, {42, 250}, {1, 255}} {
			data := encode(t, record(f, n[0], n[1]))
			if again, err := codec(t, f, 0)(data); err != nil || !bytes.Equal(again, data) {
				t.Errorf("%v of %d bytes: %v", f, len(data), err)
			}
		}
	}
	// 65,536 bytes need a length of six.
	r := record(formats[0], 42, 255)
	r.Long = true
	r.Views[0].Extended = make([]byte, MaxRecord-r.size(layout2004()))
	data := encode(t, r)
	if again, err := codec(t, formats[0], 0)(data); err != nil || len(data) != MaxRecord || !bytes.Equal(again, data) {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	r.Long = false
	r.Views[0].Extended = r.Views[0].Extended[:len(r.Views[0].Extended)-1]
	if got := r.size(layout2004()); got != 65531 {
		t.Fatalf("%d bytes", got)
	}
	r.Views[0].Extended = append(r.Views[0].Extended, 0, 0, 0, 0, 0)
	if _, err := r.Encode(); codectest.Reason(t, err) != templates.ReasonOversized {
		t.Errorf("65,536 bytes in a short length: %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		format templates.Format // 0: all
		change func(*Record)
		want   templates.Reason
	}{
		{"good", 0, func(*Record) {}, ""},
		{"format", 0, func(r *Record) { r.Format = templates.FormatISO19794_2_2005 }, templates.ReasonFormat},
		{"certification", formats[0], func(r *Record) { r.Certification = 16 }, templates.ReasonOutOfRange},
		{"certification", formats[1], func(r *Record) { r.Certification = 16 }, templates.ReasonOutOfRange},
		{"certification", formats[2], func(r *Record) { r.Certification = 255 }, ""},
		{"device", formats[0], func(r *Record) { r.Device = 4096 }, templates.ReasonOutOfRange},
		{"device", formats[3], func(r *Record) { r.Device = 65535 }, ""},
		{"long", formats[0], func(r *Record) { r.Long = true }, ""},
		{"long", formats[1], func(r *Record) { r.Long = true }, templates.ReasonOutOfRange},
		{"digits", formats[0], func(r *Record) { r.Deviations.VersionDigits = true }, ""},
		{"digits", formats[2], func(r *Record) { r.Deviations.VersionDigits = true }, templates.ReasonOutOfRange},
		{"padding", 0, func(r *Record) { r.Deviations.Padding = -1 }, templates.ReasonOutOfRange},
		{"much padding", 0, func(r *Record) { r.Deviations.Padding = MaxRecord }, templates.ReasonOversized},
		{"understated", 0, func(r *Record) { r.Deviations.Understated = 2 }, ""},
		{"understated by three", 0, func(r *Record) { r.Deviations.Understated = 3 }, templates.ReasonOutOfRange},
		{"overstated", 0, func(r *Record) { r.Views[1].Overstated = 1 }, ""},
		{"overstated twice", 0, func(r *Record) { r.Views[1].Overstated = 2 }, templates.ReasonOutOfRange},
		{"overstated in the middle", 0, func(r *Record) { r.Views[0].Overstated = 1 }, templates.ReasonOutOfRange},
		{"overstated in an understated record", 0, func(r *Record) { r.Views[1].Overstated, r.Deviations.Understated = 1, 1 }, templates.ReasonOutOfRange},
		{"understated extension of nothing", 0, func(r *Record) { r.Views[1].Understated = 1 }, templates.ReasonOutOfRange},
		{"understated extension in the middle", 0, func(r *Record) { r.Views[0].Understated, r.Views[0].Extended = 1, []byte{1, 2} }, templates.ReasonOutOfRange},
		{"understated extension", 0, func(r *Record) { r.Views[1].Understated, r.Views[1].Extended = 2, []byte{1, 2} }, ""},
		{"angle 180", 0, func(r *Record) { r.Views[0].Minutiae[0].Angle = 180 }, templates.ReasonOutOfRange},
		{"wide angle", 0, func(r *Record) { r.Views[0].Minutiae[0].Angle = 255; r.Deviations.WideAngles = true }, ""},
		{"view number", 0, func(r *Record) { r.Views[0].Number = 16 }, templates.ReasonOutOfRange},
		{"position", 0, func(r *Record) { r.Views[0].Position = 13 }, templates.ReasonPosition},
		{"impression", 0, func(r *Record) { r.Views[0].Impression = 4 }, templates.ReasonOutOfRange},
		{"impression beyond", 0, func(r *Record) { r.Views[0].Impression = 64 }, templates.ReasonOutOfRange},
		{"impression 29", formats[0], func(r *Record) { r.Views[0].Impression = Unknown }, templates.ReasonOutOfRange},
		{"impression 29", formats[2], func(r *Record) { r.Views[0].Impression = Unknown }, ""},
		{"quality 254", formats[0], func(r *Record) { r.Views[0].Quality = 254 }, templates.ReasonQuality},
		{"quality 254", formats[1], func(r *Record) { r.Views[0].Quality = 254 }, ""},
		{"quality algorithm", formats[0], func(r *Record) { r.Views[0].QualityAlgorithm = 1 }, templates.ReasonOutOfRange},
		{"quality algorithm", formats[1], func(r *Record) { r.Views[0].QualityAlgorithm = 1 }, ""},
		{"other image", formats[0], func(r *Record) { r.Views[1].Width = 401 }, templates.ReasonMixedImages},
		{"other image", formats[1], func(r *Record) { r.Views[1].Width = 401 }, ""},
		{"no views", 0, func(r *Record) { r.Views = nil }, templates.ReasonOutOfRange},
		{"177 views", 0, func(r *Record) { r.Views = record(r.Format, 177, 1).Views }, templates.ReasonOutOfRange},
		{"256 minutiae", 0, func(r *Record) { r.Views = record(r.Format, 1, 256).Views }, templates.ReasonMinutiaCount},
		{"64 KiB", 0, func(r *Record) { r.Views = record(r.Format, 43, 255).Views }, templates.ReasonOversized},
		{"extended data", 0, func(r *Record) { r.Views[0].Extended = make([]byte, 65536) }, templates.ReasonOversized},
		{"x of 15 bits", formats[1], func(r *Record) { r.Views[0].Width = 65535; r.Views[0].Minutiae[0].X = 0x4000 }, templates.ReasonMinutiaOutside},
		{"type", 0, func(r *Record) { r.Views[0].Minutiae[0].Type = 3 }, templates.ReasonOutOfRange},
	} {
		for _, f := range formats {
			if c.format != 0 && c.format != f {
				continue
			}
			r := record(f, 2, 3)
			c.change(r)
			data, err := r.Encode()
			if got := codectest.Reason(t, err); got != c.want || (data == nil) != (err != nil) {
				t.Errorf("%v, %s: %q (%v), want %q", f, c.name, got, err, c.want)
			}
			if err == nil {
				if again, err := codec(t, f, allTolerances)(data); err != nil || !bytes.Equal(again, data) {
					t.Errorf("%v, %s: does not come back: %v", f, c.name, err)
				}
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	for f := range 256 {
		if _, known := layoutOf(templates.Format(f)); known {
			continue
		}
		if _, err := Decode(templates.Format(f), encode(t, record(formats[0], 1, 1)), 0); codectest.Reason(t, err) != templates.ReasonFormat {
			t.Errorf("format %d: %v", f, err)
		}
	}
}

// TestDecodeMemory: headers that claim much and bring little cost no more than
// their error; good records cost a small multiple of their bytes.
func TestDecodeMemory(t *testing.T) {
	for _, f := range formats {
		l, _ := layoutOf(f)
		change := func(at int, b string) []byte {
			data := encode(t, record(f, 1, 1))
			copy(data[at:], b)
			return data
		}
		for name, c := range map[string]struct {
			data []byte
			want templates.Reason
			max  uint64
		}{
			"views":    {change(l.count(), "\xb0"), templates.ReasonTruncated, 2048},
			"minutiae": {change(l.header()+l.viewHeader()-1, "\xff"), templates.ReasonTruncated, 2048},
			"length":   {change(8, "\xff\xff\xff\xff"), templates.ReasonTruncated, 2048},
			"extended": {change(l.header()+l.viewHeader()+6, "\xff\xff"), templates.ReasonTruncated, 2048},
			// 80 bytes for a view of 6 is the worst; the allocator rounds up.
			"empty views": {encode(t, record(f, MaxViews, 0)), "", 1024 + MaxViews*96},
			"full":        {encode(t, record(f, 42, 250)), "", 2 * MaxRecord},
		} {
			got := cost.Allocated(100, func() {
				if _, err := Decode(f, c.data, 0); codectest.Reason(t, err) != c.want {
					t.Fatalf("%v, %s: %v, want %q", f, name, err, c.want)
				}
			})
			if got > c.max {
				t.Errorf("%v, %s: %d bytes allocated for %d bytes of input, want <= %d", f, name, got, len(c.data), c.max)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range golden.Load(f, cases) {
		if len(c.Input) > MaxRecord {
			continue
		}
		for i := range formats {
			f.Add(c.Input, uint8(i), uint8(0))
			f.Add(c.Input, uint8(i), uint8(allTolerances))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, version, allow uint8) {
		format := formats[int(version)%len(formats)]
		var r *Record
		var err error
		cost.Bounded(t, 64*len(data), func() { r, err = Decode(format, data, Tolerance(allow)) })
		if again, err2 := Decode(format, data, Tolerance(allow)); !reflect.DeepEqual(r, again) || (err == nil) != (err2 == nil) {
			t.Fatal("the second reading differs")
		}
		if err != nil {
			codectest.Reason(t, err)
			codectest.InPlace(t, data, err)
			return
		}
		if again := encode(t, r); !bytes.Equal(again, data) {
			t.Fatalf("written back as %x, want %x", again, data)
		}
		if allow == 0 && Sniff(data) == templates.FormatUnknown && !bytes.HasPrefix(data, []byte("FMR\x00030\x00")) {
			t.Fatal("is read and not recognised")
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
		if _, err := Decode(formatOf(t, c), c.Input, 0); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 12 || bad < 40 {
		t.Errorf("%d good and %d bad seeds, want >= 12 and >= 40", good, bad)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range formats {
		b.Run("format="+f.String(), func(b *testing.B) {
			data := encode(b, record(f, 1, 40))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r, err := Decode(f, data, 0)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Fingers(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
