package jpeg2000

import (
	"cmp"
	"fmt"
	"slices"

	"immis/templates"
)

// step is a precinct in its place in a progression.
type step struct {
	// x and y are where the precinct starts on the reference grid.
	x, y                  int
	component, resolution uint8
	index                 int32
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
	for c := range d.components {
		for r := range d.components[c].resolutions {
			res := &d.components[c].resolutions[r]
			res.precincts = make([]precinctState, res.across*res.down)
		}
	}
	for _, p := range changes {
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
	slices.SortFunc(steps, p.compare)
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
				list = append(list, step{
					x:         precinctStart(tile.x0, res.x0, i%res.across, res.ppx, n, k.dx),
					y:         precinctStart(tile.y0, res.y0, i/res.across, res.ppy, n, k.dy),
					component: uint8(c), resolution: uint8(r), index: int32(i),
				})
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

// compare orders precincts as clause B.12.1 does.
func (p change) compare(a, b step) int {
	resolution := cmp.Compare(a.resolution, b.resolution)
	component := cmp.Compare(a.component, b.component)
	index := cmp.Compare(a.index, b.index)
	switch p.order {
	case orderRPCL:
		return cmp.Or(resolution, cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), component, index)
	case orderPCRL:
		return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), component, resolution, index)
	case orderCPRL:
		return cmp.Or(component, cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), resolution, index)
	}
	return cmp.Or(resolution, component, index)
}
