// Package topk keeps the K best of a stream of scored keys. Its order is total:
// higher score first, equal scores by the lower key, so that the same input in
// any order gives the same list. It refuses NaN scores.
package topk

import (
	"math"
	"slices"
)

// Item is one scored key.
type Item struct {
	Score float32
	Key   uint64
}

// before tells whether a stands in front of b in the list.
func before(a, b Item) bool {
	if a.Score != b.Score {
		return a.Score > b.Score
	}
	return a.Key < b.Key
}

// Heap holds at most K items, the worst of them on top. The zero value holds
// none; use New.
type Heap struct {
	k     int
	items []Item
}

// New returns a heap for the k best items; k < 1 keeps none.
func New(k int) *Heap {
	return &Heap{k: k, items: make([]Item, 0, min(max(k, 0), 1024))}
}

// Accepts tells whether an item would enter the heap now. It lets a scan skip
// the cost of judging rows that cannot be among the best.
func (h *Heap) Accepts(it Item) bool {
	if h.k < 1 || math.IsNaN(float64(it.Score)) {
		return false
	}
	return len(h.items) < h.k || before(it, h.items[0])
}

// Push offers an item.
func (h *Heap) Push(it Item) {
	if !h.Accepts(it) {
		return
	}
	if len(h.items) < h.k {
		h.items = append(h.items, it)
		h.up(len(h.items) - 1)
		return
	}
	h.items[0] = it
	h.down(0)
}

// Sorted returns the items, best first, and empties the heap.
func (h *Heap) Sorted() []Item {
	out := h.items
	h.items = nil
	slices.SortFunc(out, func(a, b Item) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	return out
}

func (h *Heap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !before(h.items[p], h.items[i]) {
			return
		}
		h.items[p], h.items[i] = h.items[i], h.items[p]
		i = p
	}
}

func (h *Heap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h.items) {
			return
		}
		if r := c + 1; r < len(h.items) && before(h.items[c], h.items[r]) {
			c = r
		}
		if !before(h.items[i], h.items[c]) {
			return
		}
		h.items[c], h.items[i] = h.items[i], h.items[c]
		i = c
	}
}
