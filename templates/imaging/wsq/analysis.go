package wsq

// decomposeImage turns samples of an image into a plane of subbands, in place:
// node by node from the whole image down, first the rows, then the columns.
func decomposeImage(plane []float32, width int, nodes []node, f filters) {
	work := make([]float32, len(plane))
	line := make([]float32, width+len(f.low)+len(f.high))
	for _, n := range nodes {
		if n.w == 0 || n.h == 0 {
			continue
		}
		f.splitRows(work, line, plane, width, n)
		f.splitColumns(plane, work, width, n)
	}
}

// starts returns how far before its own place an output takes its first sample.
func (f *filters) starts() (low, high int) {
	if f.odd {
		return (len(f.low) - 1) / 2, (len(f.high)-1)/2 - 1
	}
	return len(f.low)/2 - 1, len(f.high)/2 - 1
}

// imageEdge is how the samples of the image continue.
func (f *filters) imageEdge() edge {
	if f.odd {
		return edgeWhole
	}
	return edgeHalf
}

// splitRows filters the rows of a node into work, rows contiguous.
func (f *filters) splitRows(work, line, plane []float32, width int, n node) {
	startLow, startHigh := f.starts()
	first, _ := halves(n.w, n.highX)
	lowAt, highAt := 0, first
	if n.highX {
		lowAt, highAt = first, 0
	}
	lowCount, highCount := halves(n.w, false)
	before := max(startLow, startHigh, 0)
	after := max(len(f.low), len(f.high)) + 1
	if need := before + n.w + after; need > len(line) {
		line = make([]float32, need)
	}
	e := f.imageEdge()
	for y := range n.h {
		row := plane[(n.y+y)*width+n.x:][:n.w]
		copy(line[before:], row)
		for i := range before {
			index, _ := extend(i-before, n.w, e, e)
			line[i] = row[index]
		}
		for i := range after {
			index, _ := extend(n.w+i, n.w, e, e)
			line[before+n.w+i] = row[index]
		}
		out := work[y*n.w:][:n.w]
		filterLine(out[lowAt:][:lowCount], line[before-startLow:], f.low)
		filterLine(out[highAt:][:highCount], line[before-startHigh:], f.high)
	}
}

// filterLine makes every output from the taps and the samples that start at twice
// its place.
func filterLine(out, in, taps []float32) {
	for m := range out {
		sum := float32(0)
		window := in[2*m:][:len(taps)]
		for i, tap := range taps {
			sum += float32(window[i] * tap)
		}
		out[m] = sum
	}
}

// splitColumns filters the columns of work back into the node.
func (f *filters) splitColumns(plane, work []float32, width int, n node) {
	startLow, startHigh := f.starts()
	first, _ := halves(n.h, n.highY)
	lowAt, highAt := 0, first
	if n.highY {
		lowAt, highAt = first, 0
	}
	lowCount, highCount := halves(n.h, false)
	e := f.imageEdge()
	band := func(at, count, start int, taps []float32) {
		for m := range count {
			out := plane[(n.y+at+m)*width+n.x:][:n.w]
			for i, tap := range taps {
				index, _ := extend(2*m-start+i, n.h, e, e)
				addRow(out, work[index*n.w:][:n.w], tap, i == 0)
			}
		}
	}
	band(lowAt, lowCount, startLow, f.low)
	band(highAt, highCount, startHigh, f.high)
}
