package segfile

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// cut is a file system as a power cut leaves it, and what was going on.
type cut struct {
	fs   vfs.FS
	when string
}

// cutting runs fn on a copy of base and makes power cuts before each of its operations
// and after the last: with nothing of what was not synced, with all of it, and twice
// with some.
func cutting(t *testing.T, base func(vfs.FS), fn func(vfs.FS) error) (cuts []cut, after []vfs.FS) {
	t.Helper()
	under := vfs.NewCrashableMem()
	if err := under.MkdirAll("d", 0o700); err != nil {
		t.Fatal(err)
	}
	base(under)
	if err := errors.Join(syncDir(under, ""), syncDir(under, "d")); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 1))
	clones := func() (out []vfs.FS) {
		for _, percent := range []int{0, 50, 50, 100} {
			out = append(out, under.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}))
		}
		return out
	}
	n := 0
	fs := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
		for i, c := range clones() {
			cuts = append(cuts, cut{c, fmt.Sprintf("cut %d before operation %d, %v of %s", i, n, op.Kind, op.Path)})
		}
		n++
		return nil
	}))
	if err := fn(fs); err != nil {
		t.Fatal(err)
	}
	if n < 5 {
		t.Fatalf("%d operations seen, want all of them", n)
	}
	return cuts, clones()
}

// After a power cut at any moment of Write the name stands for what it stood for before,
// or for the new file, whole; after Write for the new file.
func TestPowerCutsWhileWriting(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	old, next, w := newSource(rng, shape{dim: 16, rows: 5}), newSource(rng, shape{dim: 512, rows: 4000, dead: 0.1}), newKeyring()
	next.Binding = old.Binding
	next.Dim = 512
	for _, replace := range []bool{false, true} {
		cuts, after := cutting(t, func(fs vfs.FS) {
			if replace {
				mustWrite(t, fs, "d/a", old, w)
			}
		}, func(fs vfs.FS) error { return Write(context.Background(), fs, "d/a", next, w) })
		outcomes := map[string]int{}
		for _, c := range cuts {
			if err := RemoveUnfinished(c.fs, "d"); err != nil {
				t.Fatalf("%s: %v", c.when, err)
			}
			names, _ := c.fs.List("d")
			for _, name := range names {
				if name != "a" {
					t.Fatalf("%s: file %s is left", c.when, name)
				}
			}
			outcomes[outcome(t, c, old, next, w)]++
		}
		for _, fs := range after {
			if got := outcome(t, cut{fs, "after"}, old, next, w); got != "new" {
				t.Fatalf("after Write: %s file, want the new one", got)
			}
		}
		before := map[bool]string{false: "no", true: "old"}[replace]
		if outcomes[before] == 0 || outcomes["new"] == 0 || len(outcomes) != 2 {
			t.Errorf("outcomes %v, want some %s and some new", outcomes, before)
		}
	}
}

func outcome(t *testing.T, c cut, old, next *Source, w Wrapper) string {
	t.Helper()
	got, err := readAll(c.fs, "d/a", next.Binding, w, NewCache(1<<20), 1)
	if err == nil {
		same(t, got, twin(next))
		return "new"
	}
	if errors.Is(err, iofs.ErrNotExist) {
		return "no"
	}
	got, err = readAll(c.fs, "d/a", old.Binding, w, nil, 1)
	if err != nil {
		t.Fatalf("%s: %v", c.when, err)
	}
	same(t, got, twin(old))
	return "old"
}

// After a power cut at any moment of Rewrap the file opens with the one wrapper or the
// other, and Rewrap can be repeated; after Rewrap with the new one only.
func TestPowerCutsWhileRewrapping(t *testing.T) {
	src, from, to := newSource(rand.New(rand.NewPCG(3, 3)), shape{dim: 16, rows: 5}), newKeyring(), newKeyring()
	want := twin(src)
	cuts, after := cutting(t, func(fs vfs.FS) { mustWrite(t, fs, "d/a", src, from) },
		func(fs vfs.FS) error { return Rewrap(fs, "d/a", from, to) })
	outcomes := map[string]int{}
	for _, c := range cuts {
		opens := ""
		for i, w := range []Wrapper{from, to} {
			got, err := readAll(c.fs, "d/a", src.Binding, w, nil, 1)
			if err == nil {
				same(t, got, want)
				opens += []string{"from ", "to "}[i]
			} else if !errors.Is(err, ErrKey) {
				t.Fatalf("%s: %v", c.when, err)
			}
		}
		outcomes[opens]++
		if err := Rewrap(c.fs, "d/a", from, to); err != nil {
			t.Fatalf("%s: again: %v", c.when, err)
		}
		after = append(after, c.fs)
	}
	for _, opens := range []string{"from ", "from to ", "to "} {
		if outcomes[opens] == 0 {
			t.Errorf("outcomes %v, want some of %q", outcomes, opens)
		}
	}
	if len(outcomes) != 3 {
		t.Errorf("outcomes %v, want three kinds", outcomes)
	}
	for _, fs := range after {
		got, err := readAll(fs, "d/a", src.Binding, to, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
		if _, err := Open(fs, "d/a", src.Binding, from, nil); !errors.Is(err, ErrKey) {
			t.Fatalf("with the old wrapper: %v, want ErrKey", err)
		}
	}
}

// A torn write of one key page leaves the other.
func TestTornKeyPages(t *testing.T) {
	src, from, to := newSource(rand.New(rand.NewPCG(3, 4)), shape{dim: 16, rows: 5}), newKeyring(), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, from)
	before := readFile(t, fs, "a")
	if err := Rewrap(fs, "a", from, to); err != nil {
		t.Fatal(err)
	}
	after := readFile(t, fs, "a")
	for n := range pageSize + 1 {
		first := append(append(append([]byte{}, before[:pageSize]...), after[pageSize:pageSize+n]...), before[pageSize+n:]...)
		if _, err := Open(mem(t, "a", first), "a", src.Binding, from, nil); err != nil {
			t.Fatalf("%d bytes of the first page: %v", n, err)
		}
		second := append(append(append([]byte{}, after[:n]...), before[n:pageSize]...), after[pageSize:]...)
		if _, err := Open(mem(t, "a", second), "a", src.Binding, to, nil); err != nil {
			t.Fatalf("%d bytes of the second page: %v", n, err)
		}
	}
}

// Where one key page is damaged, Rewrap does not touch the other before that is mended.
func TestRewrapKeepsTheGoodPage(t *testing.T) {
	src, from, to := newSource(rand.New(rand.NewPCG(3, 7)), shape{dim: 16, rows: 5}), newKeyring(), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, from)
	broken := errors.New("input/output error")
	for _, damaged := range []int{0, 1} {
		b := readFile(t, fs, "a")
		b[damaged*pageSize+50] ^= 1
		under := mem(t, "a", b)
		failing := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileSync {
				return broken
			}
			return nil
		}))
		if err := Rewrap(failing, "a", from, to); !errors.Is(err, broken) {
			t.Fatalf("%v, want the failed sync", err)
		}
		if got, good := readFile(t, under, "a"), (1-damaged)*pageSize; string(got[good:good+pageSize]) != string(b[good:good+pageSize]) {
			t.Errorf("page %d is damaged, and the other one was written over", damaged)
		}
	}
}

func TestRewrapRefuses(t *testing.T) {
	src, from, to := newSource(rand.New(rand.NewPCG(3, 5)), shape{dim: 16, rows: 5}), newKeyring(), newKeyring()
	fs := vfs.NewMem()
	if err := Rewrap(fs, "a", from, to); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	if names, _ := fs.List(""); len(names) > 0 {
		t.Errorf("made %v", names)
	}
	mustWrite(t, fs, "a", src, from)
	whole := readFile(t, fs, "a")
	if err := Rewrap(fs, "a", newKeyring(), to); !errors.Is(err, ErrKey) {
		t.Errorf("wrong wrapper: %v, want ErrKey", err)
	}
	cause := errors.New("no answer")
	if err := Rewrap(fs, "a", from, badWrapper{err: cause}); !errors.Is(err, cause) {
		t.Errorf("failing wrapper: %v, want the cause", err)
	}
	if got := readFile(t, fs, "a"); string(got) != string(whole) {
		t.Error("a Rewrap that failed changed the file")
	}
	whole[2*pageSize] ^= 1
	if err := Rewrap(mem(t, "a", whole), "a", from, to); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged header: %v, want ErrCorrupt", err)
	}
}

// Every operation of the file system fails once: Write says so and leaves the old file.
func TestFailingDisk(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 6))
	old, next, w := newSource(rng, shape{dim: 16, rows: 5}), newSource(rng, shape{dim: 16, rows: 9}), newKeyring()
	broken := errors.New("input/output error")
	for fail, failed := 0, true; failed; fail++ {
		under, n := vfs.NewMem(), 0
		mustWrite(t, under, "a", old, w)
		failed = false
		fs := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
			// The removal of what is left is a kindness; and closing loses the file.
			if n++; n == fail+1 {
				failed = true
				return broken
			}
			return nil
		}))
		err := Write(context.Background(), fs, "a", next, w)
		if failed != (err != nil) || failed && !errors.Is(err, broken) {
			t.Fatalf("operation %d: failed %v, error %v", fail, failed, err)
		}
		got, err := readAll(under, "a", old.Binding, w, nil, 1)
		if err != nil {
			t.Fatalf("operation %d: %v", fail, err)
		}
		if got.Rows() == 9 { // only the sync of the directory came after it
			same(t, got, twin(next))
		} else {
			same(t, got, twin(old))
		}
		if names, _ := under.List(""); strings.Contains(strings.Join(names, " "), suffixNew) {
			t.Fatalf("operation %d: left %v", fail, names)
		}
		if !failed && fail < 6 {
			t.Fatalf("%d operations seen, want more", fail)
		}
	}
	// A read that fails is no damage.
	under := vfs.NewMem()
	mustWrite(t, under, "a", old, w)
	for fail, failed := 0, true; failed; fail++ {
		n := 0
		failed = false
		fs := errorfs.Wrap(under, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if n++; n == fail+1 && op.Kind != errorfs.OpFileClose {
				failed = true
				return broken
			}
			return nil
		}))
		if _, err := readAll(fs, "a", old.Binding, w, NewCache(1<<20), 1); failed && (!errors.Is(err, broken) || errors.Is(err, ErrCorrupt)) || !failed && err != nil {
			t.Fatalf("read %d: %v", fail, err)
		}
	}
}
