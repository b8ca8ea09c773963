//go:build checkindex

package simd

import (
	"fmt"
	"math"
)

// checkIndex tells whether each call of a kernel is doubled by the obvious reader. The
// race detector does not see what assembly reads; it sees the reader, which reads the
// rows that count and writes the places of their results.
const checkIndex = true

func checkInt8(scores []int32, plane []byte, rows int, p *Int8Probes, i int) {
	for r := range rows {
		same("int8", r, &scores[r], readInt8Score(plane, r, p, i))
	}
}

func checkHamming(dist []uint16, plane []byte, rows int, p *BitProbes, i int) {
	for r := range rows {
		same("hamming", r, &dist[r], readHamming(plane, r, p, i))
	}
}

func checkAsymmetric(scores []int32, plane []byte, rows int, p *BitQueries) {
	for r := range rows {
		same("asymmetric", r, &scores[r], readAsymmetric(plane, r, p))
	}
}

func checkAsymmetricBatch(scores []int32, plane []byte, rows int, p *BitQueryBatch, i int) {
	for r := range rows {
		same("asymmetric-batch", r, &scores[r], readAsymmetricBatch(plane, r, p, i))
	}
}

func checkDotF16(got float32, probe []float32, row []F16) {
	want := dotF16Portable(probe, row)
	if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
		panic("simd: the kernel of dot-f16 and the reader differ")
	}
}

func checkSelect[T int32 | uint16](mask []uint64, results []T, wanted func(T) bool) {
	for r := range (len(results) + 63) / 64 * 64 {
		got := mask[r/64]>>(r%64)&1 != 0
		if want := r < len(results) && wanted(results[r]); got != want {
			panic(fmt.Sprintf("simd: the kernel of select and the reader differ at row %d", r))
		}
	}
}

func same[T int32 | uint16](op string, row int, got *T, want T) {
	if *got != want {
		panic(fmt.Sprintf("simd: the kernel of %s and the reader differ at row %d", op, row))
	}
	*got = want
}
