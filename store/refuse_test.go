package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/prometheus/client_golang/prometheus"

	"immis/store/seal"
)

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	disk := vfs.NewCrashableMem()
	r := mustStart(t, testOptions(disk))
	_, err := Open(ctx, testOptions(disk))
	wantError(t, err, ErrLocked)
	_, err = r.enroll(id(1), "x")
	noError(t, err)
	mustStop(t, r)
	format := path.Join(testDir, formatFile)
	text, err := readSmall(disk, format, 4096)
	noError(t, err)
	fresh := func() *vfs.MemFS { return disk.CrashClone(vfs.CrashCloneCfg{}) }

	t.Run("newer format", func(t *testing.T) {
		d := fresh()
		newer := []byte(strings.Replace(string(text[:strings.Index(string(text), "sum ")]), "format 1", "format 2", 1))
		newer = append(newer, []byte("sum "+crcText(newer)+"\n")...)
		noError(t, writeSmall(d, format, newer))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrNewerFormat)
	})
	t.Run("format is gone", func(t *testing.T) {
		d := fresh()
		noError(t, d.Remove(format))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrDamaged)
	})
	t.Run("volume is not mounted", func(t *testing.T) {
		d := fresh()
		noError(t, d.RemoveAll(testDir))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrDamaged)
		if !strings.Contains(err.Error(), "mount") {
			t.Errorf("error %q, want what to do", err)
		}
	})
	t.Run("foreign directory", func(t *testing.T) {
		d := vfs.NewMem()
		noError(t, d.MkdirAll(path.Join(testDir, "photos"), 0o700))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrDamaged)
	})
	t.Run("ledger is gone", func(t *testing.T) {
		d := fresh()
		noError(t, d.RemoveAll(path.Join(testDir, ledgerDir)))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrDamaged)
	})
	t.Run("key table is gone", func(t *testing.T) {
		d := fresh()
		noError(t, d.RemoveAll(path.Join(testDir, keysDir)))
		_, err := Open(ctx, testOptions(d))
		wantError(t, err, ErrDamaged)
	})
	t.Run("keys of another store", func(t *testing.T) {
		other := vfs.NewMem()
		mustStop(t, mustStart(t, testOptions(other)))
		o := testOptions(fresh())
		o.Keys = seal.KeyDir(other, testKeys)
		if _, err := Open(ctx, o); err == nil {
			t.Fatal("opened with the keys of another store")
		}
	})
	t.Run("read-only", func(t *testing.T) {
		ro := errorfs.Wrap(fresh(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
				return &fs.PathError{Op: "open", Path: op.Path, Err: os.ErrPermission}
			}
			return nil
		}))
		o := testOptions(ro)
		_, err := Open(ctx, o)
		wantError(t, err, ErrReadOnly)
	})
	t.Run("a refused directory is left as it was", func(t *testing.T) {
		newer := fresh()
		r := mustStart(t, testOptions(newer))
		_, err := r.commit(mutation(id(1)))
		noError(t, err)
		mustStop(t, r)
		anchor, err := readSmall(newer, path.Join(testDir, anchorFile), 1<<20)
		noError(t, err)
		d := fresh()
		noError(t, writeSmall(d, path.Join(testDir, anchorFile), anchor))
		before := listing(t, d)
		_, err = Open(ctx, testOptions(d))
		wantError(t, err, ErrOlderThanAnchor)
		if after := listing(t, d); before != after {
			t.Errorf("refusal changed the directory\nfrom %s\nto   %s", before, after)
		}
	})
	t.Run("options", func(t *testing.T) {
		_, err := Open(ctx, Options{Queue: -1, Batch: 1000, LowWatermark: 2, Watermark: 1})
		for _, want := range []string{"directory", "key source", "queue -1", "batch 1000", "low watermark 2"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not name %q", err, want)
			}
		}
	})
	t.Run("metrics twice", func(t *testing.T) {
		o := testOptions(fresh())
		o.Registerer = prometheus.NewRegistry()
		mustStop(t, mustStart(t, o))
		mustStop(t, mustStart(t, o)) // unregistered by Close
	})
	t.Run("run twice", func(t *testing.T) {
		r := mustStart(t, testOptions(fresh()))
		if _, err := r.commit(mutation(id(1))); err != nil {
			t.Fatal(err)
		}
		if err := r.Run(ctx); err == nil {
			t.Error("a second committer was let in")
		}
		mustStop(t, r)
		if err := r.Run(ctx); err == nil {
			t.Error("a committer was let in after the end")
		}
		_, err := r.Get(Row{})
		wantError(t, err, ErrStopped)
	})
}

func crcText(b []byte) string {
	const hexdigits = "0123456789abcdef"
	out := ""
	for _, c := range appendCRC(append([]byte(nil), b...))[len(b):] {
		out += string(hexdigits[c>>4]) + string(hexdigits[c&15])
	}
	return out
}

// listing is every file with its content.
func listing(t *testing.T, d *vfs.MemFS) string {
	t.Helper()
	var files []string
	noError(t, walkFiles(d, testDir, func(name string) {
		raw, err := readSmall(d, name, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, name+" "+crcText(raw))
	}))
	slices.Sort(files)
	return strings.Join(files, "\n")
}

func TestInterruptedErasureIsFinished(t *testing.T) {
	disk := vfs.NewMem()
	r := mustStart(t, testOptions(disk))
	key, err := r.enroll(id(1), "x")
	noError(t, err)
	_, err = r.enroll(id(2), "y")
	noError(t, err)
	// The crash falls between the key and the entry.
	noError(t, r.table.Destroy(key.Ref()))
	mustStop(t, r)
	r = mustStart(t, testOptions(disk))
	defer func() { mustStop(t, r) }()
	if n := r.Report().Erasures; n != 1 {
		t.Fatalf("%d interrupted erasures, want 1", n)
	}
	rec, err := r.commit(mutation(id(2)))
	noError(t, err)
	sub, err := r.Subject(id(1))
	if err != nil || sub.Status != SubjectErased {
		t.Fatalf("subject %+v, %v, want erased", sub, err)
	}
	hist, err := r.History(context.Background(), id(1), 0, 10)
	noError(t, err)
	last := hist[len(hist)-1]
	if last.Kind != KindErasureResumed || last.Principal != "immis" || last.Number != rec.Number-1 {
		t.Fatalf("entry %+v, want the finished erasure before entry %d", last, rec.Number)
	}
	_, err = r.Get(Row{Table: 1, Subject: id(1), Key: id(0)})
	wantError(t, err, ErrNotFound)
	noError(t, r.sound())
}

func TestCreationIsResumed(t *testing.T) {
	// Stop a creation after each of its changes of the disk, then open again.
	step := int64(1)
	if testing.Short() {
		step = 4
	}
	for at := int64(0); ; at += step {
		disk := vfs.NewCrashableMem()
		var mu sync.Mutex
		var n int64
		var left *vfs.MemFS
		hooked := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if left == nil && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
				if n++; n > at {
					left = disk.CrashClone(vfs.CrashCloneCfg{})
				}
			}
			return nil
		}))
		s, err := Open(context.Background(), testOptions(hooked))
		noError(t, err)
		noError(t, s.Close())
		if left == nil {
			if at < 40 {
				t.Fatalf("creation made only %d changes", at)
			}
			return
		}
		r, err := start(testOptions(left))
		if err != nil {
			t.Fatalf("power cut at change %d of the creation: %v", at, err)
		}
		_, err = r.enroll(id(1), "x")
		noError(t, errors.Join(err, r.stop()))
	}
}
