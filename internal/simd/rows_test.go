package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// rowSuite is what each kernel that makes rows must pass.
func rowSuite(op Op) []func(*testing.T, Op) {
	return map[Op][]func(*testing.T, Op){
		OpRotate:       {conformRotate, guardRows},
		OpToF16:        {conformToF16, guardRows},
		OpFromF16:      {conformFromF16, guardRows},
		OpQuantizeInt8: {conformQuantizeInt8, guardRows},
		OpResidual:     {conformResidual, guardRows},
		OpSignBits:     {conformSignBits, guardRows},
		OpPackInt8:     {conformPackInt8, guardRows},
	}[op]
}

// addRowNeeds tells what the kernels that make rows need, as flags of the processor.
func addRowNeeds(wants map[Level][opCount]string) {
	avx2, avx512 := wants[AVX2], wants[AVX512]
	for _, op := range []Op{OpRotate, OpQuantizeInt8, OpResidual, OpSignBits, OpPackInt8} {
		avx2[op], avx512[op] = "avx2", "avx512f"
	}
	for _, op := range []Op{OpToF16, OpFromF16} {
		avx2[op], avx512[op] = "avx2 f16c", "avx512f"
	}
	avx512[OpPackInt8] = "(no such kernel)"
	wants[AVX2], wants[AVX512] = avx2, avx512
}

// oddFloats are values at which something changes: zeros, subnormals, steps and halves
// of the integers and of 16 bits, infinities, NaN.
func oddFloats() []float32 {
	var out []float32
	around := func(x float64) {
		f := float32(x)
		out = append(out, f, -f, math.Nextafter32(f, 0), math.Nextafter32(f, math.MaxFloat32), -math.Nextafter32(f, math.MaxFloat32))
	}
	for x := range 130 {
		around(float64(x))
		around(float64(x) + 0.5)
	}
	for e := -149; e < 128; e++ {
		around(math.Ldexp(1, e))
	}
	for _, b := range []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fbfffff, 0x7fa5a000} {
		out = append(out, math.Float32frombits(b))
	}
	return append(out, 65504, 65519.996, 65520, 65536, math.MaxFloat32, -math.MaxFloat32, float32(math.Copysign(0, -1)))
}

// floatsOf is n values of which some are odd.
func floatsOf(r *rand.Rand, n int, odd []float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		switch r.IntN(4) {
		case 0:
			out[i] = odd[r.IntN(len(odd))]
		case 1:
			out[i] = math.Float32frombits(r.Uint32())
		default:
			out[i] = float32(r.NormFloat64())
		}
	}
	return out
}

func conformToF16(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(41, 1))
	check := func(v []float32) {
		t.Helper()
		got := make([]F16, len(v)+1)
		got[len(v)] = 0x5a5a
		ToF16(got[:len(v)], v)
		for i, x := range v {
			if want := F16FromFloat32(x); got[i] != want {
				t.Fatalf("length %d, element %d, %x: got %#x, want %#x", len(v), i, math.Float32bits(x), got[i], want)
			}
		}
		if got[len(v)] != 0x5a5a {
			t.Fatalf("length %d: wrote behind the end", len(v))
		}
	}
	odd := oddFloats()
	check(odd)
	for _, n := range append(dims(), 0) {
		for shift := range 3 {
			check(floatsOf(r, n+shift, odd)[shift:])
		}
	}
	// Each value of 16 bits, the middle to the next one, and their neighbors.
	var v []float32
	for i := range 1 << 16 {
		b := math.Float32bits(F16(i).Float32())
		for _, step := range []uint32{0, 1, 0xfff, 0x1000, 0x1001, 0x1fff} {
			v = append(v, math.Float32frombits(b+step))
		}
		if i&0x7fff < 0x400 { // subnormal: the middle is elsewhere
			m := float32(f16Value(F16(i)) + math.Copysign(math.Ldexp(1, -25), f16Value(F16(i))))
			v = append(v, m, math.Nextafter32(m, 0), math.Nextafter32(m, 2*m))
		}
	}
	check(v)
	for i := range v {
		v[i] = math.Float32frombits(r.Uint32())
	}
	check(v)
}

func conformFromF16(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(42, 1))
	check := func(h []F16) {
		t.Helper()
		got := make([]float32, len(h)+1)
		got[len(h)] = 77
		FromF16(got[:len(h)], h)
		for i, x := range h {
			if want := math.Float32bits(x.Float32()); math.Float32bits(got[i]) != want {
				t.Fatalf("length %d, element %d, %#x: got %x, want %x", len(h), i, x, math.Float32bits(got[i]), want)
			}
		}
		if got[len(h)] != 77 {
			t.Fatalf("length %d: wrote behind the end", len(h))
		}
	}
	all := make([]F16, 1<<16)
	for i := range all {
		all[i] = F16(i)
	}
	check(all)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, n := range append(dims(), 0) {
		for shift := range 3 {
			check(all[n+shift:][:n])
		}
	}
}

func conformQuantizeInt8(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(43, 1))
	check := func(v []float32, scale float32) {
		t.Helper()
		got := make([]int8, len(v)+1)
		got[len(v)] = 77
		QuantizeInt8(got[:len(v)], v, scale)
		for i, x := range v {
			product, want := float32(x*scale), int8(0)
			if product == product {
				want = int8(math.RoundToEven(max(-127, min(127, float64(product)))))
			}
			if got[i] != want {
				t.Fatalf("length %d, element %d, %g * %g: got %d, want %d", len(v), i, x, scale, got[i], want)
			}
		}
		if got[len(v)] != 77 {
			t.Fatalf("length %d: wrote behind the end", len(v))
		}
	}
	odd := oddFloats()
	for _, scale := range []float32{1, -1, 127, 718.4205, 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, 1e-45} {
		check(odd, scale)
		for _, n := range append(dims(), 0) {
			check(floatsOf(r, n+1, odd)[n&1:], scale)
		}
	}
	v := make([]float32, 1<<16)
	for i := range v {
		v[i] = float32(i-1<<15) / 128
	}
	check(v, 0.5)
	check(v, 1)
}

func conformSignBits(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(44, 1))
	odd := oddFloats()
	for _, n := range dims() {
		for shift := range 3 {
			v := floatsOf(r, n+shift, odd)[shift:]
			got := make([]uint32, BitWords(n)+1)
			for i := range got {
				got[i] = 0x5a5a5a5a
			}
			SignBits(got[:BitWords(n)], v)
			for i := range 32 * BitWords(n) {
				if bit, want := got[i/32]>>(i%32)&1 != 0, i < n && v[i] > 0; bit != want {
					t.Fatalf("length %d: bit %d is %v", n, i, bit)
				}
			}
			if got[BitWords(n)] != 0x5a5a5a5a {
				t.Fatalf("length %d: wrote behind the end", n)
			}
		}
	}
	for len(odd) >= 40 { // each odd value at several places
		got := make([]uint32, 2)
		SignBits(got, odd[:40])
		for i, x := range odd[:40] {
			if bit := got[i/32]>>(i%32)&1 != 0; bit != (x > 0) {
				t.Fatalf("%x: bit is %v", math.Float32bits(x), bit)
			}
		}
		odd = odd[1:]
	}
}

func conformPackInt8(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(45, 1))
	for _, dim := range dims() {
		for row := range BlockRows {
			block, want, v := make([]byte, Int8BlockBytes(dim)), make([]byte, Int8BlockBytes(dim)), make([]int8, dim+row)[row:]
			for i := range block {
				block[i] = byte(r.Uint32())
			}
			copy(want, block)
			for d := range len(block) / 16 {
				at := d/4*64 + 4*row + d%4
				if want[at] = 128; d < dim {
					v[d] = int8(r.Uint32())
					want[at] += byte(v[d])
				}
			}
			PackInt8(block, row, v)
			for i := range want {
				if block[i] != want[i] {
					t.Fatalf("dimension %d, row %d: byte %d is %d, want %d", dim, row, i, block[i], want[i])
				}
			}
		}
	}
}

// A row is made without garbage.
func TestRowsDoNotAllocate(t *testing.T) {
	if checkIndex {
		t.Skip("the reader allocates")
	}
	for _, dim := range []int{100, 512} {
		for _, name := range []string{"portable", "auto"} {
			undo, err := Force(name)
			if err != nil {
				t.Fatal(err)
			}
			c, v := newRowChain(dim), randomUnit(rand.New(rand.NewPCG(46, 1)), dim)
			if n := testing.AllocsPerRun(100, func() { c.all(v) }); n != 0 {
				t.Errorf("%s, dimension %d: %g allocations", name, dim, n)
			}
			undo()
		}
	}
}

// The same row comes from all kernels, bit by bit, through all steps.
func TestRowsAreTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(47, 1))
	for _, dim := range []int{16, 17, 100, 192, 384, 512, 1000, 2048, 4095, 4096} {
		v := randomUnit(r, dim)
		var want *rowChain
		for _, name := range []string{"portable", "avx2", "avx512"} {
			undo, err := Force(name)
			if err != nil {
				t.Logf("%v", err)
				continue
			}
			got := newRowChain(dim)
			got.all(v)
			undo()
			if want == nil {
				want = got
			}
			equalFloats(t, name, got.x, want.x)
			if got.residual != want.residual || string(got.block) != string(want.block) || string(got.bitBlock) != string(want.bitBlock) {
				t.Errorf("dimension %d: %s makes another row", dim, name)
			}
			for i := range got.h {
				if got.h[i] != want.h[i] {
					t.Fatalf("dimension %d: %s makes another row", dim, name)
				}
			}
		}
	}
}

// rowChain is what the index does with a vector: all steps from it to three planes.
type rowChain struct {
	rotation        *Rotation
	y, x            []float32
	h               []F16
	q               []int8
	words           []uint32
	block, bitBlock []byte
	scale, residual float32
}

func newRowChain(dim int) *rowChain {
	return &rowChain{
		rotation: NewRotation(dim), y: make([]float32, dim), x: make([]float32, dim), h: make([]F16, dim), q: make([]int8, dim),
		words: make([]uint32, BitWords(dim)), block: make([]byte, Int8BlockBytes(dim)), bitBlock: make([]byte, BitBlockBytes(dim)),
		scale: float32(127 * math.Sqrt(float64(dim)) / 4),
	}
}

func (c *rowChain) rotate(v []float32) { c.rotation.Apply(c.y, v) }
func (c *rowChain) toF16([]float32)    { ToF16(c.h, c.y) }
func (c *rowChain) fromF16([]float32)  { FromF16(c.x, c.h) }
func (c *rowChain) quantize([]float32) { QuantizeInt8(c.q, c.x, c.scale) }
func (c *rowChain) measure([]float32)  { c.residual = Residual(c.x, c.q, c.scale) }
func (c *rowChain) packInt8([]float32) { PackInt8(c.block, 3, c.q) }
func (c *rowChain) signBits([]float32) { SignBits(c.words, c.x) }
func (c *rowChain) packBits([]float32) { PackBits(c.bitBlock, 3, len(c.x), c.words) }
func (c *rowChain) all(v []float32) {
	c.rotate(v)
	c.toF16(v)
	c.fromF16(v)
	c.quantize(v)
	c.measure(v)
	c.packInt8(v)
	c.signBits(v)
	c.packBits(v)
}

// What a row costs, in all and step by step:
//
//	go test -run '^$' -bench Row -benchtime 100ms -count 5 ./internal/simd
func BenchmarkRow(b *testing.B) {
	r := rand.New(rand.NewPCG(48, 1))
	steps := []struct {
		name string
		f    func(*rowChain, []float32)
	}{
		{"all", (*rowChain).all}, {"rotate", (*rowChain).rotate}, {"to-f16", (*rowChain).toF16}, {"from-f16", (*rowChain).fromF16}, {"quantize-int8", (*rowChain).quantize},
		{"residual", (*rowChain).measure}, {"pack-int8", (*rowChain).packInt8}, {"sign-bits", (*rowChain).signBits}, {"pack-bits", (*rowChain).packBits},
	}
	for _, dim := range []int{512, 128, 192, 384, 1000, 4096} {
		for _, level := range []string{"portable", "avx2", "avx512"} {
			for _, s := range steps {
				if dim != 512 && s.name != "all" && s.name != "rotate" {
					continue
				}
				b.Run(fmt.Sprintf("dim=%d/step=%s/kernel=%s", dim, s.name, level), func(b *testing.B) {
					undo, err := Force(level)
					if err != nil {
						b.Skip(err)
					}
					defer undo()
					c, v := newRowChain(dim), randomUnit(r, dim)
					c.all(v)
					for b.Loop() {
						s.f(c, v)
					}
				})
			}
		}
	}
}
