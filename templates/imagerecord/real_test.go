package imagerecord

import (
	"bytes"
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

func roundTrip(t *testing.T, path string) (*Record, []View) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Decode(data)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	if !bytes.Equal(encode(t, r), data) {
		t.Errorf("%s: written back differently", filepath.Base(path))
	}
	views, err := r.Views()
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return r, views
}

// TestRealFingers reads the finger records of a capture simulator; their names tell
// the finger and the compression.
func TestRealFingers(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(shared(t, "data", "fingerprints", "formats", "iso19794-4"), "*.iso"))
	if err != nil {
		t.Fatal(err)
	}
	certified, comments, wsq := 0, 0, 0
	fingers := map[string]templates.Position{"Right_Thumb": 1, "Right_Index": 2, "Right_Middle": 3, "Right_Ring": 4, "Right_Little": 5,
		"Left_Thumb": 6, "Left_Index": 7, "Left_Middle": 8, "Left_Ring": 9, "Left_Little": 10}
	for _, path := range paths {
		r, views := roundTrip(t, path)
		name := filepath.Base(path)
		if r.Format != templates.FormatISO19794_4_2011 || len(views) != 1 {
			t.Fatalf("%s: %v with %d views", name, r.Format, len(views))
		}
		v := views[0]
		for finger, position := range fingers {
			if strings.Contains(name, finger) && v.Position != position {
				t.Errorf("%s: position %d", name, v.Position)
			}
		}
		want := templates.FormatJP2
		if strings.Contains(name, "wsq") {
			want = templates.FormatWSQ
			wsq++
		}
		if v.Format != want || v.PPIX != 500 || v.PPIY != 500 || v.BitDepth != 8 || v.Captured.Year() < 2022 || len(v.Quality) != 1 {
			t.Errorf("%s: %v, %v x %v ppi, depth %d, %v, %v", name, v.Format, v.PPIX, v.PPIY, v.BitDepth, v.Captured, v.Quality)
		}
		if n := r.Notes(); n != nil {
			t.Errorf("%s: notes %q", name, n)
		}
		if r.Finger2011.Certified {
			certified++
		}
		comments += len(v.Extended)
	}
	t.Logf("%d finger records: %d with WSQ, %d with certifications, %d extended data blocks", len(paths), wsq, certified, comments)
	if len(paths) != 62 || wsq != 21 || certified == 0 || comments == 0 {
		t.Errorf("%d records, %d WSQ; want 62, 21", len(paths), wsq)
	}
}

func TestRealFace(t *testing.T) {
	r, views := roundTrip(t, shared(t, "specs", "nist", "face01.iso2005"))
	v := views[0]
	if r.Format != templates.FormatISO19794_5_2005 || len(views) != 1 || v.Format != templates.FormatJPEG || v.Width != 280 || v.Height != 320 || len(v.Landmarks) != 4 ||
		r.Face2005.Images[0].Mask != 0x44d || v.Device != "device 0x4947" || v.Landmarks[1] != (Landmark{Type: 1, Code: 0x35, X: 168, Y: 109}) {
		t.Errorf("%v: %+v", r.Format, v.Landmarks)
	}
}

// TestRealIris: iris records are not read.
func TestRealIris(t *testing.T) {
	data, err := os.ReadFile(shared(t, "specs", "nist", "iris01.iso2011"))
	if err != nil {
		t.Fatal(err)
	}
	if f := Sniff(data); f != templates.FormatUnknown {
		t.Errorf("iris looks like %v", f)
	}
	if _, err := Decode(data); reasonOf(t, err) != templates.ReasonWrongMagic {
		t.Errorf("iris: %v", err)
	}
}
