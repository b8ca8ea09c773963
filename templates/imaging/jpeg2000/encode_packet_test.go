package jpeg2000

import (
	"math"
	"math/bits"
)

// writeTree writes what a tag tree tells about a leaf up to a limit, by the
// definition: for each node from the root, zeros up to its value and a one.
func writeTree(w *bitWriter, told map[[3]int][2]int, values []int, cols, rows, leaf, limit int) {
	levels := 0
	for n := max(cols, rows); n > 1; n = (n + 1) / 2 {
		levels++
	}
	x, y := leaf%cols, leaf/cols
	low := 0
	for l := levels; l >= 0; l-- {
		least := math.MaxInt
		for yy := y >> l << l; yy < min((y>>l+1)<<l, rows); yy++ {
			for xx := x >> l << l; xx < min((x>>l+1)<<l, cols); xx++ {
				least = min(least, values[yy*cols+xx])
			}
		}
		key := [3]int{l, x >> l, y >> l}
		state := told[key] // how far it is known, and whether the one was written
		state[0] = max(state[0], low)
		for state[0] < limit && state[1] == 0 {
			if state[0] == least {
				w.put(1, 1)
				state[1] = 1
			} else {
				w.put(0, 1)
				state[0]++
			}
		}
		told[key] = state
		low = state[0]
	}
}

// writeBlocks adds the blocks of one band to the packets of all layers; each
// layer takes an equal share of the segments.
func writeBlocks(headers []bitWriter, bodies [][]byte, blocks []coded, cols, rows, mb int, r recipe) {
	layers := len(headers)
	first, missing := make([]int, len(blocks)), make([]int, len(blocks))
	until := func(b *coded, l int) int { return len(b.segments) * (l + 1) / layers }
	for i := range blocks {
		b := &blocks[i]
		first[i], missing[i] = layers, mb-b.planes
		for l := layers - 1; l >= 0; l-- {
			if until(b, l) > 0 {
				first[i] = l
			}
		}
	}
	told, toldMissing := map[[3]int][2]int{}, map[[3]int][2]int{}
	lblock := make([]int, len(blocks))
	for l := range layers {
		w := &headers[l]
		for i := range blocks {
			b := &blocks[i]
			from := 0
			if l > 0 {
				from = until(b, l-1)
			}
			to := until(b, l)
			if l <= first[i] {
				writeTree(w, told, first, cols, rows, i, l+1)
				if l < first[i] {
					continue
				}
				for limit := 1; limit <= missing[i]+1; limit++ {
					writeTree(w, toldMissing, missing, cols, rows, i, limit)
				}
				lblock[i] = 3
			} else if w.put(min(to-from, 1), 1); to == from {
				continue
			}
			passes := 0
			grow := 0
			for s := from; s < to; s++ {
				passes += b.passes[s]
				grow = max(grow, bits.Len(uint(len(b.segments[s])))-lblock[i]-bits.Len(uint(b.passes[s]))+1)
			}
			switch {
			case passes <= 2:
				w.put([]int{0, 2}[passes-1], passes)
			case passes <= 5:
				w.put(12+passes-3, 4)
			case passes <= 36:
				w.put(15<<5+passes-6, 9)
			default:
				w.put(511<<7+passes-37, 16)
			}
			for range grow {
				w.put(1, 1)
			}
			w.put(0, 1)
			lblock[i] += grow
			for s := from; s < to; s++ {
				w.put(len(b.segments[s]), lblock[i]+bits.Len(uint(b.passes[s]))-1)
				bodies[l] = append(bodies[l], b.segments[s]...)
			}
		}
	}
}
