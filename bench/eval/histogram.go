package eval

import "math"

// binBits is how many bits of a score's fraction a bin distinguishes: a bin is
// at most 2^-12, 0.0244 %, of the scores in it.
const binBits = 12

// Resolution bounds the width of a bin relative to its scores.
const Resolution = 1.0 / (1 << binBits)

// histogram counts finite scores of any size in bins of constant relative width:
// a bin is the sign, the exponent and 12 bits of the fraction of a float64. Pages
// (one of 32 KiB for each exponent that occurs) are made when they are needed:
// cosines need about 1 MB. Counts at the edges of bins are exact.
type histogram struct {
	pages [1 << 12]*[1 << binBits]int64
	count int64
}

// Count is how many scores there are.
func (h *histogram) Count() int64 { return h.count }

// ordered maps a float64 to an integer of the same order.
func ordered(x float64) uint64 {
	b := math.Float64bits(x + 0) // -0 becomes 0
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func unordered(o uint64) float64 {
	if o>>63 != 0 {
		return math.Float64frombits(o &^ (1 << 63))
	}
	return math.Float64frombits(^o)
}

func (h *histogram) add(x float64) {
	o := ordered(x)
	page := h.pages[o>>52]
	if page == nil {
		page = new([1 << binBits]int64)
		h.pages[o>>52] = page
	}
	page[o>>(52-binBits)&(1<<binBits-1)]++
	h.count++
}

func (h *histogram) merge(o *histogram) {
	for p, from := range o.pages {
		switch {
		case from == nil:
		case h.pages[p] == nil:
			h.pages[p] = from
		default:
			for i, n := range from {
				h.pages[p][i] += n
			}
		}
	}
	h.count += o.count
}

// bin is a bin with scores in it: its lower edge and how many.
type bin struct {
	edge  float64
	count int64
}

// bins lists the bins that are not empty, lowest first.
func (h *histogram) bins() []bin {
	var out []bin
	for p, page := range h.pages {
		if page == nil {
			continue
		}
		for i, n := range page {
			if n > 0 {
				o := uint64(p)<<52 | uint64(i)<<(52-binBits)
				out = append(out, bin{unordered(o), n})
			}
		}
	}
	return out
}

// highest is the lowest edge of a bin with at most n scores at or above it.
func (h *histogram) highest(n int64) float64 {
	b := h.bins()
	edge, sum := math.Inf(1), int64(0)
	for i := len(b) - 1; i >= 0 && sum+b[i].count <= n; i-- {
		edge, sum = b[i].edge, sum+b[i].count
	}
	return edge
}

// lowest is the highest edge of a bin with at most n scores below it.
func (h *histogram) lowest(n int64) float64 {
	sum := int64(0)
	for _, b := range h.bins() {
		if sum += b.count; sum > n {
			return b.edge
		}
	}
	return math.Inf(1)
}
