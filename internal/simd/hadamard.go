package simd

// The steps of a Rotation. Each is the same bits at every level, since the strides of
// the transform are gone through in one order and no product is fused into a sum.

// hadamard sets dst to the unscaled Walsh-Hadamard transform of src[i] * factors[i]. The
// slices are as long as each other, a power of two; dst and src may be the same.
func hadamard(l Level, dst, src, factors []float32) {
	if l != Portable && len(dst) >= hadamardLeast {
		hadamardVector(l, dst, src, factors)
	} else {
		hadamardPortable(dst, src, factors)
	}
}

// hadamardLeast is the length of the shortest transform that vector kernels do: one
// vector of AVX-512.
const hadamardLeast = 16

func hadamardPortable(dst, src, factors []float32) {
	factors, src = factors[:len(dst)], src[:len(dst)]
	for i := range dst {
		dst[i] = float32(src[i] * factors[i])
	}
	// Two strides at a time: half as many loads and stores.
	h := 1
	for ; h <= len(dst)/4; h *= 4 {
		if h == 1 {
			for v := dst; len(v) >= 4; v = v[4:] {
				v[0], v[1], v[2], v[3] = twoStrides(v[0], v[1], v[2], v[3])
			}
			continue
		}
		for v := dst; len(v) >= 4*h; v = v[4*h:] {
			a, b, c, d := v[:h], v[h:][:h], v[2*h:][:h], v[3*h:][:h]
			for i := range a {
				a[i], b[i], c[i], d[i] = twoStrides(a[i], b[i], c[i], d[i])
			}
		}
	}
	if h < len(dst) { // one stride is left
		butterfliesPortable(dst[:h], dst[h:], 1)
	}
}

func twoStrides(a, b, c, d float32) (float32, float32, float32, float32) {
	a, b = a+b, a-b
	c, d = c+d, c-d
	return a + c, b + d, a - c, b - d
}

// multiply sets dst[i] to src[i] * factors[i]. The slices are as long as each other; dst
// and src may be the same.
func multiply(l Level, dst, src, factors []float32) {
	done := 0
	if l != Portable {
		done = multiplyVector(l, dst, src, factors)
	}
	for i := done; i < len(dst); i++ {
		dst[i] = float32(src[i] * factors[i])
	}
}

// butterflies sets a[i] to (a[i] + b[i]) * scale and b[i] to (a[i] - b[i]) * scale. The
// slices are as long as each other and do not overlap. A scale of 1 changes nothing.
func butterflies(l Level, a, b []float32, scale float32) {
	done := 0
	if l != Portable {
		done = butterfliesVector(l, a, b, scale)
	}
	butterfliesPortable(a[done:], b[done:], scale)
}

func butterfliesPortable(a, b []float32, scale float32) {
	b = b[:len(a)]
	for i, x := range a {
		y := b[i]
		a[i], b[i] = float32((x+y)*scale), float32((x-y)*scale)
	}
}
