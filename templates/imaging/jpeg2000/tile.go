package jpeg2000

import (
	"fmt"

	"immis/templates"
)

// tileDecoder decodes one tile after the other with the same memory.
type tileDecoder struct {
	data       []byte
	size       *size
	settings   settings
	components []tileComponent
	packets    packetReader
	list       []step
	block      blockDecoder
	buffer     []byte
	wavelet    waveletBuffers
	// visits is what is left of the samples that coding passes may visit.
	visits int
}

// decodeTile decodes tile t into the planes.
func (d *tileDecoder) decodeTile(main *settings, list *tileParts, t int, planes []plane) error {
	d.settings = main.forTile()
	s := &d.settings
	if err := s.readTile(d.data, list, t); err != nil {
		return err
	}
	d.components = growTo(d.components, len(planes))
	tile := d.size.tile(t)
	for c := range d.components {
		if err := d.components[c].layOut(s, tile, c); err != nil {
			return err
		}
	}
	if s.transform {
		a := &d.components[0]
		for c := 1; c < 3; c++ {
			if b := &d.components[c]; b.width() != a.width() || b.height() != a.height() || b.coding.reversible != a.coding.reversible {
				return templates.BadAt(int(list.parts[list.first[t]].start), templates.ReasonMalformed,
					fmt.Sprintf("tile %d: component transform of", t), "components that differ", "one size and wavelet")
			}
		}
	}
	p := &d.packets
	*p = packetReader{
		bitReader: bitReader{data: d.data}, parts: list, sop: s.sop, eph: s.eph, visits: &d.visits,
		chunks: append(p.chunks[:0], chunk{}), blocks: p.blocks, nodes: p.nodes,
	}
	p.open(list.first[t])
	if err := d.readPackets(s, tile); err != nil {
		return err
	}
	for c := range d.components {
		if err := d.coefficients(&d.components[c], s.shift[c]); err != nil {
			return err
		}
		d.components[c].inverse(&d.wavelet)
	}
	if s.transform {
		inverseTransform(d.components)
	}
	for c := range d.components {
		planes[c].store(&d.components[c], d.size.components[c])
	}
	return nil
}

func growTo[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// coefficients decodes the blocks of a component into its coefficients.
func (d *tileDecoder) coefficients(tc *tileComponent, shift int) error {
	n := 0
	if !tc.empty() {
		n = tc.width() * tc.height()
	}
	if tc.coding.reversible {
		tc.ints = growTo(tc.ints, n)
		clear(tc.ints)
	} else {
		tc.floats = growTo(tc.floats, n)
		clear(tc.floats)
	}
	for r := range tc.resolutions {
		res := &tc.resolutions[r]
		for i := range res.precincts {
			state := &res.precincts[i]
			if !state.any {
				continue
			}
			blocks := d.packets.blocks[state.blocks:]
			for j := range res.bands {
				p := tc.part(r, i, j)
				if p.empty() {
					continue
				}
				for k := range p.blocks() {
					if blocks[k].passes == 0 {
						continue
					}
					if err := d.decodeBlock(tc, &p, &blocks[k], p.block(k), shift); err != nil {
						return err
					}
				}
				blocks = blocks[p.blocks():]
			}
		}
	}
	return nil
}

// decodeBlock decodes one code-block, which lies at region r of its band.
func (d *tileDecoder) decodeBlock(tc *tileComponent, p *part, b *block, r region, shift int) error {
	tc.any = true
	d.block.prepare(r.width(), r.height(), p.band.orientation, p.style&styleCausal != 0)
	chunks := d.packets.chunks
	done := 0
	for i := b.first; i != 0; {
		// The chunks of a segment may come with several layers.
		at := int(chunks[i].start)
		d.buffer = d.buffer[:0]
		passes := 0
		for first := i; i != 0 && (i == first || !chunks[i].opens); i = chunks[i].next {
			c := &chunks[i]
			d.buffer = append(d.buffer, d.data[c.start:c.start+c.length]...)
			passes += int(c.passes)
		}
		d.buffer = append(d.buffer, 0xff, 0xff)
		if err := d.block.runSegment(d.buffer, b, passes, done, p.style, at); err != nil {
			return err
		}
		done += passes
	}
	if shift > 0 {
		d.block.unshift(uint(shift))
	}
	offset := (p.band.row+r.y0-p.band.y0)*tc.width() + p.band.column + r.x0 - p.band.x0
	if tc.coding.reversible {
		d.block.storeInts(tc.ints[offset:], tc.width())
	} else {
		d.block.storeFloats(tc.floats[offset:], tc.width(), p.band.step/2)
	}
	return nil
}

// unshift moves the region of interest down again: every coefficient of it is
// at least 2^shift, every other one is less. Clause H.1.
func (b *blockDecoder) unshift(shift uint) {
	for i, v := range b.samples {
		if m := v & 0x7fffffff; m>>1>>shift != 0 {
			b.samples[i] = v&(1<<31) | m>>shift | 1
		}
	}
}

// storeInts writes the block's coefficients, rounded towards 0.
func (b *blockDecoder) storeInts(to []int32, stride int) {
	for y := range b.height {
		row := to[y*stride:][:b.width]
		from := b.samples[(y/rows*b.width)*rows+y%rows:]
		for x := range row {
			v := from[x*rows]
			m := int32(v & 0x7fffffff >> 1)
			if v>>31 != 0 {
				m = -m
			}
			row[x] = m
		}
	}
}

// storeFloats writes the block's coefficients; half is half of a step, because
// magnitudes are scaled by 2.
func (b *blockDecoder) storeFloats(to []float32, stride int, half float32) {
	for y := range b.height {
		row := to[y*stride:][:b.width]
		from := b.samples[(y/rows*b.width)*rows+y%rows:]
		for x := range row {
			v := from[x*rows]
			m := float32(int32(v&0x7fffffff)) * half
			if v>>31 != 0 {
				m = -m
			}
			row[x] = m
		}
	}
}
