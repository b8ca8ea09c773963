package finger

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"immis/templates"
)

// evaluationData is where real templates may lie, relative to this package.
const evaluationData = "../../../shared/data/fingerprints/minutiae"

// sets are the four development sets of ANCHORS, in the order of reports.
var sets = [4]string{"fvc2002_DB1_B", "fvc2002_DB3_B", "fvc2004_DB2_B", "fvc2004_DB4_B"}

// readView is the least reader of ISO/IEC 19794-2:2005 that the evaluation
// needs: one view at 197 pixels per cm. The codec of the product is not
// imported, since matcher may know only templates.
func readView(path string) (*templates.Finger, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) < 28 || string(b[:8]) != "FMR\x00 20\x00" {
		return nil, fmt.Errorf("read %s: no 19794-2:2005 header", path)
	}
	n := int(b[27])
	if len(b) < 28+6*n || binary.BigEndian.Uint16(b[18:]) != 197 {
		return nil, fmt.Errorf("read %s: %d bytes for %d minutiae", path, len(b), n)
	}
	f := &templates.Finger{Width: binary.BigEndian.Uint16(b[14:]), Height: binary.BigEndian.Uint16(b[16:]), Quality: b[26]}
	for k := range n {
		m := b[28+6*k:]
		f.Minutiae = append(f.Minutiae, templates.Minutia{
			X:     16 * (binary.BigEndian.Uint16(m) & 0x3fff),
			Y:     16 * (binary.BigEndian.Uint16(m[2:]) & 0x3fff),
			Angle: uint16(m[4]) << 8,
			Type:  templates.MinutiaType(m[0] >> 6), Quality: m[5],
		})
	}
	return f, nil
}

// realSet gives the 80 views of one set, [finger][impression], or skips.
func realSet(t testing.TB, extractor, set string) [10][8]*Template {
	dir := filepath.Join(evaluationData, extractor, set)
	if _, err := os.Stat(evaluationData); err != nil {
		t.Skip("SKIPPED: evaluation data ../shared/data/fingerprints is not here")
	}
	var out [10][8]*Template
	found, err := filepath.Glob(filepath.Join(dir, "*.iso"))
	if err != nil || len(found) != 80 {
		t.Fatalf("read %s: %d records (%v), want 80", dir, len(found), err)
	}
	for _, path := range found {
		var finger, impression int
		if _, err := fmt.Sscanf(strings.TrimSuffix(filepath.Base(path), ".iso"), "%d_%d", &finger, &impression); err != nil {
			t.Fatal(err)
		}
		f, err := readView(path)
		if err != nil {
			t.Fatal(err)
		}
		out[finger-101][impression-1] = Prepare(f)
	}
	return out
}
