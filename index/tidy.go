package index

import (
	"slices"

	"immis/internal/simd"
)

// compactBelow is the share of live rows under which a full segment is rewritten.
const compactBelow = 0.7

// tidy starts the rewriting of segments that are mostly dead, if there is one; x.mu is
// held. Searches and changes go on meanwhile.
func (x *Index) tidy() {
	if x.tidying || x.closed || x.sparse() == nil {
		return
	}
	x.tidying = true
	x.tidied.Add(1)
	go func() {
		defer x.tidied.Done()
		x.mu.Lock()
		defer x.mu.Unlock()
		for s := x.sparse(); s != nil && !x.closed; s = x.sparse() {
			if !x.compact(s) {
				break // no memory for the copy; the next deletion tries again
			}
		}
		x.tidying = false
	}()
}

// sparse returns a segment worth rewriting, or nil.
func (x *Index) sparse() *segment {
	for i, s := range x.segments {
		full := s.count == s.capacity || i < len(x.segments)-1 // rows are added to the last only
		if full && float64(s.alive) < compactBelow*float64(s.count) {
			return s
		}
	}
	return nil
}

// compact puts a segment of the live rows in the place of old. x.mu is held, and given
// up while rows are copied: what changes meanwhile is done again on the copy.
func (x *Index) compact(old *segment) bool {
	if old.alive == 0 {
		x.swap(old, nil)
		return true
	}
	rows := make([]int, 0, old.alive)
	for row := range old.count {
		if !old.dead.has(row) {
			rows = append(rows, row)
		}
	}
	s, err := newSegment(x.form, (len(rows)+63)/64*64, x.opts.Budget)
	if err != nil {
		return false
	}
	x.mu.Unlock()
	s.take(old, rows)
	x.mu.Lock()
	if x.closed {
		s.free()
		return false
	}
	for i, row := range rows {
		if old.dead.has(row) {
			s.kill(i)
		}
	}
	for g, m := range old.galleries {
		for i, row := range rows {
			if m.has(row) {
				s.gallery(g).set(i)
			}
		}
	}
	x.swap(old, s)
	return true
}

// swap puts a segment in the place of another, nil for none, and publishes.
func (x *Index) swap(old, s *segment) {
	at := slices.Index(x.segments, old)
	x.segments = slices.Clone(x.segments)
	if s == nil {
		x.segments = slices.Delete(x.segments, at, at+1)
	} else {
		x.segments[at] = s
		x.places.enter(s)
		x.places.move(s)
	}
	x.places.leave(old)
	x.publish(old)
}

// take copies rows of another segment.
func (s *segment) take(from *segment, rows []int) {
	dim := s.form.dim
	codes, words := make([]int8, dim), make([]uint32, simd.BitWords(dim))
	n, nb := simd.Int8BlockBytes(dim), simd.BitBlockBytes(dim)
	for i, row := range rows {
		copy(s.row16(i), from.row16(row))
		a, b := row/simd.BlockRows, i/simd.BlockRows
		simd.UnpackInt8(codes, from.codes.Bytes()[a*n:(a+1)*n], row%simd.BlockRows)
		simd.PackInt8(s.codes.Bytes()[b*n:(b+1)*n], i%simd.BlockRows, codes)
		if s.form.bits {
			simd.UnpackBits(words, from.bits.Bytes()[a*nb:(a+1)*nb], row%simd.BlockRows, dim)
			simd.PackBits(s.bits.Bytes()[b*nb:(b+1)*nb], i%simd.BlockRows, dim, words)
		}
		if from.wide.has(row) {
			s.wide.set(i)
		}
		s.keys[i], s.people[i], s.attributes[i] = from.keys[row], from.people[row], from.attributes[row]
	}
	s.count, s.alive = len(rows), len(rows)
}

// kill marks a row as dead. Pages are copied once between two versions, however many
// rows die.
func (s *segment) kill(row int) {
	if !s.private {
		s.dead, s.owned, s.private = s.dead.clone(), 0, true
	}
	n := row / pageRows
	if at := &s.dead.pages[n]; s.owned>>n&1 == 0 {
		var p page
		if old := at.Load(); old != nil {
			p = *old
		}
		at.Store(&p)
		s.owned |= 1 << n
	}
	s.dead.set(row)
	s.alive--
}
