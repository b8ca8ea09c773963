package cbeff

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/imagerecord"
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

// TestRealDocuments reads the documents of the MOSIP compliance kit.
func TestRealDocuments(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join(shared(t, "specs", "mosip", "testdata"), "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	documents := 0
	blocks := map[string]int{}
	refused := map[string]int{}
	for _, archive := range archives {
		z, err := zip.OpenReader(archive)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			if !strings.HasSuffix(f.Name, ".xml") {
				continue
			}
			documents++
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(filepath.Dir(f.Name))
			if reason := checkReal(t, filepath.Base(archive)+": "+f.Name, data, blocks); reason != "" {
				refused[name+" "+string(reason)]++
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for k, n := range refused {
		lines = append(lines, fmt.Sprintf("%s (%d)", k, n))
	}
	slices.Sort(lines)
	t.Logf("%d documents; blocks %v; refused: %s", documents, blocks, strings.Join(lines, ", "))
	if documents != 117 {
		t.Errorf("%d documents, want 117", documents)
	}
	for k, want := range map[string]int{"ABIS3014 MALFORMED": 3, "ABIS3016 MALFORMED": 3, "ABIS3002 NO_BIOMETRIC_DATA": 3} {
		if refused[k] != want {
			t.Errorf("%s: %d, want %d", k, refused[k], want)
		}
	}
	if blocks["face"]+blocks["iris"]+blocks["empty"]+blocks["contradicting"] != 225 {
		t.Errorf("blocks %v, want 225", blocks)
	}
}

func checkReal(t *testing.T, name string, data []byte, blocks map[string]int) templates.Reason {
	d, err := Decode(data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return ""
	}
	out, err := d.Encode()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return ""
	}
	again, err := Decode(out)
	if err != nil || !same(again, d) {
		t.Errorf("%s: another document comes back, %v", name, err)
	}
	if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, out) {
		t.Errorf("%s: written differently the second time, %v", name, err)
	}
	samples, err := d.Samples()
	for i := range samples {
		s := &samples[i]
		if !bytes.HasPrefix(data[s.Offset:], []byte("<BDB>")) {
			t.Errorf("%s: %s: no block at its offset", name, s.Path)
		}
		if s.Captured.Year() != 2023 || s.Quality.Value > 100 || s.Quality.Algorithm != "HMAC/SHA-256" || s.Exception || s.Path != fmt.Sprintf("BIR %d", i+1) {
			t.Errorf("%s: %+v", name, s)
		}
		switch {
		case len(s.Data) == 0:
			blocks["empty"]++
		case s.Err != nil:
			blocks["contradicting"]++
		default:
			blocks[s.Modality.String()]++
		}
		if s.Modality == templates.ModalityIris && s.Left == s.Right {
			t.Errorf("%s: %s: no side", name, s.Path)
		}
		if s.Usable() && s.Modality == templates.ModalityFace {
			checkFace(t, name, s.Data)
		}
	}
	var bad *templates.InputError
	if errors.As(err, &bad) {
		if bad.Offset <= 0 || bad.Offset >= len(data) {
			t.Errorf("%s: %v: offset", name, err)
		}
		return bad.Reason
	}
	return ""
}

// checkFace: the faces of the kit are records of ISO/IEC 19794-5:2011.
func checkFace(t *testing.T, name string, data []byte) {
	r, err := imagerecord.Decode(data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	out, err := r.Encode()
	if err != nil || !bytes.Equal(out, data) {
		t.Errorf("%s: face record written back differently, %v", name, err)
	}
	views, err := r.Views()
	if err != nil || len(views) != 1 || views[0].Format != templates.FormatJP2 || !views[0].Lossless || r.Format != templates.FormatISO19794_5_2011 {
		t.Errorf("%s: %d views, %v", name, len(views), err)
	}
}
