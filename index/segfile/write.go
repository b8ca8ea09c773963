package segfile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/simd"
)

// suffixNew is behind the name of a file that is not finished.
const suffixNew = ".new"

// bytesPerSync has a long file go to the disk bit by bit: a single sync of 100 MB would
// hold up the syncs of the ledger beside it.
const bytesPerSync = 4 << 20

// Write seals s into a file of a new key, wrapped by w. The file is written under
// another name, synced and renamed: after a crash at any moment path names what it named
// before, or the whole new file, and when Write returns nil the new file is durable.
// Dead rows are left out. The directory must exist. Two calls for one path exclude each
// other.
func Write(ctx context.Context, fs vfs.FS, path string, s *Source, w Wrapper) error {
	if err := write(ctx, fs, path, s, w); err != nil {
		return fmt.Errorf("write segment file %s: %w", path, err)
	}
	return nil
}

func write(ctx context.Context, fs vfs.FS, path string, s *Source, w Wrapper) error {
	if err := s.check(); err != nil {
		return err
	}
	key := make([]byte, keySize)
	defer clear(key)
	_, _ = rand.Read(key) // cannot fail
	page := keyPage{sequence: 1}
	_, _ = rand.Read(page.id[:])
	var err error
	if page.wrapped, err = wrap(w, key); err != nil {
		return err
	}
	sealer, err := newSealer(key, page.id)
	if err != nil {
		return err
	}
	tmp := path + suffixNew
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: bytesPerSync, NoSyncOnClose: true})
	out := writer{f: f, sealer: sealer, source: s}
	err = out.all(ctx, &page)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fs.Rename(tmp, path)
	}
	if err != nil {
		_ = fs.Remove(tmp) // what is left RemoveUnfinished removes
		return err
	}
	return syncDir(fs, fs.PathDir(path))
}

func (s *Source) check() error {
	if s.Dim < 1 || s.Dim > simd.MaxDim {
		return fmt.Errorf("dimension %d, want 1..%d", s.Dim, simd.MaxDim)
	}
	if err := s.Columns.check(); err != nil {
		return err
	}
	for _, p := range []Plane{Bits, Int8, Half} {
		got, want := len(s.plane(p)), PlaneBytes(p, s.Dim, s.Rows())
		if got < want && (p != Bits || s.Bits != nil) {
			return fmt.Errorf("plane %s of %d bytes, want at least %d for %d rows", p, got, want, s.Rows())
		}
	}
	return nil
}

func (s *Source) header() header {
	return header{
		bits: s.Bits != nil, dim: s.Dim, form: s.Form, rows: s.Rows(), store: s.Store, model: s.model(),
	}
}

// writer seals chunks and hands them to the file in pieces of a megabyte or more.
type writer struct {
	f      vfs.File
	sealer *sealer
	source *Source
	place  place
	buf    []byte
	length int64
}

func (w *writer) all(ctx context.Context, page *keyPage) error {
	h := w.source.header()
	l := h.layout()
	w.buf = make([]byte, 0, 2*bigChunk)
	w.buf = append(append(w.buf, page.encode()...), page.encode()...)
	columns := w.source.encode()
	defer clear(columns)
	flat := func(b []byte) func([]byte, int, int) {
		return func(dst []byte, offset, n int) { copy(dst, b[offset:offset+n]) }
	}
	fill := [sections]func(dst []byte, offset, n int){
		sectionHeader:  flat(h.encode()),
		sectionColumns: flat(columns),
		sectionBits:    w.source.blocks(Bits, simd.BitBlockBytes(h.dim)),
		sectionInt8:    w.source.blocks(Int8, simd.Int8BlockBytes(h.dim)),
		sectionHalf:    w.source.half,
		sectionTrailer: flat(l.trailer()),
	}
	for i := range l.extents {
		x := &l.extents[i]
		for number := range x.chunks {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := x.length(number)
			if err := w.room(n + tagSize); err != nil {
				return err
			}
			end := len(w.buf)
			plain := w.buf[end : end+n]
			fill[i](plain, number*x.chunk, n)
			w.buf = w.sealer.seal(&w.place, w.buf, plain, x, number)
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	if w.length != l.size {
		return fmt.Errorf("%d bytes written, want %d", w.length, l.size)
	}
	return nil
}

// room makes room for n bytes behind buf.
func (w *writer) room(n int) error {
	if len(w.buf) >= bigChunk || cap(w.buf)-len(w.buf) < n {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	n, err := w.f.Write(w.buf) // may change buf, which is not used again
	w.length += int64(n)
	w.buf = w.buf[:0]
	return err
}

// half copies rows of the plane half, the dead as zeros. offset and n are whole rows.
func (s *Source) half(dst []byte, offset, n int) {
	copy(dst, s.Half[offset:offset+n])
	row := 2 * s.Dim
	eachDead(s.Dead, offset/row, (offset+n)/row, func(r int) {
		clear(dst[r*row-offset:][:row])
	})
}

// blocks returns a function that copies blocks of a plane, the dead rows as zeros. In a
// block the bytes of a row are four in each 64. Of the last block only the rows that
// there are may be read: the next ones may be written just now.
func (s *Source) blocks(p Plane, block int) func(dst []byte, offset, n int) {
	rows := s.Rows()
	return func(dst []byte, offset, n int) {
		src := s.plane(p)[offset : offset+n]
		first, last := offset/block*simd.BlockRows, (offset+n)/block*simd.BlockRows
		whole := n
		if last > rows {
			whole -= block
			used := 4 * (rows % simd.BlockRows)
			clear(dst[whole:])
			for g := whole; g < n; g += 64 {
				copy(dst[g:g+used], src[g:g+used])
			}
		}
		copy(dst[:whole], src[:whole])
		eachDead(s.Dead, first, min(last, rows), func(r int) {
			r -= first
			for g := r / simd.BlockRows * block; g < (r/simd.BlockRows+1)*block; g += 64 {
				clear(dst[g+4*(r%simd.BlockRows):][:4])
			}
		})
	}
}

// eachDead calls fn with the rows from..to-1 whose bit is set.
func eachDead(m []uint64, from, to int, fn func(row int)) {
	if m == nil {
		return
	}
	for w := from / 64; w < maskWords(to); w++ {
		for word := m[w]; word != 0; word &= word - 1 {
			if r := 64*w + bits.TrailingZeros64(word); r >= from && r < to {
				fn(r)
			}
		}
	}
}
