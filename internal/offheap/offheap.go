// Package offheap gives memory outside the Go heap, for planes of rows that are
// many gigabytes large, live long and hold no pointers. The collector neither marks
// nor counts them, the system gives them in huge pages of 2 MiB where it offers any
// (a scan then reads a third to twice as fast), no core dump contains them, and one
// Budget bounds them all. It refuses to guess when memory is no longer read: there is
// no finalizer, the owner unmaps. Where the system has no such memory, or with the
// build tag purego, blocks of the Go heap stand in for it.
//
// The race detector sees only the Go heap: "go test -race -tags purego" is the
// run in which it watches what is read and written here.
package offheap

import (
	"fmt"
	"math"
	"sync/atomic"
)

// HugePage is the size in bytes of a huge page, and what regions of at least that
// size are aligned to.
const HugePage = 2 << 20

// Align is what every region is aligned to at least, in bytes: a cache line, and the
// widest vector that a kernel loads.
const Align = 64

// Region is zeroed memory outside the Go heap. It must never hold a Go pointer: the
// collector would not see it. Its methods may be called by several goroutines at once,
// but nothing of it may be used beside or after Unmap: memory read then is gone, or
// already somebody else's.
type Region struct {
	data   []byte // what was asked for
	pages  []byte // what holds it
	size   int    // what the budget counts
	budget *Budget
	gone   atomic.Bool
}

// Map returns n zeroed bytes, n >= 1, counted in b; a nil budget counts nothing.
//
// A region of HugePage bytes or more begins at a multiple of HugePage and asks for huge
// pages; a size that is a multiple of HugePage lies in them wholly. A smaller region
// is made of ordinary pages, so that many small ones do not take 2 MiB each. Either
// is rounded up to whole pages (see Region.Mapped), and takes no memory before it is
// first touched; the budget counts it from now on all the same, or it would be
// noticed too late that memory ends.
//
// The error is a *BudgetError where the budget has no room, else a *MapError; after
// either, nothing is mapped or counted.
func Map(n int, b *Budget) (*Region, error) {
	if n < 1 {
		return nil, &MapError{Bytes: n, Err: errSize}
	}
	if n > math.MaxInt-2*HugePage { // rounding and alignment would overflow
		return nil, &MapError{Bytes: n, Err: errNoRoom}
	}
	size := mappedSize(n)
	if err := b.Reserve(int64(size)); err != nil {
		return nil, err
	}
	pages, err := mapPages(size)
	if err != nil {
		b.Release(int64(size))
		return nil, &MapError{Bytes: n, Err: err}
	}
	return &Region{data: pages[:n:n], pages: pages, size: size, budget: b}, nil
}

// Bytes is the memory: as long as was asked for, without capacity beyond, and nil
// after Unmap, so that a late use through the region fails at once. (A slice that was
// taken before cannot be called back: see Protect.)
func (r *Region) Bytes() []byte {
	return r.data
}

// Mapped is how many bytes the region takes of its budget: its length in whole pages.
func (r *Region) Mapped() int {
	return r.size
}

// Unmap gives the memory back to the system, then to the budget. It panics when called
// again: who unmaps twice does not know who reads, and the second time it would be
// somebody else's memory.
func (r *Region) Unmap() {
	if !r.gone.CompareAndSwap(false, true) {
		panic("offheap: region unmapped twice")
	}
	// The race detector finds a Bytes beside this.
	r.data = nil
	unmapPages(r.pages)
	r.budget.Release(int64(r.size))
}

// Protect takes away the right to read and to write, for tests: a reader that comes
// too late then faults, where after Unmap it might find other memory at the same
// address. The region stays mapped and counted until Unmap. It returns
// errors.ErrUnsupported where blocks of the Go heap stand in.
func (r *Region) Protect() error {
	if r.gone.Load() {
		panic("offheap: region protected after it was unmapped")
	}
	if err := protectPages(r.pages); err != nil {
		return fmt.Errorf("protect %d bytes outside the Go heap: %w", r.size, err)
	}
	return nil
}
