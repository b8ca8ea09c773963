package wsq

// The pair of filters with 9 and 7 taps that every file in use carries, written
// out: five (four) rows of the low band and four (three) of the high band make
// an even (odd) output. Sums run in the order of the taps, each product and sum
// rounded to float32, as in the plain form.

// join97 joins the extended bands of one row.
func join97(row, low, high []float32, f *filters) {
	l0, l1, l2, l3, l4 := f.low[0], f.low[1], f.low[2], f.low[3], f.low[4]
	h0, h1, h2, h3 := f.high[0], f.high[1], f.high[2], f.high[3]
	n := len(row) / 2
	if n > 0 {
		low, high := low[:n+4], high[:n+4]
		a0, a1, a2, a3 := low[0], low[1], low[2], low[3]
		b0, b1, b2 := high[0], high[1], high[2]
		out := row[:2*n]
		for m := 0; m < n; m++ {
			a4, b3 := low[m+4], high[m+3]
			even := float32(a0 * l0)
			even += float32(a1 * l2)
			even += float32(a2 * l4)
			even += float32(a3 * l2)
			even += float32(a4 * l0)
			even += float32(b0 * h0)
			even += float32(b1 * h2)
			even += float32(b2 * h2)
			even += float32(b3 * h0)
			odd := float32(a1 * l1)
			odd += float32(a2 * l3)
			odd += float32(a3 * l3)
			odd += float32(a4 * l1)
			odd += float32(b1 * h1)
			odd += float32(b2 * h3)
			odd += float32(b3 * h1)
			out[2*m], out[2*m+1] = even, odd
			a0, a1, a2, a3 = a1, a2, a3, a4
			b0, b1, b2 = b1, b2, b3
		}
	}
	if len(row)%2 == 1 {
		m := n
		even := float32(low[m] * l0)
		even += float32(low[m+1] * l2)
		even += float32(low[m+2] * l4)
		even += float32(low[m+3] * l2)
		even += float32(low[m+4] * l0)
		even += float32(high[m] * h0)
		even += float32(high[m+1] * h2)
		even += float32(high[m+2] * h2)
		even += float32(high[m+3] * h0)
		row[2*n] = even
	}
}

// even97 makes one row of even number from 5 low and 4 high rows.
func even97(out []float32, f *filters, low, high [][]float32) {
	l0, l2, l4 := f.low[0], f.low[2], f.low[4]
	h0, h2 := f.high[0], f.high[2]
	n := len(out)
	a0, a1, a2, a3, a4 := low[0][:n], low[1][:n], low[2][:n], low[3][:n], low[4][:n]
	b0, b1, b2, b3 := high[0][:n], high[1][:n], high[2][:n], high[3][:n]
	for x := range out {
		v := float32(a0[x] * l0)
		v += float32(a1[x] * l2)
		v += float32(a2[x] * l4)
		v += float32(a3[x] * l2)
		v += float32(a4[x] * l0)
		v += float32(b0[x] * h0)
		v += float32(b1[x] * h2)
		v += float32(b2[x] * h2)
		v += float32(b3[x] * h0)
		out[x] = v
	}
}

// odd97 makes one row of odd number from 4 low and 3 high rows.
func odd97(out []float32, f *filters, low, high [][]float32) {
	l1, l3 := f.low[1], f.low[3]
	h1, h3 := f.high[1], f.high[3]
	n := len(out)
	a0, a1, a2, a3 := low[0][:n], low[1][:n], low[2][:n], low[3][:n]
	b0, b1, b2 := high[0][:n], high[1][:n], high[2][:n]
	for x := range out {
		v := float32(a0[x] * l1)
		v += float32(a1[x] * l3)
		v += float32(a2[x] * l3)
		v += float32(a3[x] * l1)
		v += float32(b0[x] * h1)
		v += float32(b1[x] * h3)
		v += float32(b2[x] * h1)
		out[x] = v
	}
}

// evenLow97 is even97 from sample first on where the high rows are zero.
func evenLow97(out []float32, first int, f *filters, low [][]float32) {
	l0, l2, l4 := f.low[0], f.low[2], f.low[4]
	out = out[first:]
	n := len(out)
	a0, a1, a2, a3, a4 := low[0][first:][:n], low[1][first:][:n], low[2][first:][:n], low[3][first:][:n], low[4][first:][:n]
	for x := range out {
		v := float32(a0[x] * l0)
		v += float32(a1[x] * l2)
		v += float32(a2[x] * l4)
		v += float32(a3[x] * l2)
		v += float32(a4[x] * l0)
		out[x] = v
	}
}

// oddLow97 is odd97 from sample first on where the high rows are zero.
func oddLow97(out []float32, first int, f *filters, low [][]float32) {
	l1, l3 := f.low[1], f.low[3]
	out = out[first:]
	n := len(out)
	a0, a1, a2, a3 := low[0][first:][:n], low[1][first:][:n], low[2][first:][:n], low[3][first:][:n]
	for x := range out {
		v := float32(a0[x] * l1)
		v += float32(a1[x] * l3)
		v += float32(a2[x] * l3)
		v += float32(a3[x] * l1)
		out[x] = v
	}
}
