package jpeg2000

// part is the part of a precinct in one band, clauses B.7 and B.9. It is
// computed whenever it is needed: precincts can be as small as a sample, and
// there may be one for each byte of the input.
type part struct {
	// region is in coordinates of the band.
	region
	band *band
	// column and row are the index of the first block in the band, across and
	// down count them, blockW and blockH are the exponents of their size.
	column, row, across, down, blockW, blockH int
	// samples is the size of the largest block.
	samples int
	style   int
}

// block is what the packets say about a code-block.
type block struct {
	// first and last are indexes of chunks, 0 for none.
	first, last int32
	// passes counts coding passes; room is what the open segment still holds.
	passes, room uint8
	// planes is the number of bit-planes that are coded.
	planes uint8
	// lengthBits is Lblock of clause B.10.7.1.
	lengthBits uint8
}

// chunk is what one packet adds to one segment of a block.
type chunk struct {
	next          int32
	start, length int32
	passes        uint8
	// opens is true for the first chunk of a segment.
	opens bool
}

// part is the part of precinct i of resolution r in band j of that resolution.
func (tc *tileComponent) part(r, i, j int) part {
	res := &tc.resolutions[r]
	below := min(r, 1) // a high band has half the samples of its resolution
	w, h := res.ppx-below, res.ppy-below
	x, y := res.x0>>res.ppx+i%res.across, res.y0>>res.ppy+i/res.across
	b := &res.bands[j]
	p := part{
		region: region{x << w, y << h, (x + 1) << w, (y + 1) << h}.intersect(b.region),
		band:   b, blockW: res.cbW, blockH: res.cbH, style: tc.coding.style,
	}
	if p.empty() {
		return p
	}
	p.column, p.row = p.x0>>res.cbW, p.y0>>res.cbH
	p.across, p.down = ceilShift(p.x1, res.cbW)-p.column, ceilShift(p.y1, res.cbH)-p.row
	p.samples = min(p.width(), 1<<res.cbW) * min(p.height(), 1<<res.cbH)
	return p
}

func (p *part) blocks() int { return p.across * p.down }

// block is the region of block i in coordinates of the band.
func (p *part) block(i int) region {
	x, y := p.column+i%p.across, p.row+i/p.across
	return region{x << p.blockW, y << p.blockH, (x + 1) << p.blockW, (y + 1) << p.blockH}.intersect(p.region)
}
