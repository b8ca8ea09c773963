package index

import "sync/atomic"

// A page is a bit for each of 4,096 rows, as many as one call of a kernel reads.
const (
	pageRows  = 4096
	pageWords = pageRows / 64
)

type page [pageWords]uint64

// mask is a bit for each row of a segment, in pages; a page of zeros takes no memory.
// Bits of rows that a version has are never changed in place: a change makes a new
// mask that shares the other pages. Bits of rows behind a version's count are set in
// place while the rows are written, which readers of that version do not look at;
// so words are read and written as a whole, atomically.
type mask struct{ pages []atomic.Pointer[page] }

func newMask(rows int) *mask {
	return &mask{pages: make([]atomic.Pointer[page], (rows+pageRows-1)/pageRows)}
}

// has tells whether the bit of a row is set; a nil mask has none.
func (m *mask) has(row int) bool {
	if m == nil {
		return false
	}
	p := m.pages[row/pageRows].Load()
	return p != nil && atomic.LoadUint64(&p[row%pageRows/64])>>(row%64)&1 != 0
}

// set sets the bit of a row that no version has yet.
func (m *mask) set(row int) {
	at := &m.pages[row/pageRows]
	p := at.Load()
	if p == nil {
		p = &page{}
		at.Store(p)
	}
	atomic.OrUint64(&p[row%pageRows/64], 1<<(row%64))
}

// clone is a mask with the same pages.
func (m *mask) clone() *mask {
	next := &mask{pages: make([]atomic.Pointer[page], len(m.pages))}
	for i := range m.pages {
		next.pages[i].Store(m.pages[i].Load())
	}
	return next
}

// with is the mask with one bit changed.
func (m *mask) with(row int, on bool) *mask {
	next := m.clone()
	var p page
	if old := m.pages[row/pageRows].Load(); old != nil {
		p = *old
	}
	if on {
		p[row%pageRows/64] |= 1 << (row % 64)
	} else {
		p[row%pageRows/64] &^= 1 << (row % 64)
	}
	next.pages[row/pageRows].Store(&p)
	return next
}

// words are the bits of the first rows, nil if there are none.
func (m *mask) words(rows int) []uint64 {
	if m == nil {
		return nil
	}
	out := make([]uint64, (rows+63)/64)
	for i := range m.pages {
		if p := m.pages[i].Load(); p != nil {
			for w := range p {
				if at := i*pageWords + w; at < len(out) {
					out[at] = atomic.LoadUint64(&p[w])
				}
			}
		}
	}
	if used := rows % 64; used != 0 {
		out[len(out)-1] &= 1<<used - 1
	}
	return out
}

// page is a page of the mask, nil for zeros.
func (m *mask) page(i int) *page {
	if m == nil {
		return nil
	}
	return m.pages[i].Load()
}
