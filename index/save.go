package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"immis/index/segfile"
	"immis/internal/simd"
)

// rewriteAt is the share of rows that died since a file was written from which it is
// written again.
const rewriteAt = 0.1

// Save writes the segments that are full and have no file, or one that is mostly out of
// date; with all also the segment being filled. It returns the number of files written.
// Searches and changes go on meanwhile. On an error what was written stays; a second
// call goes on.
func (x *Index) Save(ctx context.Context, all bool) (int, error) {
	x.files.saving.Lock()
	defer x.files.saving.Unlock()
	n := 0
	for {
		x.removeGone()
		s := x.unsaved(all)
		if s == nil {
			return n, nil
		}
		if err := x.save(ctx, s, x.opts.Files.Keys); err != nil {
			return n, fmt.Errorf("save rows: %w", err)
		}
		n++
	}
}

// unsaved returns a segment that is to be written, or nil.
func (x *Index) unsaved(all bool) *segment {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || x.files.offered != nil {
		return nil
	}
	for _, s := range x.segments {
		if s.count == 0 || s.count < s.capacity && !all {
			continue
		}
		if s.file == nil || s.file.rows < s.count || s.file.damaged.Load() || float64(s.died()) > rewriteAt*float64(s.file.rows) {
			return s
		}
	}
	return nil
}

// died is how many rows have died since the file was written: of those in it, and of
// those that came later. The number alive would not tell, since rows also come.
func (s *segment) died() int { return s.count - s.alive - (s.file.rows - s.file.alive) }

// save writes the file of a segment.
func (x *Index) save(ctx context.Context, s *segment, keys segfile.Wrapper) error {
	v := x.acquire()
	defer x.release(v)
	at := slices.IndexFunc(v.views, func(v view) bool { return v.segment == s })
	if at < 0 {
		return nil // it has left the index meanwhile
	}
	w := &v.views[at]
	src := segfile.Source{Binding: x.binding()}
	src.Keys, src.Origins = w.keys[:w.count], w.origins[:w.count]
	src.Dead, src.Wide = w.dead.words(w.count), w.wide.words(w.count)
	src.Int8 = w.codes.Bytes()
	if w.bits != nil {
		src.Bits = w.bits.Bytes()
	}
	if w.half != nil {
		src.Half = w.half.Bytes()
	} else {
		var err error
		if src.Half, err = x.readHalf(ctx, w); err != nil {
			return err
		}
		defer clear(src.Half)
	}
	f := x.opts.Files
	if f.Room != nil {
		if err := f.Room(int64(len(src.Int8) + len(src.Bits) + len(src.Half) + 64*w.count)); err != nil {
			return err
		}
	}
	path := f.FS.PathJoin(f.Dir, fmt.Sprintf("%016x%s", x.files.next, suffix))
	x.files.next++
	if err := segfile.Write(ctx, f.FS, path, &src, keys); err != nil {
		return err
	}
	next := &saved{path: path, rows: w.count, alive: w.alive}
	if f.Cache != nil && w.count == w.capacity {
		open, err := segfile.Open(f.FS, path, x.binding(), keys, f.Cache)
		if err != nil {
			return errors.Join(err, segfile.Remove(f.FS, path))
		}
		next.open = open
	}
	return x.attach(s, next)
}

// attach gives a segment its new file. Where rows are read from the file from now on,
// another segment with the same codes and bits takes its place, since readers of older
// versions go on with what they have.
func (x *Index) attach(s *segment, next *saved) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := slices.Index(x.segments, s)
	if at < 0 { // compacted meanwhile
		x.files.gone = append(x.files.gone, next.path)
		if next.open != nil {
			return next.open.Close()
		}
		return nil
	}
	if s.file != nil {
		x.files.gone = append(x.files.gone, s.file.path)
	}
	if next.open == nil {
		s.file = next
		return nil
	}
	other := *s
	other.file, other.half = next, nil
	if s.half != nil {
		other.bytes -= int64(s.half.Mapped())
	}
	other.shared, other.private = true, false
	s.moved = true
	x.segments = slices.Clone(x.segments)
	x.segments[at] = &other
	x.places.change(&other)
	x.publish(s)
	return nil
}

// readHalf reads the rows of a segment that has them in a file.
func (x *Index) readHalf(ctx context.Context, w *view) ([]byte, error) {
	half := make([]byte, segfile.PlaneBytes(segfile.Half, x.dim, w.count))
	err := w.file.open.ReadPlane(ctx, segfile.Half, half, x.opts.Workers)
	if err == nil || ctx.Err() != nil {
		return half, err
	}
	buf := make([]simd.F16, x.dim)
	for r := range w.count {
		if w.dead.has(r) {
			continue
		}
		row, err := x.row(w.segment, r, buf)
		if err != nil {
			return nil, err
		}
		for i, v := range row {
			binary.LittleEndian.PutUint16(half[2*(r*x.dim+i):], uint16(v))
		}
	}
	return half, nil
}

// Discard is Close for an index that is not wanted again: its files are removed.
func (x *Index) Discard() error {
	x.Close()
	f := x.opts.Files
	if f == nil {
		return nil
	}
	x.files.saving.Lock() // a Save that was under way has ended
	defer x.files.saving.Unlock()
	names, err := f.FS.List(f.Dir)
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			err = errors.Join(err, segfile.Remove(f.FS, f.FS.PathJoin(f.Dir, name)))
		}
	}
	if err := errors.Join(err, segfile.RemoveUnfinished(f.FS, f.Dir)); err != nil {
		return fmt.Errorf("remove files of rows: %w", err)
	}
	return nil
}

func (x *Index) removeGone() {
	x.mu.Lock()
	gone := x.files.gone
	x.files.gone = nil
	x.mu.Unlock()
	for _, path := range gone {
		// One that stays is removed, or claimed by nobody, at the next start.
		_ = segfile.Remove(x.opts.Files.FS, path)
	}
}

// Rekey has all files sealed under other keys, so that the old ones can be destroyed:
// files with rows that have been withdrawn since are written anew without them, the
// others get their key sealed again. On an error old keys are still needed, and a second
// call goes on.
func (x *Index) Rekey(ctx context.Context, keys segfile.Wrapper) error {
	x.files.saving.Lock()
	defer x.files.saving.Unlock()
	f := x.opts.Files
	old := f.Keys
	var failed error
	for _, s := range x.withFiles() {
		x.mu.Lock()
		file, same := s.file, s.died() == 0
		x.mu.Unlock()
		if same {
			err := segfile.Rewrap(f.FS, file.path, old, keys)
			if err == nil || segfile.Rewrap(f.FS, file.path, keys, keys) == nil { // done before
				continue
			}
		}
		if err := x.save(ctx, s, keys); err != nil {
			if ctx.Err() != nil || file.open != nil {
				failed = errors.Join(failed, err)
				continue
			}
			// It only saves work, and must not hold up an erasure.
			x.mu.Lock()
			s.file = nil
			x.files.gone = append(x.files.gone, file.path)
			x.mu.Unlock()
		}
	}
	x.removeGone()
	if failed != nil {
		return fmt.Errorf("seal files of rows under another key: %w", failed)
	}
	f.Keys = keys
	return nil
}

func (x *Index) withFiles() []*segment {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []*segment
	for _, s := range x.segments {
		if s.file != nil {
			out = append(out, s)
		}
	}
	return out
}
