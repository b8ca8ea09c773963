package wsq

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSymbols: coefficients and runs at every bound between symbols and escapes
// come back from their code.
func TestSymbols(t *testing.T) {
	var want []int16
	for _, run := range []int{1, 2, 100, 101, 255, 256, 65535, 65536, 131071, 0} {
		for _, v := range []int16{1, -1, 74, 75, -73, -74, 255, 256, -255, -256, 32767, -32767} {
			want = append(append(want, make([]int16, run)...), v)
		}
	}
	want = append(want, make([]int16, 70000)...)
	var counts histogram
	counts.count(want)
	code := newHuffCode(&counts)
	data := code.appendEntropy(nil, want)
	var bits int
	if bits = code.bits(&counts); (bits+7)/8 > len(data) || (bits+7)/8+bytes.Count(data, []byte{0xFF}) != len(data) {
		t.Errorf("%d bits counted, %d bytes written", bits, len(data))
	}
	body := append([]byte{0}, code.counts[1:]...)
	p := parser{data: append(data, 0xFF, markEOI)}
	if _, err := p.huffmanTable(append(body, code.symbols...), 0); err != nil {
		t.Fatal(err)
	}
	p.huffman[0].build()
	d := blockDecoder{total: len(want)}
	if err := p.entropy(&d, &p.huffman[0], 0); err != nil || d.n != len(want) || !slices.Equal(d.coefficients[:d.n], want) {
		t.Errorf("%d coefficients come back, want %d, %v", d.n, len(want), err)
	}
	if p.pos != len(data) {
		t.Errorf("%d bytes read of %d", p.pos, len(data))
	}
}

// TestCodeLengths: codes are as short as Huffman's where those fit in 16 bits, and
// fit where they do not.
func TestCodeLengths(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 9))
	for n := 2; n <= 255; n++ {
		weights := make([]int, n)
		for i := range weights {
			weights[i] = rnd.IntN(1000)
			if n%3 == 0 { // steep: Huffman's own codes would be longer than 16
				weights[i] = 1 << min(i, 50)
			}
		}
		slices.Sort(weights)
		lengths := codeLengths(weights)
		kraft, cost := 0, 0
		for i, l := range lengths {
			if l < 1 || l > maxCodeLen || i > 0 && l > lengths[i-1] {
				t.Fatalf("%d weights: lengths %v", n, lengths)
			}
			kraft += 1 << (maxCodeLen - l)
			cost += l * weights[i]
		}
		if kraft != 1<<maxCodeLen {
			t.Fatalf("%d weights: Kraft sum %d / 65536", n, kraft)
		}
		if want, deepest := huffmanCost(weights); deepest <= maxCodeLen && cost != want || deepest > maxCodeLen && cost < want {
			t.Fatalf("%d weights: %d bits, Huffman's %d with codes of up to %d", n, cost, want, deepest)
		}
	}
}

// huffmanCost merges the two lightest again and again, as slowly as it is plain.
func huffmanCost(weights []int) (cost, deepest int) {
	type tree struct{ weight, depth int }
	trees := make([]tree, len(weights))
	for i, w := range weights {
		trees[i] = tree{weight: w}
	}
	for len(trees) > 1 {
		slices.SortFunc(trees, func(a, b tree) int { return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.depth, b.depth)) })
		joined := tree{trees[0].weight + trees[1].weight, 1 + max(trees[0].depth, trees[1].depth)}
		cost += joined.weight
		trees = append(trees[2:], joined)
	}
	return cost, trees[0].depth
}
