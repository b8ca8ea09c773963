package wsq

// reconstruct turns a plane of subbands into samples of the image, in place:
// node by node from the smallest, first the columns, then the rows.
func reconstruct(plane []float32, width, height int, f filters) {
	nodes, _ := decompose(width, height)
	s := synthesis{filters: f, layout: f.layout(), plane: plane, width: width,
		columns: make([]float32, width*height)}
	s.fast = f.odd && len(f.low) == 7 && len(f.high) == 9
	s.line = newBands(&s.filters, width)
	s.zero = make([]float32, width)
	for i := len(nodes) - 1; i >= 0; i-- {
		s.join(nodes[i])
	}
}

// synthesis is the working memory of one reconstruction.
type synthesis struct {
	filters
	layout
	fast    bool // the filters have 7 and 9 taps
	plane   []float32
	width   int
	columns []float32 // a node after its columns were joined, rows contiguous
	zero    []float32 // a row of zeros
	line    bands
	rows    [2][][]float32 // of the low and the high band, extended at both ends
}

// join puts the four quarters of one node together.
func (s *synthesis) join(n node) {
	if n.w == 0 || n.h == 0 {
		return
	}
	s.joinColumns(n)
	s.line.resize(n.w)
	for y := range n.h {
		row := s.plane[(n.y+y)*s.width+n.x:][:n.w]
		s.line.load(s.columns[y*n.w:][:n.w], n.highX)
		if s.fast {
			join97(row, s.line.low, s.line.high, &s.filters)
		} else {
			s.joinLine(row)
		}
	}
}

// joinColumns reads the node from the plane and leaves it, its columns joined, in
// s.columns. It goes row by row, so that memory is read as it lies.
func (s *synthesis) joinColumns(n node) {
	first, _ := halves(n.h, n.highY)
	lowCount, highCount := halves(n.h, false)
	lowAt, highAt := 0, first
	if n.highY {
		lowAt, highAt = first, 0
	}
	edgesLow, edgesHigh := s.bandEdges(n.h)
	s.rows[0] = s.extendRows(s.rows[0], n, lowAt, lowCount, s.beforeLow, len(s.low), edgesLow)
	s.rows[1] = s.extendRows(s.rows[1], n, highAt, highCount, s.beforeHigh, len(s.high), edgesHigh)
	// The right half of the root has no high band: subbands 60..63 are zero.
	split := n.w
	if n.emptyHH {
		split, _ = halves(n.w, n.highX)
	}
	for y := range n.h {
		out := s.columns[y*n.w:][:n.w]
		j := y + s.skip
		tap, low, high := 1-j&1, s.rows[0][j/2:], s.rows[1][j/2:]
		if s.fast {
			if tap == 1 {
				even97(out[:split], &s.filters, low, high)
				evenLow97(out, split, &s.filters, low)
			} else {
				odd97(out[:split], &s.filters, low, high)
				oddLow97(out, split, &s.filters, low)
			}
			continue
		}
		for i := tap; i < len(s.low); i += 2 {
			addRow(out, low[i/2], s.low[i], i < 2)
		}
		for i := tap; i < len(s.high); i += 2 {
			addRow(out, high[i/2], s.high[i], false)
		}
	}
}

// extendRows lists the count rows of one band of a node that start at its row
// first, continued at both ends: the list starts before rows ahead.
func (s *synthesis) extendRows(rows [][]float32, n node, first, count, before, taps int, edges [2]edge) [][]float32 {
	rows = rows[:0]
	for i := range s.span(n.h, taps) {
		index, sign := extend(i-before, count, edges[0], edges[1])
		row := s.zero[:n.w]
		if sign != 0 {
			row = s.plane[(n.y+first+index)*s.width+n.x:][:n.w]
		}
		if sign < 0 {
			row = negated(row)
		}
		rows = append(rows, row)
	}
	return rows
}

// addRow adds a tap times a row, or sets it.
func addRow(out, row []float32, tap float32, set bool) {
	row = row[:len(out)]
	if set {
		for x, v := range row {
			out[x] = v * tap
		}
		return
	}
	for x, v := range row {
		out[x] += float32(v * tap)
	}
}

// joinLine joins the bands in s.line into a row: the plain form of join97, for
// filters of any length.
func (s *synthesis) joinLine(row []float32) {
	for x := range row {
		j := x + s.skip
		sum := float32(0)
		for i := 1 - j&1; i < len(s.low); i += 2 {
			v := float32(s.line.low[j/2+i/2] * s.low[i])
			if i < 2 {
				sum = v
			} else {
				sum += v
			}
		}
		for i := 1 - j&1; i < len(s.high); i += 2 {
			sum += float32(s.line.high[j/2+i/2] * s.high[i])
		}
		row[x] = sum
	}
}
