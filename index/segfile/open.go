package segfile

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// File is an open segment file. Its methods may be called from any goroutine at any
// time before Close.
type File struct {
	f      vfs.File
	path   string
	sealer *sealer
	header header
	layout layout
	model  string

	cache  *Cache
	number uint64 // of the file in the cache
	closed atomic.Bool
}

// Open opens a file that was written for want, with the wrapper of its key. It reads
// the header and the trailer: that the file is the right one and was written to its end
// is known then, that all of it is whole when it has been read. cache holds chunks for
// ReadRow; nil: none are held.
//
// Errors: fs.ErrNotExist, those of this package, which say that the file is of no use,
// and those of the file system.
func Open(fs vfs.FS, path string, want Binding, w Wrapper, cache *Cache) (*File, error) {
	raw, err := fs.Open(path, vfs.RandomReadsOption)
	if err != nil {
		return nil, at(path, err)
	}
	f := &File{f: raw, path: path, model: want.Model, cache: cache}
	if err := f.open(&want, w); err != nil {
		return nil, at(path, errors.Join(err, raw.Close()))
	}
	if cache != nil {
		f.number = cache.enter()
	}
	return f, nil
}

func (f *File) open(want *Binding, w Wrapper) error {
	u, err := unlock(f.f, w)
	if err != nil {
		return err
	}
	clear(u.key)
	f.sealer, f.header = u.sealer, u.header
	if err := f.header.isFor(want); err != nil {
		return err
	}
	f.layout = f.header.layout()
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	// From here on the file is as large as the header says: what is allocated to read it
	// is not more than there is.
	if info.Size() != f.layout.size {
		return bad(ErrCorrupt, "size of the file", info.Size(), f.layout.size)
	}
	trailer := make([]byte, trailerSize)
	if err := f.readChunk(&f.layout.extents[sectionTrailer], 0, trailer, make([]byte, trailerSize+tagSize)); err != nil {
		return err
	}
	if string(trailer) != string(f.layout.trailer()) {
		return bad(ErrCorrupt, "trailer", fmt.Sprintf("%x", trailer), fmt.Sprintf("%x", f.layout.trailer()))
	}
	return nil
}

// readChunk opens one chunk into dst; scratch has room for the sealed form.
func (f *File) readChunk(x *extent, number int, dst, scratch []byte) error {
	scratch = scratch[:len(dst)+tagSize]
	if err := readFull(f.f, scratch, x.at(number)); err != nil {
		return err
	}
	var p place
	return f.sealer.open(&p, dst, scratch, x, number)
}

// Close closes the file and takes its chunks out of the cache. No other call may be
// under way or follow; a second Close does nothing.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	if f.cache != nil {
		f.cache.leave(f.number)
	}
	return at(f.path, f.f.Close())
}

// Path is the name under which the file was opened.
func (f *File) Path() string { return f.path }

// Rows is the number of rows, the dead included.
func (f *File) Rows() int { return f.header.rows }

// Binding is what the rows are good for.
func (f *File) Binding() Binding {
	return Binding{Store: f.header.store, Model: f.model, Dim: f.header.dim, Form: f.header.form}
}

// Size is the number of bytes of the file.
func (f *File) Size() int64 { return f.layout.size }

// Has tells whether the file has a plane; Int8 and Half are in every file.
func (f *File) Has(p Plane) bool { return p == Int8 || p == Half || p == Bits && f.header.bits }

// PlaneBytes is the size of a plane, 0 where there is none.
func (f *File) PlaneBytes(p Plane) int {
	if !f.Has(p) {
		return 0
	}
	return PlaneBytes(p, f.header.dim, f.header.rows)
}

// ReadColumns reads the columns. They are the caller's: the file does not keep them.
func (f *File) ReadColumns(ctx context.Context) (*Columns, error) {
	b := make([]byte, f.layout.extents[sectionColumns].plain)
	defer clear(b)
	if err := f.read(ctx, sectionColumns, b, 1); err != nil {
		return nil, err
	}
	c, err := decodeColumns(b, f.header.rows)
	return c, at(f.path, err)
}
