package wsq

// The pair of filters that every file in use carries, with 9 and 7 taps for
// analysis and so 7 and 9 for synthesis, written out: three (four) rows of the low
// band and four (five) of the high band make an even (odd) output. Sums run in
// the order of the taps, each product and each sum rounded to float32, as in the
// plain form.

// join97 joins the extended bands of one row.
func join97(row, low, high []float32, f *filters) {
	l0, l1, l2, l3 := f.low[0], f.low[1], f.low[2], f.low[3]
	h0, h1, h2, h3, h4 := f.high[0], f.high[1], f.high[2], f.high[3], f.high[4]
	// In this form the compiler sees that every index is within bounds.
	for len(row) >= 2 && len(low) >= 4 && len(high) >= 5 {
		even := float32(low[0] * l1)
		odd := float32(low[0] * l0)
		even += float32(low[1] * l3)
		odd += float32(low[1] * l2)
		even += float32(low[2] * l1)
		odd += float32(low[2] * l2)
		odd += float32(low[3] * l0)
		even += float32(high[0] * h1)
		odd += float32(high[0] * h0)
		even += float32(high[1] * h3)
		odd += float32(high[1] * h2)
		even += float32(high[2] * h3)
		odd += float32(high[2] * h4)
		even += float32(high[3] * h1)
		odd += float32(high[3] * h2)
		odd += float32(high[4] * h0)
		row[0], row[1] = even, odd
		row, low, high = row[2:], low[1:], high[1:]
	}
	if len(row) == 1 {
		even := float32(low[0] * l1)
		even += float32(low[1] * l3)
		even += float32(low[2] * l1)
		even += float32(high[0] * h1)
		even += float32(high[1] * h3)
		even += float32(high[2] * h3)
		even += float32(high[3] * h1)
		row[0] = even
	}
}

// even97 makes one row of even number from 3 low and 4 high rows.
func even97(out []float32, f *filters, low, high [][]float32) {
	l1, l3 := f.low[1], f.low[3]
	h1, h3 := f.high[1], f.high[3]
	n := len(out)
	a0, a1, a2 := low[0][:n], low[1][:n], low[2][:n]
	b0, b1, b2, b3 := high[0][:n], high[1][:n], high[2][:n], high[3][:n]
	for x := range out {
		v := float32(a0[x] * l1)
		v += float32(a1[x] * l3)
		v += float32(a2[x] * l1)
		v += float32(b0[x] * h1)
		v += float32(b1[x] * h3)
		v += float32(b2[x] * h3)
		v += float32(b3[x] * h1)
		out[x] = v
	}
}

// odd97 makes one row of odd number from 4 low and 5 high rows.
func odd97(out []float32, f *filters, low, high [][]float32) {
	l0, l2 := f.low[0], f.low[2]
	h0, h2, h4 := f.high[0], f.high[2], f.high[4]
	n := len(out)
	a0, a1, a2, a3 := low[0][:n], low[1][:n], low[2][:n], low[3][:n]
	b0, b1, b2, b3, b4 := high[0][:n], high[1][:n], high[2][:n], high[3][:n], high[4][:n]
	for x := range out {
		v := float32(a0[x] * l0)
		v += float32(a1[x] * l2)
		v += float32(a2[x] * l2)
		v += float32(a3[x] * l0)
		v += float32(b0[x] * h0)
		v += float32(b1[x] * h2)
		v += float32(b2[x] * h4)
		v += float32(b3[x] * h2)
		v += float32(b4[x] * h0)
		out[x] = v
	}
}

// evenLow97 is even97 from sample first on, where the high rows are zero.
func evenLow97(out []float32, first int, f *filters, low [][]float32) {
	l1, l3 := f.low[1], f.low[3]
	out = out[first:]
	n := len(out)
	a0, a1, a2 := low[0][first:][:n], low[1][first:][:n], low[2][first:][:n]
	for x := range out {
		v := float32(a0[x] * l1)
		v += float32(a1[x] * l3)
		v += float32(a2[x] * l1)
		out[x] = v
	}
}

// oddLow97 is odd97 from sample first on, where the high rows are zero.
func oddLow97(out []float32, first int, f *filters, low [][]float32) {
	l0, l2 := f.low[0], f.low[2]
	out = out[first:]
	n := len(out)
	a0, a1, a2, a3 := low[0][first:][:n], low[1][first:][:n], low[2][first:][:n], low[3][first:][:n]
	for x := range out {
		v := float32(a0[x] * l0)
		v += float32(a1[x] * l2)
		v += float32(a2[x] * l2)
		v += float32(a3[x] * l0)
		out[x] = v
	}
}
