package exchange

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"
)

// take reads a sample, or all samples of a container, as an enrolment would.
func take(f templates.Format, data []byte, o Options) (parts, views int, err error) {
	if !f.Container() {
		d, err := Decode(f, data, o)
		return 1, len(d.Templates), err
	}
	c, err := Open(f, data)
	if err != nil {
		return 0, 0, err
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		parts++
		if p.Modality == templates.ModalityUnknown {
			continue
		}
		d, err := Decode(p.Format, p.Data, Options{Modality: p.Modality, Position: p.Position, Model: p.Model, Resolution: p.Resolution, OfRecord: true})
		if err != nil {
			return parts, views, inside(p.Where, 0, err)
		}
		views += len(d.Templates)
	}
	return parts, views, nil
}

// TestRealSamples reads what stations and other systems wrote. What is refused is
// listed here, with its reason.
func TestRealSamples(t *testing.T) {
	refused := map[string]templates.Reason{
		// An angle of 213 units of 2 degrees.
		"ansi378v2004-sample.dat": templates.ReasonOutOfRange,
		// Transactions made to show the records, not the samples: pictures that are no
		// JPEG, minutiae of a palm, pixels of another size, a print at 96 ppi.
		"valid1.5.an2":  templates.ReasonWrongMagic,
		"valid1.7.an2":  templates.ReasonResolution,
		"valid1.8.an2":  templates.ReasonMalformed,
		"valid1.11.an2": templates.ReasonWrongMagic,
		"valid1.16.an2": templates.ReasonWrongMagic,
		"valid1.15.an2": templates.ReasonPosition,
		"valid1.2.an2":  templates.ReasonWrongLength,
		"valid1.9.an2":  templates.ReasonResolution,
	}
	seen := map[templates.Format]int{}
	paths := append(codectest.Files(t, "data", "fingerprints", "formats", "*", "*"), codectest.Files(t, "data", "fingerprints", "formats", "*", "*", "*")...)
	for _, path := range append(paths, codectest.Files(t, "specs", "nist", "*")...) {
		name := filepath.Base(path)
		if s, err := os.Stat(path); err != nil || s.IsDir() {
			continue
		}
		data := codectest.Read(t, path)
		if ext := filepath.Ext(name); ext == ".json" || ext == ".pgm" || ext == ".md" || strings.HasPrefix(name, "iris") {
			continue
		}
		f := Sniff(data)
		seen[f]++
		o := Options{AllowPadding: true}
		if f == templates.FormatWSQ || f == templates.FormatJP2 {
			o.Modality = templates.ModalityFinger
		}
		if name == "img.jp2" {
			o.Modality = templates.ModalityFace
		}
		parts, views, err := take(f, data, o)
		if got := reasonOf(t, err); got != refused[name] {
			t.Errorf("%s (%v, %d bytes): %v; want %q", name, f, len(data), err, refused[name])
		}
		t.Logf("%-60s %-20v %3d parts %3d templates", name, f, parts, views)
	}
	t.Logf("%v", seen)
}

// TestRealDocuments reads the documents of a conformance kit, a zip at a time.
func TestRealDocuments(t *testing.T) {
	zips := codectest.Files(t, "specs", "mosip", "testdata", "*.zip")
	documents, empty, parts := 0, 0, 0
	for _, path := range zips {
		z, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range z.File {
			if !strings.HasSuffix(entry.Name, ".xml") {
				continue
			}
			r, err := entry.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			documents++
			if f := Sniff(data); f != templates.FormatCBEFF {
				t.Errorf("%s is taken for %v", entry.Name, f)
			}
			n, _, err := take(templates.FormatCBEFF, data, Options{})
			parts += n
			want := map[string]templates.Reason{
				"ABIS3014": templates.ReasonMalformed, // a document without any data block
				"ABIS3016": templates.ReasonMalformed, // finger blocks in BIRs of an iris
			}[filepath.Base(filepath.Dir(entry.Name))]
			switch reasonOf(t, err) {
			case want:
			case templates.ReasonNoBiometric:
				empty++
			default:
				t.Errorf("%s: %v", entry.Name, err)
			}
		}
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d documents, %d of them without data, %d parts", documents, empty, parts)
	if documents != 117 {
		t.Errorf("%d documents, want 117", documents)
	}
}
