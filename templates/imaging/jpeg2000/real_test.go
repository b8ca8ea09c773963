package jpeg2000

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

// found counts what a set of records holds.
type found struct{ images, grey, colour, stated int }

// decodeIn decodes each JP2 file inside a record, up to the next one or to the
// end of the record.
func (f *found) decodeIn(t *testing.T, name string, record []byte) {
	for {
		i := bytes.Index(record, []byte(signature))
		if i < 0 {
			return
		}
		record = record[i:]
		next := bytes.Index(record[1:], []byte(signature))
		end := len(record)
		if next >= 0 {
			end = next + 1
		}
		img, c, err := Decode(record[:end], Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			f.images++
			if b := img.Bounds(); b.Dx() != c.Width || b.Dy() != c.Height {
				t.Errorf("%s: image of %v, header %+v", name, b, c)
			}
			switch c.Components {
			case 1:
				f.grey++
			case 3:
				f.colour++
			}
			if c.PPIX > 0 {
				f.stated++
			}
			spread := map[uint8]bool{}
			for _, v := range samplesOf(img)[0] {
				spread[v] = true
			}
			if len(spread) < 2 {
				t.Errorf("%s: %d grey levels", name, len(spread))
			}
			cut := bytes.LastIndex(record[:end], []byte{0xff, 0xd9})
			if _, _, err := Decode(record[:cut-cut/3], Limits{}); reasonOf(t, err) != templates.ReasonTruncated {
				t.Errorf("%s without its last third: %v", name, err)
			}
		}
		record = record[end:]
	}
}

func (f *found) decodeFiles(t *testing.T, root string, endings ...string) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, e := range endings {
			if strings.HasSuffix(path, e) {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				// An ANSI/NIST record ends with a separator of its own.
				f.decodeIn(t, filepath.Base(path), bytes.TrimSuffix(data, []byte{0x1c}))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealFingers decodes the finger image records that hold JPEG 2000.
func TestRealFingers(t *testing.T) {
	var f found
	f.decodeFiles(t, shared(t, "data", "fingerprints", "formats", "iso19794-4"), ".iso")
	if want := (found{41, 41, 0, 41}); f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
}

// TestRealFiles decodes the images of a conformance package and of ANSI/NIST files.
func TestRealFiles(t *testing.T) {
	var f found
	f.decodeFiles(t, shared(t, "specs", "nist"), ".jp2", ".an2k")
	f.decodeFiles(t, shared(t, "data", "fingerprints", "formats", "an2"), ".an2")
	if want := (found{5, 2, 3, 4}); f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	data, err := os.ReadFile(shared(t, "specs", "nist", "img.jp2"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeConfig(data)
	if err != nil || c.Width != 908 || c.Height != 1007 || c.PPIX < 999.9 || c.PPIX > 1000.1 || c.PPIY != c.PPIX {
		t.Errorf("%+v, %v, want 908x1007 at 1000 ppi", c, err)
	}
}

// TestRealFaces decodes the faces and irises of enrolment packets, which are
// base64 inside XML inside archives.
func TestRealFaces(t *testing.T) {
	paths, err := filepath.Glob(shared(t, "specs", "mosip", "testdata", "*.zip"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d archives, %v", len(paths), err)
	}
	seen := map[string]bool{}
	text := regexp.MustCompile(`[A-Za-z0-9_+/-]{1000,}`)
	var f found
	for _, path := range paths {
		archive, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range archive.File {
			r, err := entry.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(io.LimitReader(r, 64<<20))
			r.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range text.FindAll(data, -1) {
				m = bytes.ReplaceAll(bytes.ReplaceAll(m, []byte("+"), []byte("-")), []byte("/"), []byte("_"))
				// The archives hold the same people again.
				record, err := base64.RawURLEncoding.DecodeString(string(m))
				if err == nil && !seen[string(record)] {
					seen[string(record)] = true
					f.decodeIn(t, filepath.Base(path)+" "+entry.Name, record)
				}
			}
		}
		archive.Close()
	}
	if f != (found{31, 5, 26, 2}) {
		t.Errorf("%+v, want 31 images", f)
	}
	t.Logf("%+v", f)
}
