package ansinist

import (
	"fmt"
	"slices"
	"testing"

	"immis/templates"
)

// TestSamples: everything that the synthetic transaction states is told.
func TestSamples(t *testing.T) {
	tr := roundTrip(t, full())
	samples, err := tr.Samples()
	if err != nil {
		t.Fatal(err)
	}
	var types []int
	for _, s := range samples {
		types = append(types, s.Type)
		if s.Type != tr.Records[s.Record].Type || s.IDC != tr.Records[s.Record].IDC {
			t.Errorf("%v is not of its record", s)
		}
		if len(s.Data) > 0 && &s.Data[0] != &tr.Records[s.Record].Image[0] {
			t.Errorf("%v is a copy", s)
		}
	}
	if !slices.Equal(types, []int{4, 3, 9, 9, 9, 10, 14, 99}) {
		t.Fatalf("types %v", types)
	}
	index := samples[0]
	if index.Modality != templates.ModalityFinger || index.Position != templates.RightIndex || !index.Raw || index.Format != templates.FormatUnknown ||
		index.Width != 4 || index.Height != 9 || index.Bits != 8 || index.PPIX != 500 || index.PPIY != 500 || index.Compression != "NONE" || index.Impression != 0 {
		t.Errorf("raw finger %+v", index)
	}
	if slap := samples[1]; slap.Modality != templates.ModalityFinger || slap.Position != templates.PositionUnknown || !slices.Equal(slap.Codes, []int{13}) ||
		slap.Raw || slap.Format != templates.FormatWSQ || slap.PPIX != 250 {
		t.Errorf("low-resolution slap %+v", slap)
	}
	if m := samples[3]; m.Position != templates.LeftIndex || m.Width != 400 || m.Height != 600 || m.PPIX != 500 || m.Data != nil ||
		fmt.Sprint(m.Qualities) != "[{M1 -1 80 FFFF 1}]" {
		t.Errorf("minutiae of INCITS 378 %+v", m)
	}
	if m := samples[4]; m.Position != templates.LeftMiddle || m.Width != 500 || m.Height != 250 {
		t.Errorf("extended feature set %+v", m)
	}
	if face := samples[5]; face.Modality != templates.ModalityFace || face.Format != templates.FormatJPEG || face.ColorSpace != "YCC" || face.Bits != 24 ||
		face.Captured != "20260102" || face.Source != "ORIG" || face.Impression != -1 || face.ImageType != "FACE" {
		t.Errorf("face %+v", face)
	}
	slap := samples[6]
	if slap.PPIX != 500 || slap.Format != templates.FormatWSQ || slap.Make != "Make" || slap.Model != "Model" || slap.Serial != "42" ||
		fmt.Sprint(slap.Qualities) != "[{NQM 7 1  } {NQM 8 5  } {FQM 7 90 0FFF 12}]" ||
		fmt.Sprint(slap.Missing) != "[{9 XX} {10 UP}]" ||
		fmt.Sprint(slap.Segments) != "[{7 10 400 0 1000 []} {8 410 800 20 980 []} {7 10 400 0 1000 [{10 0} {400 0} {200 1000}]}]" {
		t.Errorf("slap %+v", slap)
	}
	if block := samples[7]; block.Modality != templates.ModalityFinger || block.Format != templates.FormatISO19794_2_2005 || block.BlockOwner != 0x101 || block.BlockType != 1 ||
		fmt.Sprint(block.Qualities) != "[{BDQ -1 70 0FFF 3}]" || block.Captured != "20260102030405Z" {
		t.Errorf("block %+v", block)
	}
}

func one(r Record) *Transaction {
	return &Transaction{Records: []Record{tagged(1, 0, nil, "11:39.37"), r}}
}

// TestSampleDetails: one property of one record each.
func TestSampleDetails(t *testing.T) {
	with := func(r Record, change func(*Header)) Record { change(r.Header); return r }
	picture := func(recordType int, fields ...string) Record { return tagged(recordType, 1, []byte("x"), fields...) }
	for _, c := range []struct {
		name   string
		record Record
		tell   func(*Sample) any
		want   any
	}{
		{"native resolution", with(image(4, 1, 1, 1, 1, 1, nil), func(h *Header) { h.Scan = 1 }), func(s *Sample) any { return s.PPIX }, 1000},
		{"half of the native", with(image(3, 1, 1, 1, 1, 1, nil), func(h *Header) { h.Scan = 1 }), func(s *Sample) any { return s.PPIY }, 500},
		{"two levels by rows", image(6, 1, 1, 0, 9, 2, make([]byte, 4)), func(s *Sample) any { return s.Bits }, 1},
		{"two levels on end", image(6, 1, 1, 0, 9, 2, make([]byte, 3)), func(s *Sample) any { return s.Raw }, true},
		{"group 4", image(6, 1, 1, 1, 9, 2, nil), func(s *Sample) any { return s.Compression }, "G4"},
		{"lossless JPEG", image(4, 1, 1, 3, 9, 2, nil), func(s *Sample) any { return s.Compression + s.Format.String() }, "JPEGLjpeg"},
		{"PNG", image(4, 1, 1, 6, 9, 2, nil), func(s *Sample) any { return s.Format }, templates.FormatPNG},
		{"unknown compression", image(4, 1, 1, 7, 9, 2, nil), func(s *Sample) any { return s.Compression + s.Format.String() }, "7unknown"},
		{"palm", image(4, 1, 21, 1, 9, 2, nil), func(s *Sample) any { return s.Modality }, templates.ModalityUnknown},
		{"plain thumb", image(4, 1, 12, 1, 9, 2, nil), func(s *Sample) any { return s.Position }, templates.LeftThumb},
		{"two possible fingers", with(image(4, 1, 1, 1, 9, 2, nil), func(h *Header) { h.Positions[1] = 2 }), func(s *Sample) any { return fmt.Sprint(s.Codes, s.Position) }, "[1 2] 0"},
		{"tattoo", picture(10, "3:TATTOO", "12:GRAY", "11:PNG"), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Bits, s.Format) }, "unknown 8 png"},
		{"color space unknown", picture(10, "3:FACE", "12:UNK", "11:JP2"), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Bits, s.Format) }, "face 0 jp2"},
		{"iris", picture(17, "3:1", "12:8", "13:GRAY", "11:JP2L", "19:"+Join([]string{"A", "B", "C"})), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Bits, s.ColorSpace+s.Make+s.Serial) }, "iris 8GRAYAC"},
		{"palm record", picture(15, "13:21", "24:"+Join([]string{"21", "254", "A", "1"})), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Qualities) }, "unknown [{PQM 21 254 A 1}]"},
		{"no scale", picture(14, "8:0", "9:500", "10:500"), func(s *Sample) any { return s.PPIX }, 0},
		{"pixels per cm", picture(14, "8:2", "9:394", "10:98"), func(s *Sample) any { return fmt.Sprint(s.PPIX, s.PPIY) }, "1000 249"},
		{"no image", tagged(14, 1, nil, "11:NONE", "6:10", "7:10", "12:8"), func(s *Sample) any { return s.Raw }, false},
		{"areas", picture(13, "6:100", "7:100", "15:"+Join([]string{"FV1", "PRX", "1", "2", "4", "3"})), func(s *Sample) any { return fmt.Sprint(s.Areas) }, "[{FV1 PRX 1 2 4 3}]"},
		{"block of an unknown owner", picture(99, "101:00000002", "103:0002"), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Format) }, "face unknown"},
		{"INCITS block", tagged(99, 1, []byte("FMR\x00 20\x00"), "101:8", "103:001B", "104:0201"), func(s *Sample) any { return fmt.Sprint(s.Modality, s.Format) }, "finger ansi-378-2004"},
	} {
		s, err := roundTrip(t, one(c.record)).Sample(1)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := c.tell(s); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSampleRefuses(t *testing.T) {
	slap := func(fields ...string) Record {
		return tagged(14, 1, []byte("x"), append([]string{"6:100", "7:50", "12:8"}, fields...)...)
	}
	scan := image(4, 1, 1, 1, 1, 1, nil)
	scan.Header.Scan = 2
	manyRows := make([][]string, maxRows+1)
	for i := range manyRows {
		manyRows[i] = []string{"1", "UP"}
	}
	for _, c := range []struct {
		name   string
		record Record
		want   templates.Reason
	}{
		{"few pixels", image(4, 1, 1, 0, 10, 10, make([]byte, 99)), templates.ReasonWrongLength},
		{"many pixels", image(4, 1, 1, 0, 10, 10, make([]byte, 101)), templates.ReasonWrongLength},
		{"no pixels", image(4, 1, 1, 0, 0, 0, nil), templates.ReasonWrongLength},
		{"scanning resolution", scan, templates.ReasonOutOfRange},
		{"width", tagged(14, 1, nil, "6:100000"), templates.ReasonOutOfRange},
		{"width in letters", tagged(14, 1, nil, "6:x"), templates.ReasonMalformed},
		{"negative width", tagged(14, 1, nil, "6:-1"), templates.ReasonMalformed},
		{"scale units", tagged(14, 1, nil, "8:3"), templates.ReasonOutOfRange},
		{"impression", slap("3:x"), templates.ReasonMalformed},
		{"position", slap("13:256"), templates.ReasonOutOfRange},
		{"raw without a depth", tagged(14, 1, []byte("x"), "6:1", "7:1", "11:NONE"), templates.ReasonWrongLength},
		{"raw of another size", slap("11:NONE"), templates.ReasonWrongLength},
		{"missing without a reason", slap("18:1"), templates.ReasonMalformed},
		{"missing finger", slap("18:" + Join([]string{"x", "UP"})), templates.ReasonMalformed},
		{"too many missing", slap("18:" + Join(manyRows...)), templates.ReasonOversized},
		{"segment of four items", slap("21:" + Join([]string{"7", "0", "1", "0"})), templates.ReasonMalformed},
		{"segment outside", slap("21:" + Join([]string{"7", "0", "101", "0", "1"})), templates.ReasonOutOfRange},
		{"segment below", slap("21:" + Join([]string{"7", "0", "1", "0", "51"})), templates.ReasonOutOfRange},
		{"segment turned", slap("21:" + Join([]string{"7", "2", "1", "0", "1"})), templates.ReasonOutOfRange},
		{"polygon of two", slap("25:" + Join([]string{"7", "2", "1", "1", "2", "2"})), templates.ReasonOutOfRange},
		{"polygon cut", slap("25:" + Join([]string{"7", "3", "1", "1", "2", "2", "3"})), templates.ReasonMalformed},
		{"polygon outside", slap("25:" + Join([]string{"7", "3", "1", "1", "2", "2", "3", "51"})), templates.ReasonOutOfRange},
		{"area outside", slap("15:" + Join([]string{"FV1", "NA", "0", "101", "0", "0"})), templates.ReasonOutOfRange},
		{"quality without a value", slap("22:7"), templates.ReasonMalformed},
		{"quality in letters", slap("22:" + Join([]string{"7", "good"})), templates.ReasonMalformed},
		{"quality", slap("23:" + Join([]string{"7", "256"})), templates.ReasonOutOfRange},
		{"modality of a block", tagged(99, 1, nil, "101:finger"), templates.ReasonMalformed},
		{"owner of a block", tagged(99, 1, nil, "103:100000000"), templates.ReasonMalformed},
	} {
		tr := roundTrip(t, one(c.record))
		s, err := tr.Sample(1)
		if got := reasonOf(t, err); got != c.want || s != nil {
			t.Errorf("%s: %v, %q (%v), want %q", c.name, s, got, err, c.want)
		}
		if _, err := tr.Samples(); reasonOf(t, err) != c.want {
			t.Errorf("%s: among all: %v", c.name, err)
		}
	}
	native := &Transaction{Records: []Record{tagged(1, 0, nil, "11:fine"), image(4, 1, 1, 1, 1, 1, nil)}}
	if _, err := native.Sample(1); err != nil {
		t.Errorf("a native resolution that is not needed: %v", err)
	}
	native.Records[1].Header.Scan = 1
	if _, err := native.Sample(1); reasonOf(t, err) != templates.ReasonMalformed {
		t.Errorf("native resolution: %v", err)
	}
}

// TestBlockFormat: the owner tells versions apart that sign alike.
func TestBlockFormat(t *testing.T) {
	for _, c := range []struct {
		owner int
		front string
		want  templates.Format
	}{
		{ownerISO, "FMR\x00 20\x00", templates.FormatISO19794_2_2005},
		{ownerISO, "FMR\x00030\x00", templates.FormatISO19794_2_2011},
		{ownerISO, "FIR\x00010\x00", templates.FormatISO19794_4_2005},
		{ownerISO, "FIR\x00020\x00", templates.FormatISO19794_4_2011},
		{ownerISO, "FAC\x00010\x00", templates.FormatISO19794_5_2005},
		{ownerISO, "FAC\x00030\x00", templates.FormatISO19794_5_2011},
		{ownerISO, "FMR\x00040\x00", templates.FormatUnknown},
		{ownerINCITS, "FMR\x00 20\x00", templates.FormatANSI378_2004},
		{ownerINCITS, "FMR\x00030\x00", templates.FormatUnknown}, // 2007 or 2009
		{ownerINCITS, "FMR\x00035\x00", templates.FormatANSI378_2009AM1},
		{ownerINCITS, "FIR\x00010\x00", templates.FormatUnknown},
		{0, "FMR\x00 20\x00", templates.FormatUnknown},
		{ownerISO, "FMR", templates.FormatUnknown},
	} {
		if got := blockFormat(c.owner, []byte(c.front)); got != c.want {
			t.Errorf("owner %#x, %q: %v, want %v", c.owner, c.front, got, c.want)
		}
	}
}

// TestNativeResolution: the forms of field 1.011.
func TestNativeResolution(t *testing.T) {
	for text, want := range map[string]int{"19.69": 500, "39.37": 1000, "9.84": 250, "20.00": 508, "20": 508, "00.00": 0, "": 0, "19.685": 500} {
		tr := &Transaction{Records: []Record{tagged(1, 0, nil, "11:"+text), image(4, 1, 1, 1, 1, 1, nil)}}
		tr.Records[1].Header.Scan = 1
		s, err := tr.Sample(1)
		if err != nil || s.PPIX != want {
			t.Errorf("%q: %v, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{".", "19.", ".5", "19,69", "-1", "1000", "19.6969"} {
		if ppmm, err := nativePerMM(&[]Record{tagged(1, 0, nil, "11:"+text)}[0]); err == nil {
			t.Errorf("%q gives %v", text, ppmm)
		}
	}
}
