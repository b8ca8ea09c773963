package ansinist

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"immis/templates"
)

// draw tells a finger in pixels and degrees.
func draw(f *templates.Finger) string {
	out := fmt.Sprintf("position %d, %d x %d, quality %d", f.Position, f.Width, f.Height, f.Quality)
	for _, m := range f.Minutiae {
		out += fmt.Sprintf("; %v %v %.0f type %d quality %d", float64(m.X)/templates.UnitsPerPixel, float64(m.Y)/templates.UnitsPerPixel,
			math.Round(float64(m.Angle)*360/65536), m.Type, m.Quality)
	}
	return out
}

// TestFingers draws the normal form of each block.
func TestFingers(t *testing.T) {
	legacy := func(idc int, mrc string) Record { return tagged(9, idc, nil, "6:1", "10:1", "12:"+mrc) }
	for _, c := range []struct {
		name string
		tr   *Transaction
		want string
	}{
		// 12.70 mm are 250 pixels; y counts from below, the angle points away from the ridge.
		{"legacy with an image", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "12700254090", "2", "A"})), image(4, 3, 1, 1, 500, 400, nil)}},
			"position 1, 500 x 400, quality 255; 250 350 270 type 1 quality 100"},
		{"legacy with an image at 250 ppi", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "12700254090", "63", "B"})), image(3, 3, 1, 1, 250, 200, nil)}},
			"position 1, 500 x 400, quality 255; 250 350 270 type 2 quality 0"},
		{"legacy with a latent image per cm", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "12700254200", "1", "C"})),
			tagged(13, 3, []byte("x"), "6:1000", "7:800", "8:2", "9:394", "10:394")}},
			"position 1, 500 x 400, quality 255; 250 350 20 type 0 quality 255"},
		{"legacy, the image has no resolution", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "12700254360", "0", "D"})),
			tagged(13, 3, []byte("x"), "6:1000", "7:800", "8:0", "9:1", "10:1")}},
			"position 1, 251 x 51, quality 255; 250 1 180 type 0 quality 255"},
		{"legacy, the image is of another finger", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "00000000000", "0", "A"})), image(4, 4, 1, 1, 500, 400, nil)}},
			"position 1, 1 x 1, quality 255; 0 0.9375 180 type 1 quality 255"},
		{"legacy on the edge", &Transaction{Records: []Record{NewRecord(1, 0), legacy(3, Join([]string{"1", "25400000000", "0", "A"})), image(4, 3, 1, 1, 500, 400, nil)}},
			"position 1, 500 x 400, quality 255; 499.9375 399.9375 180 type 1 quality 255"},
		{"INCITS", one(full().Records[7]),
			"position 7, 400 x 600, quality 80; 0 0 0 type 1 quality 255; 399 599 358 type 2 quality 100"},
		{"INCITS at 1,000 ppi", one(tagged(9, 1, nil, "128:401", "129:600", "130:1", "131:1000", "132:500", "134:11", "135:255", "136:1", "137:"+Join([]string{"1", "400", "5", "45", "0"}))),
			"position 1, 201 x 600, quality 255; 200 5 90 type 0 quality 255"},
		{"INCITS per cm", one(tagged(9, 1, nil, "128:401", "129:600", "130:2", "131:394", "132:197", "134:0", "137:"+Join([]string{"1", "400", "5", "45", "0", "0"}))),
			"position 0, 201 x 600, quality 255; 200 5 90 type 0 quality 255"},
		{"INCITS before the others", one(tagged(9, 1, nil, "6:1", "12:x", "128:401", "129:600", "130:2", "131:394", "132:197", "134:0", "137:"+Join([]string{"1", "0", "0", "0", "0", "0"}), "300:x", "331:x")),
			"position 0, 201 x 600, quality 255; 0 0 0 type 0 quality 255"},
		{"extended feature set", one(full().Records[8]),
			"position 8, 500 x 250, quality 255; 0 0 0 type 1 quality 255; 499.9375 249.9375 180 type 2 quality 255; 25 50 90 type 0 quality 255"},
		{"several positions", one(tagged(9, 1, nil, "300:"+Join([]string{"2540", "1270"}), "302:"+Join([]string{"7"}, []string{"8"}), "331:"+Join([]string{"1", "1", "360", "E"}))),
			"position 0, 500 x 250, quality 255; 0.1875 0.1875 0 type 1 quality 255"},
		{"a tip", one(tagged(9, 1, nil, "300:"+Join([]string{"1", "1"}), "302:19", "331:"+Join([]string{"1", "1", "1", "E"}))),
			"position 0, 1 x 1, quality 255; 0.1875 0.1875 1 type 1 quality 255"},
	} {
		fingers, err := roundTrip(t, c.tr).Fingers()
		if err != nil || len(fingers) != 1 {
			t.Errorf("%s: %v, %v", c.name, fingers, err)
			continue
		}
		if got := draw(&fingers[0]); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestFingersRefuses(t *testing.T) {
	many := func(n int, items ...string) string {
		rows := make([][]string, n)
		for i := range rows {
			rows[i] = items
		}
		return Join(rows...)
	}
	legacy := func(items ...string) Record { return tagged(9, 1, nil, "6:1", "12:"+Join(items)) }
	incits := func(change ...string) Record {
		r := tagged(9, 1, nil, "128:400", "129:600", "130:1", "131:500", "132:500", "134:7", "137:"+Join([]string{"1", "0", "0", "0", "1", "0"}))
		for i := 0; i < len(change); i += 2 {
			n, _ := decimal([]byte(change[i]), 3)
			r.Set(n, change[i+1])
		}
		return r
	}
	efs := func(items ...string) Record {
		return tagged(9, 1, nil, "300:"+Join([]string{"2540", "1270"}), "302:8", "331:"+Join(items))
	}
	for _, c := range []struct {
		name   string
		record Record
		want   templates.Reason
	}{
		{"no Type 9", NewRecord(2, 0), templates.ReasonNoBiometric},
		{"vendor's fields", tagged(9, 1, nil, "4:U", "13:x"), templates.ReasonUnsupported},
		{"no minutiae", tagged(9, 1, nil, "4:S", "10:0"), templates.ReasonMinutiaCount},
		{"empty minutiae", tagged(9, 1, nil, "12:"), templates.ReasonMinutiaCount},
		{"palm", tagged(9, 1, nil, "6:21", "12:"+Join([]string{"1", "00000000000", "0", "A"})), templates.ReasonPosition},
		{"slap", tagged(9, 1, nil, "6:13", "12:"+Join([]string{"1", "00000000000", "0", "A"})), templates.ReasonPosition},
		{"256 minutiae", tagged(9, 1, nil, "12:"+many(256, "1", "00000000000", "0", "A")), templates.ReasonMinutiaCount},
		{"count lies", tagged(9, 1, nil, "10:2", "12:"+Join([]string{"1", "00000000000", "0", "A"})), templates.ReasonMinutiaCount},
		{"legacy of three items", legacy("1", "00000000000", "0"), templates.ReasonMalformed},
		{"legacy place of 10 digits", legacy("1", "0000000000", "0", "A"), templates.ReasonMalformed},
		{"legacy place in letters", legacy("1", "0000000000x", "0", "A"), templates.ReasonMalformed},
		{"legacy angle", legacy("1", "00000000361", "0", "A"), templates.ReasonOutOfRange},
		{"legacy quality", legacy("1", "00000000000", "64", "A"), templates.ReasonOutOfRange},
		{"legacy type", legacy("1", "00000000000", "0", "E"), templates.ReasonOutOfRange},
		{"no width", tagged(9, 1, nil, "129:600", "137:"+Join([]string{"1", "0", "0", "0", "1", "0"})), templates.ReasonMalformed},
		{"resolution", incits("131", "100"), templates.ReasonResolution},
		{"huge", incits("128", "9000"), templates.ReasonOutOfRange},
		{"finger quality", incits("135", "101"), templates.ReasonQuality},
		{"x", incits("137", Join([]string{"1", "400", "0", "0", "1", "0"})), templates.ReasonMinutiaOutside},
		{"y", incits("137", Join([]string{"1", "0", "600", "0", "1", "0"})), templates.ReasonMinutiaOutside},
		{"angle", incits("137", Join([]string{"1", "0", "0", "180", "1", "0"})), templates.ReasonOutOfRange},
		{"type", incits("137", Join([]string{"1", "0", "0", "0", "3", "0"})), templates.ReasonOutOfRange},
		{"quality", incits("137", Join([]string{"1", "0", "0", "0", "1", "101"})), templates.ReasonQuality},
		{"few items", incits("137", Join([]string{"1", "0", "0", "0"})), templates.ReasonMalformed},
		{"letters", incits("137", Join([]string{"1", "0", "0", "x", "1"})), templates.ReasonMalformed},
		{"toes", incits("134", "61"), templates.ReasonPosition},
		{"no region", tagged(9, 1, nil, "302:8", "331:"+Join([]string{"0", "0", "0", "E"})), templates.ReasonMalformed},
		{"huge region", tagged(9, 1, nil, "300:"+Join([]string{"25400", "1270"}), "331:"+Join([]string{"0", "0", "0", "E"})), templates.ReasonOutOfRange},
		{"right of the region", efs("2541", "0", "0", "E"), templates.ReasonMinutiaOutside},
		{"below the region", efs("0", "1271", "0", "E"), templates.ReasonMinutiaOutside},
		{"negative", efs("-1", "0", "0", "E"), templates.ReasonMalformed},
		{"no angle", efs("0", "0", "", "E"), templates.ReasonMalformed},
		{"angle of 361", efs("0", "0", "361", "E"), templates.ReasonOutOfRange},
		{"unknown type", efs("0", "0", "0", "A"), templates.ReasonOutOfRange},
	} {
		tr := roundTrip(t, one(c.record))
		fingers, err := tr.Fingers()
		if got := reasonOf(t, err); got != c.want || fingers != nil {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
			continue
		}
		var bad *templates.InputError
		if errors.As(err, &bad) && c.want != templates.ReasonNoBiometric && bad.Offset < 0 {
			t.Errorf("%s: %v has no offset", c.name, err)
		}
	}
	outside := &Transaction{Records: []Record{NewRecord(1, 0), legacy("1", "12700000000", "0", "A"), image(4, 1, 1, 1, 100, 100, nil)}}
	if _, err := outside.Fingers(); reasonOf(t, err) != templates.ReasonMinutiaOutside {
		t.Errorf("outside the linked image: %v", err)
	}
	if _, err := outside.Finger(0); reasonOf(t, err) != templates.ReasonMalformed {
		t.Errorf("a record of Type 1: %v", err)
	}
}

func BenchmarkFingers(b *testing.B) {
	rows := make([][]string, 60)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("%03d", i), fmt.Sprintf("%04d%04d%03d", 100+i, 200+i, i), "10", "A"}
	}
	tr := one(tagged(9, 1, nil, "6:1", "12:"+Join(rows...)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tr.Fingers(); err != nil {
			b.Fatal(err)
		}
	}
}
