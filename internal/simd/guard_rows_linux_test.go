package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// guardRows runs an operation on slices that begin or end where memory does.
func guardRows(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 34))
	in, out, more, block := newGuarded(t, 16<<10), newGuarded(t, 16<<10), newGuarded(t, 16<<10), newGuarded(t, 64<<10)
	defer func() {
		for _, g := range []*guarded{in, out, more, block} {
			g.free(t)
		}
	}()
	for _, n := range dims() {
		v, q, h := randomUnit(r, n), make([]int8, n), make([]F16, n)
		QuantizeInt8(q, v, 300)
		ToF16(h, v)
		for _, end := range []bool{false, true} {
			src := at(in, end, v)
			switch op {
			case OpRotate:
				rotation := NewRotation(n)
				for i, p := range rotation.passes {
					if i < 2 { // the others have the same lengths
						rotation.passes[i].factors = at([]*guarded{more, block}[i], end, p.factors)
					}
				}
				got := at(out, end, make([]float32, n))
				rotation.Apply(got, src)
				equalFloats(t, fmt.Sprintf("dimension %d", n), got, plainRotate(v))
				rotation.Apply(src, src)
				equalFloats(t, fmt.Sprintf("dimension %d, in place", n), src, got)
			case OpToF16:
				ToF16(at(out, end, make([]F16, n)), src)
			case OpFromF16:
				FromF16(at(out, end, make([]float32, n)), at(in, end, h))
			case OpQuantizeInt8:
				QuantizeInt8(at(out, end, make([]int8, n)), src, 300)
			case OpResidual:
				Residual(src, at(more, end, q), 300)
			case OpSignBits:
				SignBits(at(out, end, make([]uint32, BitWords(n))), src)
			case OpPackInt8:
				for _, row := range []int{0, 7, BlockRows - 1} {
					PackInt8(at(block, end, make([]byte, Int8BlockBytes(n))), row, at(in, end, q))
				}
			}
		}
	}
}
