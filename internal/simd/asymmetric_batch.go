package simd

// BitQueryBatch are 1..MaxProbes probes of one query each for the bit plane, in the forms
// the kernels read. They never change, so goroutines may share them.
type BitQueryBatch struct {
	n, dim, groups int
	bytes          []int8  // n x 32*groups, in the order of BitQueries
	minus          []int32 // -sum of the probe
	tiles          *amxTiles
}

// NewBitQueryBatch copies probes of dim dimensions each. Any s8 is allowed, -128 too.
func NewBitQueryBatch(dim int, probes ...[]int8) *BitQueryBatch {
	checkCount(len(probes), MaxProbes)
	p := &BitQueryBatch{n: len(probes), dim: dim, groups: groupsOf(dim, 32)}
	padded := 32 * p.groups
	p.bytes, p.minus = make([]int8, p.n*padded), make([]int32, p.n)
	for i, v := range probes {
		checkDim(len(v), dim)
		b := p.bytes[i*padded:][:padded]
		for d, x := range v {
			b[bitOrder(d)] = x
			p.minus[i] -= int32(x)
		}
	}
	p.tiles = newAMXTiles(p.bytes, p.n, padded, false)
	return p
}

// bitOrder is the place of dimension d among the values of a query: what meets a row
// AND 2^k lies side by side.
func bitOrder(d int) int { return d/32*32 + d%8*4 + d%32/8 }

// Len is the number of probes.
func (p *BitQueryBatch) Len() int { return p.n }

// Dim is their dimension.
func (p *BitQueryBatch) Dim() int { return p.dim }

// value is dimension d of probe i.
func (p *BitQueryBatch) value(i, d int) int32 { return int32(p.bytes[i*32*p.groups+bitOrder(d)]) }

// one is probe i as the only query of its own, for the vector kernels.
func (p *BitQueryBatch) one(i int) *BitQueries {
	padded := 32 * p.groups
	return &BitQueries{n: 1, dim: p.dim, groups: p.groups, bytes: p.bytes[i*padded:][:padded], minus: p.minus[i:][:1]}
}

// ScanAsymmetricBatch takes the bits of a row as +1 and -1 and sets scores[i*n+r] to the
// product of row r and probe i, exactly, for all probes, with n = 16*Blocks(rows): what
// ScanAsymmetric gives for one query. Probes share the expansion of the rows' bits,
// so 32 probes cost much less than 32 calls.
func ScanAsymmetricBatch(scores []int32, plane []byte, rows int, p *BitQueryBatch) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, p.n)
	if blocks == 0 {
		return
	}
	n := blocks * BlockRows
	if l := level(OpAsymmetricBatch); l != Portable {
		scanAsymmetricBatchVector(l, scores, plane, blocks, p)
	} else {
		for i := range p.n {
			scanAsymmetricPortable(scores[i*n:], plane, blocks, p.portable(i))
		}
	}
	if checkIndex {
		for i := range p.n {
			checkAsymmetricBatch(scores[i*n:], plane, rows, p, i)
		}
	}
}

// portable is probe i with the table that the portable kernel reads, which takes four
// times the bytes of the probe and is made where it is used.
func (p *BitQueryBatch) portable(i int) *BitQueries {
	v := make([]int8, p.dim)
	for d := range v {
		v[d] = int8(p.value(i, d))
	}
	return NewBitQueries(p.dim, v)
}
