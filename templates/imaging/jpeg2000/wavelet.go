package jpeg2000

// waveletBuffers is memory of the wavelets: a row, or a strip of columns.
type waveletBuffers struct {
	ints   []int32
	floats []float32
}

// strip is how many columns are filtered side by side: a cache line.
const strip = 16

// inverse turns the coefficients into samples, level by level, Annex F.3.
func (tc *tileComponent) inverse(w *waveletBuffers) {
	if !tc.any || tc.empty() {
		return
	}
	n := max(tc.width(), strip*tc.height())
	for r := 1; r < len(tc.resolutions); r++ {
		low, full := &tc.resolutions[r-1], &tc.resolutions[r]
		if full.empty() || full.region == low.region {
			// A low resolution may miss a small tile; one sample at the origin stays
			// what it is.
			continue
		}
		if tc.coding.reversible {
			w.ints = growTo(w.ints, n)
			inverse53(tc.ints, tc.width(), low.width(), low.height(), full.region, w.ints)
		} else {
			w.floats = growTo(w.floats, n)
			inverse97(tc.floats, tc.width(), low.width(), low.height(), full.region, w.floats)
		}
	}
}
