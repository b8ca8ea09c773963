package jpeg2000

// inverse53 undoes one level of the reversible 5/3 wavelet, clause F.3.8.2.1, on
// the upper left corner of a plane. lowW and lowH are the size of the low-pass
// part, full is the region that results: the parity of its corner says where the
// low-pass samples go.
func inverse53(plane []int32, stride, lowW, lowH int, full region, buffer []int32) {
	w, h := full.width(), full.height()
	odd := full.x0 & 1
	line := buffer[:w]
	for y := range h {
		row := plane[y*stride:][:w]
		for i, v := range row[:lowW] {
			line[2*i+odd] = v
		}
		for i, v := range row[lowW:] {
			line[2*i+1-odd] = v
		}
		line53(line, odd)
		copy(row, line)
	}
	odd = full.y0 & 1
	for x := 0; x < w; x += strip {
		n := min(strip, w-x)
		lines := buffer[:h*strip]
		for i := range lowH {
			copy(lines[(2*i+odd)*strip:][:strip], plane[i*stride+x:][:n])
		}
		for i := range h - lowH {
			copy(lines[(2*i+1-odd)*strip:][:strip], plane[(lowH+i)*stride+x:][:n])
		}
		strip53(lines, h, odd)
		for i := range h {
			copy(plane[i*stride+x:][:n], lines[i*strip:][:n])
		}
	}
}

// line53 filters interleaved samples; the first one is a low-pass sample when
// odd is 0. Beyond both ends the signal is mirrored.
func line53(a []int32, odd int) {
	n := len(a)
	if n == 1 {
		if odd == 1 {
			a[0] /= 2
		}
		return
	}
	for i := odd; i < n; i += 2 {
		l, r := mirror(i, n)
		a[i] -= (a[l] + a[r] + 2) >> 2
	}
	for i := 1 - odd; i < n; i += 2 {
		l, r := mirror(i, n)
		a[i] += (a[l] + a[r]) >> 1
	}
}

// mirror is the neighbours of sample i of n, n >= 2.
func mirror(i, n int) (int, int) {
	l, r := i-1, i+1
	if l < 0 {
		l = 1
	}
	if r == n {
		r = n - 2
	}
	return l, r
}

// strip53 is line53 on columns side by side.
func strip53(a []int32, n, odd int) {
	line := func(i int) *[strip]int32 { return (*[strip]int32)(a[i*strip:]) }
	if n == 1 {
		if odd == 1 {
			for j := range strip {
				a[j] /= 2
			}
		}
		return
	}
	for i := odd; i < n; i += 2 {
		l, r := mirror(i, n)
		a, l53, r53 := line(i), line(l), line(r)
		for j := range a {
			a[j] -= (l53[j] + r53[j] + 2) >> 2
		}
	}
	for i := 1 - odd; i < n; i += 2 {
		l, r := mirror(i, n)
		a, l53, r53 := line(i), line(l), line(r)
		for j := range a {
			a[j] += (l53[j] + r53[j]) >> 1
		}
	}
}
