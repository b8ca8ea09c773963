package ansinist

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"immis/templates"
)

// shared is a path below ../shared of the module, where evaluation data lies; the
// test is skipped when the folder is not there.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	folder := filepath.Join(filepath.Dir(root), "shared")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("evaluation data is not here:", folder)
	}
	return filepath.Join(append([]string{folder}, path...)...)
}

// realFiles are the published transactions by name.
func realFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{
		shared(t, "data", "fingerprints", "formats", "an2", "*.an2"),
		shared(t, "specs", "nist", "*.an2k"),
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			t.Fatalf("no file like %s", pattern)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(path)] = data
		}
	}
	return files
}

// realCases is what the published transactions hold: record types with IDCs in
// their order, by field 1.003 of each, and the deviations they need.
var realCases = []struct {
	name    string
	version int
	allow   Tolerance
	records string
}{
	{"type_3_wvu.an2", 201, 0, "1 2/0 3/1 3/2 3/3 3/4 3/5 3/6 3/7 3/8 3/9 3/10 3/11 3/12 3/13 3/14"},
	{"valid1.1.an2", 201, 0, "1 2/0 4/1"},
	{"valid1.10.an2", 201, 0, "1 2/0 17/1"},
	{"valid1.11.an2", 201, 0, "1 2/0 4/1 10/2 13/3 14/4 15/5 16/6 17/7 99/8"},
	{"valid1.13.an2", 200, 0, "1 2/0 99/1"},
	{"valid1.14.an2", 201, 0, "1 2/0 4/1 9/2"},
	{"valid1.15.an2", 201, 0, "1 2/0 9/1"},
	{"valid1.16.an2", 201, 0, "1 2/0 4/1 10/2 13/3 14/4 15/5 16/6 17/7 99/8"},
	{"valid1.2.an2", 201, 0, "1 2/0 4/1 6/2"},
	{"valid1.3.an2", 201, 0, "1 2/0 10/1"},
	{"valid1.4.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.5.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.6.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.7.an2", 201, 0, "1 2/0 14/1"},
	{"valid1.8.an2", 201, 0, "1 2/0 14/1 14/2 14/3"},
	{"valid1.9.an2", 201, 0, "1 2/0 4/1 7/2 8/9 10/3 14/10 17/7"},
	{"type3.an2k", 400, 0, "1 2/0 3/1"},
	{"type4-slaps.an2k", 400, 0, "1 2/0 4/1 4/2 4/3 4/4"},
	{"type9.an2k", 300, 0, "1 9/0"},
	{"type9-13.an2k", 300, TolerateForeignTags, "1 2/0 9/0 13/0"},
	{"type9-15.an2k", 400, TolerateIDC, "1 2/0 15/1 15/2 9/1"}, // announced as 9/3
	{"type9-efs.an2k", 500, 0, "1 9/1 9/2 9/3 9/4 9/5 9/6 9/7 9/8"},
}

// TestRealTransactions: every published transaction is read whole, holds what
// its contents field announces, and comes back byte for byte.
func TestRealTransactions(t *testing.T) {
	files := realFiles(t)
	for _, c := range realCases {
		data, ok := files[c.name]
		if !ok {
			t.Errorf("%s is missing", c.name)
			continue
		}
		delete(files, c.name)
		tr, err := DecodeTolerant(data, c.allow)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if tr.Deviations != c.allow || tr.Version() != c.version {
			t.Errorf("%s: version %d, deviations %d; want %d, %d", c.name, tr.Version(), tr.Deviations, c.version, c.allow)
		}
		if _, err := Decode(data); (err != nil) != (c.allow != 0) {
			t.Errorf("%s: strictly %v", c.name, err)
		}
		var have []string
		end := 0
		for i, r := range tr.Records {
			have = append(have, fmt.Sprintf("%d/%d", r.Type, r.IDC))
			if r.Offset < end || i == 0 && r.Offset != 0 {
				t.Errorf("%s: record %d starts at %d", c.name, i+1, r.Offset)
			}
			end = r.Offset + 1
		}
		if got := strings.TrimPrefix(strings.Join(have, " "), "1/0"); "1"+got != c.records {
			t.Errorf("%s: records 1%s, want %s", c.name, got, c.records)
		}
		contents, err := parseContents(&tr.Records[0])
		if err != nil || len(contents) != len(tr.Records)-1 {
			t.Fatalf("%s: contents %v, %v", c.name, contents, err)
		}
		for i, a := range contents {
			if r := tr.Records[i+1]; a.recordType != r.Type || a.idc != r.IDC && c.allow&TolerateIDC == 0 {
				t.Errorf("%s: record %d is %d/%d, announced %d/%d", c.name, i+2, r.Type, r.IDC, a.recordType, a.idc)
			}
		}
		again, err := tr.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: written back differently, %v", c.name, err)
		}
	}
	if len(files) != 0 {
		t.Errorf("files without expectation: %v", slices.Sorted(maps.Keys(files)))
	}
}

// TestRealSamples: what the samples of the published transactions are. "!" is a
// sample that is refused, with its reason.
func TestRealSamples(t *testing.T) {
	files := realFiles(t)
	for name, want := range map[string]string{
		"type3.an2k":       "3:finger/2 raw 402x376@250",
		"type4-slaps.an2k": "4:finger/14 wsq 1608x1000@500, 4:finger/12 wsq 412x1000@500, 4:finger/11 wsq 392x1000@500, 4:finger/13 wsq 1572x1000@500",
		"type9-13.an2k":    "9:finger/0 none 0x0@0, 13:finger/19 raw 191x357@500",
		"type9-15.an2k":    "15:unknown/24 wsq 900x2500@500, 15:unknown/27 jp2 2750x2750@1000, 9:finger/0 none 0x0@0",
		"valid1.1.an2":     "4:finger/10 wsq 512x512@500",
		"valid1.2.an2":     "4:finger/10 wsq 512x512@500, 6:! WRONG_LENGTH", // states 800 x 800 of 1 bit, holds 512 x 512 of 8
		"valid1.8.an2":     "14:finger/13 wsq 1800x1000@500, 14:finger/14 wsq 1800x1000@500, 14:finger/15 wsq 1800x900@500",
		"valid1.9.an2":     "4:finger/1 wsq 800x800@500, 10:face/ jpeg 452x343@144, 14:finger/19 jpeg 388x336@96, 17:iris/ jpeg 201x201@72",
		"valid1.10.an2":    "17:iris/ raw 201x201@72",
		"valid1.11.an2": "4:finger/10 wsq 512x512@500, 10:face/ jpeg 350x526@96, 13:unknown/20 jpeg 451x698@100, 14:finger/13 wsq 1600x976@500, " +
			"15:finger/13 jpeg 1600x976@500, 16:unknown/ jpeg 390x480@300, 17:iris/ jpeg 201x201@72, 99:iris/ block 0x0@0",
		"type_3_wvu.an2": "3:finger/1 raw 400x375@250, 3:finger/2 raw 400x375@250, 3:finger/3 raw 400x375@250, 3:finger/4 raw 400x375@250, 3:finger/5 raw 400x375@250, " +
			"3:finger/6 raw 400x375@250, 3:finger/7 raw 400x375@250, 3:finger/8 raw 400x375@250, 3:finger/9 raw 400x375@250, 3:finger/10 raw 400x375@250, " +
			"3:finger/14 raw 800x475@250, 3:finger/13 raw 800x475@250, 3:finger/12 raw 200x388@250, 3:finger/11 raw 200x388@250",
	} {
		tr, err := DecodeTolerant(files[name], allTolerances)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var have []string
		for i := range tr.Records {
			s, err := tr.Sample(i)
			switch {
			case err != nil:
				have = append(have, fmt.Sprintf("%d:! %s", tr.Records[i].Type, reasonOf(t, err)))
			case s != nil:
				kind := s.Format.String()
				switch {
				case s.Raw:
					kind = "raw"
				case s.Data == nil:
					kind = "none"
				case s.Type == 99:
					kind = "block"
				}
				have = append(have, fmt.Sprintf("%d:%v/%s %s %dx%d@%d", s.Type, s.Modality, strings.Trim(fmt.Sprint(s.Codes), "[]"), kind, s.Width, s.Height, s.PPIX))
			}
		}
		if got := strings.Join(have, ", "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// TestRealFingers: the minutiae of the published Type-9 records.
func TestRealFingers(t *testing.T) {
	files := realFiles(t)
	for name, want := range map[string][]string{
		"valid1.14.an2": {"10: 1 in 493x493"},
		"valid1.15.an2": {"! UNKNOWN_FINGER_POSITION"}, // a palm
		"type9.an2k":    {"0: 28 in 162x320"},
		"type9-13.an2k": {"0: 28 in 191x357"}, // the size of its latent image
		"type9-15.an2k": {"0: 28 in 162x320"}, // only palms with its IDC
		"type9-efs.an2k": {"8: 60 in 534x485", "5: 35 in 478x308", "3: 68 in 624x561", "10: 37 in 348x600", "9: 54 in 498x439", "7: 48 in 516x564",
			"2: 53 in 591x495", "4: 59 in 585x363"},
	} {
		tr, err := DecodeTolerant(files[name], allTolerances)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var have []string
		for i, r := range tr.Records {
			if r.Type != 9 {
				continue
			}
			f, err := tr.Finger(i)
			if err != nil {
				have = append(have, "! "+string(reasonOf(t, err)))
				continue
			}
			have = append(have, fmt.Sprintf("%d: %d in %dx%d", f.Position, len(f.Minutiae), f.Width, f.Height))
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
}

// TestRealDirections proves the origin and the sense of the legacy angle on a
// published transaction with minutiae and their image: along the direction of a
// ridge ending there is ridge, which is dark, and opposite there is valley; at a
// bifurcation it is the other way round.
func TestRealDirections(t *testing.T) {
	tr, err := DecodeTolerant(realFiles(t)["type9-13.an2k"], TolerateForeignTags)
	if err != nil {
		t.Fatal(err)
	}
	f, err := tr.Finger(2)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tr.Sample(3)
	if err != nil || !s.Raw || s.Width != int(f.Width) || s.Height != int(f.Height) {
		t.Fatalf("%v, %v", s, err)
	}
	// light is the mean gray of the pixels 3 to 8 away from a place.
	light := func(m templates.Minutia, turn float64) float64 {
		angle := float64(m.Angle)/65536*2*math.Pi + turn
		sum, n := 0.0, 0.0
		for r := 3.0; r <= 8; r++ {
			x := float64(m.X)/templates.UnitsPerPixel + r*math.Cos(angle)
			y := float64(m.Y)/templates.UnitsPerPixel - r*math.Sin(angle)
			if x >= 0 && y >= 0 && int(x) < s.Width && int(y) < s.Height {
				sum, n = sum+float64(s.Data[int(y)*s.Width+int(x)]), n+1
			}
		}
		return sum / max(n, 1)
	}
	right := 0
	for _, m := range f.Minutiae {
		if ridgeAhead := light(m, 0) < light(m, math.Pi); ridgeAhead == (m.Type == templates.MinutiaEnding) {
			right++
		}
	}
	t.Logf("%d of %d directions", right, len(f.Minutiae))
	if right < 20 {
		t.Errorf("%d of %d minutiae point as ISO/IEC 19794-2 says", right, len(f.Minutiae))
	}
}
