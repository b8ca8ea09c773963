package jpeg2000

// Lifting steps and scaling of the irreversible 9/7 wavelet, Table F.4. The
// products are converted to float32 explicitly, which keeps compilers from
// fusing them with the sums: the same bytes give the same image on every machine.
const (
	alpha = float32(-1.586134342059924)
	beta  = float32(-0.052980118572961)
	gamma = float32(0.882911075530934)
	delta = float32(0.443506852043971)
	scale = float32(1.230174104914001)
)

// inverse97 undoes one level, clause F.3.8.2.2; see inverse53.
func inverse97(plane []float32, stride, lowW, lowH int, full region, buffer []float32) {
	w, h := full.width(), full.height()
	odd := full.x0 & 1
	line := buffer[:w]
	for y := range h {
		row := plane[y*stride:][:w]
		if w == 1 {
			if odd == 1 {
				row[0] /= 2
			}
			continue
		}
		for i, v := range row[:lowW] {
			line[2*i+odd] = v * scale
		}
		for i, v := range row[lowW:] {
			line[2*i+1-odd] = v * (1 / scale)
		}
		lift97(line, odd, delta)
		lift97(line, 1-odd, gamma)
		lift97(line, odd, beta)
		lift97(line, 1-odd, alpha)
		copy(row, line)
	}
	odd = full.y0 & 1
	for x := 0; x < w; x += strip {
		n := min(strip, w-x)
		lines := buffer[:h*strip]
		if h == 1 {
			if odd == 1 {
				for j := range plane[x:][:n] {
					plane[x+j] /= 2
				}
			}
			continue
		}
		for i := range lowH {
			scaled(lines[(2*i+odd)*strip:], plane[i*stride+x:][:n], scale)
		}
		for i := range h - lowH {
			scaled(lines[(2*i+1-odd)*strip:], plane[(lowH+i)*stride+x:][:n], 1/scale)
		}
		strip97(lines, h, odd, delta)
		strip97(lines, h, 1-odd, gamma)
		strip97(lines, h, odd, beta)
		strip97(lines, h, 1-odd, alpha)
		for i := range h {
			copy(plane[i*stride+x:][:n], lines[i*strip:][:n])
		}
	}
}

func scaled(to, from []float32, k float32) {
	to = to[:len(from)]
	for j, v := range from {
		to[j] = v * k
	}
}

// lift97 changes every second sample by its neighbours.
func lift97(a []float32, first int, k float32) {
	n := len(a)
	if first == 0 {
		a[0] -= float32(k * (a[1] + a[1]))
		first = 2
	}
	i := first
	for ; i+1 < n; i += 2 {
		a[i] -= float32(k * (a[i-1] + a[i+1]))
	}
	if i < n {
		a[i] -= float32(k * (a[i-1] + a[i-1]))
	}
}

// strip97 is lift97 on columns side by side.
func strip97(a []float32, n, first int, k float32) {
	line := func(i int) *[strip]float32 { return (*[strip]float32)(a[i*strip:]) }
	for i := first; i < n; i += 2 {
		l, r := mirror(i, n)
		a, left, right := line(i), line(l), line(r)
		for j := range a {
			a[j] -= float32(k * (left[j] + right[j]))
		}
	}
}
