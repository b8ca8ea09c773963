package jpeg2000

import (
	"fmt"
	"slices"

	"immis/templates"
)

// step is a precinct in its place in a progression.
type step struct {
	// x and y are where the precinct starts on the reference grid.
	x, y                  int
	component, resolution uint8
	// major comes before the place in the order, minor after it.
	major, minor uint16
	index        int32
}

// readPackets reads all packets of a tile in the order of its progressions,
// clause B.12. There is a byte at least for each packet, which bounds the
// precincts and the layers before anything is allocated for them.
func (d *tileDecoder) readPackets(s *settings, tile region) error {
	changes := s.changes
	if len(changes) == 0 {
		changes = []change{{order: s.order, layers: s.layers, resolutionEnd: maxLevels + 1, channels: maxComponents}}
	}
	bytes := d.packets.bytes()
	left := 0
	for c := range d.components {
		for r := range d.components[c].resolutions {
			res := &d.components[c].resolutions[r]
			if res.across == 0 {
				continue
			}
			if n := (bytes - left) / s.layers; res.across > n || res.down > n/res.across {
				return d.packets.truncated(fmt.Sprintf("and those after it: %d bytes for %dx%d precincts in %d layers", bytes-left, res.across, res.down, s.layers))
			}
			left += res.across * res.down * s.layers
		}
	}
	d.makeBlocks()
	for _, p := range changes {
		if left == 0 {
			break
		}
		n, err := d.readProgression(s, tile, p)
		if err != nil {
			return err
		}
		left -= n
	}
	if left > 0 {
		return templates.BadAt(d.packets.pos, templates.ReasonMalformed, "progression changes", fmt.Sprintf("leave out %d packets", left), "all packets")
	}
	d.packets.advance()
	if n := d.packets.end - d.packets.pos; n > 0 {
		return templates.BadAt(d.packets.pos, templates.ReasonTrailing, "tile with", fmt.Sprintf("%d bytes after its last packet", n), "none")
	}
	return nil
}

// makeBlocks makes the precincts of a tile and their blocks and tag trees. A
// block has 16 samples at least, or is all there is in a precinct, for which
// there is a byte: both bound their number.
func (d *tileDecoder) makeBlocks() {
	precincts, blocks, nodes := 0, 0, 0
	for c := range d.components {
		tc := &d.components[c]
		for r := range tc.resolutions {
			res := &tc.resolutions[r]
			res.precincts = growTo(res.precincts, res.across*res.down)
			precincts += len(res.precincts)
			for i := range res.precincts {
				res.precincts[i] = precinctState{blocks: int32(blocks), nodes: int32(nodes)}
				for j := range res.bands {
					if p := tc.part(r, i, j); !p.empty() {
						blocks += p.blocks()
						nodes += 2 * tagNodes(p.across, p.down)
					}
				}
			}
		}
	}
	d.packets.blocks, d.packets.nodes = growTo(d.packets.blocks, blocks), growTo(d.packets.nodes, nodes)
	clear(d.packets.blocks)
	clear(d.packets.nodes)
	d.list = slices.Grow(d.list[:0], precincts)
}

// bytes is what all parts of the tile hold.
func (r *packetReader) bytes() int {
	n := 0
	for i := r.part; i != 0; i = r.parts.parts[i].next {
		n += int(r.parts.parts[i].end - r.parts.parts[i].body)
	}
	return n
}

// readProgression reads the packets of one progression and returns how many.
// A layer of a precinct comes once, in the first progression that includes it.
func (d *tileDecoder) readProgression(s *settings, tile region, p change) (int, error) {
	layers := min(p.layers, s.layers)
	steps := d.steps(s, tile, p, layers)
	slices.SortFunc(steps, compareSteps)
	n := 0
	read := func(t step, until int) error {
		tc := &d.components[t.component]
		state := &tc.resolutions[t.resolution].precincts[t.index]
		for int(state.layers) < until {
			if err := d.packets.read(tc, int(t.resolution), int(t.index), int(state.layers)); err != nil {
				return err
			}
			state.layers++
			n++
		}
		return nil
	}
	// What is walked together before the next layer: everything, one
	// resolution, or one precinct.
	for len(steps) > 0 {
		run := 1
		switch p.order {
		case orderLRCP:
			run = len(steps)
		case orderRLCP:
			for run < len(steps) && steps[run].resolution == steps[0].resolution {
				run++
			}
		}
		first := layers
		if run > 1 {
			first = 1
		}
		for l := first; l <= layers; l++ {
			for _, t := range steps[:run] {
				if err := read(t, l); err != nil {
					return n, err
				}
			}
		}
		steps = steps[run:]
	}
	return n, nil
}

// steps lists the precincts of a progression that still lack layers.
func (d *tileDecoder) steps(s *settings, tile region, p change, layers int) []step {
	list := d.list[:0]
	for c := p.channel; c < min(p.channels, len(d.components)); c++ {
		tc := &d.components[c]
		k := s.size.components[c]
		for r := p.resolution; r < min(p.resolutionEnd, len(tc.resolutions)); r++ {
			res := &tc.resolutions[r]
			n := tc.coding.levels - r
			for i := range res.precincts {
				if int(res.precincts[i].layers) >= layers {
					continue
				}
				t := step{
					x:         precinctStart(tile.x0, res.x0, i%res.across, res.ppx, n, k.dx),
					y:         precinctStart(tile.y0, res.y0, i/res.across, res.ppy, n, k.dy),
					component: uint8(c), resolution: uint8(r), index: int32(i),
				}
				t.rank(p.order)
				list = append(list, t)
			}
		}
	}
	d.list = list
	return list
}

// precinctStart is the coordinate at which clause B.12.1.3 finds a precinct: its
// first sample projected to the grid, or the tile's edge when that cuts it.
func precinctStart(tile, start, i, exponent, level, spacing int) int {
	first := (start>>exponent + i) << exponent
	if first < start {
		return tile
	}
	return first << level * spacing
}

// rank sets what the position in a progression depends on besides the place,
// clause B.12.1: what is before the place, and what after.
func (t *step) rank(order int) {
	switch order {
	case orderLRCP, orderRLCP:
		t.x, t.y = 0, 0
		t.major, t.minor = uint16(t.resolution), uint16(t.component)
	case orderRPCL:
		t.major, t.minor = uint16(t.resolution), uint16(t.component)
	case orderPCRL:
		t.major, t.minor = 0, uint16(t.component)<<8|uint16(t.resolution)
	case orderCPRL:
		t.major, t.minor = uint16(t.component), uint16(t.resolution)
	}
}

func compareSteps(a, b step) int {
	switch {
	case a.major != b.major:
		return int(a.major) - int(b.major)
	case a.y != b.y:
		return a.y - b.y
	case a.x != b.x:
		return a.x - b.x
	case a.minor != b.minor:
		return int(a.minor) - int(b.minor)
	}
	return int(a.index) - int(b.index)
}
