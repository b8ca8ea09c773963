package imagerecord

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"immis/internal/cost"
	"immis/templates"
)

// reasonOf is the reason of an input error, "" for none; any other error fails.
func reasonOf(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		t.Fatalf("error %T %v is not an InputError", err, err)
	}
	if bad.Field == "" || bad.Got == "" || bad.Want == "" {
		t.Fatalf("error %+v leaves a part empty", *bad)
	}
	return bad.Reason
}

// decodeReason is reasonOf for errors of decoders, which have an offset in the data.
func decodeReason(t testing.TB, data []byte, err error) templates.Reason {
	t.Helper()
	reason := reasonOf(t, err)
	var bad *templates.InputError
	if errors.As(err, &bad) && (bad.Offset < 0 || bad.Offset > len(data)) {
		t.Fatalf("%v: offset %d in %d bytes", err, bad.Offset, len(data))
	}
	return reason
}

var formats = []templates.Format{templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011,
	templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011}

const (
	wsq  = "\xff\xa0\xff\xa4 made up"
	jpeg = "\xff\xd8\xff\xe0 made up"
	jp2  = "\xff\x4f\xff\x51 made up"
	png  = "\x89PNG\r\n\x1a\n made up"
)

// record is synthetic, with every list filled.
func record(f templates.Format) *Record {
	r := &Record{Format: f}
	scale := Scale{UnitsInch, 1000, 1000, 500, 500}
	c := Capture{Date: DateTime{2026, 11, 22, 17, 5, 59, 999}, Technology: 2, Vendor: 0x0102, Device: 0x0304,
		Quality: []Quality{{70, 0x0f, 0x10}, {QualityFailed, 1, 2}}}
	points := []Landmark{{1, 0x31, 2, 3, 0}, {1, 0x32, 1, 1, 0}}
	features := Features{Gender: 2, EyeColor: 1, HairColor: 6, Mask: 0x44d, Expression: 3, Pose: [3]uint8{5, 10, 15}, PoseUncertainty: [3]uint8{21, 26, 31}}
	switch f {
	case templates.FormatISO19794_4_2005:
		r.Finger2005 = &Finger2005{Device: 0xb5, Acquisition: 31, Fingers: 2, Scale: scale, BitDepth: 8, Images: []Finger2005Image{
			{Position: 2, Count: 1, Number: 1, Quality: 254, Width: 3, Height: 2, Data: []byte("abcdef")},
			{Position: 14, Count: 1, Number: 1, Quality: 90, Impression: 8, Width: 1, Height: 4, Data: []byte("ghij")}}}
	case templates.FormatISO19794_4_2011:
		r.Finger2011 = &Finger2011{Certified: true, Positions: 2, Images: []Finger2011Image{
			{Capture: c, Certifications: []Certification{{0x0102, 2}, {3, 1}}, Position: 7, Scale: scale, BitDepth: 8, Compression: 2,
				Impression: 29, Width: 3, Height: 4, Data: []byte(wsq),
				Extended: []Block{{BlockAnnotation, []byte{1, 7, 2}}, {BlockComment, []byte("text")}, {0x8001, nil}}},
			{Capture: Capture{Date: NewDateTime(time.Time{})}, Position: 21, Number: 1, Scale: Scale{UnitsCentimetre, 197, 197, 197, 197}, BitDepth: 8,
				Compression: 5, Width: 3, Height: 4, Data: []byte(jp2)}}}
	case templates.FormatISO19794_5_2005:
		r.Face2005 = &Face2005{Images: []Face2005Image{{Features: features, Landmarks: points, Type: 1, Width: 3, Height: 4, ColorSpace: 1, Source: 2,
			Device: 0x4947, Data: []byte(jpeg)}, {DataType: 1, Width: 9, Height: 9, Data: []byte(jp2)}}}
	case templates.FormatISO19794_5_2011:
		features.BodyHeight = 180
		r.Face2011 = &Face2011{Temporal: 1, Images: []Face2011Image{{Capture: c, Features: features, Landmarks: points, Type: 1, DataType: 3,
			Width: 3, Height: 4, SamplingLevel: 2, PostProcessing: 3, CrossReference: 1, ColorSpace: 1, Data: []byte(png)},
			{Type: 0x81, DataType: 2, Width: 3, Height: 4, Data: []byte(jp2), ThreeD: []byte("depth")}}}
	}
	return r
}

func encode(t testing.TB, r *Record) []byte {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for _, f := range formats {
		r := record(f)
		data := encode(t, r)
		if got := Sniff(data); got != f {
			t.Errorf("%v: looks like %v", f, got)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%v: %+v, want %+v", f, got, r)
		}
		if again := encode(t, got); !bytes.Equal(again, data) {
			t.Errorf("%v: %x, want %x", f, again, data)
		}
		views, err := got.Views()
		if err != nil || len(views) != 2 {
			t.Fatalf("%v: %d views, %v", f, len(views), err)
		}
		for i, v := range views {
			if v.Modality != f.Modality() || !bytes.HasPrefix(data[v.Offset:], v.Payload) || len(v.Payload) == 0 {
				t.Errorf("%v: view %d: %+v", f, i+1, v)
			}
		}
		data[len(data)-20]++
		if encode(t, got); !reflect.DeepEqual(got, r) {
			t.Errorf("%v: the record shares memory with its bytes", f)
		}
		if n := got.Notes(); n != nil {
			t.Errorf("%v: notes %q", f, n)
		}
	}
}

func TestViews(t *testing.T) {
	r := record(templates.FormatISO19794_4_2011)
	views, err := r.Views()
	if err != nil {
		t.Fatal(err)
	}
	v := views[0]
	if v.Position != templates.LeftIndex || v.PositionCode != 7 || v.Format != templates.FormatWSQ || v.PPIX != 500 || v.Width != 3 || v.Height != 4 ||
		v.Lossless || v.Impression != 29 || v.BitDepth != 8 || !v.SingleFinger() || len(v.Quality) != 2 || v.Device != "vendor 0x0102, device 0x0304, technology 2" ||
		!v.Captured.Equal(time.Date(2026, 11, 22, 17, 5, 59, 999e6, time.UTC)) || len(v.Extended) != 3 {
		t.Errorf("%+v", v)
	}
	v = views[1]
	if v.Position != templates.PositionUnknown || v.PositionCode != 21 || v.Format != templates.FormatJP2 || v.PPIX != 197*2.54 || !v.Lossless ||
		v.SingleFinger() || !v.Captured.IsZero() || v.Device != "" {
		t.Errorf("%+v", v)
	}
	views, err = record(templates.FormatISO19794_4_2005).Views()
	if err != nil || views[0].Format != templates.FormatUnknown || views[0].Position != templates.RightIndex || len(views[0].Quality) != 0 ||
		views[1].Position != templates.LeftFour || views[1].SingleFinger() || views[1].Quality[0].Score != 90 || views[1].Device != "device 0x00b5" {
		t.Errorf("%+v, %v", views, err)
	}
	views, err = record(templates.FormatISO19794_5_2011).Views()
	if err != nil || views[0].Format != templates.FormatPNG || len(views[0].Landmarks) != 2 || !views[1].Lossless || views[1].ImageType != 0x81 || views[0].PPIX != 0 {
		t.Errorf("%+v, %v", views, err)
	}
}

// TestPayloads: what the header says of the payload is compared with the payload.
func TestPayloads(t *testing.T) {
	for _, c := range []struct {
		name               string
		compression, depth uint8
		width, height      uint16
		data               string
		want               templates.Reason
	}{
		{"raw", 0, 8, 3, 2, "123456", ""},
		{"raw of 12 bits", 0, 12, 3, 1, "123456", ""},
		{"raw short", 0, 8, 3, 2, "12345", templates.ReasonWrongLength},
		{"raw long", 0, 8, 3, 2, "1234567", templates.ReasonWrongLength},
		{"raw of nothing", 0, 8, 3, 2, "", templates.ReasonNoBiometric},
		{"packed", 1, 4, 3, 2, "123", ""},
		{"packed by line", 1, 4, 3, 2, "1234", ""},
		{"packed short", 1, 4, 3, 2, "12", templates.ReasonWrongLength},
		{"large claim", 0, 16, 65535, 65535, "1", templates.ReasonWrongLength},
		{"wsq", 2, 8, 3, 2, wsq, ""},
		{"jpeg", 3, 8, 3, 2, jpeg, ""},
		{"jp2", 4, 8, 3, 2, "\x00\x00\x00\x0cjP  \r\n\x87\n", ""},
		{"lossless", 5, 8, 3, 2, jp2, ""},
		{"png", 6, 8, 3, 2, png, ""},
		{"jpeg as wsq", 2, 8, 3, 2, jpeg, templates.ReasonMalformed},
		{"pixels as png", 6, 8, 3, 2, "123456", templates.ReasonMalformed},
	} {
		r := record(templates.FormatISO19794_4_2011)
		m := &r.Finger2011.Images[1]
		m.Compression, m.BitDepth, m.Width, m.Height, m.Data = c.compression, c.depth, c.width, c.height, []byte(c.data)
		data := encode(t, r)
		if _, err := r.Views(); decodeReason(t, data, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestEveryPrefixIsRefused, and every byte more.
func TestEveryPrefixIsRefused(t *testing.T) {
	for _, f := range formats {
		data := encode(t, record(f))
		for n := range data {
			_, err := Decode(data[:n])
			want := templates.ReasonTruncated
			if n == 0 {
				want = templates.ReasonEmpty
			}
			if got := decodeReason(t, data[:n], err); got != want {
				t.Errorf("%v: %d of %d bytes: %v, want %q", f, n, len(data), err, want)
			}
		}
		if _, err := Decode(append(data, 0)); decodeReason(t, data, err) != templates.ReasonTrailing {
			t.Errorf("%v: a byte more: %v", f, err)
		}
	}
}

// TestCutInside: a record whose length field agrees, but whose parts are cut.
func TestCutInside(t *testing.T) {
	for _, f := range formats {
		whole := encode(t, record(f))
		for n := 32; n < len(whole); n++ {
			data := bytes.Clone(whole[:n])
			at := 8
			if f == templates.FormatISO19794_4_2005 {
				at = 10
			}
			data[at+2], data[at+3] = byte(n>>8), byte(n)
			if _, err := Decode(data); decodeReason(t, data, err) == "" {
				t.Errorf("%v: accepted with %d of %d bytes", f, n, len(whole))
			}
		}
	}
}

// TestEveryByteCounts: a change of any byte is refused or shows in what is written
// back; nothing is skipped.
func TestEveryByteCounts(t *testing.T) {
	for _, f := range formats {
		data := encode(t, record(f))
		accepted := 0
		for i := range data {
			for change := 1; change < 256; change++ {
				mutated := bytes.Clone(data)
				mutated[i] ^= byte(change)
				got, err := Decode(mutated)
				if err != nil {
					decodeReason(t, mutated, err)
					continue
				}
				accepted++
				if !bytes.Equal(encode(t, got), mutated) {
					t.Fatalf("%v: byte %d changed by %02x: written back differently", f, i, change)
				}
			}
		}
		if accepted == 0 {
			t.Error("no change was accepted: the test compares nothing")
		}
	}
}

func TestFieldsOutOfRange(t *testing.T) {
	const f4old, f4, f5old, f5 = templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011, templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011
	for _, c := range []struct {
		name   string
		format templates.Format
		at     int
		bytes  string
		want   templates.Reason
	}{
		{"magic", f4, 0, "FMR\x00", templates.ReasonWrongMagic},
		{"iris", f4, 0, "IIR\x00", templates.ReasonWrongMagic},
		{"finger version", f4, 4, "030\x00", templates.ReasonWrongVersion},
		{"face version", f5, 4, "020\x00", templates.ReasonWrongVersion},
		{"length below header", f4, 8, "\x00\x00\x00\x0f", templates.ReasonWrongLength},
		{"length of 48 bits", f4old, 8, "\xff\xff\xff\xff\xff\xff", templates.ReasonTruncated},
		{"no fingers", f4old, 18, "\x00", templates.ReasonOutOfRange},
		{"one finger for two positions", f4old, 18, "\x01", templates.ReasonMalformed},
		{"three fingers", f4old, 18, "\x03", templates.ReasonTruncated},
		{"scale units", f4old, 19, "\x03", templates.ReasonOutOfRange},
		{"no resolution", f4old, 24, "\x00\x00", templates.ReasonResolution},
		{"low resolution", f4old, 26, "\x00\x47", templates.ReasonResolution},
		{"high resolution", f4old, 24, "\x07\xd1", templates.ReasonResolution},
		{"depth 0", f4old, 28, "\x00", templates.ReasonOutOfRange},
		{"depth 17", f4old, 28, "\x11", templates.ReasonOutOfRange},
		{"compression", f4old, 29, "\x06", templates.ReasonOutOfRange},
		{"image length", f4old, 32, "\x00\x00\x00\x0d", templates.ReasonWrongLength},
		{"image length beyond", f4old, 32, "\xff\xff\xff\xff", templates.ReasonTruncated},
		{"position", f4old, 36, "\x10", templates.ReasonPosition},
		{"position between", f4old, 36, "\x25", templates.ReasonPosition},
		{"quality", f4old, 39, "\x65", templates.ReasonQuality},
		{"impression", f4old, 40, "\x10", templates.ReasonOutOfRange},
		{"width", f4old, 41, "\x00\x00", templates.ReasonOutOfRange},
		{"height", f4old, 43, "\x00\x00", templates.ReasonOutOfRange},
		{"no representations", f4, 12, "\x00\x00", templates.ReasonOutOfRange},
		{"one representation", f4, 12, "\x00\x01", templates.ReasonTrailing},
		{"three representations", f4, 12, "\x00\x03", templates.ReasonTruncated},
		{"many representations", f4, 12, "\x04\x01", templates.ReasonOutOfRange},
		{"certification flag", f4, 14, "\x02", templates.ReasonOutOfRange},
		{"representation length", f4, 16, "\x00\x00\x00\x28", templates.ReasonWrongLength},
		{"month", f4, 22, "\x0d", templates.ReasonOutOfRange},
		{"no day", f4, 23, "\x00", templates.ReasonOutOfRange},
		{"31 November", f4, 23, "\x1f", templates.ReasonOutOfRange},
		{"hour", f4, 24, "\x18", templates.ReasonOutOfRange},
		{"minute", f4, 25, "\x3c", templates.ReasonOutOfRange},
		{"second", f4, 26, "\x3d", templates.ReasonOutOfRange},
		{"millisecond", f4, 27, "\x03\xe8", templates.ReasonOutOfRange},
		{"quality blocks", f4, 34, "\xff", templates.ReasonTruncated},
		{"quality score", f4, 35, "\x65", templates.ReasonQuality},
		{"certification blocks", f4, 45, "\xff", templates.ReasonTruncated},
		{"position 2011", f4, 52, "\x33", templates.ReasonPosition},
		{"scale 2011", f4, 54, "\x00", templates.ReasonOutOfRange},
		{"depth 2011", f4, 63, "\x20", templates.ReasonOutOfRange},
		{"compression 2011", f4, 64, "\x07", templates.ReasonOutOfRange},
		{"impression 2011", f4, 65, "\x1e", templates.ReasonOutOfRange},
		{"image length 2011", f4, 70, "\x00\x00\x7f\xff", templates.ReasonTruncated},
		{"block length", f4, 88, "\x00\x03", templates.ReasonMalformed},
		{"block length beyond", f4, 88, "\x0f\xff", templates.ReasonTruncated},
		{"no faces", f5old, 12, "\x00\x00", templates.ReasonOutOfRange},
		{"face length", f5old, 14, "\x00\x00\x00\x1f", templates.ReasonWrongLength},
		{"feature points", f5old, 18, "\xff\xff", templates.ReasonTruncated},
		{"face data type", f5old, 51, "\x02", templates.ReasonOutOfRange},
		{"face width", f5old, 52, "\x00\x00", templates.ReasonOutOfRange},
		{"face certification", f5, 14, "\x01", templates.ReasonOutOfRange},
		{"face representation length", f5, 17, "\x00\x00\x00\x10", templates.ReasonWrongLength},
		{"face quality", f5, 36, "\xfe", templates.ReasonQuality},
		{"face points", f5, 46, "\xff\xff", templates.ReasonTruncated},
		{"face data type 2011", f5, 80, "\x04", templates.ReasonOutOfRange},
		{"face image length", f5, 90, "\x00\x00\x00\x01", templates.ReasonTrailing},
	} {
		data := encode(t, record(c.format))
		copy(data[c.at:], c.bytes)
		if _, err := Decode(data); decodeReason(t, data, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		record *Record
		want   templates.Reason
	}{
		{"no content", &Record{Format: templates.FormatISO19794_4_2005}, templates.ReasonFormat},
		{"other content", &Record{Format: templates.FormatISO19794_4_2005, Face2005: record(templates.FormatISO19794_5_2005).Face2005}, templates.ReasonFormat},
		{"no images", &Record{Format: templates.FormatISO19794_5_2011, Face2011: &Face2011{}}, templates.ReasonOutOfRange},
	} {
		if _, err := c.record.Encode(); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for name, change := range map[string]func(*Finger2011){
		"256 qualities":      func(f *Finger2011) { f.Images[0].Quality = make([]Quality, 256) },
		"256 certifications": func(f *Finger2011) { f.Images[0].Certifications = make([]Certification, 256) },
		"not certified":      func(f *Finger2011) { f.Certified = false },
		"block of 64 KiB":    func(f *Finger2011) { f.Images[0].Extended[0].Data = make([]byte, 65532) },
		"1025 images":        func(f *Finger2011) { f.Images = make([]Finger2011Image, MaxViews+1) },
		"32 MiB":             func(f *Finger2011) { f.Images[0].Data = make([]byte, MaxRecord) },
	} {
		r := record(templates.FormatISO19794_4_2011)
		change(r.Finger2011)
		if _, err := r.Encode(); reasonOf(t, err) != templates.ReasonOversized {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := record(templates.FormatISO19794_5_2005)
	r.Face2005.Images[0].Mask = 1 << 24
	if _, err := r.Encode(); reasonOf(t, err) != templates.ReasonOutOfRange {
		t.Errorf("mask: %v", err)
	}
	r = record(templates.FormatISO19794_5_2005)
	r.Face2005.Images[0].BodyHeight = 1
	if _, err := r.Encode(); reasonOf(t, err) != templates.ReasonOutOfRange {
		t.Errorf("height: %v", err)
	}
}

func TestNotes(t *testing.T) {
	f := record(templates.FormatISO19794_4_2005)
	f.Finger2005.Reserved, f.Finger2005.Images[0].Reserved, f.Finger2005.Images[1].Number, f.Finger2005.ScanX = 1, 1, 2, 250
	f.Finger2005.ResolutionY = 450
	g := record(templates.FormatISO19794_5_2011)
	g.Face2011.Temporal, g.Face2011.Images[0].Landmarks[0].X = 0, 3
	h := record(templates.FormatISO19794_4_2011)
	h.Finger2011.Positions = 9
	k := record(templates.FormatISO19794_5_2005)
	k.Face2005.Images[0].Quality = 5
	for _, c := range []struct {
		r    *Record
		want int
	}{{f, 5}, {g, 2}, {h, 1}, {k, 1}} {
		encode(t, c.r)
		if n := c.r.Notes(); len(n) != c.want {
			t.Errorf("%v: notes %q, want %d", c.r.Format, n, c.want)
		}
	}
}

func TestDateTime(t *testing.T) {
	for _, c := range []struct {
		d    DateTime
		want string
	}{
		{DateTime{}, "0001-01-01T00:00:00Z"},
		{NewDateTime(time.Time{}), "0001-01-01T00:00:00Z"},
		{DateTime{2024, 2, 29, 23, 59, 59, 1}, "2024-02-29T23:59:59.001Z"},
		{DateTime{2024, 2, 29, 255, 255, 255, 65535}, "2024-02-29T00:00:00Z"},
		{DateTime{2024, 255, 255, 255, 255, 255, 65535}, "0001-01-01T00:00:00Z"},
	} {
		if got := c.d.Time().Format(time.RFC3339Nano); got != c.want {
			t.Errorf("%+v: %s, want %s", c.d, got, c.want)
		}
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))
	if got := NewDateTime(now).Time(); !got.Equal(now) {
		t.Errorf("%v, want %v", got, now)
	}
}

// TestMemory: headers that claim much and bring little cost no more than their error.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name   string
		format templates.Format
		at     int
		bytes  string
	}{
		{"representations", templates.FormatISO19794_4_2011, 12, "\x04\x00"},
		{"image", templates.FormatISO19794_4_2011, 70, "\xff\xff\xff\xff"},
		{"qualities", templates.FormatISO19794_4_2011, 34, "\xff"},
		{"feature points", templates.FormatISO19794_5_2005, 18, "\xff\xff"},
		{"image length", templates.FormatISO19794_4_2005, 32, "\xff\xff\xff\xff"},
	} {
		data := encode(t, record(c.format))
		copy(data[c.at:], c.bytes)
		if n := cost.Allocated(100, func() {
			if _, err := Decode(data); err == nil {
				t.Fatal(c.name, "accepted")
			}
		}); n > 8192 {
			t.Errorf("%s: %d bytes allocated for %d bytes of input", c.name, n, len(data))
		}
	}
	if _, err := Decode(append([]byte(magicFinger+versionFinger2011), make([]byte, MaxRecord)...)); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("large record: %v", err)
	}
}

func seeds(t testing.TB) [][]byte {
	var out [][]byte
	for _, f := range formats {
		data := encode(t, record(f))
		out = append(out, data, data[:len(data)-1], data[:20])
	}
	return append(out, nil, []byte("IIR\x00020\x00"), []byte("FAC\x00020\x00"))
}

func TestFuzzSeeds(t *testing.T) {
	good := 0
	all := seeds(t)
	for _, s := range all {
		if _, err := Decode(s); err == nil {
			good++
		}
	}
	if good != len(formats) || len(all) < 15 {
		t.Errorf("%d seeds, %d good", len(all), good)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r *Record
		var err error
		cost.Bounded(t, 64*len(data), func() { r, err = Decode(data) })
		if err != nil {
			_, again := Decode(data)
			if decodeReason(t, data, err) == "" || again.Error() != err.Error() {
				t.Fatalf("%v, then %v", err, again)
			}
			return
		}
		if !bytes.Equal(encode(t, r), data) {
			t.Fatal("written back differently")
		}
		r.Notes()
		views, err := r.Views()
		if err != nil {
			decodeReason(t, data, err)
			return
		}
		size := 0
		for i := range views {
			size += len(views[i].Payload)
			if !bytes.HasPrefix(data[views[i].Offset:], views[i].Payload) {
				t.Fatalf("view %d is not at its offset", i+1)
			}
		}
		if size > len(data) {
			t.Fatalf("%d bytes of payload in %d", size, len(data))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := record(templates.FormatISO19794_4_2011)
	r.Finger2011.Images[0].Data = append([]byte(wsq), make([]byte, 100<<10)...)
	data := encode(b, r)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, err := Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Views(); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDecode() {
	r := &Finger2011{Positions: 1, Images: []Finger2011Image{{Position: 2, Scale: Scale{UnitsInch, 500, 500, 500, 500}, BitDepth: 8,
		Width: 2, Height: 2, Data: []byte{1, 2, 3, 4}}}}
	data, err := r.Encode()
	if err != nil {
		panic(err)
	}
	back, err := Decode(data)
	if err != nil {
		panic(err)
	}
	views, err := back.Views()
	if err != nil {
		panic(err)
	}
	fmt.Println(back.Format, views[0].Position, views[0].Width, "x", views[0].Height, "at", views[0].PPIX)
	// Output: iso-19794-4-2011 2 2 x 2 at 500
}
