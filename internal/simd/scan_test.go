package simd

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// dims are the dimensions that tests walk over: all small ones, and those around the
// widths of vectors, of unrolled loops and of the largest rows.
func dims() []int {
	var out []int
	for d := 1; d <= 72; d++ {
		out = append(out, d)
	}
	for _, around := range []int{96, 128, 256, 384, 512, 992, 1024, 2048} {
		for d := around - 1; d <= around+1; d++ {
			out = append(out, d)
		}
	}
	return append(out, 133, 260, 510, 995, 4065, 4093, 4095, 4096)
}

// filling makes the values of rows and probes.
type filling struct {
	name       string
	row, probe func(r *rand.Rand) int8
}

func fillings() []filling {
	random := func(r *rand.Rand) int8 { return int8(r.Uint32()) }
	ends := func(r *rand.Rand) int8 { return []int8{-128, 127}[r.IntN(2)] }
	always := func(v int8) func(*rand.Rand) int8 { return func(*rand.Rand) int8 { return v } }
	return []filling{
		{"random", random, random},
		{"ends", ends, ends},
		{"u8=255,s8=127", always(127), always(127)},
		{"u8=255,s8=-128", always(127), always(-128)},
		{"u8=0,s8=-128", always(-128), always(-128)},
		{"u8=0,s8=127", always(-128), always(127)},
	}
}

// problem is rows and probes as plain vectors, and the planes made of them.
type problem struct {
	dim, rows       int
	vectors, probes [][]int8
	int8s, bits     []byte
	p8              *Int8Probes
	pb              *BitProbes
	qb              *BitQueryBatch // made when it is needed, if nil
}

func vector(r *rand.Rand, dim int, f func(*rand.Rand) int8) []int8 {
	v := make([]int8, dim)
	for i := range v {
		v[i] = f(r)
	}
	return v
}

// signs are the bits of v: 1 where it is greater than 0.
func signs(v []int8) []uint32 {
	out := make([]uint32, BitWords(len(v)))
	for d, x := range v {
		if x > 0 {
			out[d/32] |= 1 << (d % 32)
		}
	}
	return out
}

func newProblem(r *rand.Rand, dim, rows, probes int, f filling) *problem {
	p := &problem{dim: dim, rows: rows}
	p.int8s = make([]byte, Blocks(rows)*Int8BlockBytes(dim))
	p.bits = make([]byte, Blocks(rows)*BitBlockBytes(dim))
	for i := range p.int8s {
		p.int8s[i] = byte(r.Uint32()) // rows that do not count hold anything
	}
	for i := range rows {
		v := vector(r, dim, f.row)
		p.vectors = append(p.vectors, v)
		b := i / BlockRows
		PackInt8(p.int8s[b*Int8BlockBytes(dim):][:Int8BlockBytes(dim)], i%BlockRows, v)
		PackBits(p.bits[b*BitBlockBytes(dim):][:BitBlockBytes(dim)], i%BlockRows, dim, signs(v))
	}
	var words [][]uint32
	for range probes {
		v := vector(r, dim, f.probe)
		p.probes = append(p.probes, v)
		words = append(words, signs(v))
	}
	p.p8, p.pb = NewInt8Probes(dim, p.probes...), NewBitProbes(dim, words...)
	return p
}

func product(a, b []int8) int32 {
	s := int32(0)
	for i := range a {
		s += int32(a[i]) * int32(b[i])
	}
	return s
}

func differing(a, b []int8) uint16 {
	n := uint16(0)
	for i := range a {
		if (a[i] > 0) != (b[i] > 0) {
			n++
		}
	}
	return n
}

func largest(row []int8, queries [][]int8) int32 {
	best := int32(math.MinInt32)
	for _, q := range queries {
		s := int32(0)
		for i, x := range q {
			if row[i] > 0 {
				s += int32(x)
			} else {
				s -= int32(x)
			}
		}
		best = max(best, s)
	}
	return best
}

const canary = -0x5a5a

// verify runs the operation with the chosen kernel and compares every row with the
// plain vectors, and that nothing behind the results was written.
func (p *problem) verify(t *testing.T, op Op) {
	t.Helper()
	n := Blocks(p.rows) * BlockRows
	scores, dist := make([]int32, n*len(p.probes)+16), make([]uint16, n*len(p.probes)+16)
	for i := range scores {
		scores[i], dist[i] = canary, 0x5a5a
	}
	batch := 0 // probes in the result
	one := len(p.probes) - 1
	switch op {
	case OpInt8:
		ScanInt8(scores, p.int8s, p.rows, p.p8, one)
	case OpInt8Batch:
		ScanInt8Batch(scores, p.int8s, p.rows, p.p8)
	case OpHamming:
		ScanHamming(dist, p.bits, p.rows, p.pb, one)
	case OpHammingBatch:
		ScanHammingBatch(dist, p.bits, p.rows, p.pb)
	case OpAsymmetric:
		ScanAsymmetric(scores, p.bits, p.rows, NewBitQueries(p.dim, p.probes[:min(len(p.probes), MaxQueries)]...))
	case OpAsymmetricBatch:
		ScanAsymmetricBatch(scores, p.bits, p.rows, NewBitQueryBatch(p.dim, p.probes...))
	}
	for r, v := range p.vectors {
		switch op {
		case OpInt8:
			batch = 1
			p.equal(t, op, r, one, int64(scores[r]), int64(product(v, p.probes[one])))
		case OpInt8Batch:
			batch = len(p.probes)
			for i, q := range p.probes {
				p.equal(t, op, r, i, int64(scores[i*n+r]), int64(product(v, q)))
			}
		case OpHamming:
			batch = 1
			p.equal(t, op, r, one, int64(dist[r]), int64(differing(v, p.probes[one])))
		case OpHammingBatch:
			batch = len(p.probes)
			for i, q := range p.probes {
				p.equal(t, op, r, i, int64(dist[i*n+r]), int64(differing(v, q)))
			}
		case OpAsymmetric:
			batch = 1
			p.equal(t, op, r, 0, int64(scores[r]), int64(largest(v, p.probes[:min(len(p.probes), MaxQueries)])))
		case OpAsymmetricBatch:
			batch = len(p.probes)
			for i := range p.probes {
				p.equal(t, op, r, i, int64(scores[i*n+r]), int64(largest(v, p.probes[i:i+1])))
			}
		}
	}
	for i := batch * n; i < len(scores); i++ {
		if scores[i] != canary || dist[i] != 0x5a5a {
			t.Fatalf("%s, dimension %d, %d rows: wrote behind its results, at %d", op, p.dim, p.rows, i)
		}
	}
}

func (p *problem) equal(t *testing.T, op Op, row, probe int, got, want int64) {
	t.Helper()
	if got != want {
		t.Fatalf("%s, dimension %d, %d rows, %d probes: row %d, probe %d: got %d, want %d",
			op, p.dim, p.rows, len(p.probes), row, probe, got, want)
	}
}

func conformScan(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 11))
	f := fillings()
	for i, dim := range dims() {
		rows := []int{16, 1, 33, 80, 65, 47, 128}[i%7]
		if dim > 1100 {
			rows = min(rows, 80)
		}
		probes := []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 31}[i%11]
		newProblem(r, dim, rows, probes, f[0]).verify(t, op)
		newProblem(r, dim, min(rows, 20), min(probes, 5), f[1]).verify(t, op)
	}
	for _, f := range f {
		for _, dim := range []int{16, 31, 124, 509, 512, 4096} {
			newProblem(r, dim, 80, 4, f).verify(t, op)
		}
	}
	// Every number of probes and of blocks around a tile.
	for probes := 1; probes <= MaxProbes; probes++ {
		newProblem(r, 37, 16*9-3, probes, f[0]).verify(t, op)
	}
	for blocks := range 10 {
		newProblem(r, 52, 16*blocks, 7, f[0]).verify(t, op)
	}
}

// Slices that begin at any address give the same results.
func conformAlignment(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 12))
	for shift := range 64 {
		p := newProblem(r, 100, 80, 7, fillings()[0])
		for _, s := range []*[]byte{&p.int8s, &p.bits} {
			moved := make([]byte, len(*s)+64)[shift:]
			copy(moved, *s)
			*s = moved[:len(*s)]
		}
		p.verify(t, op)
	}
}

func TestScansPanicOnBrokenInvariants(t *testing.T) {
	p := newProblem(rand.New(rand.NewPCG(1, 13)), 40, 32, 3, fillings()[0])
	q := NewBitQueries(40, p.probes...)
	scores, dist := make([]int32, 96), make([]uint16, 96)
	for name, f := range map[string]func(){
		"plane too short":     func() { ScanInt8(scores, p.int8s[:len(p.int8s)-1], 32, p.p8, 0) },
		"bits too short":      func() { ScanHamming(dist, p.bits[:len(p.bits)-1], 32, p.pb, 0) },
		"scores too short":    func() { ScanInt8(scores[:31], p.int8s, 32, p.p8, 0) },
		"room for one row":    func() { ScanInt8(scores[:17], p.int8s, 17, p.p8, 0) },
		"batch too short":     func() { ScanInt8Batch(scores[:95], p.int8s, 32, p.p8) },
		"distances too short": func() { ScanHammingBatch(dist[:95], p.bits, 32, p.pb) },
		"queries, scores":     func() { ScanAsymmetric(scores[:31], p.bits, 32, q) },
		"queries, plane":      func() { ScanAsymmetric(scores, p.bits, 33, q) },
		"negative rows":       func() { ScanInt8(scores, p.int8s, -1, p.p8, 0) },
		"overflowing rows":    func() { ScanInt8(scores, p.int8s, math.MaxInt, p.p8, 0) },
		"probe 3 of 3":        func() { ScanInt8(scores, p.int8s, 32, p.p8, 3) },
		"probe -1":            func() { ScanHamming(dist, p.bits, 32, p.pb, -1) },
		"no probes":           func() { NewInt8Probes(40) },
		"33 probes":           func() { NewInt8Probes(1, make([][]int8, 33)...) },
		"5 queries":           func() { NewBitQueries(1, make([][]int8, 5)...) },
		"probe too short":     func() { NewInt8Probes(40, make([]int8, 39)) },
		"query too long":      func() { NewBitQueries(40, make([]int8, 41)) },
		"dimension 0":         func() { NewInt8Probes(0, nil) },
		"dimension 4097":      func() { NewInt8Probes(4097, make([]int8, 4097)) },
		"bits behind the end": func() { NewBitProbes(40, []uint32{0, 1 << 8}) },
		"words missing":       func() { NewBitProbes(40, []uint32{0}) },
		"row 16":              func() { PackInt8(make([]byte, 640), 16, make([]int8, 40)) },
		"block too long":      func() { PackInt8(make([]byte, 704), 0, make([]int8, 40)) },
		"row -1 of bits":      func() { PackBits(make([]byte, 128), -1, 40, make([]uint32, 2)) },
		"dot":                 func() { DotF16(make([]float32, 8), make([]F16, 9)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
}

func TestNoRows(t *testing.T) {
	p := newProblem(rand.New(rand.NewPCG(1, 14)), 40, 0, 3, fillings()[0])
	ScanInt8(nil, nil, 0, p.p8, 0)
	ScanInt8Batch(nil, nil, 0, p.p8)
	ScanHamming(nil, nil, 0, p.pb, 0)
	ScanHammingBatch(nil, nil, 0, p.pb)
	ScanAsymmetric(nil, nil, 0, NewBitQueries(40, p.probes...))
}

// The readers of checkindex builds are the kernels' judges there, so they are judged.
func TestReaders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 15))
	for _, dim := range []int{1, 3, 16, 31, 33, 100, 512} {
		p := newProblem(r, dim, 40, 3, fillings()[0])
		q := NewBitQueries(dim, p.probes...)
		for row, v := range p.vectors {
			for i := range p.probes {
				p.equal(t, OpInt8, row, i, int64(readInt8Score(p.int8s, row, p.p8, i)), int64(product(v, p.probes[i])))
				p.equal(t, OpHamming, row, i, int64(readHamming(p.bits, row, p.pb, i)), int64(differing(v, p.probes[i])))
			}
			p.equal(t, OpAsymmetric, row, 0, int64(readAsymmetric(p.bits, row, q)), int64(largest(v, p.probes)))
		}
	}
}

func TestPackTouchesOneRow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 16))
	for _, dim := range []int{1, 2, 3, 4, 5, 30, 31, 32, 33, 63, 64, 65, 130, 4096} {
		block := make([]byte, Int8BlockBytes(dim))
		bitBlock := make([]byte, BitBlockBytes(dim))
		var vectors [][]int8
		for row := range BlockRows {
			v := vector(r, dim, fillings()[row%2].row)
			vectors = append(vectors, v)
			PackInt8(block, row, v)
			PackBits(bitBlock, row, dim, signs(v))
			for earlier, want := range vectors {
				got, words := make([]int8, dim), make([]uint32, BitWords(dim))
				UnpackInt8(got, block, earlier)
				UnpackBits(words, bitBlock, earlier, dim)
				if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(words) != fmt.Sprint(signs(want)) {
					t.Fatalf("dimension %d: row %d changed when row %d was packed", dim, earlier, row)
				}
			}
		}
		for d := dim; d < 4*((dim+3)/4); d++ {
			for row := range BlockRows {
				if got := block[d/4*64+4*row+d%4]; got != 128 {
					t.Fatalf("dimension %d: padding of row %d is %d, want 128", dim, row, got)
				}
			}
		}
	}
}

func TestQuantizeInt8(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		v, scale float32
		want     int8
	}{
		{0, 127, 0}, {1, 127, 127}, {-1, 127, -127}, {2, 127, 127}, {-2, 127, -127}, {inf, 1, 127}, {-inf, 1, -127}, {nan, 1, 0}, {inf, 0, 0},
		{0.5, 1, 0}, {1.5, 1, 2}, {2.5, 1, 2}, {-0.5, 1, 0}, {-1.5, 1, -2}, {-2.5, 1, -2}, {126.5, 1, 126}, {127.5, 1, 127}, {-126.5, 1, -126},
		{0.49999997, 1, 0}, {0.50000006, 1, 1}, {-0.50000006, 1, -1}, {math.MaxFloat32, math.MaxFloat32, 127}, {1e-45, 1, 0},
	} {
		got := []int8{99}
		if QuantizeInt8(got, []float32{c.v}, c.scale); got[0] != c.want {
			t.Errorf("%g * %g: got %d, want %d", c.v, c.scale, got[0], c.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 17))
	for range 100000 {
		v, scale := float32(r.NormFloat64()*0.5), float32(127)
		want := int8(math.RoundToEven(max(-127, min(127, float64(float32(v*scale))))))
		got := []int8{0}
		if QuantizeInt8(got, []float32{v}, scale); got[0] != want {
			t.Fatalf("%g * %g: got %d, want %d", v, scale, got[0], want)
		}
	}
}

func TestSignBits(t *testing.T) {
	v := []float32{1, -1, 0, float32(math.Copysign(0, -1)), float32(math.NaN()), 1e-45, float32(math.Inf(1)), float32(math.Inf(-1))}
	v = append(v, make([]float32, 26)...)
	v[31], v[33] = 1, 1
	got := []uint32{99, 99}
	if SignBits(got, v); got[0] != 1|1<<5|1<<6|1<<31 || got[1] != 2 {
		t.Fatalf("got %b", got)
	}
	if bits.OnesCount32(got[1]) != 1 {
		t.Fatal("bits behind the end")
	}
}
