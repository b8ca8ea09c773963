package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// keyBytes is the size of all files of the key table.
func keyBytes(t *testing.T, r *running) int64 {
	t.Helper()
	names, err := r.opt.FS.List(r.path(keysDir))
	noError(t, err)
	var n int64
	for _, name := range names {
		st, err := r.opt.FS.Stat(r.opt.FS.PathJoin(r.path(keysDir), name))
		noError(t, err)
		n += st.Size()
	}
	return n
}

// TestRefusalsDoNotGrowTheKeyTable: neither refusals by the ledger nor those for
// want of space use up keys; more of them than a block of the table holds.
func TestRefusalsDoNotGrowTheKeyTable(t *testing.T) {
	const tries = 5000
	var free atomic.Uint64
	free.Store(1 << 40)
	o := testOptions(vfs.NewMem())
	o.Watermark, o.LowWatermark = 1000, 400
	o.FreeSpace = func() (uint64, error) { return free.Load(), nil }
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	before := keyBytes(t, r)
	for range tries {
		key, err := r.NewKey()
		noError(t, err)
		_, err = r.commit(mutation(id(1), NewSubject(id(1), key.Ref())))
		wantError(t, err, ErrExists)
		r.GiveBackKey(key)
	}
	free.Store(999)
	for range tries {
		_, err := r.NewKey()
		wantError(t, err, ErrDiskFull)
	}
	if after := keyBytes(t, r); after != before {
		t.Errorf("key table after %d refusals: %d bytes, want %d", 2*tries, after, before)
	}
	// The control: keys that are used do make it grow.
	free.Store(1 << 40)
	for range tries {
		_, err := r.NewKey()
		noError(t, err)
	}
	if after := keyBytes(t, r); after <= before {
		t.Errorf("key table after %d keys: %d bytes, want more than %d", tries, after, before)
	}
}

// TestWhichKeysAreNamedAgain: only those nothing was or may be written with.
func TestWhichKeysAreNamedAgain(t *testing.T) {
	ctx := context.Background()
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { mustStop(t, r) }()
	again := func(name string, ref Ref, want bool) {
		t.Helper()
		k, err := r.NewKey()
		noError(t, err)
		if got := k.Ref() == ref; got != want {
			t.Errorf("%s: key %v named again is %v, want %v", name, ref, got, want)
		}
	}
	committed, err := r.enroll(id(1), "x")
	noError(t, err)
	r.GiveBackKey(committed)
	again("committed", committed.Ref(), false)

	blob, err := r.NewKey()
	noError(t, err)
	_, _, err = r.PutBlob(ctx, blob, id(2), strings.NewReader("picture"))
	noError(t, err)
	r.GiveBackKey(blob)
	again("sealed a blob", blob.Ref(), false)

	late, err := r.NewKey()
	noError(t, err)
	r.GiveBackKey(late)
	_, _, err = r.PutBlob(ctx, late, id(2), strings.NewReader("picture"))
	noError(t, err)
	again("sealed a blob after it was given back", late.Ref(), false)

	// In the queue and not decided: the committer is kept busy.
	queued, err := r.NewKey()
	noError(t, err)
	hold, busy, decided := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		decided <- r.exec(ctx, func() error { close(busy); <-hold; return nil })
	}()
	<-busy
	go func() {
		_, err := r.commit(mutation(id(3), NewSubject(id(3), queued.Ref())))
		decided <- err
	}()
	for len(r.queue) == 0 {
		time.Sleep(time.Millisecond)
	}
	r.GiveBackKey(queued)
	again("in the queue", queued.Ref(), false)
	close(hold)
	noError(t, errors.Join(<-decided, <-decided))
	r.GiveBackKey(queued)
	again("committed after all", queued.Ref(), false)

	unused, err := r.NewKey()
	noError(t, err)
	r.GiveBackKey(unused)
	r.GiveBackKey(unused) // twice is once
	_, err = r.commit(mutation(id(4), NewSubject(id(4), unused.Ref())))
	wantError(t, err, ErrStale) // it may be somebody else's now
	noError(t, endEpoch(r.Store, ctx, nil))
	key, err := r.NewKey()
	noError(t, err)
	if key.Ref() != unused.Ref() {
		t.Fatalf("new key %v, want %v again", key.Ref(), unused.Ref())
	}
	again("named already", unused.Ref(), false)
	row := Row{Table: 1, Subject: id(4), Key: id(0)}
	_, err = r.commit(mutation(id(4), NewSubject(id(4), key.Ref()), r.sealPut(key, row, "told", Absent)))
	noError(t, err)
	if got, err := r.open(row); err != nil || got != "told" {
		t.Errorf("row under a key that was named twice: %q, %v", got, err)
	}
	noError(t, r.sound())
}

// TestNewKeyWithoutSpace: a disk that fills up between the look at its free space
// and the write of new keys gives the same error as one that was full before.
func TestNewKeyWithoutSpace(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(op.Path, keysDir) {
			return syscall.ENOSPC
		}
		return nil
	}))
	o := testOptions(fs)
	o.FreeSpace = func() (uint64, error) { return 1 << 40, nil }
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	full.Store(true)
	for range 1 << 14 {
		if _, err = r.NewKey(); err != nil {
			break
		}
	}
	wantError(t, err, ErrDiskFull)
	full.Store(false)
	_, err = r.enroll(id(2), "y")
	noError(t, err)
}
