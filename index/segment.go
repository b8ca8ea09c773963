package index

import (
	"maps"
	"unsafe"

	"immis/internal/offheap"
	"immis/internal/simd"
)

// rowBits is how many bits number a row inside its segment.
const rowBits = 16

// firstRows is the size of the first segment. Each further one holds as many rows as
// there are, up to Options.SegmentRows, so that a model of few people takes little
// memory and no row ever moves while it is read.
const firstRows = 64

// segment is a run of rows. A row is written once, then published by count; a place is
// never used again, so that no reader sees half of one row and half of another.
type segment struct {
	number   uint64
	form     *form
	capacity int
	bytes    int64

	codes, bits, half *offheap.Region // half is nil where rows are read from the file
	keys, people      []uint64
	origins           []uint64 // nil unless there are files
	attributes        []Attributes
	// wide are rows whose code says too little about them.
	wide *mask

	// What writers change; versions copy it.
	count, alive int
	dead         *mask
	galleries    map[Gallery]*mask
	shared       bool   // a version has the galleries map
	private      bool   // no version has the dead mask
	file         *saved // nil: none was written
	moved        bool   // codes and bits belong to another segment now
	owned        uint64 // pages of it that no version has
}

// newSegment makes a segment; origins says whether rows have them, onDisk whether the
// rows themselves will be read from a file.
func newSegment(f *form, capacity int, b *offheap.Budget, origins, onDisk bool) (*segment, error) {
	blocks := simd.Blocks(capacity)
	s := &segment{
		form: f, capacity: capacity,
		keys: make([]uint64, capacity), people: make([]uint64, capacity), attributes: make([]Attributes, capacity),
		wide: newMask(capacity), dead: newMask(capacity), galleries: map[Gallery]*mask{},
	}
	sizes := []int{blocks * simd.Int8BlockBytes(f.dim), 2 * capacity * f.dim, 0}
	regions := []**offheap.Region{&s.codes, &s.half, &s.bits}
	if f.bits {
		sizes[2] = blocks * simd.BitBlockBytes(f.dim)
	}
	if onDisk {
		sizes[1] = 0
	}
	for i, n := range sizes {
		if n == 0 {
			continue
		}
		r, err := offheap.Map(n, b)
		if err != nil {
			s.free()
			return nil, err
		}
		*regions[i] = r
		s.bytes += int64(r.Mapped())
	}
	s.bytes += int64(capacity) * (8 + 8 + int64(unsafe.Sizeof(Attributes{})))
	if origins {
		s.origins = make([]uint64, capacity)
		s.bytes += 8 * int64(capacity)
	}
	return s, nil
}

// free unmaps the planes and closes the file.
func (s *segment) free() {
	planes := []*offheap.Region{s.half, s.codes, s.bits}
	if s.moved {
		planes = planes[:1]
	}
	for _, r := range planes {
		if r != nil {
			r.Unmap()
		}
	}
	if s.file != nil && s.file.open != nil {
		_ = s.file.open.Close() // it was only read
	}
}

// row16 is a row itself.
func (s *segment) row16(row int) []simd.F16 {
	b := s.half.Bytes()[2*row*s.form.dim : 2*(row+1)*s.form.dim]
	return unsafe.Slice((*simd.F16)(unsafe.Pointer(unsafe.SliceData(b))), s.form.dim)
}

// write puts row i of p behind the last row and returns its number. Versions made
// before do not see it.
func (s *segment) write(p *packed, i int, r *Row) int {
	row, dim, words := s.count, s.form.dim, simd.BitWords(s.form.dim)
	copy(s.row16(row), p.half[i*dim:(i+1)*dim])
	block, in := row/simd.BlockRows, row%simd.BlockRows
	n := simd.Int8BlockBytes(dim)
	simd.PackInt8(s.codes.Bytes()[block*n:(block+1)*n], in, p.codes[i*dim:(i+1)*dim])
	if s.form.bits {
		n := simd.BitBlockBytes(dim)
		simd.PackBits(s.bits.Bytes()[block*n:(block+1)*n], in, dim, p.bits[i*words:(i+1)*words])
	}
	if p.residual[i] > wideResidual {
		s.wide.set(row)
	}
	s.keys[row], s.people[row], s.attributes[row] = r.Key, r.Person, r.Attributes
	if s.origins != nil {
		s.origins[row] = r.Origin
	}
	for _, g := range r.Galleries {
		s.gallery(g).set(row)
	}
	s.count++
	s.alive++
	return row
}

// gallery returns the mask of a gallery, made if there is none.
func (s *segment) gallery(g Gallery) *mask {
	m := s.galleries[g]
	if m == nil {
		m = newMask(s.capacity)
		s.putGallery(g, m)
	}
	return m
}

func (s *segment) putGallery(g Gallery, m *mask) {
	if s.shared {
		s.galleries, s.shared = maps.Clone(s.galleries), false
	}
	s.galleries[g] = m
}

// setMember changes the membership of a row that versions have.
func (s *segment) setMember(g Gallery, row int, in bool) bool {
	m := s.galleries[g]
	if m.has(row) == in {
		return false
	}
	if m == nil {
		m = newMask(s.capacity)
	}
	s.putGallery(g, m.with(row, in))
	return true
}
