package codectest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Shared is a path below ../shared of the module, where evaluation data lies; the
// test is skipped when the folder is not there.
func Shared(t testing.TB, path ...string) string {
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

// Files are the files below ../shared that a pattern of filepath.Glob matches;
// none fails the test.
func Files(t testing.TB, pattern ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(Shared(t, pattern...))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("evaluation data is here, but no file %s", filepath.Join(pattern...))
	}
	return paths
}

// Read is the content of a file.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Object and List are the parts of what a decoder read; leaves are whatever has
// the JSON form of the document's value.
type (
	Object = map[string]any
	List   = []any
)

// Equal walks the document and got together and fails for each value that
// differs, is missing, or is not in the document. It returns the count of values.
func Equal(t testing.TB, document []byte, got any) int {
	t.Helper()
	want, err := tree(document)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	have, err := tree(text)
	if err != nil {
		t.Fatal(err)
	}
	values, differences := walk("", want, have, nil)
	for _, d := range differences {
		t.Error(d)
	}
	if values == 0 {
		t.Error("the document holds no value")
	}
	return values
}

func tree(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

// walk counts the values of want and appends how got differs.
func walk(path string, want, got any, differences []string) (int, []string) {
	values := 0
	descend := func(name string, w, g any) {
		var n int
		n, differences = walk(path+"."+name, w, g, differences)
		values += n
	}
	switch w := want.(type) {
	case Object:
		g, ok := got.(Object)
		if !ok || !slices.Equal(slices.Sorted(maps.Keys(w)), slices.Sorted(maps.Keys(g))) {
			return 0, append(differences, fmt.Sprintf("%s: other fields", path))
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			descend(k, w[k], g[k])
		}
		return values, differences
	case List:
		g, ok := got.(List)
		if !ok || len(g) != len(w) {
			return 0, append(differences, fmt.Sprintf("%s: %d elements, want %d", path, len(g), len(w)))
		}
		for i := range w {
			descend(fmt.Sprint(i), w[i], g[i])
		}
		return values, differences
	}
	if want != got {
		differences = append(differences, fmt.Sprintf("%s: %v, want %v", path, got, want))
	}
	return 1, differences
}
