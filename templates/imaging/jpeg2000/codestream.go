package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// tilePart is where one tile-part lies in the input, clause A.4.2: its header
// from start, its packets from body to end. next is the index of the tile's
// next part, 0 for none; the part with index 0 is a placeholder.
type tilePart struct {
	start, body, end int32
	next             int32
}

// tileParts lists the parts of each tile in the order of the codestream.
type tileParts struct {
	parts []tilePart
	// first and last are indexes of parts, 0 for a tile that did not come yet;
	// count is how many came, stated how many there should be, 0 not said.
	first, last   []int32
	count, stated []uint8
}

// decodeCodestream decodes all tiles into one plane of 8 bits per component.
func decodeCodestream(data []byte, f *file) ([]plane, error) {
	main := settings{size: &f.size}
	pos, err := main.readMain(data, f)
	if err != nil {
		return nil, err
	}
	list, err := findTileParts(data, pos, f)
	if err != nil {
		return nil, err
	}
	planes := make([]plane, len(f.size.components))
	for i := range planes {
		r := f.size.component(f.size.image(), i)
		planes[i] = plane{region: r, pix: make([]uint8, r.width()*r.height())}
	}
	d := tileDecoder{data: data, size: &f.size, visits: freeVisits + len(data)*visitsPerByte}
	for t := range list.first {
		if err := d.decodeTile(&main, list, t, planes); err != nil {
			return nil, err
		}
	}
	return planes, nil
}

// markerAt reads a marker, which must be there.
func markerAt(data []byte, pos, end int, where string) (int, error) {
	if end-pos < 2 {
		return 0, templates.BadAt(pos, templates.ReasonTruncated, where, "ends", "a marker")
	}
	m := int(binary.BigEndian.Uint16(data[pos:]))
	if m < 0xff01 {
		return 0, templates.BadAt(pos, templates.ReasonMalformed, where, fmt.Sprintf("holds %04x", m), "a marker")
	}
	return m, nil
}

// readMain reads the main header and returns the offset of the first tile-part.
func (s *settings) readMain(data []byte, f *file) (int, error) {
	for pos := f.markers; ; {
		m, err := markerAt(data, pos, f.end, "main header")
		if err != nil {
			return 0, err
		}
		if m == sotMarker {
			if !s.hasCoding || !s.hasSteps {
				return 0, templates.BadAt(pos, templates.ReasonMalformed, "main header", "ends without COD or QCD", "both")
			}
			return pos, nil
		}
		c, err := segmentAt(data, pos, f.end)
		if err != nil {
			return 0, err
		}
		if err := s.read(m, c, false, true); err != nil {
			return 0, err
		}
		pos = c.end
	}
}

// findTileParts walks over the tile-parts up to the end of the codestream,
// without reading their headers.
func findTileParts(data []byte, pos int, f *file) (*tileParts, error) {
	tiles := f.size.across * f.size.down
	const least = 14 // SOT and SOD
	if n := f.end - pos; n/least < tiles {
		return nil, templates.BadAt(pos, templates.ReasonTruncated, fmt.Sprintf("%d tiles", tiles), fmt.Sprintf("in %d bytes", n), fmt.Sprintf(">= %d", tiles*least))
	}
	list := &tileParts{parts: make([]tilePart, 1, tiles+1), first: make([]int32, tiles), last: make([]int32, tiles), count: make([]uint8, tiles), stated: make([]uint8, tiles)}
	for {
		m, err := markerAt(data, pos, f.end, "codestream")
		if err != nil {
			return nil, err
		}
		if m == eocMarker {
			break
		}
		if m != sotMarker {
			return nil, templates.BadAt(pos, templates.ReasonMalformed, "codestream", fmt.Sprintf("goes on with marker %04x", m), "SOT or EOC")
		}
		if pos, err = list.add(data, pos, f.end); err != nil {
			return nil, err
		}
	}
	// Writers leave bytes behind the codestream in its box, but not another image.
	rest := data[pos+2 : f.end]
	second := bytes.HasPrefix(rest, []byte(signature)) || bytes.HasPrefix(rest, []byte{socMarker >> 8, socMarker & 0xff, sizMarker >> 8, sizMarker & 0xff})
	if len(rest) > 0 && !f.boxed || second {
		return nil, templates.BadAt(pos+2, templates.ReasonTrailing, "codestream with", fmt.Sprintf("%d bytes after its end", len(rest)), "none")
	}
	for t, n := range list.count {
		if n == 0 || n < list.stated[t] {
			return nil, templates.BadAt(pos, templates.ReasonTruncated, fmt.Sprintf("tile %d with", t), fmt.Sprintf("%d tile-parts", n), max(1, list.stated[t]))
		}
	}
	return list, nil
}

// add reads SOT at pos and returns the offset of what follows the tile-part.
func (l *tileParts) add(data []byte, pos, end int) (int, error) {
	c, err := segmentAt(data, pos, end)
	if err != nil {
		return 0, err
	}
	tile, length, index, count := c.u16(), c.u32(), c.u8(), c.u8()
	if err := c.done(); err != nil {
		return 0, err
	}
	next := pos + length
	switch {
	case length == 0: // the last one: up to EOC
		if next = end - 2; next < c.end || binary.BigEndian.Uint16(data[next:]) != eocMarker {
			return 0, c.bad(end, templates.ReasonTruncated, "codestream of a tile-part of open length", "ends", "with EOC")
		}
	case length < c.end+2-pos:
		return 0, c.bad(c.start+2, templates.ReasonWrongLength, "length of the tile-part", length, ">= 14")
	case length > end-pos:
		return 0, c.bad(c.start+2, templates.ReasonTruncated, "length of the tile-part", length, fmt.Sprintf("<= %d", end-pos))
	}
	switch {
	case tile >= len(l.first):
		return 0, c.bad(c.start, templates.ReasonOutOfRange, "tile", tile, fmt.Sprintf("< %d", len(l.first)))
	case index != int(l.count[tile]) || index == 255:
		return 0, c.bad(c.start+6, templates.ReasonMalformed, "tile-part", index, l.count[tile])
	case count != 0 && index >= count:
		return 0, c.bad(c.start+7, templates.ReasonMalformed, "tile-parts", count, fmt.Sprintf("> %d", index))
	}
	l.count[tile]++
	l.stated[tile] = max(l.stated[tile], uint8(count))
	n := int32(len(l.parts))
	l.parts = append(l.parts, tilePart{start: int32(c.end), end: int32(next)})
	if l.first[tile] == 0 {
		l.first[tile] = n
	} else {
		l.parts[l.last[tile]].next = n
	}
	l.last[tile] = n
	return next, nil
}

// readTile reads the headers of all parts of a tile into s and notes where
// their packets start.
func (s *settings) readTile(data []byte, l *tileParts, t int) error {
	for i := l.first[t]; i != 0; i = l.parts[i].next {
		p := &l.parts[i]
		pos, end := int(p.start), int(p.end)
		for {
			m, err := markerAt(data, pos, end, "tile-part header")
			if err != nil {
				return err
			}
			if m == sodMarker {
				p.body = int32(pos + 2)
				break
			}
			c, err := segmentAt(data, pos, end)
			if err != nil {
				return err
			}
			if err := s.read(m, c, true, i == l.first[t]); err != nil {
				return err
			}
			pos = c.end
		}
	}
	return nil
}
