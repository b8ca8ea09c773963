package jpeg2000

import (
	"fmt"

	"immis/templates"
)

// tileComponent is one component of a tile: its resolutions from the lowest,
// clauses B.5 to B.7.
type tileComponent struct {
	region
	coding      *coding
	resolutions []resolution
	// Coefficients and then samples, width*height: ints when the wavelet is
	// reversible, floats when not. The low-pass part of each level lies before
	// the high-pass part, in rows and in columns.
	ints   []int32
	floats []float32
	// any is true once a code-block brought something else than zeros.
	any bool
}

// resolution is one resolution level and its bands.
type resolution struct {
	region
	// ppx and ppy are the exponents of the precinct size.
	ppx, ppy int
	// across and down count precincts.
	across, down int
	bands        []band // of these:
	bandMemory   [3]band
	precincts    []precinctState
	// cbW and cbH are the exponents of the code-block size in this resolution.
	cbW, cbH int
}

// band is one sub-band of a resolution.
type band struct {
	region
	// orientation is 0 LL, 1 HL, 2 LH, 3 HH.
	orientation int
	// column and row are where the band lies in the coefficients.
	column, row int
	// planes is the number of magnitude bit-planes, M_b of clause E.1 and the
	// region shift; step is the quantization step, Equation E-3.
	planes int
	step   float32
}

// precinctState is a precinct: how many layers have come, and where its blocks
// and tag trees start in those of the tile.
type precinctState struct {
	layers, blocks, nodes int32
	// any is true once a packet brought a code-block.
	any bool
}

// layOut computes the geometry of component c of a tile. Nothing that is
// allocated is larger than the component's header.
func (tc *tileComponent) layOut(s *settings, tile region, c int) error {
	k := &s.coding[c]
	q := &s.steps[c]
	tc.region, tc.coding, tc.any = s.size.component(tile, c), k, false
	tc.resolutions = growTo(tc.resolutions, k.levels+1)
	if k.reversible && q.style != 0 {
		return templates.BadAt(q.at, templates.ReasonUnsupported, fmt.Sprintf("component %d: quantization style", c), q.style, "0 for the reversible wavelet")
	}
	for r := range tc.resolutions {
		res := &tc.resolutions[r]
		n := k.levels - r
		res.region = region{ceilShift(tc.x0, n), ceilShift(tc.y0, n), ceilShift(tc.x1, n), ceilShift(tc.y1, n)}
		res.across, res.down = 0, 0
		res.ppx, res.ppy = int(k.precincts[r]&0xf), int(k.precincts[r]>>4)
		if !res.empty() {
			res.across = ceilShift(res.x1, res.ppx) - res.x0>>res.ppx
			res.down = ceilShift(res.y1, res.ppy) - res.y0>>res.ppy
		}
		first, last, level := 1, 3, n+1
		below := 1 // a precinct of a high band is half as wide as in the resolution
		if r == 0 {
			first, last, level, below = 0, 0, n, 0
		}
		res.cbW, res.cbH = min(k.cbW, res.ppx-below), min(k.cbH, res.ppy-below)
		res.bands = res.bandMemory[:0]
		for o := first; o <= last; o++ {
			b := band{orientation: o}
			b.region = bandRegion(tc.region, o, level)
			if r > 0 {
				low := &tc.resolutions[r-1]
				b.column, b.row = o&1*low.width(), o>>1*low.height()
			}
			e, m, ok := q.band(3*(r-below) + o)
			if !ok {
				return templates.BadAt(q.at, templates.ReasonMalformed, fmt.Sprintf("component %d: quantization steps", c), q.n, fmt.Sprintf("%d levels", k.levels))
			}
			b.planes = q.guard + e - 1 + s.shift[c]
			gain := o&1 + o>>1
			b.step = (1 + float32(m)/2048) * power(s.size.components[c].bits+gain-e)
			res.bands = append(res.bands, b)
		}
	}
	return nil
}

// bandRegion is Equation B-15.
func bandRegion(tc region, orientation, level int) region {
	if level == 0 {
		return tc
	}
	dx, dy := orientation&1<<(level-1), orientation>>1<<(level-1)
	return region{ceilShift(tc.x0-dx, level), ceilShift(tc.y0-dy, level), ceilShift(tc.x1-dx, level), ceilShift(tc.y1-dy, level)}
}

// power is 2^n for small n of either sign.
func power(n int) float32 {
	if n < 0 {
		return 1 / float32(uint64(1)<<-n)
	}
	return float32(uint64(1) << n)
}
