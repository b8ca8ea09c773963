package offheap

import (
	"fmt"
	"math"
	"sync/atomic"
)

// Budget bounds the bytes of all who share it. It may be used by several goroutines at
// once. A nil *Budget has no bound and counts nothing.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget returns a budget of limit bytes; 0 means no bound. A limit below 0 panics.
func NewBudget(limit int64) *Budget {
	if limit < 0 {
		panic(fmt.Sprintf("offheap: budget of %d bytes, want >= 0", limit))
	}
	return &Budget{limit: limit}
}

// Used is how many bytes are taken now. It returns to 0 when everything was given
// back, so a test finds a forgotten region here.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Limit is the most that may be taken, in bytes; 0 means no bound.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}

// Reserve takes n bytes, n >= 0, or none and returns a *BudgetError. Map does it for
// regions; it is there for memory of another kind that counts in the same sum, such
// as a cache on the Go heap.
func (b *Budget) Reserve(n int64) error {
	if n < 0 {
		panic(fmt.Sprintf("offheap: %d bytes reserved, want >= 0", n))
	}
	if b == nil {
		return nil
	}
	bound := b.limit
	if bound == 0 {
		bound = math.MaxInt64
	}
	for {
		used := b.used.Load()
		if n > bound-used {
			return &BudgetError{Want: n, Used: used, Limit: bound}
		}
		if b.used.CompareAndSwap(used, used+n) {
			return nil
		}
	}
}

// Release gives back n bytes that were reserved. It panics when that is more than is
// taken: the sum would bound nothing from then on.
func (b *Budget) Release(n int64) {
	if n < 0 {
		panic(fmt.Sprintf("offheap: %d bytes released, want >= 0", n))
	}
	if b == nil {
		return
	}
	if left := b.used.Add(-n); left < 0 {
		panic(fmt.Sprintf("offheap: %d bytes released, want <= %d in use", n, left+n))
	}
}
