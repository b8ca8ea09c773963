package iso19794

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"immis/templates"
)

// shared is a path below ../shared of the module, where evaluation data lies; the
// test is skipped when the folder is not there.
func shared(t *testing.T, path ...string) string {
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

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func roundTrip(t *testing.T, path string, allow Tolerance) *Record {
	t.Helper()
	data := read(t, path)
	r, err := DecodeTolerant(data, allow)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if !bytes.Equal(encode(t, r), data) {
		t.Errorf("%s: written back differently", path)
	}
	return r
}

// TestRealRecords reads the records of three extractors, strictly.
func TestRealRecords(t *testing.T) {
	for extractor, want := range map[string]struct{ records, minutiae, empty int }{
		"commercial": {320, 10760, 0},
		"mindtct":    {320, 15205, 0},
		"fingerjet":  {320, 15212, 2},
	} {
		paths, err := filepath.Glob(shared(t, "data", "fingerprints", "minutiae", extractor, "*", "*.iso"))
		if err != nil {
			t.Fatal(err)
		}
		minutiae, empty := 0, 0
		for _, path := range paths {
			r := roundTrip(t, path, 0)
			fingers, err := r.Fingers()
			if len(r.Views[0].Minutiae) == 0 {
				if reasonOf(t, err) != templates.ReasonMinutiaCount {
					t.Errorf("%s: no minutiae and error %v", path, err)
				}
				empty++
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			minutiae += len(fingers[0].Minutiae)
			again, err := FromFingers(fingers, Capture{Certification: r.Certification, Device: r.Device, Impression: r.Views[0].Impression})
			if err != nil || !bytes.Equal(encode(t, again), read(t, path)) {
				t.Errorf("%s: another record comes back from the normal form, %v", path, err)
			}
		}
		if len(paths) != want.records || minutiae != want.minutiae || empty != want.empty {
			t.Errorf("%s: %d records, %d minutiae, %d without; want %+v", extractor, len(paths), minutiae, empty, want)
		}
	}
}

// TestRealReading reproduces, value by value, an independent reading of a record.
func TestRealReading(t *testing.T) {
	folder := shared(t, "data", "fingerprints", "formats", "templates", "iso19794p2v2005")
	r := roundTrip(t, filepath.Join(folder, "iso19794p2v2005-sample.dat"), 0)
	var reading struct {
		SensorCertified          bool
		SensorID                 uint16
		Width, Height            uint16
		ResolutionX, ResolutionY uint16
		Fingerprints             []struct {
			Position string
			View     uint8
			ScanType string
			Quality  uint8
			Minutiae []struct {
				Type                 string
				PositionX, PositionY uint16
				Angle, Quality       uint8
			}
			Extensions []struct {
				Type int
				Data []byte
			}
		}
	}
	if err := json.Unmarshal(read(t, filepath.Join(folder, "iso19794p2v2005-sample.json")), &reading); err != nil {
		t.Fatal(err)
	}
	if (r.Certification != 0) != reading.SensorCertified || r.Device != reading.SensorID || r.Width != reading.Width || r.Height != reading.Height ||
		r.ResolutionX != reading.ResolutionX || r.ResolutionY != reading.ResolutionY || len(r.Views) != len(reading.Fingerprints) {
		t.Fatalf("header %+v, want %+v", r, reading)
	}
	positions := strings.Fields("UNKNOWN RIGHT_THUMB RIGHT_INDEX RIGHT_MIDDLE RIGHT_RING RIGHT_LITTLE LEFT_THUMB LEFT_INDEX LEFT_MIDDLE LEFT_RING LEFT_LITTLE")
	types := strings.Fields("OTHER ENDING BIFURCATION")
	scans := map[Impression]string{LivePlain: "LIVE_PLAIN", LiveRolled: "LIVE_ROLLED", NonlivePlain: "NONLIVE_PLAIN", NonliveRolled: "NONLIVE_ROLLED", Swipe: "SWIPE"}
	for i, want := range reading.Fingerprints {
		v := r.Views[i]
		if positions[v.Position] != want.Position || v.Number != want.View || scans[v.Impression] != want.ScanType || v.Quality != want.Quality ||
			len(v.Minutiae) != len(want.Minutiae) {
			t.Fatalf("view %d: %+v, want %+v", i+1, v, want)
		}
		for j, w := range want.Minutiae {
			m := v.Minutiae[j]
			if types[m.Type] != w.Type || m.X != w.PositionX || m.Y != w.PositionY || m.Angle != w.Angle || m.Quality != w.Quality {
				t.Errorf("view %d: minutia %d differs from the reading", i+1, j+1)
			}
		}
		var extended []byte
		for _, e := range want.Extensions {
			// This writer's length of an area leaves out the area's header, others
			// count it: one more reason to keep extended data as it is.
			extended = append(extended, byte(e.Type>>8), byte(e.Type), 0, byte(len(e.Data)))
			extended = append(extended, e.Data...)
		}
		if !bytes.Equal(v.Extended, extended) {
			t.Errorf("view %d: extended data %x, want %x", i+1, v.Extended, extended)
		}
	}
}

// TestRealDeviations: each deviation of the list occurs in a real record, which
// is refused strictly, read tolerantly, and written back as it was.
func TestRealDeviations(t *testing.T) {
	for _, c := range []struct {
		path   string
		allow  Tolerance
		strict templates.Reason
	}{
		{shared(t, "specs", "nist", "fmr.iso2005"), TolerateOverstatedExtension, templates.ReasonTruncated},
		{shared(t, "data", "fingerprints", "formats", "templates", "iso-probe.dat"), TolerateZeroPadding, templates.ReasonTrailing},
		{shared(t, "data", "fingerprints", "formats", "templates", "iso-matching.dat"), TolerateZeroPadding, templates.ReasonTrailing},
		{shared(t, "data", "fingerprints", "formats", "templates", "iso-nonmatching.dat"), TolerateZeroPadding, templates.ReasonTrailing},
	} {
		r := roundTrip(t, c.path, c.allow)
		if _, err := r.Fingers(); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		data := read(t, c.path)
		if _, err := Decode(data); reasonOf(t, err) != c.strict {
			t.Errorf("%s: strictly %v, want %s", c.path, err, c.strict)
		}
		if _, err := DecodeTolerant(data, allTolerances&^c.allow); reasonOf(t, err) != c.strict {
			t.Errorf("%s: the other tolerance accepts it: %v", c.path, err)
		}
	}
}

// TestOtherVersionsAreRefused: records of sister standards are not misread.
func TestOtherVersionsAreRefused(t *testing.T) {
	folder := shared(t, "data", "fingerprints", "formats", "templates")
	paths, err := filepath.Glob(filepath.Join(folder, "ansi378*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(folder, "iso19794p2v2011", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if paths = append(paths, more...); len(paths) != 4 {
		t.Fatalf("%d files, want 4", len(paths))
	}
	for _, path := range paths {
		if r, err := DecodeTolerant(read(t, path), allTolerances); reasonOf(t, err) == "" {
			t.Errorf("%s is read as %d views", path, len(r.Views))
		}
	}
}
