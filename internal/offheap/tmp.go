// Package offheap is temporary.
package offheap

type Budget struct{ limit int64 }

func NewBudget(limit int64) *Budget { return &Budget{limit} }
func (b *Budget) Used() int64       { return 0 }

type Region struct{ b []byte }

func Map(n int, b *Budget) (*Region, error) { return &Region{make([]byte, n)}, nil }
func (r *Region) Bytes() []byte              { return r.b }
func (r *Region) Unmap()                     { r.b = nil }

// BudgetError is temporary.
type BudgetError struct{ Want, Used, Limit int64 }

func (e *BudgetError) Error() string { return "budget" }
