package wsq

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the files in testdata anew")

// TestGolden: the pixels of two files are the same to the bit on every machine and
// in every version. They are synthetic; one has the usual filters, the other those
// of even length.
func TestGolden(t *testing.T) {
	for name, c := range map[string]struct{ transform, pixels string }{
		"ridges-97.wsq": {"9/7", "b1f63cfd40426bdc3838acb4429e92d90dd8ef4efe97d4fc22bbb82795c65434"},
		"ridges-88.wsq": {"8/8", "cafd65cc7b9c7e3c1a749bc4971a094f599a598e27b29c35f504acf9ea8b468b"},
	} {
		path := filepath.Join("testdata", name)
		if *rewrite {
			data, err := encode(ridges(75, 61, 4), Options{BitRate: 2.25, PPI: 500}, transforms()[c.transform])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		img, config, err := Decode(data, 75*61)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Config{Width: 75, Height: 61, PPI: 500, White: 255}); config != want {
			t.Errorf("%s: %+v, want %+v", name, config, want)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(img.Pix)); got != c.pixels {
			t.Errorf("%s: pixels with hash %s, want %s", name, got, c.pixels)
		}
	}
}
