// Package archtest checks the shape of the house by reading its source: who may
// import whom, where the environment is read, where errors become codes, that
// every package says what it is for. It refuses to contain anything else.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "immis"

// allowed says what each package may import of ours: the arrows only point down.
// "x/..." means x and everything below it. A package that is not listed fails the
// test: a new room needs a place in the plan first.
func allowed() map[string][]string {
	return map[string][]string{
		"api/immis/v1":     {},
		"api/immis/format": {"api/immis/v1", "templates"},
		"api/immis/client": {"api/immis/v1"},

		"templates":                    {},
		"templates/exchange":           {"templates/..."},
		"templates/iso19794":           {"templates", "templates/internal/fmr"},
		"templates/ansi378":            {"templates", "templates/internal/fmr"},
		"templates/imagerecord":        {"templates"},
		"templates/cbeff":              {"templates", "templates/imagerecord", "templates/internal/fmr"},
		"templates/ansinist":           {"templates"},
		"templates/imaging":            {"templates", "templates/imaging/..."},
		"templates/imaging/wsq":        {"templates"},
		"templates/imaging/jpeg2000":   {"templates"},
		"templates/internal/fmr":       {"templates"},
		"templates/internal/codectest": {"templates"},
		"templates/internal/golden":    {},

		"matcher/face":     {"templates", "internal/simd"},
		"matcher/finger":   {"templates", "internal/simd"},
		"matcher/decision": {"templates"},

		"index":         {"index/segfile", "internal/simd", "internal/offheap", "internal/mutant"},
		"index/segfile": {"internal/simd", "internal/mutant"},
		"store":         {"store/seal", "internal/mutant"},
		"store/seal":    {"internal/mutant"},

		"engine": {"templates/...", "matcher/...", "index", "index/segfile", "store", "store/seal", "internal/mutant", "internal/offheap"},

		// grpcapi names store for the ledger's entries, which pass through the engine
		// as they are; server opens the store.
		"server/grpcapi": {"api/...", "engine", "store", "templates"},
		"server/httpapi": {"api/...", "server/grpcapi", "templates"},
		"server":         {"server/...", "engine", "store", "store/seal", "internal/config", "internal/telemetry"},

		"bench":         {"api/...", "bench/synth", "templates/..."},
		"bench/synth":   {"templates"},
		"bench/demo":    {"api/...", "bench", "bench/synth", "matcher/...", "templates/..."},
		"bench/fault":   {"api/...", "bench", "bench/synth", "templates/..."},
		"bench/load":    {"api/...", "bench", "bench/synth", "templates/..."},
		"bench/search":  {"bench", "bench/synth", "index", "index/segfile", "internal/simd", "internal/offheap"},
		"bench/restart": {"bench", "bench/synth", "engine", "store", "store/seal", "templates/..."},
		"bench/eval":    {"internal/simd", "matcher/finger", "templates"},

		"cmd/immis": {"api/...", "server", "bench/...", "engine", "store", "store/seal", "templates/...", "internal/config", "internal/gcpace", "internal/telemetry"},

		"internal/archtest":  {},
		"internal/config":    {},
		"internal/cost":      {},
		"internal/gcpace":    {},
		"internal/mutant":    {},
		"internal/offheap":   {},
		"internal/simd":      {},
		"internal/telemetry": {},
		"internal/zstd":      {},
	}
}

// source is one Go file of the module.
type source struct {
	dir, name string
	lines     int
	test      bool
	generated bool
	file      *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("module root: %v", err)
	}
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); rel != "." && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_") || n == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, b, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out = append(out, source{
			dir: filepath.ToSlash(filepath.Dir(rel)), name: d.Name(), lines: strings.Count(string(b), "\n"),
			test: strings.HasSuffix(d.Name(), "_test.go"), generated: ast.IsGenerated(f), file: f,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("%d Go files found, want the whole module", len(out))
	}
	return out
}

func imports(s source) []string {
	var out []string
	for _, i := range s.file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func may(rules []string, pkg string) bool {
	return slices.ContainsFunc(rules, func(r string) bool {
		if below, ok := strings.CutSuffix(r, "/..."); ok {
			return pkg == below || strings.HasPrefix(pkg, below+"/")
		}
		return r == pkg
	})
}

func TestImportsPointDown(t *testing.T) {
	rules := allowed()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.dir] = true
		rule, ok := rules[s.dir]
		if !ok {
			t.Errorf("package %s has no rule: give it a place in allowed()", s.dir)
			rules[s.dir] = []string{"..."}
			continue
		}
		if s.test {
			continue // tests may stand above what they test
		}
		for _, p := range imports(s) {
			ours, ok := strings.CutPrefix(p, module+"/")
			if ok && !may(rule, ours) && !may(rule, "...") {
				t.Errorf("%s/%s imports %s, want only %v", s.dir, s.name, p, rule)
			}
		}
	}
	for dir := range allowed() {
		if !seen[dir] {
			t.Errorf("rule for %s, which does not exist", dir)
		}
	}
}

// Rooms that must not know a transport or a database, in tests either.
func TestTransportAndStorageStayOutside(t *testing.T) {
	const grpc, pebble = "google.golang.org/grpc", "github.com/cockroachdb/pebble"
	forbidden := map[string][]string{
		"templates": {grpc, pebble, "immis/store"}, "matcher": {grpc, pebble, "immis/store"}, "index": {grpc, pebble, "immis/store"},
		"store": {grpc}, "engine": {grpc}, "internal": {grpc},
	}
	// The file system under the store is the one under segment files; it is no database.
	files := func(s source, p string) bool {
		return (s.dir == "index/segfile" || s.dir == "index" && s.test) && (p == pebble+"/v2/vfs" || s.test && p == pebble+"/v2/vfs/errorfs")
	}
	for _, s := range sources(t) {
		top, _, _ := strings.Cut(s.dir, "/")
		for _, p := range imports(s) {
			for _, f := range forbidden[top] {
				if (p == f || strings.HasPrefix(p, f+"/")) && !files(s, p) {
					t.Errorf("%s/%s imports %s", s.dir, s.name, p)
				}
			}
		}
	}
}

// Errors become codes in exactly one file.
func TestErrorsAreMappedInOneFile(t *testing.T) {
	found := false
	for _, s := range sources(t) {
		if s.dir != "server/grpcapi" || s.test {
			continue
		}
		for _, p := range imports(s) {
			if p == "google.golang.org/grpc/codes" || p == "google.golang.org/grpc/status" {
				found = true
				if s.name != "errors.go" {
					t.Errorf("%s/%s imports %s, want only errors.go", s.dir, s.name, p)
				}
			}
		}
	}
	if !found {
		t.Error("no file maps errors to codes")
	}
}

// calls lists the selectors pkg.Name that a file calls.
func calls(s source) map[string]bool {
	out := map[string]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				out[x.Name+"."+sel.Sel.Name] = true
			}
		}
		return true
	})
	return out
}

// The environment is read in internal/config (and, in builds with seeded faults,
// in internal/mutant); nothing registers itself in an init function.
func TestNoHiddenInputs(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.generated || s.dir == "internal/mutant" {
			continue
		}
		if s.dir != "internal/config" {
			used := calls(s)
			for _, c := range []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "syscall.Getenv"} {
				if used[c] && !inheritsEnvironment(s, c) {
					t.Errorf("%s/%s reads the environment with %s", s.dir, s.name, c)
				}
			}
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s/%s has an init function", s.dir, s.name)
			}
		}
	}
}

// inheritsEnvironment allows what starts processes to hand the environment on.
func inheritsEnvironment(s source, call string) bool {
	return call == "os.Environ" && slices.Contains(imports(s), "os/exec")
}

// Every package says what it is for, in one file.
func TestPackageComments(t *testing.T) {
	comments := map[string]int{}
	dirs := map[string]bool{}
	for _, s := range sources(t) {
		if s.generated {
			continue
		}
		if s.test && s.dir != "internal/archtest" {
			continue
		}
		dirs[s.dir] = true
		if s.file.Doc != nil {
			comments[s.dir]++
			want := "Package " + s.file.Name.Name + " "
			if s.file.Name.Name == "main" {
				want = "Command " + path.Base(s.dir) + " "
			}
			if !strings.HasPrefix(s.file.Doc.Text(), want) {
				t.Errorf("comment of %s/%s begins with %.30q, want %q", s.dir, s.name, s.file.Doc.Text(), want)
			}
		}
	}
	for dir := range dirs {
		if comments[dir] != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, comments[dir])
		}
	}
}

// A file is one concept: 500 lines are the most.
func TestFileLengths(t *testing.T) {
	for _, s := range sources(t) {
		if !s.generated && !s.test && s.lines > 500 {
			t.Errorf("%s/%s has %d lines, want <= 500", s.dir, s.name, s.lines)
		}
	}
}
