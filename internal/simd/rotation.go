package simd

import (
	"fmt"
	"math"
	"math/bits"
)

// Rotation is a fixed orthogonal map that looks random: it spreads what a model keeps in
// few axes evenly over all of them, so that one scale fits every dimension of the int8
// plane and every bit of the bit plane tells about as much. Rows are kept rotated, and
// rows under another rotation do not compare: what stands below is part of the format.
// A Rotation never changes, so goroutines may share it.
//
// A true random rotation needs dim^2 products and a matrix of as many numbers. Here it
// is made of sign flips and fast Walsh-Hadamard transforms (FWHT), dim * log2(dim) sums
// each. With n the largest power of two that is at most dim, two rounds of
//
//	dim = n        signs, FWHT
//	dim > n        signs, FWHT of elements 0..n-1,
//	               signs, FWHT of elements dim-n..dim-1, butterflies
//
// Butterflies put (a + b) / sqrt 2 and (a - b) / sqrt 2 in the place of elements a = i
// and b = i + dim - dim/2, i < dim/2; of an odd dimension the element in the middle
// stays. Between the two FWHT butterflies would do harm: half of an axis behind n, which
// the first FWHT does not reach, would escape the second one too (one axis alone, turned
// at 1,000 dimensions, then had an element of 10.4 standard deviations). Padding with zeros to the next power of two, the usual way, would make rows of
// 192 dimensions a third longer.
//
// Signs. Each of the 2 or 4 sets of signs takes the next ceil(dim / 64) numbers of the
// generator SplitMix64, whose state begins as 0x243f6a8885a308d3 + dim (64 bits of the
// fraction of pi). Element i is negated where bit i%64 of number i/64 is 1. The numbers
//
//	state += 0x9e3779b97f4a7c15
//	z = (state ^ state>>30) * 0xbf58476d1ce4e5b9
//	z = (z ^ z>>27) * 0x94d049bb133111eb
//	next number: z ^ z>>31
//
// Order of operations, the same in every kernel and so with the same bits. Signs and
// scales are one product with a factor, rounded to float32: the factor is 1/sqrt n for
// elements of the FWHT that follows and 1 for others, negated by the sign; behind
// butterflies (in the third set, if dim > n) it has their 1/sqrt 2 too, the middle of an
// odd dimension excepted. It is 1/sqrt n, 1/sqrt 2n, 1/sqrt 2 or 1 as a
// float64, rounded to float32. The FWHT goes through strides h = 1, 2, 4 .. n/2; each
// puts a + b and a - b in the place of a = i and b = i + h, for all i with i & h = 0.
// Butterflies are a + b and a - b, the last ones times 1/sqrt 2.
//
// A NaN or an infinity of the input makes other elements NaN or infinite too. Of a NaN,
// only that it is one is the same in all kernels.
type Rotation struct {
	dim, n int
	passes []rotationPass
}

// rotationPass is one set of signs with what follows it.
type rotationPass struct {
	from    int       // the FWHT is of elements from..from+n-1
	factors []float32 // one for each element
}

// rotationSeed, plus the dimension, is where the generator of signs begins.
const rotationSeed = 0x243f6a8885a308d3

// NewRotation makes the rotation of vectors of dim dimensions, 1..MaxDim. It is the
// same for all time. It panics on any other dim.
func NewRotation(dim int) *Rotation {
	groupsOf(dim, 1) // panics
	r := &Rotation{dim: dim, n: 1 << (bits.Len(uint(dim)) - 1)}
	state := rotationSeed + uint64(dim)
	froms := []int{0, 0}
	if r.n < dim {
		froms = []int{0, dim - r.n, 0, dim - r.n}
	}
	for pass, from := range froms {
		p := rotationPass{from, make([]float32, dim)}
		var word uint64
		for i := range p.factors {
			square := 1.0
			if i >= from && i < from+r.n {
				square = float64(square * float64(r.n))
			}
			if pass == 2 && (dim%2 == 0 || i != dim/2) {
				square = float64(square * 2)
			}
			if i%64 == 0 {
				word = splitMix64(&state)
			}
			p.factors[i] = float32(1 / math.Sqrt(square))
			if word>>(i%64)&1 != 0 {
				p.factors[i] = -p.factors[i]
			}
		}
		r.passes = append(r.passes, p)
	}
	return r
}

func splitMix64(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Dim is the dimension of the vectors.
func (r *Rotation) Dim() int { return r.dim }

// Apply sets dst to the rotated src; lengths and inner products stay what they were but
// for rounding (about 1e-7 of a unit vector). dst and src have Dim elements each and may
// be the same slice, but must not overlap otherwise. It allocates nothing.
func (r *Rotation) Apply(dst, src []float32) {
	if len(dst) != r.dim || len(src) != r.dim {
		panic(fmt.Sprintf("simd: rotate %d values into %d, want %d", len(src), len(dst), r.dim))
	}
	l := level(OpRotate)
	if checkIndex {
		defer checkRotate(r, dst, append([]float32(nil), src...))
	}
	r.apply(l, dst, src)
}

func (r *Rotation) apply(l Level, dst, src []float32) {
	half := r.dim / 2
	for i, p := range r.passes {
		end := p.from + r.n
		hadamard(l, dst[p.from:end], src[p.from:end], p.factors[p.from:end])
		if r.n < r.dim {
			multiply(l, dst[:p.from], src[:p.from], p.factors[:p.from])
			multiply(l, dst[end:], src[end:], p.factors[end:])
			switch i {
			case 1:
				butterflies(l, dst[:half], dst[r.dim-half:], 1)
			case 3:
				butterflies(l, dst[:half], dst[r.dim-half:], math.Sqrt2/2)
			}
		}
		src = dst
	}
}
