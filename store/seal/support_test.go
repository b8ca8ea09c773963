package seal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// testBlock keeps tables small: a block of 32 slots is one page of 4 KiB, the unit in
// which the simulated power cut loses writes.
const testBlock = 32

var testStore = ID{'s', 't', 'o', 'r', 'e', 9, 8, 7}

// tap is a file system that shows every change to a function before it happens. If
// that returns an error, the change fails; a write is then cut in the middle.
type tap struct {
	vfs.FS
	mu     sync.Mutex
	before func(op change) error
	full   bool // growing fails like on a full disk
}

// change is one operation that changes the disk.
type change struct {
	kind, path string
	data       []byte // of writes
	at         int64
}

func (t *tap) ask(c change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full && (c.kind == "create" || c.kind == "grow" || c.kind == "mkdir") {
		return syscall.ENOSPC
	}
	if t.before == nil {
		return nil
	}
	return t.before(c)
}

func (t *tap) set(before func(change) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = before
}

func (t *tap) fill(full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full = full
}

func (t *tap) wrap(f vfs.File, path string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &tapFile{File: f, fs: t, path: path}, nil
}

func (t *tap) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := t.ask(change{kind: "create", path: name}); err != nil {
		return nil, err
	}
	f, err := t.FS.Create(name, c)
	return t.wrap(f, name, err)
}

func (t *tap) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	if _, err := t.Stat(name); err != nil {
		if err := t.ask(change{kind: "create", path: name}); err != nil {
			return nil, err
		}
	}
	f, err := t.FS.OpenReadWrite(name, c, o...)
	return t.wrap(f, name, err)
}

func (t *tap) OpenDir(name string) (vfs.File, error) {
	f, err := t.FS.OpenDir(name)
	return t.wrap(f, name, err)
}

func (t *tap) Remove(name string) error {
	if err := t.ask(change{kind: "remove", path: name}); err != nil {
		return err
	}
	return t.FS.Remove(name)
}

func (t *tap) Rename(from, to string) error {
	if err := t.ask(change{kind: "rename", path: from}); err != nil {
		return err
	}
	return t.FS.Rename(from, to)
}

func (t *tap) MkdirAll(dir string, m os.FileMode) error {
	if err := t.ask(change{kind: "mkdir", path: dir}); err != nil {
		return err
	}
	return t.FS.MkdirAll(dir, m)
}

type tapFile struct {
	vfs.File
	fs   *tap
	path string
}

func (f *tapFile) WriteAt(p []byte, at int64) (int, error) {
	kind := "write"
	if info, err := f.Stat(); err == nil && at+int64(len(p)) > info.Size() {
		kind = "grow"
	}
	if err := f.fs.ask(change{kind: kind, path: f.path, data: bytes.Clone(p), at: at}); err != nil {
		if kind == "write" || !errors.Is(err, syscall.ENOSPC) {
			_, _ = f.File.WriteAt(p[:len(p)/2], at)
		}
		return len(p) / 2, err
	}
	return f.File.WriteAt(p, at)
}

func (f *tapFile) Sync() error {
	if err := f.fs.ask(change{kind: "sync", path: f.path}); err != nil {
		return err
	}
	return f.File.Sync()
}

// place is a table's surroundings: data directory, key directory, copy.
type place struct {
	fs   vfs.FS
	keys KeySource
	opts TableOptions
}

func newPlace(fs vfs.FS) place {
	keys := KeyDir(fs, "secrets")
	return place{fs: fs, keys: keys, opts: TableOptions{FS: fs, Dir: "data/keys", Keys: keys, Store: testStore, block: testBlock}}
}

func (p place) create(t testing.TB) *Table {
	t.Helper()
	tab, err := CreateTable(context.Background(), p.opts)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func (p place) open(t testing.TB) (*Table, Report) {
	t.Helper()
	tab, report, err := OpenTable(context.Background(), p.opts)
	if err != nil {
		t.Fatal(err)
	}
	return tab, report
}

func rotate(t testing.TB, tab *Table) {
	t.Helper()
	if _, err := tab.Rotate(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// allocate takes n keys.
func allocate(t testing.TB, tab *Table, n int) []*Key {
	t.Helper()
	var out []*Key
	for range n {
		k, err := tab.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

func refsOf(keys []*Key) []Ref {
	var out []Ref
	for _, k := range keys {
		out = append(out, k.ref)
	}
	return out
}

// wantLive checks that a key is there and is the one that was handed out.
func wantLive(t testing.TB, tab *Table, k *Key) {
	t.Helper()
	got, err := tab.Key(k.ref)
	if err != nil {
		t.Fatalf("key %v: %v", k.ref, err)
	}
	if got.raw != k.raw {
		t.Fatalf("key %v: another key than was handed out", k.ref)
	}
}

// wantErased checks that a key is gone and known to be gone.
func wantErased(t testing.TB, tab *Table, r Ref) {
	t.Helper()
	if _, err := tab.Key(r); !errors.Is(err, ErrErased) {
		t.Fatalf("key %v: got %v, want ErrErased", r, err)
	}
	if !tab.Erased(r) {
		t.Fatalf("key %v: Erased is false", r)
	}
}

func readFile(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, fs vfs.FS, path string, data []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Clone(data)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), syncDir(fs, fs.PathDir(path))); err != nil {
		t.Fatal(err)
	}
}

// names lists a directory in order.
func names(t testing.TB, fs vfs.FS, dir string) []string {
	t.Helper()
	out, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// secretsLeft reads every key-encryption key that a source still has.
func secretsLeft(t testing.TB, keys KeySource) map[uint32][]byte {
	t.Helper()
	list, err := keys.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint32][]byte{}
	for _, name := range list {
		if e, ok := parseKEK(name); ok {
			if out[e], err = keys.Get(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}
