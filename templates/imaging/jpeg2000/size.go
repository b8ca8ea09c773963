package jpeg2000

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// size is the SIZ marker segment, clause A.5.1: the image and its tiles on the
// reference grid.
type size struct {
	// at is the offset of the segment in the input.
	at int
	// x0, y0 (inclusive) to x1, y1 (exclusive) is the image.
	x0, y0, x1, y1 int
	// Tiles of tileW by tileH start at tileX, tileY.
	tileX, tileY, tileW, tileH int
	// across and down count tiles, together 1..65535.
	across, down int
	components   []component
}

// component is how one component samples the reference grid.
type component struct {
	bits   int
	signed bool
	// dx and dy are 1, 2 or 4.
	dx, dy int
}

// region is a half-open rectangle; its fields fit 33 bits.
type region struct{ x0, y0, x1, y1 int }

func (r region) width() int  { return r.x1 - r.x0 }
func (r region) height() int { return r.y1 - r.y0 }
func (r region) empty() bool { return r.x1 <= r.x0 || r.y1 <= r.y0 }

func (r region) intersect(o region) region {
	return region{max(r.x0, o.x0), max(r.y0, o.y0), min(r.x1, o.x1), min(r.y1, o.y1)}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// ceilShift is a / 2^n rounded up, also for negative a.
func ceilShift(a, n int) int { return (a + 1<<n - 1) >> n }

// component is the region of component c inside a region of the grid, clause B.2.
func (s *size) component(r region, c int) region {
	k := s.components[c]
	return region{ceilDiv(r.x0, k.dx), ceilDiv(r.y0, k.dy), ceilDiv(r.x1, k.dx), ceilDiv(r.y1, k.dy)}
}

func (s *size) image() region { return region{s.x0, s.y0, s.x1, s.y1} }

// tile is the region of tile t on the grid, clause B.3.
func (s *size) tile(t int) region {
	x, y := s.tileX+t%s.across*s.tileW, s.tileY+t/s.across*s.tileH
	return region{x, y, x + s.tileW, y + s.tileH}.intersect(s.image())
}

// readSize reads SOC and SIZ.
func (f *file) readSize(data []byte) error {
	if n := f.end - f.start; n < 6 {
		return templates.BadAt(f.start, templates.ReasonTruncated, "codestream of", fmt.Sprintf("%d bytes", n), ">= 6")
	}
	if m := binary.BigEndian.Uint32(data[f.start:]); m != socMarker<<16|sizMarker {
		return templates.BadAt(f.start, templates.ReasonWrongMagic, "codestream", fmt.Sprintf("starts with %08x", m), "ff4fff51")
	}
	c, err := segmentAt(data, f.start+2, f.end)
	if err != nil {
		return err
	}
	s := &f.size
	s.at, f.markers = f.start+2, c.end
	capabilities := c.u16()
	s.x1, s.y1, s.x0, s.y0 = c.u32(), c.u32(), c.u32(), c.u32()
	s.tileW, s.tileH, s.tileX, s.tileY = c.u32(), c.u32(), c.u32(), c.u32()
	n := c.u16()
	at := c.start
	switch {
	case c.short:
		return c.done()
	case capabilities&0xc000 != 0:
		return c.bad(at, templates.ReasonUnsupported, "capabilities", fmt.Sprintf("%#04x", capabilities), "those of Part 1")
	case s.x1 <= s.x0 || s.y1 <= s.y0:
		return c.bad(at+2, templates.ReasonOutOfRange, "image", fmt.Sprintf("(%d,%d)-(%d,%d)", s.x0, s.y0, s.x1, s.y1), "at least a pixel")
	case s.tileW == 0 || s.tileH == 0:
		return c.bad(at+18, templates.ReasonOutOfRange, "tile of", fmt.Sprintf("%dx%d", s.tileW, s.tileH), "at least 1x1")
	case s.tileX > s.x0 || s.tileY > s.y0 || s.tileX+s.tileW <= s.x0 || s.tileY+s.tileH <= s.y0:
		return c.bad(at+26, templates.ReasonOutOfRange, "first tile", fmt.Sprintf("at (%d,%d)", s.tileX, s.tileY), "over the image's corner")
	case n != 1 && n != 3 && n != 4:
		return c.bad(at+34, templates.ReasonUnsupported, "components", n, "1, 3 or 4")
	}
	s.across, s.down = ceilDiv(s.x1-s.tileX, s.tileW), ceilDiv(s.y1-s.tileY, s.tileH)
	if s.across > 65535 || s.down > 65535/s.across {
		return c.bad(at+18, templates.ReasonOutOfRange, "tiles", fmt.Sprintf("%dx%d", s.across, s.down), "<= 65535")
	}
	s.components = make([]component, n)
	for i := range s.components {
		if err := s.readComponent(c, i); err != nil {
			return err
		}
	}
	return c.done()
}

func (s *size) readComponent(c *cursor, i int) error {
	at := c.pos
	depth := c.u8()
	k := component{bits: depth&0x7f + 1, signed: depth&0x80 != 0, dx: c.u8(), dy: c.u8()}
	s.components[i] = k
	step := func(d int) bool { return d == 1 || d == 2 || d == 4 }
	switch {
	case c.short:
		return c.done()
	case k.bits > maxBits:
		return c.bad(at, templates.ReasonUnsupported, fmt.Sprintf("component %d: precision", i), k.bits, "1..16 bits")
	case !step(k.dx) || !step(k.dy):
		return c.bad(at+1, templates.ReasonUnsupported, fmt.Sprintf("component %d: subsampling", i), fmt.Sprintf("%dx%d", k.dx, k.dy), "1, 2 or 4")
	case s.component(s.image(), i).empty():
		return c.bad(at+1, templates.ReasonOutOfRange, fmt.Sprintf("component %d", i), "without samples", "at least one")
	}
	return nil
}

// segmentAt reads the length of the marker segment whose marker stands at pos.
func segmentAt(data []byte, pos, end int) (*cursor, error) {
	name := markerName(int(binary.BigEndian.Uint16(data[pos:])))
	if end-pos < 4 {
		return nil, templates.BadAt(pos, templates.ReasonTruncated, name+": segment of", fmt.Sprintf("%d bytes", end-pos), ">= 4")
	}
	n := int(binary.BigEndian.Uint16(data[pos+2:]))
	if n < 2 {
		return nil, templates.BadAt(pos+2, templates.ReasonWrongLength, name+": length", n, ">= 2")
	}
	if n > end-pos-2 {
		return nil, templates.BadAt(pos+2, templates.ReasonTruncated, name+": length", n, fmt.Sprintf("<= %d", end-pos-2))
	}
	return newCursor(data, pos+4, pos+2+n, name), nil
}
