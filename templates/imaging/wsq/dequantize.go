package wsq

// dequantize puts the coefficients of the transmitted subbands into a plane of
// width*height samples and gives them their values, clause A.3: with bin width Q
// and zero bin Z, p > 0 stands for Q(p-C) + Z/2, p < 0 for Q(p+C) - Z/2.
// coefficients holds exactly what the bands with Q > 0 need.
func dequantize(coefficients []int16, bands []rect, q *quantTable, width, height int) []float32 {
	plane := make([]float32, width*height)
	for k, b := range bands {
		bin, half := q.bins[k], q.zero[k]/2
		if bin == 0 {
			continue
		}
		for y := b.y; y < b.y+b.h; y++ {
			row := plane[y*width+b.x:][:b.w]
			in := coefficients[:b.w]
			coefficients = coefficients[b.w:]
			for i, p := range in {
				switch {
				case p > 0:
					row[i] = float32(bin*(float32(p)-q.center)) + half
				case p < 0:
					row[i] = float32(bin*(float32(p)+q.center)) - half
				}
			}
		}
	}
	return plane
}
