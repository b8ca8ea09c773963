package wsq

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared is a folder of evaluation data beside the module; the test is skipped when
// there is none.
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

// samples are the real files: each .wsq with its .pgm, which another decoder made.
func samples(t testing.TB) map[string][2][]byte {
	t.Helper()
	folder := shared(t, "data", "fingerprints", "formats", "wsq")
	paths, err := filepath.Glob(filepath.Join(folder, "*.wsq"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s holds no file, %v", folder, err)
	}
	files := map[string][2][]byte{}
	for _, path := range paths {
		var pair [2][]byte
		for i, name := range []string{path, strings.TrimSuffix(path, ".wsq") + ".pgm"} {
			if pair[i], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
		files[filepath.Base(path)] = pair
	}
	return files
}

// pgm reads a binary grey map of 8 bits.
func pgm(t testing.TB, data []byte) *image.Gray {
	t.Helper()
	var w, h, top int
	if _, err := fmt.Sscanf(string(data[:min(len(data), 40)]), "P5\n%d %d\n%d\n", &w, &h, &top); err != nil || top != 255 {
		t.Fatalf("no grey map: %v", err)
	}
	head := len(fmt.Sprintf("P5\n%d %d\n%d\n", w, h, top))
	if len(data) != head+w*h {
		t.Fatalf("%d bytes, want %d", len(data), head+w*h)
	}
	return &image.Gray{Pix: data[head:], Stride: w, Rect: image.Rect(0, 0, w, h)}
}

// TestRealFiles compares with the pictures of another decoder, pixel by pixel.
func TestRealFiles(t *testing.T) {
	for name, pair := range samples(t) {
		img, c, err := Decode(pair[0], 1<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := pgm(t, pair[1])
		if img.Rect != want.Rect || c.PPI != 500 {
			t.Errorf("%s: %v at %d ppi, want %v at 500", name, img.Rect, c.PPI, want.Rect)
			continue
		}
		if !bytes.Equal(img.Pix, want.Pix) {
			differ, most := 0, 0
			for i, v := range img.Pix {
				if d := int(v) - int(want.Pix[i]); d != 0 {
					differ++
					most = max(most, d, -d)
				}
			}
			t.Errorf("%s: %d of %d pixels differ, by up to %d", name, differ, len(img.Pix), most)
		}
	}
}

// TestRealContainers reads the files of registered encoders out of the records
// that carry them: what lies between a start and an end of image and can be walked
// from marker to marker.
func TestRealContainers(t *testing.T) {
	for kind, want := range map[string]struct {
		pattern       string
		files, images int
	}{
		"ANSI/NIST-ITL":   {"an2/*.an2", 16, 12},
		"ISO/IEC 19794-4": {"iso19794-4/*sq.iso", 21, 21},
	} {
		paths, err := filepath.Glob(shared(t, "data", "fingerprints", "formats", want.pattern))
		if err != nil {
			t.Fatal(err)
		}
		images, encoders := 0, map[string]bool{}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range data {
				if !bytes.HasPrefix(data[i:], []byte{0xFF, markSOI, 0xFF}) {
					continue
				}
				_, n, err := leading(data[i:])
				if err != nil {
					continue
				}
				file := data[i : i+n]
				img, c, err := Decode(file, 1<<23)
				if err != nil {
					t.Errorf("%s at %d: %v", filepath.Base(path), i, err)
					continue
				}
				if header, err := DecodeConfig(file); err != nil || header != c || img.Rect.Dx() != c.Width || img.Rect.Dy() != c.Height {
					t.Errorf("%s at %d: header %+v, %v; want %+v", filepath.Base(path), i, header, err, c)
				}
				images++
				encoders[fmt.Sprintf("%d/%d", c.Encoder, c.Software)] = true
			}
		}
		if len(paths) != want.files || images != want.images {
			t.Errorf("%s: %d files, %d images, want %d and %d", kind, len(paths), images, want.files, want.images)
		}
		t.Logf("%s: %d images of encoders %v", kind, images, encoders)
	}
}

func BenchmarkDecodeReal(b *testing.B) {
	for name, pair := range samples(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := Decode(pair[0], 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
