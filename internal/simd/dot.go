// Package simd holds the numeric kernels that comparison and search share, each in
// portable Go and, where it pays, in assembly for what the machine has. Every kernel
// has one documented result: integers are exact, floating-point sums have one order
// of operations. It knows slices of numbers and blocks of rows, not people, models or
// segments; it refuses to trade the order of a sum for speed, because a score that
// depends on the machine would rank candidates differently on two servers of one
// installation.
package simd

// Lanes is the number of independent partial sums of Dot. Element i of the
// vectors goes to lane i mod Lanes; the order is part of the result, so that
// any faster kernel must reproduce it bit by bit.
const Lanes = 8

// Dot is the inner product of a and b, which must have the same length; it
// panics otherwise, since comparing vectors of two dimensions is a broken
// invariant of the caller. An empty product is 0.
//
// Order of operations: every product is rounded to float32, added to lane
// i mod 8 in order of i, and the lanes are added as
// ((0+4)+(2+6)) + ((1+5)+(3+7)), the order in which a vector register folds in
// halves. No product is fused into a sum: the explicit conversions forbid it
// (Go specification, "Floating-point operators"), so amd64, arm64 and all
// others give the same bits.
//
// For unit vectors of up to 4,096 dimensions the error against float64 stays
// below 1e-6 (measured in TestDotError).
func Dot(a, b []float32) float32 {
	if len(a) != len(b) {
		panic("simd: dot of vectors of different lengths")
	}
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= Lanes && len(b) >= Lanes {
		x, y := (*[Lanes]float32)(a), (*[Lanes]float32)(b)
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s4 += float32(x[4] * y[4])
		s5 += float32(x[5] * y[5])
		s6 += float32(x[6] * y[6])
		s7 += float32(x[7] * y[7])
		a, b = a[Lanes:], b[Lanes:]
	}
	if len(a) > 0 {
		lanes := [Lanes]float32{s0, s1, s2, s3, s4, s5, s6, s7}
		for i := range a {
			lanes[i&(Lanes-1)] += float32(a[i] * b[i])
		}
		s0, s1, s2, s3, s4, s5, s6, s7 = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7]
	}
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}
