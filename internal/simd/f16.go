package simd

import (
	"fmt"
	"math"
)

// F16 is a number of IEEE 754 binary16: sign, 5 bits of exponent, 10 of significand.
type F16 uint16

// F16FromFloat32 rounds to the nearest F16, halves to the even one. What is smaller
// than 2^-14 becomes subnormal (steps of 2^-24), 65,520 and more infinite. NaN stays
// NaN (quiet, the high bits of its payload kept).
func F16FromFloat32(x float32) F16 {
	b := math.Float32bits(x)
	sign := F16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	const least, infinite = 0x38800000, 0x477ff000 // 2^-14 and 65,520
	if b-least < infinite-least {
		b -= 0x38000000 // of the exponent, 127 - 15
		return sign | F16((b+0xfff+b>>13&1)>>13)
	}
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | F16(b>>13&0x3ff)
	case b >= infinite:
		return sign | 0x7c00
	default:
		// 0.5 has steps of 2^-24, those of subnormals: the sum is rounded as they are.
		sum := math.Float32bits(float32(math.Float32frombits(b) + 0.5))
		return sign | F16(sum-0x3f000000)
	}
}

// Float32 is the value of h, exactly.
func (h F16) Float32() float32 {
	b := uint32(h&0x7fff) << 13
	sign := uint32(h&0x8000) << 16
	if h&0x7c00 == 0x7c00 {
		b |= 0x7f800000
		if h&0x3ff != 0 {
			b |= 0x00400000 // quiet, as the machine's conversion
		}
		return math.Float32frombits(sign | b)
	}
	// The exponent is 112 too small, also for subnormals.
	const scale = 1 << 112
	return math.Float32frombits(sign | math.Float32bits(float32(math.Float32frombits(b)*scale)))
}

// ToF16 rounds each value of v to an F16 as F16FromFloat32 does. dst is as long as v.
func ToF16(dst []F16, v []float32) {
	if len(dst) != len(v) {
		panic(fmt.Sprintf("simd: %d values into %d of 16 bits", len(v), len(dst)))
	}
	if l := level(OpToF16); l != Portable && len(v) >= f16Least {
		toF16Vector(l, dst, v)
	} else {
		for i, x := range v {
			dst[i] = F16FromFloat32(x)
		}
	}
	if checkIndex {
		checkToF16(dst, v)
	}
}

// FromF16 sets dst[i] to the value of h[i], exactly. dst is as long as h.
func FromF16(dst []float32, h []F16) {
	if len(dst) != len(h) {
		panic(fmt.Sprintf("simd: %d values of 16 bits into %d", len(h), len(dst)))
	}
	if l := level(OpFromF16); l != Portable && len(h) >= f16Least {
		fromF16Vector(l, dst, h)
	} else {
		for i, x := range h {
			dst[i] = x.Float32()
		}
	}
	if checkIndex {
		checkFromF16(dst, h)
	}
}

// f16Least is how many values vector kernels convert at a time, and so at least.
const f16Least = 16

// F16Lanes is the number of independent partial sums of DotF16.
const F16Lanes = 32

// DotF16 is the inner product of a probe and a row of the same length; it panics on
// different lengths. An empty product is 0.
//
// Order of operations, the same in every kernel: a row's value is widened exactly,
// its product with the probe's is rounded to float32 and added to lane i mod 32 in
// order of i; then the lanes are added in halves: lane i + lane i+16 for i < 16, then
// i + i+8, i+4, i+2, i+1. Lanes begin at +0 and so never become -0, which lets a
// kernel fill the last lanes with products 0 * 0. No product is fused into a sum. All
// kernels give the same bits; of a NaN, only that it is one.
func DotF16(probe []float32, row []F16) float32 {
	if len(probe) != len(row) {
		panic("simd: dot of vectors of different lengths")
	}
	if len(probe) == 0 {
		return 0
	}
	var s float32
	if l := level(OpDotF16); l != Portable {
		s = dotF16Vector(l, probe, row)
	} else {
		s = dotF16Portable(probe, row)
	}
	if checkIndex {
		checkDotF16(s, probe, row)
	}
	return s
}

func dotF16Portable(probe []float32, row []F16) float32 {
	var lanes [F16Lanes]float32
	for len(probe) >= F16Lanes && len(row) >= F16Lanes {
		p, r := (*[F16Lanes]float32)(probe), (*[F16Lanes]F16)(row)
		for i := range lanes {
			lanes[i] += float32(p[i] * r[i].Float32())
		}
		probe, row = probe[F16Lanes:], row[F16Lanes:]
	}
	for i := range row {
		lanes[i] += float32(probe[i] * row[i].Float32())
	}
	for half := F16Lanes / 2; half > 0; half /= 2 {
		for i := range half {
			lanes[i] += lanes[i+half]
		}
	}
	return lanes[0]
}
