package segfile

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// ReadPlane reads a plane into dst, which has PlaneBytes bytes, with so many goroutines
// (at least 1). Sealed bytes are read into a megabyte of each goroutine and opened from
// there straight into dst, which may be memory outside the Go heap. The context is
// looked at after each megabyte.
//
// After an error dst holds chunks of the plane and zeros and must not be used.
func (f *File) ReadPlane(ctx context.Context, p Plane, dst []byte, workers int) error {
	if !f.Has(p) {
		return fmt.Errorf("segment file %s: read plane %s: it has none", f.path, p)
	}
	if want := f.PlaneBytes(p); len(dst) != want {
		return fmt.Errorf("segment file %s: read plane %s into %d bytes, want %d", f.path, p, len(dst), want)
	}
	return f.read(ctx, p.section(), dst, workers)
}

// Verify reads the whole file and throws away what it reads: nil says that all of it
// is as it was written.
func (f *File) Verify(ctx context.Context, workers int) error {
	if _, err := f.ReadColumns(ctx); err != nil {
		return err
	}
	for _, s := range []section{sectionBits, sectionInt8, sectionHalf} {
		if err := f.read(ctx, s, nil, workers); err != nil {
			return err
		}
	}
	return nil
}

// read opens the chunks of a section into dst, or into nothing if dst is nil.
func (f *File) read(ctx context.Context, s section, dst []byte, workers int) error {
	if f.closed.Load() {
		return at(f.path, ErrClosed)
	}
	x := &f.layout.extents[s]
	// One call of the system reads as many chunks as go into a megabyte.
	group := max(1, bigChunk/x.chunk)
	groups := (x.chunks + group - 1) / group
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		r := reader{file: f, x: x, dst: dst}
		for failed.Load() == nil {
			g := int(next.Add(1) - 1)
			if g >= groups {
				return
			}
			err := ctx.Err()
			if err == nil {
				err = r.group(g*group, min(group, x.chunks-g*group))
			}
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(workers, groups) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if err := failed.Load(); err != nil {
		return at(f.path, *err)
	}
	return nil
}

// reader is what one goroutine needs to open chunks.
type reader struct {
	file   *File
	x      *extent
	dst    []byte
	sealed []byte
	plain  []byte // for chunks that nobody wants
	place  place
}

// group opens n consecutive chunks.
func (r *reader) group(first, n int) error {
	last := first + n - 1
	size := int(r.x.at(last)-r.x.at(first)) + r.x.length(last) + tagSize
	if r.sealed == nil {
		r.sealed = make([]byte, size) // no group is longer than the first
	}
	sealed := r.sealed[:size]
	if err := readFull(r.file.f, sealed, r.x.at(first)); err != nil {
		return err
	}
	for number := first; number <= last; number++ {
		length := r.x.length(number)
		if err := r.file.sealer.open(&r.place, r.to(number, length), sealed[:length+tagSize], r.x, number); err != nil {
			return err
		}
		sealed = sealed[length+tagSize:]
	}
	return nil
}

// to is where a chunk goes.
func (r *reader) to(number, length int) []byte {
	if r.dst != nil {
		return r.dst[number*r.x.chunk:][:length]
	}
	if r.plain == nil {
		r.plain = make([]byte, r.x.length(0)) // no chunk is longer than the first
	}
	return r.plain[:length]
}
