package store

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func (r *running) putBlobText(t *testing.T, subject ID, text string) BlobID {
	t.Helper()
	key, err := r.SubjectKey(subject)
	noError(t, err)
	b, n, err := r.PutBlob(context.Background(), key, subject, strings.NewReader(text))
	if err != nil || n != int64(len(text)) {
		t.Fatal(n, err)
	}
	return b
}

// hasFile looks after one more commit: files are removed after the answer, and
// before the next batch.
func hasFile(r *running, b BlobID) bool {
	if _, err := r.commit(mutation(id(99))); err != nil {
		return false
	}
	_, err := r.opt.FS.Stat(r.blobs.path(b))
	return err == nil
}

func TestBlobLife(t *testing.T) {
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { mustStop(t, r) }()
	key, err := r.enroll(id(1), "x")
	noError(t, err)
	other, err := r.enroll(id(2), "y")
	noError(t, err)
	text := strings.Repeat("0123456789abcdef", 40_000) // three parts
	b := r.putBlobText(t, id(1), text)
	if again := r.putBlobText(t, id(1), text); again != b {
		t.Error("one content under one key has two names")
	}
	if theirs := r.putBlobText(t, id(2), text); theirs == b {
		t.Error("two subjects share a name")
	}
	row := func(n int) Row { return Row{Table: 2, Subject: id(1), Key: id(n)} }
	_, err = r.commit(mutation(id(1), r.sealPut(key, row(1), "a", Any, b), r.sealPut(key, row(2), "b", Any, b)))
	noError(t, err)
	_, err = r.commit(mutation(id(2), r.sealPut(other, Row{Table: 2, Subject: id(2)}, "c", Any, b)))
	wantError(t, err, ErrNotFound) // of another subject
	if got, err := r.RowBlobs(row(1)); err != nil || len(got) != 1 || got[0] != b {
		t.Fatal(got, err)
	}
	// Two rows name it: it goes with the second.
	_, err = r.commit(mutation(id(1), Delete(row(1), Present)))
	noError(t, err)
	if got, err := r.readBlob(key, id(1), b); err != nil || got != text {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	_, err = r.readBlob(other, id(1), b)
	wantError(t, err, ErrCorrupt)
	// Rewritten with the same blob it stays, with another it goes.
	_, err = r.commit(mutation(id(1), r.sealPut(key, row(2), "b2", Present, b)))
	noError(t, err)
	if !hasFile(r, b) {
		t.Fatal("a blob that is still named was removed")
	}
	c := r.putBlobText(t, id(1), "other content")
	_, err = r.commit(mutation(id(1), r.sealPut(key, row(2), "b3", Present, c)))
	noError(t, err)
	if hasFile(r, b) {
		t.Fatal("a blob that nobody names is still there")
	}
	_, err = r.commit(mutation(id(1), r.sealPut(key, row(2), "b4", Present, b)))
	wantError(t, err, ErrStale)
	_, err = r.OpenBlob(key, id(1), b)
	wantError(t, err, ErrNotFound)
	noError(t, r.sound())
	_, err = r.commit(mutation(id(1), DropSubject(id(1), true)))
	noError(t, err)
	if hasFile(r, c) {
		t.Fatal("the blob of an erased subject is still there")
	}
	noError(t, r.sound())
}

// TestBlobsSwapped: a file under another's name opens, and is found out.
func TestBlobsSwapped(t *testing.T) {
	fs := vfs.NewMem()
	r := mustStart(t, testOptions(fs))
	defer func() { mustStop(t, r) }()
	key, err := r.enroll(id(1), "x")
	noError(t, err)
	a, b := r.putBlobText(t, id(1), "one"), r.putBlobText(t, id(1), "two")
	noError(t, fs.Rename(r.blobs.path(a), r.blobs.path(b)))
	_, err = r.readBlob(key, id(1), b)
	wantError(t, err, ErrCorrupt)
}

func TestBlobSweep(t *testing.T) {
	fs := vfs.NewMem()
	r := mustStart(t, testOptions(fs))
	key, err := r.enroll(id(1), "x")
	noError(t, err)
	lost, kept := r.putBlobText(t, id(1), "never named"), r.putBlobText(t, id(1), "named")
	_, err = r.commit(mutation(id(1), r.sealPut(key, Row{Table: 2, Subject: id(1)}, "v", Any, kept)))
	noError(t, err)
	// A put that fails leaves no blob; one that a crash cut leaves a file aside.
	_, _, err = r.PutBlob(context.Background(), key, id(1), io.MultiReader(strings.NewReader("begin"), failingReader{}))
	wantError(t, err, errReader)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err = r.PutBlob(ctx, key, id(1), strings.NewReader("x"))
	wantError(t, err, context.Canceled)
	noError(t, writeSmall(fs, fs.PathJoin(testDir, blobsDir, blobTmp, "cut"), []byte("half")))
	mustStop(t, r)

	r = mustStart(t, testOptions(fs))
	defer func() { mustStop(t, r) }()
	for deadline := time.Now().Add(5 * time.Second); hasFile(r, lost); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a blob that nobody named is still there")
		}
	}
	if !hasFile(r, kept) {
		t.Fatal("the sweep removed a named blob")
	}
	if names, err := fs.List(fs.PathJoin(testDir, blobsDir, blobTmp)); err != nil || len(names) != 0 {
		t.Fatalf("unfinished files %v, %v", names, err)
	}
}

var errReader = errors.New("reader failed")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errReader }

// TestDropUnusedBlobs: files of refused mutations go at once, those that a row
// names stay, also while files are held for a checkpoint.
func TestDropUnusedBlobs(t *testing.T) {
	ctx := context.Background()
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { _ = r.stop() }() // tells the failure once more
	key, err := r.enroll(id(1), "x")
	noError(t, err)
	named, unnamed := r.putBlobText(t, id(1), "named"), r.putBlobText(t, id(1), "unnamed")
	row := Row{Table: 2, Subject: id(1), Key: id(1)}
	_, err = r.commit(mutation(id(1), r.sealPut(key, row, "a", Any, named)))
	noError(t, err)
	var release func()
	noError(t, r.exec(ctx, func() error { release = r.holdBlobs(); return nil }))
	noError(t, r.DropUnusedBlobs(ctx, []BlobID{named, unnamed}))
	if !hasFile(r, unnamed) {
		t.Error("a file was removed while files are held")
	}
	noError(t, r.exec(ctx, func() error { release(); return nil }))
	if !hasFile(r, named) || hasFile(r, unnamed) {
		t.Errorf("files: named %v, unnamed %v, want the first only", hasFile(r, named), hasFile(r, unnamed))
	}
	// A mutation that still means to name the file puts it again.
	unnamed = r.putBlobText(t, id(1), "unnamed")
	noError(t, r.DropUnusedBlobs(ctx, []BlobID{unnamed}))
	_, err = r.commit(mutation(id(1), r.sealPut(key, row, "b", Any, unnamed)))
	wantError(t, err, ErrStale)
	// After a failed write rows may be there that nobody sees: nothing is removed.
	unnamed = r.putBlobText(t, id(1), "unnamed")
	r.health.fail(errors.New("disk is broken"))
	wantError(t, r.DropUnusedBlobs(ctx, []BlobID{unnamed}), ErrStopped)
	if _, err := r.opt.FS.Stat(r.blobs.path(unnamed)); err != nil {
		t.Errorf("file of a store that failed: %v, want it kept", err)
	}
}
