package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/store/seal"
)

// BlobID names a sealed blob file: a keyed hash of the key it is sealed with and
// of its content.
type BlobID ID

// String is the identifier in 32 hexadecimal digits, which is the file's name.
func (b BlobID) String() string { return hex.EncodeToString(b[:]) }

// blobStore keeps sealed streams as files blobs/<first byte>/<id>. A file is
// written whole under blobs/tmp, synced and renamed before any row names it, so
// a name in the ledger always has its file. A file without a row is removed.
type blobStore struct {
	fs  vfs.FS
	dir string

	mu     sync.Mutex
	recent map[BlobID]bool // put since Open; nil once the sweep is over
	held   []BlobID        // removals that wait for a checkpoint
	holds  int
}

const blobTmp = "tmp"

func (b *blobStore) path(id BlobID) string {
	return b.fs.PathJoin(b.dir, hex.EncodeToString(id[:1]), id.String())
}

// blobContext is what the content of a blob is bound to; its identifier binds the rest.
func (s *Store) blobContext(subject ID) seal.Context {
	return seal.Context{Store: s.id, Subject: subject, Table: TableBlob, Version: blobVersion}
}

// PutBlob seals r to its end into a blob file of subject (zero: the store) under
// key, in constant memory, and returns its name and the plain size in bytes. The
// file is durable then; a mutation has to name it in a row, or it is removed by
// DropUnusedBlobs or after the next start. The same content under the same key has
// the same name.
func (s *Store) PutBlob(ctx context.Context, key *seal.Key, subject ID, r io.Reader) (BlobID, int64, error) {
	if err := s.writable(); err != nil {
		return BlobID{}, 0, err
	}
	if err := s.disk.allow(growing); err != nil {
		return BlobID{}, 0, err
	}
	s.newKeys.used(key.Ref())
	id, n, err := s.putBlob(ctx, key, subject, r)
	if err != nil {
		return BlobID{}, 0, fmt.Errorf("put blob: %w", full(err))
	}
	return id, n, nil
}

func (s *Store) putBlob(ctx context.Context, key *seal.Key, subject ID, r io.Reader) (BlobID, int64, error) {
	b := s.blobs
	var name [16]byte
	_, _ = rand.Read(name[:]) // cannot fail
	tmp := b.fs.PathJoin(b.dir, blobTmp, hex.EncodeToString(name[:]))
	f, err := b.fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return BlobID{}, 0, err
	}
	content := sha256.New()
	n, err := key.SealStream(s.blobContext(subject), &copyingWriter{f: f}, io.TeeReader(&ctxReader{ctx, r}, content))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = b.fs.Remove(tmp) // what is left is removed at the next start
		return BlobID{}, 0, err
	}
	id := s.macs.blobID(key.Ref(), [32]byte(content.Sum(nil)))
	b.mu.Lock()
	if b.recent != nil {
		b.recent[id] = true
	}
	b.mu.Unlock()
	dir := b.fs.PathDir(b.path(id))
	if err := b.fs.MkdirAll(dir, 0o700); err != nil {
		return BlobID{}, 0, err
	}
	// The directory's own name first, then the file's.
	if err := syncDir(b.fs, b.dir); err != nil {
		return BlobID{}, 0, err
	}
	if err := b.fs.Rename(tmp, b.path(id)); err != nil {
		return BlobID{}, 0, err
	}
	if err := syncDir(b.fs, dir); err != nil {
		return BlobID{}, 0, err
	}
	return id, n, nil
}

// copyingWriter hands each file a copy: a vfs.File may, against the contract of
// io.Writer, change what it is given, and a stream's header is used again.
type copyingWriter struct {
	f   vfs.File
	buf []byte
}

func (w *copyingWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf[:0], p...)
	return w.f.Write(w.buf)
}

// ctxReader ends a long copy when its context ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// OpenBlob opens a blob for reading; the caller closes it. Whether the content
// is whole and the named one is known at its end: instead of io.EOF the reader
// then returns ErrCorrupt. Errors: ErrNotFound, ErrErased by way of the key.
func (s *Store) OpenBlob(key *seal.Key, subject ID, id BlobID) (io.ReadCloser, error) {
	f, err := s.blobs.fs.Open(s.blobs.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	return &blobReader{f: f, r: key.OpenStream(s.blobContext(subject), f), sum: sha256.New(), id: id, key: key, macs: &s.macs}, nil
}

type blobReader struct {
	f    vfs.File
	r    io.Reader
	sum  hash.Hash
	id   BlobID
	key  *seal.Key
	macs *macs
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.sum.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := b.macs.blobID(b.key.Ref(), [32]byte(b.sum.Sum(nil))); got != b.id {
			return n, fmt.Errorf("blob %s has the content of %s: %w", b.id, got, ErrCorrupt)
		}
	}
	return n, err
}

func (b *blobReader) Close() error { return b.f.Close() }

// blobsThere checks that the files a mutation names exist. Files are removed by
// the committer only, so what it sees here is still there when it commits.
func (s *Store) blobsThere(m *Mutation) error {
	for i := range m.Ops {
		for _, id := range m.Ops[i].Blobs {
			if _, err := s.blobs.fs.Stat(s.blobs.path(id)); err != nil {
				if errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("blob %s has no file, put it again: %w", id, ErrStale)
				}
				return fmt.Errorf("blob %s: %w", id, err)
			}
		}
	}
	return nil
}

// removeBlobs removes files that no row names, or later while a checkpoint
// links files. Only for the committer's goroutine, so that no mutation names a
// file between the look and the removal.
func (s *Store) removeBlobs(ids []BlobID) {
	if len(ids) == 0 {
		return
	}
	b := s.blobs
	b.mu.Lock()
	if b.holds > 0 {
		b.held = append(b.held, ids...)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	for _, id := range ids {
		if _, used, err := (dbReader{s.db}).get(idKey(prefixBlob, ID(id))); err != nil || used {
			continue
		}
		if err := b.fs.Remove(b.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("blob file is not removed, the next start will", "blob", id.String(), "cause", err)
		}
	}
}

// DropUnusedBlobs removes the files among ids that no row names: those of a mutation
// that was refused. A mutation that waits and names one of them gets ErrStale and has
// to put it again. It needs Run.
func (s *Store) DropUnusedBlobs(ctx context.Context, ids []BlobID) error {
	if len(ids) == 0 {
		return nil
	}
	err := s.exec(ctx, func() error {
		// After a failed write nobody knows before the next start what rows there are.
		if err := s.health.err(); err != nil {
			return err
		}
		s.removeBlobs(ids)
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop unused blobs: %w", err)
	}
	return nil
}

// holdBlobs keeps removed files until the returned function is called, which
// must be on the committer's goroutine.
func (s *Store) holdBlobs() (release func()) {
	b := s.blobs
	b.mu.Lock()
	b.holds++
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		b.holds--
		var due []BlobID
		if b.holds == 0 {
			due, b.held = b.held, nil
		}
		b.mu.Unlock()
		s.removeBlobs(due)
	}
}

// sweepBlobs removes files that were put and never named, or whose removal a
// crash cut off. Files put since Open are left alone.
func (s *Store) sweepBlobs(ctx context.Context) {
	b := s.blobs
	defer func() {
		b.mu.Lock()
		b.recent = nil
		b.mu.Unlock()
	}()
	dirs, err := b.fs.List(b.dir)
	if err != nil {
		s.log.Warn("sweep of blobs", "cause", err)
		return
	}
	for _, dir := range dirs {
		if dir == blobTmp {
			continue
		}
		names, err := b.fs.List(b.fs.PathJoin(b.dir, dir))
		if err != nil {
			s.log.Warn("sweep of blobs", "cause", err)
			continue
		}
		for len(names) > 0 {
			part := names[:min(len(names), 64)]
			names = names[len(part):]
			if s.exec(ctx, func() error { s.sweepNames(part); return nil }) != nil {
				return
			}
		}
	}
}

func (s *Store) sweepNames(names []string) {
	b := s.blobs
	for _, name := range names {
		raw, err := hex.DecodeString(name)
		if err != nil || len(raw) != len(BlobID{}) {
			s.log.Warn("foreign file among the blobs is left alone", "name", name)
			continue
		}
		id := BlobID(raw)
		b.mu.Lock()
		recent := b.recent[id]
		b.mu.Unlock()
		if !recent {
			s.removeBlobs([]BlobID{id})
		}
	}
}

// prepareBlobs makes the directories and removes what unfinished puts left.
func prepareBlobs(fsys vfs.FS, dir string) (*blobStore, error) {
	b := &blobStore{fs: fsys, dir: dir, recent: map[BlobID]bool{}}
	tmp := fsys.PathJoin(dir, blobTmp)
	if err := fsys.MkdirAll(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", tmp, err)
	}
	names, err := fsys.List(tmp)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", tmp, err)
	}
	for _, name := range names {
		if err := fsys.Remove(fsys.PathJoin(tmp, name)); err != nil {
			return nil, fmt.Errorf("remove unfinished blob: %w", err)
		}
	}
	return b, nil
}
