package ansinist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"immis/templates"
)

// reasonOf is the reason of an error, "" for none; an error of another kind or
// with an empty part fails the test.
func reasonOf(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		t.Fatalf("error %v is no InputError", err)
	}
	if bad.Reason == "" || bad.Field == "" || bad.Got == "" || bad.Want == "" {
		t.Fatalf("error %+v leaves a part empty", *bad)
	}
	return bad.Reason
}

// tagged is a record from its fields, "number:value" each; image is field 999 or nil.
func tagged(recordType, idc int, image []byte, fields ...string) Record {
	r := NewRecord(recordType, idc)
	for _, f := range fields {
		number, value, _ := strings.Cut(f, ":")
		n, ok := decimal([]byte(number), maxDigits)
		if !ok {
			panic("field " + f)
		}
		r.Set(n, value)
	}
	r.Image = image
	return r
}

// image is a record of types 3-6.
func image(recordType, idc int, position, compression uint8, width, height uint16, data []byte) Record {
	r := NewRecord(recordType, idc)
	r.Header.Positions[0], r.Header.Compression = position, compression
	r.Header.Width, r.Header.Height = width, height
	r.Image = data
	return r
}

// full is a synthetic transaction with a record of each kind that is read.
func full() *Transaction {
	pixels := []byte("\x1c\x1d\x1e\x1f pixels may look like separators ")
	drawing := NewRecord(8, 7)
	drawing.Header.Width, drawing.Header.Height, drawing.Image = 16, 2, []byte{1, 2, 3, 4}
	opaque := NewRecord(7, 6)
	opaque.Image = []byte("agreed elsewhere")
	return &Transaction{Records: []Record{
		tagged(1, 0, nil, "2:0501", "3:", "4:ENR", "5:20260102", "7:DEST", "8:ORIG", "9:1", "11:19.69", "12:19.69", "15:"+Join([]string{"003", "UTF-8"})),
		tagged(2, 0, nil, "5:"+Join([]string{"a", "b"}, []string{"c"}), "18:Ім'я"),
		image(4, 1, 2, 0, 4, 9, pixels[:36]),
		image(3, 2, 13, 1, 800, 500, []byte("\xff\xa0wsq")),
		opaque,
		drawing,
		tagged(9, 1, nil, "3:0", "4:S", "6:02", "7:"+Join([]string{"T", "UN"}), "10:2", "11:1",
			"12:"+Join([]string{"001", "00010002090", "2", "A", "2,1"}, []string{"002", "00000000359", "63", "D"})),
		tagged(9, 3, nil, "4:U", "128:400", "129:600", "130:1", "131:500", "132:500", "134:7", "135:"+Join([]string{"80", "FFFF", "1"}), "136:2",
			"137:"+Join([]string{"1", "0", "0", "0", "1", "0"}, []string{"2", "399", "599", "179", "2", "100"})),
		tagged(9, 4, nil, "4:U", "300:"+Join([]string{"2540", "1270"}), "302:8",
			"331:"+Join([]string{"0", "0", "0", "E"}, []string{"2540", "1270", "180", "B", "3"}, []string{"127", "254", "90", "X"})),
		tagged(10, 5, []byte("\xff\xd8\xff face"), "3:FACE", "4:ORIG", "5:20260102", "6:480", "7:640", "8:1", "9:72", "10:72", "11:JPEGB", "12:YCC"),
		tagged(14, 8, []byte("\xff\xa0 slap"), "3:0", "4:ORIG", "5:20260102", "6:1600", "7:1000", "8:2", "9:197", "10:197", "11:WSQ20", "12:8", "13:14",
			"18:"+Join([]string{"9", "XX"}, []string{"10", "UP"}),
			"21:"+Join([]string{"7", "10", "400", "0", "1000"}, []string{"8", "410", "800", "20", "980"}),
			"22:"+Join([]string{"7", "1"}, []string{"8", "5"}), "24:"+Join([]string{"7", "90", "0FFF", "12"}),
			"25:"+Join([]string{"7", "3", "10", "0", "400", "0", "200", "1000"}),
			"904:"+Join([]string{"Make", "Model", "42"})),
		tagged(99, 9, []byte("FMR\x00 20\x00..."), "4:ORIG", "5:20260102030405Z", "100:0101", "101:00000008", "102:"+Join([]string{"70", "0FFF", "3"}), "103:0101", "104:0001"),
		tagged(21, 9, []byte("associated"), "5:20260102"),
	}}
}

func encode(t testing.TB, tr *Transaction) []byte {
	t.Helper()
	data, err := tr.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func roundTrip(t testing.TB, tr *Transaction) *Transaction {
	t.Helper()
	data := encode(t, tr)
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, got); !bytes.Equal(again, data) {
		t.Fatal("written back differently")
	}
	return got
}

// TestEncode: what goes in comes out, and the computed fields are true.
func TestEncode(t *testing.T) {
	want := full()
	got := roundTrip(t, want)
	if len(got.Records) != len(want.Records) || got.Version() != 501 || got.CharacterSet() != CharacterSetUTF8 {
		t.Fatalf("%v, version %d, set %d", got, got.Version(), got.CharacterSet())
	}
	for i, r := range got.Records {
		w := want.Records[i]
		if r.Type != w.Type || r.IDC != w.IDC || !bytes.Equal(r.Image, w.Image) || len(r.Fields) != len(w.Fields) || (r.Header == nil) != (w.Header == nil) ||
			r.Header != nil && *r.Header != *w.Header {
			t.Errorf("record %d is %v, want %v", i+1, r, w)
		}
		for j, f := range r.Fields {
			if v := w.Fields[j]; f.Number != v.Number || f.Digits != 3 || f.Number > 3 && !bytes.Equal(f.Value, v.Value) {
				t.Errorf("record %d: field %d became %d", i+1, v.Number, f.Number)
			}
		}
	}
	contents := got.Records[0].Field(fieldContents).Subfields()
	if string(contents[0]) != "1\x1f12" || string(contents[2]) != "4\x1f01" || string(Items(contents[12])[1]) != "09" {
		t.Errorf("contents %q", contents)
	}
}

// TestEncodeLength: the length counts its own digits, at every step of their number.
func TestEncodeLength(t *testing.T) {
	for n := range 1200 {
		tr := &Transaction{Records: []Record{NewRecord(1, 0), tagged(2, 0, nil, "3:"+strings.Repeat("x", n))}}
		roundTrip(t, tr)
	}
}

// TestEncodeKeeps: true texts with leading zeros and short tags stay; wrong ones are corrected.
func TestEncodeKeeps(t *testing.T) {
	data := []byte("1.01:0036\x1d1.02:0200\x1d1.03:1\x1f01\x1e2\x1f007\x1c2.001:0027\x1d2.002:007\x1d2.3:x\x1c")
	tr, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := encode(t, tr); !bytes.Equal(got, data) {
		t.Errorf("%q became %q", data, got)
	}
	tr.Records[1].IDC = 8
	tr.Records[1].Set(3, "longer")
	if got, want := encode(t, tr), "1.01:32\x1d1.02:0200\x1d1.03:1\x1f1\x1e2\x1f08\x1c2.001:29\x1d2.002:08\x1d2.3:longer\x1c"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Transaction)
		want   templates.Reason
	}{
		{"good", func(*Transaction) {}, ""},
		{"empty", func(t *Transaction) { t.Records = nil }, templates.ReasonOutOfRange},
		{"no Type 1", func(t *Transaction) { t.Records = t.Records[1:] }, templates.ReasonMalformed},
		{"too many", func(t *Transaction) {
			for len(t.Records) <= MaxRecords {
				t.Records = append(t.Records, NewRecord(2, 0))
			}
		}, templates.ReasonOutOfRange},
		{"two of Type 1", func(t *Transaction) { t.Records = append(t.Records, NewRecord(1, 0)) }, templates.ReasonOutOfRange},
		{"type", func(t *Transaction) { t.Records[1].Type = 100 }, templates.ReasonOutOfRange},
		{"IDC", func(t *Transaction) { t.Records[1].IDC = 100 }, templates.ReasonOutOfRange},
		{"no header", func(t *Transaction) { t.Records[2].Header = nil }, templates.ReasonMalformed},
		{"header", func(t *Transaction) { t.Records[1].Header = &Header{} }, templates.ReasonMalformed},
		{"fields in binary", func(t *Transaction) { t.Records[2].Set(3, "") }, templates.ReasonMalformed},
		{"image in text", func(t *Transaction) { t.Records[1].Image = []byte{} }, templates.ReasonMalformed},
		{"no length", func(t *Transaction) { t.Records[1].Fields = t.Records[1].Fields[1:] }, templates.ReasonMalformed},
		{"no IDC", func(t *Transaction) { r := &t.Records[1]; r.Fields = append(r.Fields[:1:1], r.Fields[2:]...) }, templates.ReasonMalformed},
		{"injection", func(t *Transaction) { t.Records[1].Set(18, "x\x1d2.019:y") }, templates.ReasonMalformed},
		{"end", func(t *Transaction) { t.Records[1].Set(18, "x\x1c") }, templates.ReasonMalformed},
		{"field number", func(t *Transaction) { t.Records[1].Fields[2].Number = 0 }, templates.ReasonOutOfRange},
		{"digits", func(t *Transaction) { t.Records[1].Fields[2].Digits = 10 }, templates.ReasonOutOfRange},
		{"few digits", func(t *Transaction) { t.Records[1].Fields[2].Number = 1000 }, templates.ReasonOutOfRange},
		{"foreign", func(t *Transaction) { t.Records[1].Fields[2].Foreign = 13 }, templates.ReasonMalformed},
		{"foreign as own", func(t *Transaction) { t.Records[1].Fields[2].Foreign = 2 }, templates.ReasonOutOfRange},
		{"field 999", func(t *Transaction) { t.Records[9].Set(999, "x") }, templates.ReasonMalformed},
		{"twice", func(t *Transaction) { r := &t.Records[9]; r.Fields = append(r.Fields, r.Fields[3]) }, templates.ReasonMalformed},
		{"UTF-8", func(t *Transaction) { t.Records[1].Set(18, "\xff") }, templates.ReasonUTF8},
		{"version", func(t *Transaction) { t.Records[0].Set(2, "0600") }, templates.ReasonWrongVersion},
		{"oversized", func(t *Transaction) { t.Records[2].Image = make([]byte, MaxTransaction) }, templates.ReasonOversized},
	} {
		tr := full()
		c.change(tr)
		data, err := tr.Encode()
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if err != nil && data != nil {
			t.Errorf("%s: data beside an error", c.name)
		}
	}
}

// TestNothingLeaks: texts of errors and logs hold neither names nor pixels.
func TestNothingLeaks(t *testing.T) {
	tr := full()
	secret := "Surname"
	for i := range tr.Records {
		if r := &tr.Records[i]; len(r.Fields) > 2 {
			r.Fields = append(r.Fields, Field{Number: 700, Value: []byte(secret)})
		}
		tr.Records[i].Image = []byte(secret)
	}
	s := Sample{Data: []byte(secret), Source: secret}
	text := fmt.Sprint(tr, *tr, tr.Records[1], tr.Records[1].Fields, s, tr.LogValue(), tr.Records[1].LogValue(), s.LogValue(), tr.Records[1].Fields[0].LogValue())
	if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint([]byte(secret))) {
		t.Errorf("%s", text)
	}
}
