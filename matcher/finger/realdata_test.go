package finger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/iso19794"
)

// evaluationData is where real templates may lie, relative to this package.
const evaluationData = "../../../shared/data/fingerprints/minutiae"

// sets are the four development sets of ANCHORS, in the order of reports.
var sets = [4]string{"fvc2002_DB1_B", "fvc2002_DB3_B", "fvc2004_DB2_B", "fvc2004_DB4_B"}

// readView reads the one view of an ISO/IEC 19794-2:2005 record.
func readView(path string) (*templates.Finger, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	record, err := iso19794.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	fingers, err := record.Fingers()
	var bad *templates.InputError
	if errors.As(err, &bad) && bad.Reason == templates.ReasonMinutiaCount {
		// An extractor found nothing. The product refuses such a record; in the
		// protocol it stays and scores 0 with everything.
		return &templates.Finger{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("normalize %s: %w", path, err)
	}
	if len(fingers) != 1 {
		return nil, fmt.Errorf("read %s: %d views, want 1", path, len(fingers))
	}
	return &fingers[0], nil
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
