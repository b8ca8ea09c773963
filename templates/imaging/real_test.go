package imaging

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
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

// files are those of a pattern below the folder; none is a failure.
func files(t testing.TB, path ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(shared(t, path...))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %v, %v", path, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRealTIFF reads the four FVC sets, which state no resolution. They are stored
// uncompressed: the pixels are in the file as they come out.
func TestRealTIFF(t *testing.T) {
	sizes := map[string][2]int{
		"fvc2002_DB1_B": {388, 374}, "fvc2002_DB3_B": {300, 300}, "fvc2004_DB2_B": {328, 364}, "fvc2004_DB4_B": {288, 384},
	}
	for set, size := range sizes {
		paths := files(t, "data", "fingerprints", "images", set, "*.tif")
		if len(paths) != 80 {
			t.Errorf("%s: %d files, want 80", set, len(paths))
		}
		for i, path := range paths {
			data := read(t, path)
			if f := Sniff(data); f != templates.FormatTIFF {
				t.Fatalf("%s: is %v", path, f)
			}
			m, err := Decode(templates.FormatTIFF, data, Options{PPI: 500})
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if m.Width != size[0] || m.Height != size[1] || m.PPI != 500 || !bytes.Contains(data, m.Pix) {
				t.Errorf("%s: %d x %d, %g ppi, or other pixels", path, m.Width, m.Height, m.PPI)
			}
			unstated, err := Decode(templates.FormatTIFF, data, Options{})
			if err != nil || unstated.PPI != 0 {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if _, err := unstated.Resample(250); reasonOf(t, err) != templates.ReasonResolution {
				t.Errorf("%s: resampled without a resolution: %v", path, err)
			}
			if i%10 != 0 {
				continue
			}
			again, err := EncodePNG(m)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := Decode(templates.FormatPNG, again, Options{}); err != nil || back.PPI != 500 || !bytes.Equal(back.Pix, m.Pix) {
				t.Errorf("%s: another image by way of PNG, %v", path, err)
			}
		}
	}
}

// TestRealWSQ: the size and the resolution come through.
func TestRealWSQ(t *testing.T) {
	for _, path := range files(t, "data", "fingerprints", "formats", "wsq", "*.wsq") {
		data := read(t, path)
		if f := Sniff(data); f != templates.FormatWSQ {
			t.Fatalf("%s: is %v", path, f)
		}
		info, err := Inspect(templates.FormatWSQ, data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		m, err := Decode(templates.FormatWSQ, data, Options{PPI: 500})
		if err != nil || m.Width != info.Width || m.Height != info.Height || m.PPI != 500 {
			t.Errorf("%s: %+v, %v", path, info, err)
		}
		t.Logf("%s: %+v", filepath.Base(path), info)
	}
}

// TestRealJPEG2000: a file of boxes.
func TestRealJPEG2000(t *testing.T) {
	for _, path := range files(t, "specs", "nist", "*.jp2") {
		data := read(t, path)
		info, err := Inspect(Sniff(data), data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var m image.Image
		cost, _ := allocated(func() { m, _, err = DecodePicture(templates.FormatJP2, data, Limits{}) })
		if err != nil || m.Bounds().Dx() != info.Width || m.Bounds().Dy() != info.Height {
			t.Errorf("%s: %+v, %v", path, info, err)
		}
		t.Logf("%s: %+v, %d bytes allocated", filepath.Base(path), info, cost)
	}
}
