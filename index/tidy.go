package index

import (
	"slices"
	"sync/atomic"

	"immis/internal/simd"
)

// compactBelow is the share of live rows under which a full segment is rewritten.
const compactBelow = 0.7

// tidy starts the rewriting of segments that are mostly dead, if there is one; x.mu is
// held. Searches and changes go on meanwhile.
func (x *Index) tidy() {
	if x.tidying || x.closed || x.files.offered != nil || x.sparse() == nil {
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
	// Never one that rows are added to: it is read while x.mu is not held.
	for _, s := range x.segments[:x.tail()] {
		if float64(s.alive) < compactBelow*float64(s.count) {
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
	s, err := newSegment(x.form, (len(rows)+63)/64*64, x.opts.Budget, x.opts.Files != nil, false)
	if err != nil {
		return false
	}
	v := x.acquire() // has old, whatever takes its place meanwhile
	x.mu.Unlock()
	err = x.take(s, old, rows)
	x.mu.Lock()
	x.release(v)
	if err != nil || x.closed || !slices.Contains(x.segments, old) {
		s.free()
		return err == nil && !x.closed
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
	if old.file != nil {
		x.files.gone = append(x.files.gone, old.file.path)
	}
	x.publish(old)
}

// take copies rows of another segment.
func (x *Index) take(s, from *segment, rows []int) error {
	dim := s.form.dim
	codes, words := make([]int8, dim), make([]uint32, simd.BitWords(dim))
	n, nb := simd.Int8BlockBytes(dim), simd.BitBlockBytes(dim)
	for i, row := range rows {
		half, err := x.row(from, row, s.row16(i))
		if err != nil {
			return err
		}
		copy(s.row16(i), half)
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
		if s.origins != nil {
			s.origins[i] = from.origins[row]
		}
	}
	s.count, s.alive = len(rows), len(rows)
	return nil
}

// kill marks a row as dead.
func (s *segment) kill(row int) {
	s.deadPage(row)
	s.dead.set(row)
	s.alive--
}

// revive makes a dead row of a file one of the living.
func (s *segment) revive(row int, r *Row) {
	p := s.deadPage(row)
	atomic.AndUint64(&p[row%pageRows/64], ^(uint64(1) << (row % 64)))
	s.alive++
	s.people[row], s.attributes[row] = r.Person, r.Attributes
	for _, g := range r.Galleries {
		s.setMember(g, row, true)
	}
}

// deadPage returns the page of the dead mask that has a row, for change. Pages are
// copied once between two versions, however many rows change.
func (s *segment) deadPage(row int) *page {
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
	return s.dead.pages[n].Load()
}
