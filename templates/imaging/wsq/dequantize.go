package wsq

// near bounds the coefficients whose values dequantize keeps in a table: those that
// a symbol stands for, and a few more.
const near = 128

// dequantize puts the coefficients of the transmitted subbands into a plane of
// width*height samples and gives them their values, clause A.3. coefficients holds
// exactly what the bands with bins need.
func dequantize(coefficients []int16, bands []rect, q *quantTable, width, height int) []float32 {
	plane := make([]float32, width*height)
	var table [2 * near]float32
	for k, b := range bands {
		if q.bins[k] == 0 {
			continue
		}
		for i := range table {
			table[i] = q.value(k, int16(i-near))
		}
		for y := b.y; y < b.y+b.h; y++ {
			row := plane[y*width+b.x:][:b.w]
			in := coefficients[:len(row)]
			coefficients = coefficients[len(row):]
			for i, p := range in {
				if at := int(p) + near; uint(at) < uint(len(table)) {
					row[i] = table[at]
				} else {
					row[i] = q.value(k, p)
				}
			}
		}
	}
	return plane
}

// value is what coefficient p of subband k stands for. With bin width Q, zero bin Z
// and centre C: Q(p-C) + Z/2 for p > 0, Q(p+C) - Z/2 for p < 0.
func (q *quantTable) value(k int, p int16) float32 {
	bin, half := q.bins[k], q.zero[k]/2
	switch {
	case p > 0:
		return float32(bin*(float32(p)-q.center)) + half
	case p < 0:
		return float32(bin*(float32(p)+q.center)) - half
	}
	return 0
}
