package simd

import "math/bits"

// The obvious readers: one value of one row at a time, straight from the drawings in
// layout.go. Tests compare every kernel with them, and builds with the tag checkindex
// every call.

func readInt8(plane []byte, dim, row, d int) int32 {
	block := plane[row/BlockRows*Int8BlockBytes(dim):]
	return int32(block[d/4*64+row%BlockRows*4+d%4]) - 128
}

func readBit(plane []byte, dim, row, d int) int32 {
	block := plane[row/BlockRows*BitBlockBytes(dim):]
	return int32(block[d/32*64+row%BlockRows*4+d%32/8] >> (d % 8) & 1)
}

// value is dimension d of probe i.
func (p *Int8Probes) value(i, d int) int32 { return int32(p.bytes[i*4*p.groups+d]) }

// value is dimension d of query i.
func (p *BitQueries) value(i, d int) int32 {
	return int32(p.bytes[i*32*p.groups+d/32*32+d%8*4+d%32/8])
}

func (p *BitProbes) bit(i, d int) int32 {
	return int32(p.words[i*p.groups+d/32] >> (d % 32) & 1)
}

func readInt8Score(plane []byte, row int, p *Int8Probes, i int) int32 {
	sum := int32(0)
	for d := range p.dim {
		sum += readInt8(plane, p.dim, row, d) * p.value(i, d)
	}
	return sum
}

func readHamming(plane []byte, row int, p *BitProbes, i int) uint16 {
	n := 0
	for d := range p.dim {
		n += bits.OnesCount32(uint32(readBit(plane, p.dim, row, d) ^ p.bit(i, d)))
	}
	return uint16(n)
}

func readAsymmetric(plane []byte, row int, p *BitQueries) int32 {
	var best int32
	for q := range p.n {
		sum := int32(0)
		for d := range p.dim {
			sum += (2*readBit(plane, p.dim, row, d) - 1) * p.value(q, d)
		}
		if q == 0 || sum > best {
			best = sum
		}
	}
	return best
}

func readAsymmetricBatch(plane []byte, row int, p *BitQueryBatch, i int) int32 {
	sum := int32(0)
	for d := range p.dim {
		sum += (2*readBit(plane, p.dim, row, d) - 1) * p.value(i, d)
	}
	return sum
}
