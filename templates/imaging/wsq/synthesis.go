package wsq

// reconstruct turns a plane of subbands into the pixels of an image, node by node
// from the smallest, first the columns, then the rows. The plane is used up.
func reconstruct(pix []uint8, plane []float32, width, height int, f filters, shift, scale float32) {
	nodes, _ := decompose(width, height)
	s := synthesis{filters: f, layout: f.layout(), plane: plane, width: width}
	s.fast = f.odd && len(f.low) == 7 && len(f.high) == 9
	s.line = newBands(&s.filters, width)
	s.zero = make([]float32, width)
	// The largest node but the whole image has a quarter of it.
	s.columns = make([]float32, (width+1)/2*((height+1)/2))
	for i := len(nodes) - 1; i > 0; i-- {
		s.join(nodes[i])
	}
	s.joinImage(nodes[0], pix, shift, scale)
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

// join puts the four quarters of one node together, in its place.
func (s *synthesis) join(n node) {
	if n.w == 0 || n.h == 0 {
		return
	}
	s.prepare(n)
	for y := range n.h {
		s.columnRow(s.columns[y*n.w:][:n.w], n, y)
	}
	for y := range n.h {
		s.joinRow(s.plane[(n.y+y)*s.width+n.x:][:n.w], s.columns[y*n.w:][:n.w], n)
	}
}

// joinImage is join for the whole image, whose rows are not needed again but as
// pixels.
func (s *synthesis) joinImage(n node, pix []uint8, shift, scale float32) {
	s.prepare(n)
	columns, row := make([]float32, n.w), make([]float32, n.w)
	for y := range n.h {
		s.columnRow(columns, n, y)
		s.joinRow(row, columns, n)
		toPixels(pix[y*n.w:], row, shift, scale)
	}
}

// prepare lists the rows of a node and makes the line ready for them.
func (s *synthesis) prepare(n node) {
	first, _ := halves(n.h, n.highY)
	lowCount, highCount := halves(n.h, false)
	lowAt, highAt := 0, first
	if n.highY {
		lowAt, highAt = first, 0
	}
	edgesLow, edgesHigh := s.bandEdges(n.h)
	s.rows[0] = s.extendRows(s.rows[0], n, lowAt, lowCount, s.beforeLow, len(s.low), edgesLow)
	s.rows[1] = s.extendRows(s.rows[1], n, highAt, highCount, s.beforeHigh, len(s.high), edgesHigh)
	s.line.resize(n.w)
}

// columnRow makes row y of a node with its columns joined, from whole rows, so
// that memory is read as it lies.
func (s *synthesis) columnRow(out []float32, n node, y int) {
	j := y + s.skip
	tap, low, high := 1-j&1, s.rows[0][j/2:], s.rows[1][j/2:]
	if !s.fast {
		for i := tap; i < len(s.low); i += 2 {
			addRow(out, low[i/2], s.low[i], i < 2)
		}
		for i := tap; i < len(s.high); i += 2 {
			addRow(out, high[i/2], s.high[i], false)
		}
		return
	}
	// The right half of the image has no high band: subbands 60..63 are zero.
	split := n.w
	if n.emptyHH {
		split, _ = halves(n.w, n.highX)
	}
	if tap == 1 {
		even97(out[:split], &s.filters, low, high)
		evenLow97(out, split, &s.filters, low)
	} else {
		odd97(out[:split], &s.filters, low, high)
		oddLow97(out, split, &s.filters, low)
	}
}

// joinRow joins a row of a node whose columns are joined.
func (s *synthesis) joinRow(row, columns []float32, n node) {
	s.line.load(columns, n.highX)
	if s.fast {
		join97(row, s.line.low, s.line.high, &s.filters)
	} else {
		s.joinLine(row)
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
