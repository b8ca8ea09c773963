package offheap

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	b := NewBudget(100)
	if err := b.Reserve(60); err != nil {
		t.Fatal(err)
	}
	err := b.Reserve(41)
	e, ok := errors.AsType[*BudgetError](err)
	if !ok || *e != (BudgetError{Want: 41, Used: 60, Limit: 100}) {
		t.Fatalf("got %v, want a *BudgetError of 41 beside 60 of 100", err)
	}
	for _, part := range []string{"41", "60 in use", "want <= 100", "raise the budget"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not contain %q", err, part)
		}
	}
	if err := b.Reserve(40); err != nil {
		t.Fatalf("the last 40 bytes: %v", err)
	}
	if err := b.Reserve(0); err != nil {
		t.Fatalf("nothing, of a full budget: %v", err)
	}
	b.Release(100)
	if b.Used() != 0 || b.Limit() != 100 {
		t.Fatalf("%d of %d in use, want 0 of 100", b.Used(), b.Limit())
	}
}

// Without a limit the sum still must not overflow.
func TestBudgetWithoutLimit(t *testing.T) {
	b := NewBudget(0)
	if err := b.Reserve(math.MaxInt64 - 1); err != nil {
		t.Fatal(err)
	}
	if err := b.Reserve(2); err == nil || b.Used() != math.MaxInt64-1 {
		t.Fatalf("2 bytes too many: got %v and %d in use", err, b.Used())
	}
	if err := b.Reserve(1); err != nil {
		t.Fatal(err)
	}
}

func TestNilBudget(t *testing.T) {
	var b *Budget
	if err := b.Reserve(math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	b.Release(math.MaxInt64)
	if b.Used() != 0 || b.Limit() != 0 {
		t.Errorf("%d of %d in use, want 0 of 0", b.Used(), b.Limit())
	}
}

func TestBudgetPanics(t *testing.T) {
	b := NewBudget(10)
	if err := b.Reserve(3); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"negative limit":                func() { NewBudget(-1) },
		"negative reservation":          func() { _ = b.Reserve(-1) },
		"negative release":              func() { b.Release(-1) },
		"more released than taken":      func() { b.Release(4) },
		"negative reservation, no one":  func() { _ = (*Budget)(nil).Reserve(-1) },
		"most negative release, no one": func() { (*Budget)(nil).Release(math.MinInt64) },
	} {
		if panics(f) == nil {
			t.Errorf("%s did not panic", name)
		}
	}
}

// Reservations beside each other never take more than the limit together.
func TestBudgetAtOnce(t *testing.T) {
	const limit = 1000
	b := NewBudget(limit)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				n := int64(1 + (i*7+g*131)%400)
				if b.Reserve(n) != nil {
					continue
				}
				if used := b.Used(); used < n || used > limit {
					t.Errorf("%d in use, want %d to %d", used, n, limit)
				}
				b.Release(n)
			}
		})
	}
	all.Wait()
	if b.Used() != 0 {
		t.Errorf("%d in use at the end, want 0", b.Used())
	}
}
