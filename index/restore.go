package index

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"immis/index/segfile"
)

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
