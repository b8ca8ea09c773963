package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"immis/index/segfile"
	"immis/internal/simd"
)

// Files says where an index keeps copies of its segments. A copy saves the work of
// making rows again at a start; who is found it does not decide: a row that comes from
// a file is searched only when the caller has claimed it. docs/INDEX.md draws it.
type Files struct {
	FS segfile.FS
	// Dir is a directory of this index alone, which exists.
	Dir string
	// Store and Model bind the files: those of others are not read.
	Store [16]byte
	Model string
	// Keys seals the keys of the files.
	Keys segfile.Wrapper
	// Cache, unless nil, has the rows themselves read from the files of full segments,
	// which then hold only codes and bits in memory. Indexes may share one.
	Cache *segfile.Cache
	// Vector makes the vector of a key again, where its row in a file is damaged. nil:
	// searches that need such a row fail.
	Vector func(key uint64) ([]float32, error)
}

// formVersion is raised with every change of how vectors become rows, codes and bits, so
// that files of another form are not read.
const formVersion = 1

const suffix = ".seg"

// files is what an index knows of its files. saving is held by who writes them.
type files struct {
	saving  sync.Mutex
	next    uint64           // under saving: number of the next file
	offered map[uint64]place // under Index.mu: rows of files that nobody has claimed, by key
	gone    []string         // under Index.mu: files of segments that left the index
}

// saved is the file of a segment.
type saved struct {
	path  string
	rows  int // written
	alive int // of them, when written
	// open, unless nil, is where the rows are read: they are not in memory.
	open *segfile.File
}

func (x *Index) binding() segfile.Binding {
	f := x.opts.Files
	return segfile.Binding{Store: f.Store, Model: f.Model, Dim: x.dim, Form: formVersion}
}

// row returns row r itself: from memory, or read into buf.
func (x *Index) row(s *segment, r int, buf []simd.F16) ([]simd.F16, error) {
	if s.half != nil {
		return s.row16(r), nil
	}
	err := s.file.open.ReadRow(r, buf)
	if err == nil {
		return buf, nil
	}
	if x.opts.Files.Vector == nil {
		return nil, &RowError{Key: s.keys[r], Err: err}
	}
	v, other := x.opts.Files.Vector(s.keys[r])
	if other == nil {
		other = checkVector("vector", v, x.dim)
	}
	if other != nil {
		return nil, &RowError{Key: s.keys[r], Err: errors.Join(err, other)}
	}
	scratch := make([]float32, x.dim)
	x.form.rotation.Apply(scratch, v)
	simd.ToF16(buf, scratch)
	return buf, nil
}

// onDisk tells whether rows may be in files only.
func (x *Index) onDisk() bool { return x.opts.Files != nil && x.opts.Files.Cache != nil }

// Restored says what Restore found.
type Restored struct {
	Files, Rows int
	// Dropped are the files that could not be used, which are removed where they never
	// will be.
	Dropped []error
}

// Restore reads the files of an index that has no rows yet. Their rows are found by no
// search before they are claimed. Damaged files and those of others are left out and
// said; errors are those of the context and of memory.
func (x *Index) Restore(ctx context.Context) (Restored, error) {
	x.files.saving.Lock()
	defer x.files.saving.Unlock()
	f := x.opts.Files
	var out Restored
	if err := segfile.RemoveUnfinished(f.FS, f.Dir); err != nil {
		return out, fmt.Errorf("restore rows: %w", err)
	}
	names, err := f.FS.List(f.Dir)
	if err != nil {
		return out, fmt.Errorf("restore rows: %w", err)
	}
	slices.Sort(names)
	var segments []*segment
	for _, name := range names {
		stem, ok := strings.CutSuffix(name, suffix)
		var number uint64
		if _, err := fmt.Sscanf(stem, "%016x", &number); !ok || err != nil {
			continue
		}
		x.files.next = max(x.files.next, number+1)
		path := f.FS.PathJoin(f.Dir, name)
		s, err := x.restore(ctx, path)
		if err == nil {
			segments = append(segments, s)
			out.Files++
			out.Rows += s.count
			continue
		}
		if useless(err) {
			err = errors.Join(err, segfile.Remove(f.FS, path))
		} else if !fileError(err) {
			for _, s := range segments {
				s.free()
			}
			return out, fmt.Errorf("restore rows: %w", err)
		}
		out.Dropped = append(out.Dropped, err)
	}
	// Rows are added to the segments at the end that have room.
	slices.SortStableFunc(segments, func(a, b *segment) int { return (b.count - b.capacity) - (a.count - a.capacity) })
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || len(x.segments) > 0 {
		for _, s := range segments {
			s.free()
		}
		return out, errors.New("restore rows: the index is closed or has rows already")
	}
	x.files.offered = make(map[uint64]place, out.Rows)
	for _, s := range segments {
		x.places.enter(s)
		for row := range s.count {
			if _, twice := x.files.offered[s.keys[row]]; !twice && s.origins[row] != 0 {
				x.files.offered[s.keys[row]] = placeOf(s, row)
			}
		}
	}
	x.segments = segments
	x.publish()
	return out, nil
}

// useless tells whether a file will never be of use.
func useless(err error) bool {
	return errors.Is(err, segfile.ErrCorrupt) || errors.Is(err, segfile.ErrOther) || errors.Is(err, segfile.ErrVersion) || errors.Is(err, segfile.ErrKey)
}

// diskError marks an error of a file that may pass.
type diskError struct{ error }

func (e diskError) Unwrap() error { return e.error }

func fileError(err error) bool {
	var d diskError
	return useless(err) || errors.As(err, &d)
}

// restore makes a segment of a file; all its rows are dead.
func (x *Index) restore(ctx context.Context, path string) (_ *segment, err error) {
	f := x.opts.Files
	file, err := segfile.Open(f.FS, path, x.binding(), f.Keys, f.Cache)
	if err != nil {
		return nil, diskError{err}
	}
	columns, err := file.ReadColumns(ctx)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	rows := file.Rows()
	capacity := rows
	if rows%64 != 0 { // it was still being filled
		capacity = max(firstRows, 1<<bits.Len(uint(rows-1)))
	}
	if capacity > 1<<rowBits {
		return nil, errors.Join(fmt.Errorf("%w: segment of %d rows, want at most %d", segfile.ErrOther, rows, 1<<rowBits), file.Close())
	}
	onDisk := f.Cache != nil && capacity == rows
	s, err := newSegment(x.form, capacity, x.opts.Budget, true, onDisk)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	defer func() {
		if err != nil {
			s.free()
			err = errors.Join(err, file.Close())
		}
	}()
	planes := []struct {
		plane segfile.Plane
		into  []byte
	}{{segfile.Int8, s.codes.Bytes()}}
	if s.bits != nil {
		planes = append(planes, struct {
			plane segfile.Plane
			into  []byte
		}{segfile.Bits, s.bits.Bytes()})
	}
	if s.half != nil {
		planes = append(planes, struct {
			plane segfile.Plane
			into  []byte
		}{segfile.Half, s.half.Bytes()})
	}
	for _, p := range planes {
		if !file.Has(p.plane) {
			return nil, fmt.Errorf("%w: no plane of %s", segfile.ErrOther, p.plane)
		}
		if err := file.ReadPlane(ctx, p.plane, p.into[:file.PlaneBytes(p.plane)], x.opts.Workers); err != nil {
			if ctx.Err() == nil && !useless(err) {
				err = diskError{err}
			}
			return nil, err
		}
	}
	copy(s.keys, columns.Keys)
	copy(s.origins, columns.Origins)
	s.count = rows
	for row := range rows {
		s.dead.set(row)
		if columns.Wide != nil && columns.Wide[row/64]>>(row%64)&1 != 0 {
			s.wide.set(row)
		}
	}
	dead := 0
	for _, w := range columns.Dead {
		dead += bits.OnesCount64(w)
	}
	s.file = &saved{path: path, rows: rows, alive: rows - dead}
	if onDisk {
		s.file.open = file
		return s, nil
	}
	return s, file.Close()
}

// Claim makes rows of the files searchable: those whose key a file has with the same
// Origin, which is not 0. Vectors are not looked at. It returns the places in rows of
// those that no file gave, which are to be appended.
func (x *Index) Claim(rows ...Row) (missing []int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	claimed := false
	for i := range rows {
		r := &rows[i]
		at, ok := x.files.offered[r.Key]
		if ok {
			s := x.places.segment(at)
			if ok = s.origins[at.row()] == r.Origin && r.Origin != 0 && !x.places.has(r.Key); ok {
				s.revive(at.row(), r)
				x.places.put(s, at.row(), []uint64{r.Key})
				delete(x.files.offered, r.Key)
				claimed = true
			}
		}
		if !ok {
			missing = append(missing, i)
		}
	}
	if claimed {
		x.publish()
	}
	return missing
}

// Settle ends the claims: what nobody claimed is dead for good.
func (x *Index) Settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files.offered = nil
	x.tidy()
}

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
		if s.file == nil || s.file.rows < s.count || float64(s.file.alive-s.alive) > rewriteAt*float64(s.file.rows) {
			return s
		}
	}
	return nil
}

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
	src.People, src.Attributes = make([]uint64, w.count), make([]segfile.Attributes, w.count)
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
		file, same := s.file, s.file.alive == s.alive
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
