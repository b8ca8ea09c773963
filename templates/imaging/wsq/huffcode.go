package wsq

import (
	"cmp"
	"slices"
)

// histogram counts the symbols of table A.2 in coefficients.
type histogram [maxSymbol + 1]int

// symbols calls yield for each symbol of the coefficients, with the value and the
// number of the bits that follow it.
func eachSymbol(coefficients []int16, yield func(symbol byte, value, bits int)) {
	const longest = 1<<16 - 1
	run := 0
	flush := func() {
		switch {
		case run == 0:
			return
		case run <= maxRun:
			yield(byte(run), 0, 0)
		case run < 1<<8:
			yield(symRun8, run, 8)
		default:
			yield(symRun16, run, 16)
		}
		run = 0
	}
	for _, p := range coefficients {
		if p == 0 {
			if run++; run == longest {
				flush()
			}
			continue
		}
		flush()
		switch v := int(p); {
		case v >= minInTable && v <= maxInTable:
			yield(byte(v+symZero), 0, 0)
		case v > 0 && v < 1<<8:
			yield(symPos8, v, 8)
		case v > 0:
			yield(symPos16, v, 16)
		case v > -1<<8:
			yield(symNeg8, -v, 8)
		default:
			yield(symNeg16, -v, 16)
		}
	}
	flush()
}

func (h *histogram) count(coefficients []int16) {
	eachSymbol(coefficients, func(symbol byte, _, _ int) { h[symbol]++ })
}

func (h *histogram) add(o *histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// huffCode is a code for encoding, in the form in which it is sent and by symbol.
type huffCode struct {
	counts  [maxCodeLen + 1]byte
	symbols []byte
	length  [maxSymbol + 1]uint8
	code    [maxSymbol + 1]uint16
}

// newHuffCode makes the best code of at most 16 bits for the symbols that occur,
// at least one. A code of ones only is left out, as the specification demands: a symbol
// that never occurs gets it.
func newHuffCode(h *histogram) huffCode {
	type item struct{ symbol, count int }
	items := []item{{symbol: -1}} // the one that never occurs
	for symbol, n := range h {
		if n > 0 {
			items = append(items, item{symbol, n})
		}
	}
	if len(items) == 1 {
		items = append(items, item{1, 1}) // an empty block needs a table, too
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.count, b.count) })
	weights := make([]int, len(items))
	for i := range items {
		weights[i] = items[i].count
	}
	lengths := codeLengths(weights)
	var c huffCode
	code := uint16(0)
	for l := 1; l <= maxCodeLen; l++ {
		for i := len(items) - 1; i >= 0; i-- { // frequent ones first, the unused one last
			if lengths[i] != l || items[i].symbol < 0 {
				continue
			}
			symbol := items[i].symbol
			c.counts[l]++
			c.symbols = append(c.symbols, byte(symbol))
			c.length[symbol], c.code[symbol] = uint8(l), code
			code++
		}
		code <<= 1
	}
	return c
}

// codeLengths returns the lengths, at most 16, of the code that is shortest for
// weights in rising order, by merging packages: each level pairs up the level
// before and merges the pairs with the weights; of the last level the 2n-2
// lightest are taken, and each time a weight is among the taken its code grows by
// one bit.
func codeLengths(weights []int) []int {
	n := len(weights)
	type entry struct {
		weight int
		leaf   bool
	}
	leaves := make([]entry, n)
	for i, w := range weights {
		leaves[i] = entry{w, true}
	}
	levels := make([][]entry, maxCodeLen)
	levels[0] = leaves
	for l := 1; l < maxCodeLen; l++ {
		before := levels[l-1]
		merged := make([]entry, 0, n+len(before)/2)
		i, j := 0, 0
		for i < n || j+1 < len(before) {
			if j+1 >= len(before) || i < n && leaves[i].weight <= before[j].weight+before[j+1].weight {
				merged = append(merged, leaves[i])
				i++
			} else {
				merged = append(merged, entry{weight: before[j].weight + before[j+1].weight})
				j += 2
			}
		}
		levels[l] = merged
	}
	lengths := make([]int, n)
	take := 2*n - 2
	for l := maxCodeLen - 1; l >= 0; l-- {
		next, leaf := 0, 0
		for _, e := range levels[l][:take] {
			if e.leaf {
				lengths[leaf]++
				leaf++
			} else {
				next += 2
			}
		}
		take = next
	}
	return lengths
}

// bits returns how many bits the symbols of a histogram take.
func (c *huffCode) bits(h *histogram) int {
	bits := 0
	for symbol, n := range h {
		extra := 0
		switch symbol {
		case symPos8, symNeg8, symRun8:
			extra = 8
		case symPos16, symNeg16, symRun16:
			extra = 16
		}
		bits += n * (int(c.length[symbol]) + extra)
	}
	return bits
}

// appendEntropy writes the coefficients of a block: codes and their values, a 00
// behind every FF, filled with ones to a whole byte.
func (c *huffCode) appendEntropy(out []byte, coefficients []int16) []byte {
	acc, n := uint64(0), 0
	put := func(value uint64, bits int) {
		acc, n = acc<<bits|value, n+bits
		for n >= 8 {
			n -= 8
			b := byte(acc >> n)
			if out = append(out, b); b == 0xFF {
				out = append(out, 0)
			}
		}
	}
	eachSymbol(coefficients, func(symbol byte, value, bits int) {
		put(uint64(c.code[symbol]), int(c.length[symbol]))
		put(uint64(value), bits)
	})
	if n > 0 {
		put(1<<(8-n)-1, 8-n)
	}
	return out
}
