package ansinist

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// realFiles are the published transactions by name.
func realFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{
		shared(t, "data", "fingerprints", "formats", "an2", "*.an2"),
		shared(t, "specs", "nist", "*.an2k"),
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			t.Fatalf("no file like %s", pattern)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(path)] = data
		}
	}
	return files
}

// realCases is what the published transactions hold: record types with IDCs in
// their order, by field 1.003 of each, and the deviations they need.
var realCases = []struct {
	name    string
	version int
	allow   Tolerance
	records string
}{
	{"type_3_wvu.an2", 201, 0, "1 2/0 3/1 3/2 3/3 3/4 3/5 3/6 3/7 3/8 3/9 3/10 3/11 3/12 3/13 3/14"},
	{"valid1.1.an2", 201, 0, "1 2/0 4/1"},
	{"valid1.10.an2", 201, 0, "1 2/0 17/1"},
	{"valid1.11.an2", 201, 0, "1 2/0 4/1 10/2 13/3 14/4 15/5 16/6 17/7 99/8"},
	{"valid1.13.an2", 200, 0, "1 2/0 99/1"},
	{"valid1.14.an2", 201, 0, "1 2/0 4/1 9/2"},
	{"valid1.15.an2", 201, 0, "1 2/0 9/1"},
	{"valid1.16.an2", 201, 0, "1 2/0 4/1 10/2 13/3 14/4 15/5 16/6 17/7 99/8"},
	{"valid1.2.an2", 201, 0, "1 2/0 4/1 6/2"},
	{"valid1.3.an2", 201, 0, "1 2/0 10/1"},
	{"valid1.4.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.5.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.6.an2", 201, 0, "1 2/0 13/1"},
	{"valid1.7.an2", 201, 0, "1 2/0 14/1"},
	{"valid1.8.an2", 201, 0, "1 2/0 14/1 14/2 14/3"},
	{"valid1.9.an2", 201, 0, "1 2/0 4/1 7/2 8/9 10/3 14/10 17/7"},
	{"type3.an2k", 400, 0, "1 2/0 3/1"},
	{"type4-slaps.an2k", 400, 0, "1 2/0 4/1 4/2 4/3 4/4"},
	{"type9.an2k", 300, 0, "1 9/0"},
	{"type9-13.an2k", 300, TolerateForeignTags, "1 2/0 9/0 13/0"},
	{"type9-15.an2k", 400, TolerateIDC, "1 2/0 15/1 15/2 9/1"}, // announced as 9/3
	{"type9-efs.an2k", 500, 0, "1 9/1 9/2 9/3 9/4 9/5 9/6 9/7 9/8"},
}

// TestRealTransactions: every published transaction is read whole, holds what
// its contents field announces, and comes back byte for byte.
func TestRealTransactions(t *testing.T) {
	files := realFiles(t)
	for _, c := range realCases {
		data, ok := files[c.name]
		if !ok {
			t.Errorf("%s is missing", c.name)
			continue
		}
		delete(files, c.name)
		tr, err := DecodeTolerant(data, c.allow)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if tr.Deviations != c.allow || tr.Version() != c.version {
			t.Errorf("%s: version %d, deviations %d; want %d, %d", c.name, tr.Version(), tr.Deviations, c.version, c.allow)
		}
		if _, err := Decode(data); (err != nil) != (c.allow != 0) {
			t.Errorf("%s: strictly %v", c.name, err)
		}
		var have []string
		end := 0
		for i, r := range tr.Records {
			have = append(have, fmt.Sprintf("%d/%d", r.Type, r.IDC))
			if r.Offset < end || i == 0 && r.Offset != 0 {
				t.Errorf("%s: record %d starts at %d", c.name, i+1, r.Offset)
			}
			end = r.Offset + 1
		}
		if got := strings.TrimPrefix(strings.Join(have, " "), "1/0"); "1"+got != c.records {
			t.Errorf("%s: records 1%s, want %s", c.name, got, c.records)
		}
		contents, err := parseContents(&tr.Records[0])
		if err != nil || len(contents) != len(tr.Records)-1 {
			t.Fatalf("%s: contents %v, %v", c.name, contents, err)
		}
		for i, a := range contents {
			if r := tr.Records[i+1]; a.recordType != r.Type || a.idc != r.IDC && c.allow&TolerateIDC == 0 {
				t.Errorf("%s: record %d is %d/%d, announced %d/%d", c.name, i+2, r.Type, r.IDC, a.recordType, a.idc)
			}
		}
		again, err := tr.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: written back differently, %v", c.name, err)
		}
	}
	if len(files) != 0 {
		t.Errorf("files without expectation: %v", slices.Sorted(maps.Keys(files)))
	}
}
