package simd

import "fmt"

// MaxProbes is the largest number of probes of one batch.
const MaxProbes = 32

// MaxQueries is the largest number of queries of one probe (rotations of a finger).
const MaxQueries = 4

// Int8Probes are 1..MaxProbes probes for the int8 plane in the forms the kernels read.
// They never change, so goroutines may share them.
type Int8Probes struct {
	n, dim, groups int
	bytes          []int8  // n x 4*groups, padded with 0
	words          []int16 // n x 4*groups, each group in the order 0, 2, 1, 3
	start          []int32 // -128 * sum of the probe, where its sums begin
	tiles          *amxTiles
}

// NewInt8Probes copies probes of dim dimensions each. Any s8 is allowed, -128 too.
func NewInt8Probes(dim int, probes ...[]int8) *Int8Probes {
	checkCount(len(probes), MaxProbes)
	p := &Int8Probes{n: len(probes), dim: dim, groups: groupsOf(dim, 4)}
	padded := 4 * p.groups
	p.bytes, p.words, p.start = make([]int8, p.n*padded), make([]int16, p.n*padded), make([]int32, p.n)
	for i, v := range probes {
		checkDim(len(v), dim)
		b, w := p.bytes[i*padded:][:padded], p.words[i*padded:][:padded]
		copy(b, v)
		for g := 0; g < padded; g += 4 {
			w[g], w[g+1], w[g+2], w[g+3] = int16(b[g]), int16(b[g+2]), int16(b[g+1]), int16(b[g+3])
		}
		for _, x := range v {
			p.start[i] -= 128 * int32(x)
		}
	}
	p.tiles = newAMXTiles(p.bytes, p.n, padded, true)
	return p
}

// Len is the number of probes.
func (p *Int8Probes) Len() int { return p.n }

// Dim is their dimension.
func (p *Int8Probes) Dim() int { return p.dim }

// BitProbes are 1..MaxProbes probes of bits for the Hamming kernels. They never change.
type BitProbes struct {
	n, dim, groups int
	words          []uint32 // n x groups
}

// NewBitProbes copies probes of dim bits each, bit d%32 of word d/32 being dimension d;
// bits behind the last must be 0.
func NewBitProbes(dim int, probes ...[]uint32) *BitProbes {
	checkCount(len(probes), MaxProbes)
	p := &BitProbes{n: len(probes), dim: dim, groups: groupsOf(dim, 32)}
	for _, v := range probes {
		checkBits(dim, v)
		p.words = append(p.words, v...)
	}
	return p
}

// Len is the number of probes.
func (p *BitProbes) Len() int { return p.n }

// Dim is their dimension.
func (p *BitProbes) Dim() int { return p.dim }

// BitQueries are 1..MaxQueries queries of one probe for the asymmetric kernel. They
// never change.
type BitQueries struct {
	n, dim, groups int
	// n x 32*groups values. Byte 4k+j of a group is dimension 8j+k: what meets a row
	// AND 2^k lies side by side.
	bytes []int8
	minus []int32 // -sum of the query
	// For the portable kernel: the sum of the set dimensions for each value of each
	// nibble, n x 8*groups x 16.
	nibbles []int16
}

// NewBitQueries copies queries of dim dimensions each. Any s8 is allowed, -128 too.
func NewBitQueries(dim int, queries ...[]int8) *BitQueries {
	checkCount(len(queries), MaxQueries)
	p := &BitQueries{n: len(queries), dim: dim, groups: groupsOf(dim, 32)}
	padded := 32 * p.groups
	p.bytes, p.minus = make([]int8, p.n*padded), make([]int32, p.n)
	p.nibbles = make([]int16, p.n*padded*4)
	for i, v := range queries {
		checkDim(len(v), dim)
		b, t := p.bytes[i*padded:][:padded], p.nibbles[i*padded*4:][:padded*4]
		for d, x := range v {
			b[d/32*32+d%8*4+d%32/8] = x
			p.minus[i] -= int32(x)
			for value := range 16 {
				if value>>(d%4)&1 != 0 {
					t[d/4*16+value] += int16(x)
				}
			}
		}
	}
	return p
}

// Len is the number of queries.
func (p *BitQueries) Len() int { return p.n }

// Dim is their dimension.
func (p *BitQueries) Dim() int { return p.dim }

func checkCount(n, most int) {
	if n < 1 || n > most {
		panic(fmt.Sprintf("simd: %d probes, want 1..%d", n, most))
	}
}

func checkDim(got, want int) {
	if got != want {
		panic(fmt.Sprintf("simd: probe of dimension %d, want %d", got, want))
	}
}
