package index

import (
	"errors"
	"math/rand/v2"
	"testing"

	"immis/internal/offheap"
)

// TestReservedRoomIsForWhoReserved: several who have reserved the last room use it in
// any order, and nobody else does.
func TestReservedRoomIsForWhoReserved(t *testing.T) {
	const dim = 64
	rng := rand.New(rand.NewPCG(1, 10))
	full := offheap.NewBudget(0)
	one := newIndex(t, dim, Options{Budget: full})
	if err := one.Reserve(1); err != nil {
		t.Fatal(err)
	}
	x := newIndex(t, dim, Options{Budget: offheap.NewBudget(full.Used())}) // for one segment
	row := func(key uint64) Row { return Row{Key: key, Person: key, Vector: unit(rng, dim)} }
	for key := range uint64(firstRows - 3) {
		if err := x.Append(row(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(x.Reserve(1), x.Reserve(1)); err != nil {
		t.Fatal(err)
	}
	if err := x.AppendReserved(row(100)); err != nil {
		t.Errorf("the first who reserved: %v", err)
	}
	if err := x.Reserve(1); err != nil {
		t.Errorf("to reserve room that nobody has: %v", err)
	}
	var none *offheap.BudgetError
	if err := x.Append(row(101)); !errors.As(err, &none) {
		t.Errorf("who has not reserved: %v, want a budget error", err)
	}
	if err := errors.Join(x.AppendReserved(row(102)), x.AppendReserved(row(103))); err != nil {
		t.Errorf("the others who reserved: %v", err)
	}
	if x.Rows() != firstRows {
		t.Errorf("%d rows, want %d", x.Rows(), firstRows)
	}
}

// TestNothingIsReservedAfterClose: memory that is mapped then would never be given back.
func TestNothingIsReservedAfterClose(t *testing.T) {
	b := offheap.NewBudget(0)
	x := newIndex(t, 64, Options{Budget: b})
	x.Close()
	if err := x.Reserve(1); err == nil {
		t.Error("room was reserved in a closed index")
	}
	if used := b.Used(); used != 0 {
		t.Errorf("%d bytes mapped after closing, want 0", used)
	}
}

// TestBudgetIsUsed: a budget is not refused while a good part of it is free, though the
// next segment would be as large as all there are.
func TestBudgetIsUsed(t *testing.T) {
	for _, limit := range []int64{3 << 20, 5_000_000, 7_300_000} {
		b := offheap.NewBudget(limit)
		x := newIndex(t, 128, Options{Budget: b})
		rng := rand.New(rand.NewPCG(3, uint64(limit)))
		n := uint64(0)
		for {
			if err := x.Append(Row{Key: n, Person: n, Vector: unit(rng, 128)}); err != nil {
				if _, ok := errors.AsType[*offheap.BudgetError](err); !ok {
					t.Fatal(err)
				}
				break
			}
			n++
		}
		if used := b.Used(); used < limit*9/10 || uint64(x.Rows()) != n {
			t.Errorf("refused at %d of %d bytes, with %d rows of %d", used, limit, x.Rows(), n)
		}
		x.Close()
	}
}
