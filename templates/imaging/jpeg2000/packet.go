package jpeg2000

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"immis/templates"
)

// bitReader reads the bits of a packet header, clause B.10.1: after a byte 0xff
// comes a stuffed bit.
type bitReader struct {
	data     []byte
	pos, end int
	last     byte
	n        int
	// short is set when a bit beyond the end was asked for; it reads as 0.
	short bool
}

func (r *bitReader) bit() int {
	if r.n == 0 {
		if r.pos >= r.end {
			r.short = true
			return 0
		}
		r.n = 8
		if r.last == 0xff {
			r.n = 7
		}
		r.last = r.data[r.pos]
		r.pos++
	}
	r.n--
	return int(r.last>>r.n) & 1
}

func (r *bitReader) bits(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// align moves to the byte after the header.
func (r *bitReader) align() {
	if r.last == 0xff {
		if r.pos >= r.end {
			r.short = true
			return
		}
		r.pos++
	}
}

// passes reads a number of coding passes, Table B.4.
func (r *bitReader) passes() int {
	if r.bit() == 0 {
		return 1
	}
	if r.bit() == 0 {
		return 2
	}
	if n := r.bits(2); n < 3 {
		return 3 + n
	}
	if n := r.bits(5); n < 31 {
		return 6 + n
	}
	return 37 + r.bits(7)
}

// packetReader reads the packets of one tile, from part to part.
type packetReader struct {
	bitReader
	parts *tileParts
	part  int32
	// chunks, blocks and nodes are those of the tile; chunks[0] is a placeholder.
	chunks []chunk
	blocks []block
	nodes  []tagNode
	// packets counts those read, for SOP.
	packets  int
	sop, eph bool
	visits   *int
}

// open starts with the first part of a tile.
func (r *packetReader) open(part int32) {
	r.part = part
	p := r.parts.parts[part]
	r.pos, r.end = int(p.body), int(p.end)
}

// advance moves to the next part when the bytes of this one are used up: a
// packet lies in one part (clause B.11).
func (r *packetReader) advance() {
	for r.pos == r.end {
		next := r.parts.parts[r.part].next
		if next == 0 {
			return
		}
		r.open(next)
	}
}

func (r *packetReader) truncated(got string) error {
	return templates.BadAt(r.end, templates.ReasonTruncated, fmt.Sprintf("packet %d", r.packets), got, "all of its bytes")
}

// read reads the packet of one layer of a precinct, clauses B.9 and B.10.
func (r *packetReader) read(tc *tileComponent, res, index, layer int) error {
	r.advance()
	state := &tc.resolutions[res].precincts[index]
	if err := r.marker(r.sop, sopMarker, 4); err != nil {
		return err
	}
	r.last, r.n = 0, 0
	start := len(r.chunks)
	if r.bit() != 0 {
		blocks, nodes := int(state.blocks), int(state.nodes)
		for i := range tc.resolutions[res].bands {
			p := tc.part(res, index, i)
			if p.empty() {
				continue
			}
			n := tagNodes(p.across, p.down)
			h := partHeader{
				part: p, blocks: r.blocks[blocks : blocks+p.blocks()],
				included: tagTreeOf(r.nodes[nodes:nodes+n], p.across, p.down),
				missing:  tagTreeOf(r.nodes[nodes+n:nodes+2*n], p.across, p.down),
			}
			if err := r.header(&h, layer); err != nil {
				return err
			}
			blocks += p.blocks()
			nodes += 2 * n
		}
	}
	r.align()
	if r.short {
		return r.truncated("ends in its header")
	}
	if err := r.marker(r.eph, ephMarker, 0); err != nil {
		return err
	}
	state.any = state.any || len(r.chunks) > start
	for i := start; i < len(r.chunks); i++ {
		c := &r.chunks[i]
		if int(c.length) > r.end-r.pos {
			return r.truncated(fmt.Sprintf("with %d bytes left of a code-block's %d", r.end-r.pos, c.length))
		}
		c.start = int32(r.pos)
		r.pos += int(c.length)
	}
	r.packets++
	return nil
}

// partHeader is a part of a precinct with its blocks and tag trees: the layer of
// each block's inclusion, and its bit-planes without a one.
type partHeader struct {
	part
	blocks            []block
	included, missing tagTree
}

// marker skips an optional marker and what belongs to it, where the coding style allows it.
func (r *packetReader) marker(allowed bool, marker, length int) error {
	if !allowed || r.end-r.pos < 2 || int(binary.BigEndian.Uint16(r.data[r.pos:])) != marker {
		return nil
	}
	if r.end-r.pos < 2+length {
		return r.truncated("ends in a marker")
	}
	if marker == sopMarker {
		if n := int(binary.BigEndian.Uint16(r.data[r.pos+4:])); n != r.packets&0xffff {
			return templates.BadAt(r.pos+4, templates.ReasonMalformed, "SOP: packet", n, r.packets&0xffff)
		}
	}
	r.pos += 2 + length
	return nil
}

// header reads the part of a packet header about one band.
func (r *packetReader) header(pb *partHeader, layer int) error {
	// A tag tree can say of all blocks at once that none is there yet, in every
	// layer again.
	if err := r.visit(len(pb.blocks) * blockVisit); err != nil {
		return err
	}
	for i := range pb.blocks {
		b := &pb.blocks[i]
		if b.passes == 0 {
			if !pb.included.below(&r.bitReader, i, layer+1) {
				if r.short {
					return r.truncated("ends in its header")
				}
				continue
			}
			if err := r.planes(pb, b, i); err != nil {
				return err
			}
		} else if r.bit() == 0 {
			continue
		}
		passes := r.passes()
		for r.bit() != 0 {
			b.lengthBits++
			if b.lengthBits > 32 {
				return templates.BadAt(r.pos, templates.ReasonMalformed, "code-block: bits of its length", "> 32", "<= 32")
			}
		}
		if most := 3*int(b.planes) - 2; int(b.passes)+passes > most {
			return templates.BadAt(r.pos, templates.ReasonMalformed, "code-block: coding passes", int(b.passes)+passes, fmt.Sprintf("<= %d", most))
		}
		if err := r.visit(passes * pb.samples); err != nil {
			return err
		}
		if err := r.lengths(pb, b, passes); err != nil {
			return err
		}
		if r.short {
			return r.truncated("ends in its header")
		}
	}
	return nil
}

// visit counts work against what the bytes at hand are good for.
func (r *packetReader) visit(samples int) error {
	if *r.visits -= samples; *r.visits < 0 {
		return templates.BadAt(r.pos, templates.ReasonOversized, "coding passes over", "more samples", fmt.Sprintf("<= %d, and %d per byte", freeVisits, visitsPerByte))
	}
	return nil
}

// planes reads how many bit-planes of a new block are coded.
func (r *packetReader) planes(pb *partHeader, b *block, i int) error {
	missing := 0
	for !pb.missing.below(&r.bitReader, i, missing+1) {
		if r.short {
			return r.truncated("ends in its header")
		}
		if missing++; missing >= max(pb.band.planes, 1) {
			return templates.BadAt(r.pos, templates.ReasonMalformed, "code-block: empty bit-planes", ">= "+fmt.Sprint(missing), fmt.Sprintf("< %d", pb.band.planes))
		}
	}
	n := pb.band.planes - missing
	if n < 1 {
		return templates.BadAt(r.pos, templates.ReasonMalformed, "code-block: bit-planes", n, ">= 1")
	}
	if n > maxPlanes {
		return templates.BadAt(r.pos, templates.ReasonUnsupported, "code-block: bit-planes", n, fmt.Sprintf("<= %d", maxPlanes))
	}
	b.planes, b.lengthBits = uint8(n), 3
	return nil
}

// lengths reads the lengths of the segments that the passes belong to, clause
// B.10.7.
func (r *packetReader) lengths(pb *partHeader, b *block, passes int) error {
	for passes > 0 {
		opens := b.room == 0
		if opens {
			b.room = uint8(segmentRoom(int(b.passes), pb.style))
		}
		n := min(passes, int(b.room))
		width := int(b.lengthBits) + bits.Len(uint(n)) - 1
		length := r.bits(width)
		if length > r.end-r.pos {
			return r.truncated(fmt.Sprintf("with %d bytes left of a code-block's %d", r.end-r.pos, length))
		}
		at := int32(len(r.chunks))
		r.chunks = append(r.chunks, chunk{length: int32(length), passes: uint8(n), opens: opens})
		if b.first == 0 {
			b.first = at
		} else {
			r.chunks[b.last].next = at
		}
		b.last = at
		b.passes += uint8(n)
		b.room -= uint8(n)
		passes -= n
	}
	return nil
}
