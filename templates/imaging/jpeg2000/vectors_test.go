package jpeg2000

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the answers in testdata")

const answers = "testdata/vectors.txt"

// vectors are synthetic images encoded by OpenJPEG with many options.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/vectors/*.j*")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d vectors, %v, want >= 40", len(paths), err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// TestVectors: the decoded images of another encoder's files are those that were
// compared with its own decoder's: identical for the reversible wavelet, within
// one level for the irreversible one.
func TestVectors(t *testing.T) {
	files := vectors(t)
	text, err := os.ReadFile(answers)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	var out strings.Builder
	seen := 0
	for line := range strings.Lines(string(text)) {
		name, want, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "#" {
			out.WriteString(line)
			continue
		}
		seen++
		got := answer(t, name, files[name])
		if got != want && !*rewrite {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		delete(files, name)
		fmt.Fprintln(&out, name, got)
	}
	if !*rewrite {
		if seen == 0 || len(files) > 0 {
			t.Errorf("%d answers, %d vectors without one", seen, len(files))
		}
		return
	}
	if err := os.WriteFile(answers, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func answer(t *testing.T, name string, data []byte) string {
	t.Helper()
	img, c, err := Decode(data, Limits{})
	if err != nil {
		return err.Error()
	}
	h := sha256.New()
	for _, plane := range samplesOf(img) {
		h.Write(plane)
	}
	return fmt.Sprintf("%dx%dx%d, %d bits, %x", c.Width, c.Height, c.Components, c.Bits, h.Sum(nil)[:16])
}
