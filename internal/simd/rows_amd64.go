//go:build amd64 && !purego

package simd

// What is left behind the last whole vector: conversions to another type, whose dst
// and src cannot be the same memory, do a last vector that ends with the slice, in which
// some elements are written twice with the same value (of rows without a rest all of
// them, which takes less time than to ask). Elsewhere the portable code does the rest;
// rows of common dimensions have none.

func hadamardVector(l Level, dst, src, factors []float32) {
	if l == AVX512 {
		hadamardAVX512(dst, src, factors)
		return
	}
	hadamardAVX2(dst, src, factors)
}

// hadamardAVX512: strides up to 128 in 16 registers, 256 elements at a time, then the
// others in one more pass.
func hadamardAVX512(dst, src, factors []float32) {
	to, from, by := &dst[0], &src[0], &factors[0]
	switch len(dst) {
	case 16:
		hadamard1AVX512(to, from, by, 1)
	case 32:
		hadamard2AVX512(to, from, by, 1)
	case 64:
		hadamard4AVX512(to, from, by, 1)
	case 128:
		hadamard8AVX512(to, from, by, 1)
	default:
		hadamard16AVX512(to, from, by, len(dst)/256)
	}
	switch len(dst) {
	case 512:
		strides256x2AVX512(to, 1)
	case 1024:
		strides256x4AVX512(to, 1)
	case 2048:
		strides256x8AVX512(to, 1)
	case 4096:
		strides256x16AVX512(to, 1)
	}
}

// hadamardAVX2: strides up to 32 in 8 registers, 64 elements at a time, then up to 256
// and the others in a pass each.
func hadamardAVX2(dst, src, factors []float32) {
	to, from, by := &dst[0], &src[0], &factors[0]
	switch len(dst) {
	case 16:
		hadamard2AVX2(to, from, by, 1)
	case 32:
		hadamard4AVX2(to, from, by, 1)
	default:
		hadamard8AVX2(to, from, by, len(dst)/64)
	}
	switch len(dst) {
	case 16, 32, 64:
	case 128:
		strides64x2AVX2(to, 1)
	case 256:
		strides64x4AVX2(to, 1)
	default:
		strides64x8AVX2(to, len(dst)/512)
	}
	switch len(dst) {
	case 1024:
		strides512x2AVX2(to, 1)
	case 2048:
		strides512x4AVX2(to, 1)
	case 4096:
		strides512x8AVX2(to, 1)
	}
}

// floats is the number of float32 of a vector.
func floats(l Level) int {
	if l == AVX512 {
		return 16
	}
	return 8
}

// multiplyVector returns how many elements it has done.
func multiplyVector(l Level, dst, src, factors []float32) int {
	vectors := len(dst) / floats(l)
	switch {
	case vectors == 0:
	case l == AVX512:
		multiplyAVX512(&dst[0], &src[0], &factors[0], vectors)
	default:
		multiplyAVX2(&dst[0], &src[0], &factors[0], vectors)
	}
	return vectors * floats(l)
}

// butterfliesVector returns how many pairs it has done.
func butterfliesVector(l Level, a, b []float32, scale float32) int {
	vectors := len(a) / floats(l)
	switch {
	case vectors == 0:
	case l == AVX512:
		butterfliesAVX512(&a[0], &b[0], vectors, &scale)
	default:
		butterfliesAVX2(&a[0], &b[0], vectors, &scale)
	}
	return vectors * floats(l)
}

func toF16Vector(l Level, dst []F16, v []float32) {
	last := len(v) - f16Least
	if l == AVX512 {
		toF16AVX512(&dst[0], &v[0], len(v)/f16Least)
		toF16AVX512(&dst[last], &v[last], 1)
		return
	}
	toF16AVX2(&dst[0], &v[0], len(v)/f16Least)
	toF16AVX2(&dst[last], &v[last], 1)
}

func fromF16Vector(l Level, dst []float32, h []F16) {
	last := len(h) - f16Least
	if l == AVX512 {
		fromF16AVX512(&dst[0], &h[0], len(h)/f16Least)
		fromF16AVX512(&dst[last], &h[last], 1)
		return
	}
	fromF16AVX2(&dst[0], &h[0], len(h)/f16Least)
	fromF16AVX2(&dst[last], &h[last], 1)
}

func quantizeInt8Vector(l Level, dst []int8, v []float32, scale float32) {
	last := len(v) - quantizeLeast
	if l == AVX512 {
		quantizeInt8AVX512(&dst[0], &v[0], len(v)/quantizeLeast, &scale)
		quantizeInt8AVX512(&dst[last], &v[last], 1, &scale)
		return
	}
	quantizeInt8AVX2(&dst[0], &v[0], len(v)/quantizeLeast, &scale)
	quantizeInt8AVX2(&dst[last], &v[last], 1, &scale)
}

func residualVector(l Level, x []float32, q []int8, scale float32) float32 {
	chunks, rest := len(x)/residualLanes, len(x)%residualLanes
	// Lanes begin at +0 and squares are never -0: a tail filled with zeros adds nothing.
	var tailX [residualLanes]float32
	var tailQ [residualLanes]int8
	var tail *int8
	if rest > 0 {
		copy(tailX[:], x[chunks*residualLanes:])
		copy(tailQ[:], q[chunks*residualLanes:])
		tail = &tailQ[0]
	}
	if l == AVX512 {
		return residualAVX512(&x[0], &q[0], chunks, &tailX[0], tail, &scale)
	}
	return residualAVX2(&x[0], &q[0], chunks, &tailX[0], tail, &scale)
}

// signBitsVector returns how many words it has done.
func signBitsVector(l Level, dst []uint32, v []float32) int {
	words := len(v) / 32
	switch {
	case words == 0:
	case l == AVX512:
		signBitsAVX512(&dst[0], &v[0], words)
	default:
		signBitsAVX2(&dst[0], &v[0], words)
	}
	return words
}

// packInt8Vector returns how many values it has done.
func packInt8Vector(_ Level, block []byte, row int, v []int8) int {
	chunks := len(v) / 16
	if chunks > 0 {
		packInt8AVX2(&block[4*row], &v[0], chunks)
	}
	return 16 * chunks
}
