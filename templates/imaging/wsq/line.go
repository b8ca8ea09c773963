package wsq

// bands holds the low and the high band of one row, continued at both ends as
// far as the filters reach, so that the inner loops need no case for the ends.
type bands struct {
	f         *filters
	low, high []float32
	n         int
	// ends lists the places outside of the bands and where their samples are.
	lowEnds, highEnds []end
}

type end struct {
	at, from int
	sign     float32
}

// newBands makes room for rows of up to width samples.
func newBands(f *filters, width int) bands {
	return bands{f: f, low: make([]float32, 0, width/2+len(f.low)+4), high: make([]float32, 0, width/2+len(f.high)+4)}
}

// resize prepares for rows of n samples.
func (b *bands) resize(n int) {
	l := b.f.layout()
	b.n = n
	lowCount, highCount := halves(n, false)
	edgesLow, edgesHigh := b.f.bandEdges(n)
	list := func(ends []end, before, span, count int, edges [2]edge) []end {
		ends = ends[:0]
		for at := range span {
			i := at - before
			if i >= 0 && i < count {
				continue
			}
			index, sign := extend(i, count, edges[0], edges[1])
			ends = append(ends, end{at: at, from: index + before, sign: sign})
		}
		return ends
	}
	spanLow, spanHigh := l.span(n, len(b.f.low)), l.span(n, len(b.f.high))
	b.lowEnds = list(b.lowEnds, l.beforeLow, spanLow, lowCount, edgesLow)
	b.low = b.low[:max(spanLow, l.beforeLow+lowCount)]
	b.highEnds = list(b.highEnds, l.beforeHigh, spanHigh, highCount, edgesHigh)
	b.high = b.high[:max(spanHigh, l.beforeHigh+highCount)]
}

// load fills the bands from a row of n samples, the high band first or last.
func (b *bands) load(row []float32, highFirst bool) {
	l := b.f.layout()
	lowCount, highCount := halves(b.n, false)
	if highFirst {
		copy(b.high[l.beforeHigh:], row[:highCount])
		copy(b.low[l.beforeLow:], row[highCount:])
	} else {
		copy(b.low[l.beforeLow:], row[:lowCount])
		copy(b.high[l.beforeHigh:], row[lowCount:])
	}
	for _, e := range b.lowEnds {
		b.low[e.at] = b.low[e.from] * e.sign
	}
	for _, e := range b.highEnds {
		if e.sign == 0 { // with no sample at all there is none to take
			b.high[e.at] = 0
			continue
		}
		b.high[e.at] = b.high[e.from] * e.sign
	}
}
