//go:build checkindex

package simd

import (
	"fmt"
	"math"
)

func checkRotate(r *Rotation, got, src []float32) {
	want := make([]float32, len(src))
	r.apply(Portable, want, src)
	for i := range want {
		sameFloat("rotate", i, got[i], want[i])
	}
}

func checkToF16(got []F16, v []float32) {
	for i, x := range v {
		sameElement("to-f16", i, got[i], F16FromFloat32(x))
	}
}

func checkFromF16(got []float32, h []F16) {
	for i, x := range h {
		sameElement("from-f16", i, math.Float32bits(got[i]), math.Float32bits(x.Float32()))
	}
}

func checkQuantizeInt8(got []int8, v []float32, scale float32) {
	want := make([]int8, len(v))
	quantizeInt8Portable(want, v, scale)
	for i := range want {
		sameElement("quantize-int8", i, got[i], want[i])
	}
}

func checkResidual(got float32, x []float32, q []int8, scale float32) {
	sameFloat("residual", 0, got, residualPortable(x, q, scale))
}

func checkSignBits(got []uint32, v []float32) {
	want := make([]uint32, len(got))
	signBitsPortable(want, v)
	for i := range want {
		sameElement("sign-bits", i, got[i], want[i])
	}
}

func checkPackInt8(block []byte, row int, v []int8) {
	for d := range len(block) / 64 * 4 {
		want := byte(0x80)
		if d < len(v) {
			want ^= byte(v[d])
		}
		sameElement("pack-int8", d, block[d/4*64+4*row+d%4], want)
	}
}

func sameFloat(op string, i int, got, want float32) {
	if got == got || want == want { // of a NaN, only that it is one
		sameElement(op, i, math.Float32bits(got), math.Float32bits(want))
	}
}

func sameElement[T comparable](op string, i int, got, want T) {
	if got != want {
		panic(fmt.Sprintf("simd: the kernel of %s and the reader differ at element %d", op, i))
	}
}
