package offheap

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func address(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }

func mustMap(t testing.TB, n int, b *Budget) *Region {
	t.Helper()
	r, err := Map(n, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func panics(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// sizes are drawn around pages and huge pages, where rounding and alignment turn.
func sizes() *rapid.Generator[int] {
	return rapid.OneOf(
		rapid.IntRange(1, 3*4096),
		rapid.IntRange(HugePage-2, HugePage+2),
		rapid.IntRange(HugePage, 3*HugePage),
		rapid.Map(rapid.IntRange(1, 3), func(k int) int { return k * HugePage }),
	)
}

// What is promised of every region, on every system: length, no capacity beyond,
// zeroes, alignment, and that it can be written to both ends.
func TestRegion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := sizes().Draw(t, "n")
		b := NewBudget(0)
		r, err := Map(n, b)
		if err != nil {
			t.Fatal(err)
		}
		p := r.Bytes()
		if len(p) != n || cap(p) != n {
			t.Fatalf("got length %d and capacity %d, want %d", len(p), cap(p), n)
		}
		if a := address(p); a%Align != 0 {
			t.Fatalf("address %#x, want a multiple of %d", a, Align)
		}
		if r.Mapped() < n || r.Mapped() >= n+64<<10 { // 64 KiB is the largest page of a system
			t.Fatalf("%d bytes mapped, want %d and less than a page more", r.Mapped(), n)
		}
		if got := b.Used(); got != int64(r.Mapped()) {
			t.Fatalf("budget counts %d, want %d", got, r.Mapped())
		}
		if len(bytes.TrimLeft(p, "\x00")) > 0 {
			t.Fatal("memory is not zeroed")
		}
		for i := range p { // the next region must not find this
			p[i] = 0xa5
		}
		r.Unmap()
		if r.Bytes() != nil {
			t.Fatal("an unmapped region hands its memory out")
		}
		if got := b.Used(); got != 0 {
			t.Fatalf("budget counts %d after all is unmapped", got)
		}
	})
}

func TestBadSizes(t *testing.T) {
	for _, n := range []int{0, -1, math.MinInt, math.MaxInt, math.MaxInt - HugePage} {
		b := NewBudget(0)
		r, err := Map(n, b)
		bad, ok := errors.AsType[*MapError](err)
		if !ok || r != nil || bad.Bytes != n {
			t.Errorf("%d bytes: got %v and a region %t, want a *MapError of that size", n, err, r != nil)
		}
		if b.Used() != 0 {
			t.Errorf("%d bytes: budget counts %d after the error", n, b.Used())
		}
		if n > 0 && !strings.Contains(err.Error(), "vm.max_map_count") {
			t.Errorf("%d bytes: %q does not say what to do", n, err)
		}
	}
}

// A region lies where no other does, however they are mapped and unmapped, and what is
// written into it stays; the budget is the sum of them and refuses what goes beyond.
func TestRegionsAndBudgetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type held struct {
			*Region
			mark byte
		}
		limit := int64(rapid.IntRange(1, 8*HugePage).Draw(t, "limit"))
		b := NewBudget(limit)
		var regions []held
		defer func() {
			for _, r := range regions {
				r.Unmap()
			}
		}()
		used, next := int64(0), byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"map": func(t *rapid.T) {
				n := sizes().Draw(t, "n")
				r, err := Map(n, b)
				want := int64(mappedSize(n))
				if used+want > limit {
					if e, ok := errors.AsType[*BudgetError](err); !ok || *e != (BudgetError{want, used, limit}) {
						t.Fatalf("got %v, want a *BudgetError of %d beside %d", err, want, used)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				used += want
				next++
				for i := range r.Bytes() {
					r.Bytes()[i] = next
				}
				regions = append(regions, held{r, next})
			},
			"unmap": func(t *rapid.T) {
				if len(regions) == 0 {
					t.Skip("none")
				}
				i := rapid.IntRange(0, len(regions)-1).Draw(t, "which")
				used -= int64(regions[i].Mapped())
				regions[i].Unmap()
				regions = slices.Delete(regions, i, i+1)
			},
			"": func(t *rapid.T) {
				if got := b.Used(); got != used || b.Limit() != limit {
					t.Fatalf("%d of %d in use, want %d of %d", got, b.Limit(), used, limit)
				}
				for _, r := range regions {
					if n := bytes.Count(r.Bytes(), []byte{r.mark}); n != len(r.Bytes()) {
						t.Fatalf("%d of %d bytes are what was written", n, len(r.Bytes()))
					}
				}
			},
		})
	})
}

func TestUnmapTwicePanics(t *testing.T) {
	b := NewBudget(0)
	other, r := mustMap(t, 1, b), mustMap(t, HugePage, b)
	defer other.Unmap()
	r.Unmap()
	if p := panics(r.Unmap); p == nil {
		t.Error("the second Unmap did not panic")
	}
	if p := panics(func() { _ = r.Protect() }); p == nil {
		t.Error("Protect after Unmap did not panic")
	}
	if got := b.Used(); got != int64(other.Mapped()) {
		t.Errorf("budget counts %d, want %d", got, other.Mapped())
	}
}

// Of many who unmap one region at once, one does and the others panic.
func TestUnmapAtOnce(t *testing.T) {
	const many = 16
	for range 50 {
		b := NewBudget(0)
		r := mustMap(t, 4096, b)
		var panicked atomic.Int32
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				if panics(r.Unmap) != nil {
					panicked.Add(1)
				}
			})
		}
		all.Wait()
		if panicked.Load() != many-1 || b.Used() != 0 {
			t.Fatalf("%d panicked and %d bytes are left, want %d and 0", panicked.Load(), b.Used(), many-1)
		}
	}
}

// Goroutines that map, write, read and unmap beside each other under one limit neither
// meet nor ever go beyond it together.
func TestConcurrentMap(t *testing.T) {
	const limit = 6 * HugePage
	b := NewBudget(limit)
	var all sync.WaitGroup
	var mapped, refused atomic.Int64
	for g := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 5))
			for range 60 {
				n := 1 + r.IntN(2*HugePage)
				if r.IntN(2) == 0 {
					n = 1 + r.IntN(10_000)
				}
				m, err := Map(n, b)
				if err != nil {
					if _, ok := errors.AsType[*BudgetError](err); !ok {
						t.Error(err)
					}
					refused.Add(1)
					continue
				}
				mapped.Add(1)
				mark := byte(1 + g)
				p := m.Bytes()
				for i := 0; i < len(p); i += 512 {
					if p[i] != 0 {
						t.Errorf("byte %d of a new region is %d", i, p[i])
					}
					p[i] = mark
				}
				if used := b.Used(); used > limit || used < int64(m.Mapped()) {
					t.Errorf("budget counts %d, want %d to %d", used, m.Mapped(), limit)
				}
				for i := 0; i < len(p); i += 512 {
					if p[i] != mark {
						t.Errorf("byte %d became %d, want %d", i, p[i], mark)
					}
				}
				m.Unmap()
			}
		})
	}
	all.Wait()
	if mapped.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d mapped and %d refused: the test should see both", mapped.Load(), refused.Load())
	}
	if b.Used() != 0 {
		t.Errorf("budget counts %d after all is unmapped", b.Used())
	}
}

// What Map, Unmap and the first touch of every page cost together; the planes of a
// segment are some such regions.
func BenchmarkMap(b *testing.B) {
	for name, n := range map[string]int{"64MiB": 64 << 20, "64KiB": 64 << 10} {
		for _, touch := range []bool{false, true} {
			kind := "/untouched"
			if touch {
				kind = "/touched"
			}
			b.Run(name+kind, func(b *testing.B) {
				for b.Loop() {
					r := mustMap(b, n, nil)
					if touch {
						for i := 0; i < n; i += 4096 {
							r.Bytes()[i] = 1
						}
					}
					r.Unmap()
				}
			})
		}
	}
}
