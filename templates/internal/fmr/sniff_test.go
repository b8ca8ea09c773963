package fmr_test

import (
	"bytes"
	"testing"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/internal/codectest"
	"immis/templates/internal/fmr"
	"immis/templates/internal/golden"
	"immis/templates/iso19794"

	"pgregory.net/rapid"
)

var ansi = []templates.Format{templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1}

// records are the fingers in every version.
func records(t testing.TB, fingers []templates.Finger, capture ansi378.Capture) map[templates.Format][]byte {
	t.Helper()
	type record interface{ Encode() ([]byte, error) }
	encode := func(r record, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	old, err := iso19794.FromFingers(fingers, iso19794.Capture{Device: capture.Device & 0xfff})
	out := map[templates.Format][]byte{templates.FormatISO19794_2_2005: encode(old, err)}
	later, err := iso19794.FromFingers2011(fingers, iso19794.Capture2011{Vendor: capture.Owner, Device: capture.Device})
	out[templates.FormatISO19794_2_2011] = encode(later, err)
	for _, f := range ansi {
		c := capture
		if f == ansi[0] || f == ansi[1] {
			c.Certification, c.Device = c.Certification&0xf, c.Device&0xfff
		}
		r, err := ansi378.FromFingers(f, fingers, c)
		out[f] = encode(r, err)
	}
	return out
}

// check compares what the packages say with what the bytes are.
func check(t testing.TB, data []byte, want templates.Format) {
	t.Helper()
	if got := fmr.Sniff(data); got != want {
		t.Fatalf("%v of %d bytes looks like %v", want, len(data), got)
	}
	if a, b := iso19794.Sniff(data), ansi378.Sniff(data); a|b != want || a&b != 0 {
		t.Fatalf("%v of %d bytes looks like %v and %v", want, len(data), a, b)
	}
}

// TestSniffPrefixes: a record is recognised by its front, however much of it is
// there, and by a front of 4,096 bytes as well as by all of it.
func TestSniffPrefixes(t *testing.T) {
	fingers := codectest.Good(16)
	for i := range fingers {
		for range 60 {
			fingers[i].Minutiae = append(fingers[i].Minutiae, fingers[i].Minutiae[0])
		}
	}
	for want, data := range records(t, fingers, ansi378.Capture{Owner: 0x42, Product: 0x11, Device: 0xb5}) {
		if len(data) < 4096 {
			t.Fatalf("%v has %d bytes, want more", want, len(data))
		}
		for n := 32; n <= len(data); n++ {
			check(t, data[:n], want)
		}
		if got := fmr.Sniff(data[:7]); got != templates.FormatUnknown {
			t.Errorf("7 bytes look like %v", got)
		}
	}
}

// TestSniffHeaders: whatever a header says of product and device, a record is
// taken for what it is; padding does not matter.
func TestSniffHeaders(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.OneOf(rapid.Uint16(), rapid.Uint16Range(0, 200))
		capture := ansi378.Capture{Owner: word.Draw(rt, "owner"), Product: word.Draw(rt, "product"),
			Certification: rapid.Uint8().Draw(rt, "certification"), Device: word.Draw(rt, "device")}
		padding := make([]byte, rapid.IntRange(0, 9).Draw(rt, "padding"))
		for want, data := range records(t, codectest.Fingers(rt), capture) {
			check(t, append(data, padding...), want)
		}
	})
}

func FuzzSniff(f *testing.F) {
	seeds := 0
	for _, path := range []string{"../../ansi378/testdata/records.txt", "../../iso19794/testdata/v2005.txt", "../../iso19794/testdata/v2011.txt"} {
		for _, c := range golden.Load(f, path) {
			f.Add(c.Input)
			seeds++
		}
	}
	if seeds < 100 {
		f.Fatalf("%d seeds, want >= 100", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := fmr.Sniff(data)
		if got != fmr.Sniff(bytes.Clone(data)) {
			t.Fatal("the second answer differs")
		}
		check(t, data, got)
		// What is read strictly looks like something, if not always like the version it
		// was read as: a made-up record may be good in two.
		_, err := iso19794.Decode(data)
		read := err == nil
		_, err = iso19794.Decode2011(data)
		read = read || err == nil
		for _, f := range ansi {
			_, err = ansi378.Decode(f, data, 0)
			read = read || err == nil
		}
		if read && got == templates.FormatUnknown {
			t.Fatal("is read and looks like nothing")
		}
		if got != templates.FormatUnknown && !bytes.HasPrefix(data, []byte(fmr.Magic)) {
			t.Fatal("no record of the family")
		}
	})
}
