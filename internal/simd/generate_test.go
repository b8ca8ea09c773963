package simd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The committed assembly is what the generator writes.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command on this machine")
	}
	// Folders that begin with _ are left out of "./...".
	test := exec.Command(tool, "test", "./_asm")
	test.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("tests of the generator: %v\n%s", err, out)
	}
	dir := t.TempDir()
	cmd := exec.Command(tool, "run", "./_asm", "-out", dir)
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("generator: %v\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(made) < 3 {
		t.Fatalf("generator made %d files (%v), want 3 at least", len(made), err)
	}
	for _, f := range made {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Base(f))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./internal/simd", filepath.Base(f))
		}
	}
	have, err := filepath.Glob("kernels_*_amd64.*")
	if err != nil || len(have) != len(made) {
		t.Errorf("%d generated files are committed (%v), the generator makes %d", len(have), err, len(made))
	}
}
