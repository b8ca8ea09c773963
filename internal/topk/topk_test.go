package topk

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The twin sorts everything.
func twin(items []Item, k int) []Item {
	all := slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return math.IsNaN(float64(i.Score)) })
	slices.SortFunc(all, func(a, b Item) int {
		if before(a, b) {
			return -1
		}
		if before(b, a) {
			return 1
		}
		return 0
	})
	return all[:min(max(k, 0), len(all))]
}

func TestHeapEqualsSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.IntRange(-3, 3), 0, 200).Draw(t, "scores")
		k := rapid.IntRange(-1, 50).Draw(t, "k")
		var items []Item
		for i, s := range scores {
			it := Item{Score: float32(s), Key: uint64(i)}
			if s == 3 {
				it.Score = float32(math.NaN())
			}
			items = append(items, it)
		}
		for _, order := range [][]Item{items, reversed(items)} {
			h := New(k)
			for _, it := range order {
				h.Push(it)
			}
			if got, want := h.Sorted(), twin(items, k); !slices.Equal(got, want) {
				t.Fatalf("k=%d: got %v, want %v", k, got, want)
			}
		}
	})
}

func reversed(items []Item) []Item {
	out := slices.Clone(items)
	slices.Reverse(out)
	return out
}
