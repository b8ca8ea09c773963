// Package index searches many vectors of one model for those nearest to a
// probe. It knows rows, keys and vectors, not people: what a key stands for, who
// may see it and what a score means belongs to the rooms above. This first form
// scans float32 rows with one portable kernel, loses nothing, and stays as the
// slow obvious twin of anything faster.
package index

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"immis/internal/mutant"
	"immis/internal/simd"
	"immis/internal/topk"
)

// A segment has room for as many rows as the index holds when it is made, so that
// a model of few people takes little memory and no row ever moves: at least
// firstRows and at most maxRows, and at most maxSegmentBytes of vectors, which is
// what one append may have to allocate.
const (
	firstRows       = 64
	maxRows         = 8192
	maxSegmentBytes = 16 << 20
)

// chunkRows is how many rows are scanned between two looks at the context:
// about 0.3 ms at 512 dimensions, far inside the 20 ms a caller may wait for the
// end of a search it has given up.
const chunkRows = 2048

// compactBelow is the share of live rows under which a segment is rewritten.
const compactBelow = 0.7

// Hit is a row that a search found, before any comparison by a matcher.
type Hit = topk.Item

// segment is a run of rows. Rows are written once, then published by count; a
// slot is never reused, so a reader never sees half of one row and half of
// another.
type segment struct {
	keys  []uint64
	rows  []float32 // len(keys) x dim
	count atomic.Int64
	live  []atomic.Uint64 // one bit a row
	alive int             // writer's count of live rows
}

func newSegment(capacity, dim int) *segment {
	return &segment{
		keys: make([]uint64, capacity),
		rows: make([]float32, capacity*dim),
		live: make([]atomic.Uint64, (capacity+63)/64),
	}
}

// Flat holds the vectors of one model. Searches run beside each other and beside
// one writer and never wait for it; writers exclude each other.
type Flat struct {
	dim      int
	segments atomic.Pointer[[]*segment]
	rows     atomic.Int64 // live rows
	bytes    atomic.Int64

	mu    sync.Mutex
	where map[uint64]place // key -> row
}

type place struct {
	segment *segment
	row     int
}

// NewFlat returns an empty index of vectors with dim dimensions, 1 or more.
func NewFlat(dim int) *Flat {
	f := &Flat{dim: dim, where: map[uint64]place{}}
	f.segments.Store(&[]*segment{})
	return f
}

// Dim is the number of dimensions of a row.
func (f *Flat) Dim() int { return f.dim }

// Rows is the number of live rows.
func (f *Flat) Rows() int { return int(f.rows.Load()) }

// Bytes is the memory held by rows, keys and masks.
func (f *Flat) Bytes() int64 { return f.bytes.Load() }

func (f *Flat) check(v []float32) error {
	if len(v) != f.dim {
		return fmt.Errorf("vector with %d dimensions, want %d", len(v), f.dim)
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("vector element %d is %v, want a finite number", i, x)
		}
	}
	return nil
}

// Append adds a row of unit length under a key of its own. Searches that start
// after it returns see the row. It fails on a wrong dimension, a value that is
// not finite, or a key already in use.
func (f *Flat) Append(key uint64, v []float32) error {
	if err := f.check(v); err != nil {
		return fmt.Errorf("append row: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.where[key]; ok {
		return fmt.Errorf("append row: key %d is in use, want a new one", key)
	}
	list := *f.segments.Load()
	if len(list) == 0 || int(list[len(list)-1].count.Load()) == len(list[len(list)-1].keys) {
		list = append(slices.Clone(list), newSegment(f.room(), f.dim))
		f.publish(list)
	}
	s := list[len(list)-1]
	row := int(s.count.Load())
	copy(s.rows[row*f.dim:], v)
	s.keys[row] = key
	s.live[row/64].Or(1 << (row % 64))
	s.alive++
	s.count.Store(int64(row + 1)) // publishes the row
	f.where[key] = place{s, row}
	f.rows.Add(1)
	return nil
}

// room is how many rows the next segment holds.
func (f *Flat) room() int {
	most := max(1, min(maxRows, maxSegmentBytes/4/f.dim))
	return min(max(firstRows, int(f.rows.Load())), most)
}

// Delete withdraws a row; searches that start after it returns do not see it.
// It reports whether the key was there.
func (f *Flat) Delete(key uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.where[key]
	if !ok {
		return false
	}
	delete(f.where, key)
	f.rows.Add(-1)
	if mutant.On(mutant.DropMask) {
		return true
	}
	p.segment.live[p.row/64].And(^uint64(1 << (p.row % 64)))
	p.segment.alive--
	if n := int(p.segment.count.Load()); n == len(p.segment.keys) && float64(p.segment.alive) < compactBelow*float64(n) {
		f.compact(p.segment)
	}
	return true
}

// compact copies the live rows of a full segment into a new one and publishes
// that in its place. Readers of the old one finish on it undisturbed.
func (f *Flat) compact(old *segment) {
	list := slices.Clone(*f.segments.Load())
	at := slices.Index(list, old)
	if old.alive == 0 {
		f.publish(slices.Delete(list, at, at+1))
		return
	}
	s := newSegment(old.alive, f.dim)
	n := 0
	for row := range old.keys {
		if !old.isLive(row) {
			continue
		}
		copy(s.rows[n*f.dim:(n+1)*f.dim], old.rows[row*f.dim:])
		s.keys[n] = old.keys[row]
		s.live[n/64].Or(1 << (n % 64))
		f.where[s.keys[n]] = place{s, n}
		n++
	}
	s.alive = n
	s.count.Store(int64(n))
	list[at] = s
	f.publish(list)
}

func (f *Flat) publish(list []*segment) {
	var b int64
	for _, s := range list {
		b += int64(len(s.rows)*4 + len(s.keys)*8 + len(s.live)*8)
	}
	f.bytes.Store(b)
	f.segments.Store(&list)
}

func (s *segment) isLive(row int) bool { return s.live[row/64].Load()>>(row%64)&1 != 0 }

// Scan computes the inner product of the probe with every live row and hands
// key and score to visit, in no order that callers may rely on. It ends early
// with the context's error. It returns the number of rows compared.
func (f *Flat) Scan(ctx context.Context, probe []float32, visit func(key uint64, score float32)) (int, error) {
	if err := f.check(probe); err != nil {
		return 0, fmt.Errorf("scan: %w", err)
	}
	compared := 0
	for _, s := range *f.segments.Load() {
		n := int(s.count.Load())
		for at := 0; at < n; at += chunkRows {
			if err := ctx.Err(); err != nil {
				return compared, err
			}
			for row := at; row < min(at+chunkRows, n); row++ {
				if s.isLive(row) {
					visit(s.keys[row], simd.Dot(probe, s.rows[row*f.dim:(row+1)*f.dim]))
					compared++
				}
			}
		}
	}
	return compared, nil
}

// Search returns the k live rows with the largest inner product among those that
// accept lets pass (nil: all), best first, equal scores by the lower key. accept
// is asked only about rows that would be among the best so far. It also returns
// the number of rows compared.
func (f *Flat) Search(ctx context.Context, probe []float32, k int, accept func(key uint64) bool) ([]Hit, int, error) {
	best := topk.New(k)
	compared, err := f.Scan(ctx, probe, func(key uint64, score float32) {
		it := topk.Item{Score: score, Key: key}
		if best.Accepts(it) && (accept == nil || accept(key)) {
			best.Push(it)
		}
	})
	if err != nil {
		return nil, compared, err
	}
	return best.Sorted(), compared, nil
}

// Score returns the inner product of the probe with the row of one key, and
// whether that row is there.
func (f *Flat) Score(probe []float32, key uint64) (float32, bool) {
	if len(probe) != f.dim {
		return 0, false
	}
	f.mu.Lock()
	p, ok := f.where[key]
	f.mu.Unlock()
	if !ok {
		return 0, false
	}
	return simd.Dot(probe, p.segment.rows[p.row*f.dim:(p.row+1)*f.dim]), true
}
