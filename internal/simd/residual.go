package simd

import (
	"fmt"
	"math"
)

// residualLanes is the number of independent partial sums of Residual.
const residualLanes = 32

// Residual is a bound of how far the row that q stands for is from x: at least the
// Euclidean norm of x - q/scale, and hardly more. With the inner product of a probe and q
// it tells how large the product of the probe and x can be, so it must never be less than
// the true norm. It is +Inf where x is not finite or a sum overflows: nothing is known.
//
// The slices are as long as each other, at most MaxDim; scale is finite and greater than
// 0. It panics otherwise.
//
// Order of operations, the same in every kernel: t = x[i] * scale and d = t - q[i] and
// d * d are rounded to float32 each, the square is added to lane i mod 32 in order of i,
// and the lanes are added in halves as those of DotF16 are. What the result is made of
// that sum S is float64:
//
//	(sqrt(S) * (1 + 2^-25 * (ceil(dim / 32) + 16)) + 2^-24 * 129 * sqrt(dim)) / scale
//
// rounded up to a float32.
//
// Why this is a bound, with u = 2^-24. A term of S went through at most ceil(dim / 32) + 6
// roundings (its square, its lane, five folds), each of which takes at most u of it away:
// the true norm of the rounded d is at most sqrt(S) * (1 + u/2 * (ceil(dim / 32) + 6)).
// The rounded d differs from the true one by its own rounding, at most u * |d|, and by
// that of t, at most u * |t| <= u * (|d| + 128): of the norm 2u, and u * 128 * sqrt(dim).
// That makes 10 of the 16 and 128 of the 129. The rest is room for terms in u^2, for
// squares and products below 2^-126 (at most 2^-149 of each is lost, less than 2^-68 of
// the norm) and for the roundings of float64.
//
// With a scale of 127 * sqrt(dim) / 4 the norm is about 0.009 and the bound is more by
// 5e-7, or 5e-5 of it.
func Residual(x []float32, q []int8, scale float32) float32 {
	if len(x) != len(q) || len(x) > MaxDim {
		panic(fmt.Sprintf("simd: residual of %d values and %d bytes, want as many, %d at most", len(x), len(q), MaxDim))
	}
	if !(scale > 0 && scale <= math.MaxFloat32) {
		panic(fmt.Sprintf("simd: scale %g, want a finite one greater than 0", scale))
	}
	var sum float32
	if l := level(OpResidual); l != Portable && len(x) > 0 {
		sum = residualVector(l, x, q, scale)
	} else {
		sum = residualPortable(x, q, scale)
	}
	if checkIndex {
		checkResidual(sum, x, q, scale)
	}
	return residualBound(sum, len(x), scale)
}

func residualBound(sum float32, dim int, scale float32) float32 {
	const unit = 1.0 / (1 << 24)
	chunks := float64((dim + residualLanes - 1) / residualLanes)
	norm := float64(math.Sqrt(float64(sum)) * (1 + float64(unit/2*(chunks+16))))
	norm += float64(unit * 129 * math.Sqrt(float64(dim)))
	norm /= float64(scale)
	if !(norm <= math.MaxFloat32) {
		return float32(math.Inf(1))
	}
	bound := float32(norm)
	if float64(bound) < norm {
		bound = math.Nextafter32(bound, float32(math.Inf(1)))
	}
	return bound
}

// residualPortable is the sum of squares.
func residualPortable(x []float32, q []int8, scale float32) float32 {
	var lanes [residualLanes]float32
	for len(x) >= residualLanes && len(q) >= residualLanes {
		v, w := (*[residualLanes]float32)(x), (*[residualLanes]int8)(q)
		for i := range lanes {
			d := float32(v[i]*scale) - float32(w[i])
			lanes[i] += float32(d * d)
		}
		x, q = x[residualLanes:], q[residualLanes:]
	}
	for i := range x {
		d := float32(x[i]*scale) - float32(q[i])
		lanes[i] += float32(d * d)
	}
	for half := residualLanes / 2; half > 0; half /= 2 {
		for i := range half {
			lanes[i] += lanes[i+half]
		}
	}
	return lanes[0]
}
