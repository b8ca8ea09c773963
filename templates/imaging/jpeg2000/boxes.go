package jpeg2000

import (
	"encoding/binary"
	"fmt"
	"math"

	"immis/templates"
)

// Boxes of ISO/IEC 15444-1, Annex I.
const (
	signature   = "\x00\x00\x00\x0cjP  \r\n\x87\n"
	brand       = "jp2 "
	inch        = 0.0254 // metres
	compression = 7      // ihdr: the only compression type
)

// Enumerated colour spaces of a colr box, Table I.10.
const (
	spaceUnknown = 0
	spaceSRGB    = 16
	spaceGrey    = 17
	spaceSYCC    = 18
)

// header is what the boxes of a JP2 file say.
type header struct {
	// at is the offset of the jp2h box.
	at                        int
	width, height, components int
	hasImage                  bool
	space                     int
	hasColour                 bool
	ppiX, ppiY                float64
	// order[i] is the component that holds colour i, or opacity for i = 3.
	order [maxComponents]int
}

// box is one box: its type and where its content lies in the input.
type box struct {
	kind       string
	at         int
	start, end int
	// open: it goes on to the end of the file, whatever that is.
	open bool
}

// nextBox reads the box at pos, inside a part that ends at end.
func nextBox(data []byte, pos, end int) (box, error) {
	if end-pos < 8 {
		return box{}, templates.BadAt(pos, templates.ReasonTruncated, "box header of", fmt.Sprintf("%d bytes", end-pos), 8)
	}
	length, head := int(binary.BigEndian.Uint32(data[pos:])), 8
	b := box{kind: string(data[pos+4 : pos+8]), at: pos}
	switch {
	case length == 0:
		length, b.open = end-pos, true
	case length == 1:
		if head = 16; end-pos < head {
			return box{}, templates.BadAt(pos, templates.ReasonTruncated, "box header of", fmt.Sprintf("%d bytes", end-pos), head)
		}
		long := binary.BigEndian.Uint64(data[pos+8:])
		if long > math.MaxInt64 {
			return box{}, templates.BadAt(pos+8, templates.ReasonTruncated, fmt.Sprintf("box %q: length", b.kind), long, fmt.Sprintf("<= %d", end-pos))
		}
		length = int(long)
	}
	if length < head {
		return box{}, templates.BadAt(pos, templates.ReasonWrongLength, fmt.Sprintf("box %q: length", b.kind), length, fmt.Sprintf(">= %d", head))
	}
	if length > end-pos {
		return box{}, templates.BadAt(pos, templates.ReasonTruncated, fmt.Sprintf("box %q: length", b.kind), length, fmt.Sprintf("<= %d", end-pos))
	}
	b.start, b.end = pos+head, pos+length
	return b, nil
}

// readBoxes reads a JP2 file and finds its first codestream.
func (f *file) readBoxes(data []byte) error {
	n := min(len(data), len(signature))
	if string(data[:n]) != signature[:n] {
		return templates.BadAt(0, templates.ReasonWrongMagic, "image", fmt.Sprintf("starts with %x", data[:min(n, 4)]), "a JP2 signature or a codestream")
	}
	if n < len(signature) {
		return templates.BadAt(0, templates.ReasonTruncated, "image of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf(">= %d", len(signature)))
	}
	typed, headed, found := false, false, false
	for pos := n; pos < len(data); {
		b, err := nextBox(data, pos, len(data))
		if err != nil {
			return err
		}
		switch b.kind {
		case "ftyp":
			err = readBrands(data, b)
			typed = true
		case "jp2h":
			if headed {
				return templates.BadAt(b.at, templates.ReasonMalformed, "JP2 header box", "repeated", "one")
			}
			err = f.boxes.read(data, b)
			headed = true
		case "jp2c":
			if !headed || !typed {
				return templates.BadAt(b.at, templates.ReasonMalformed, "jp2c box", "before its headers", "after ftyp and jp2h")
			}
			if !found {
				f.start, f.end = b.start, b.end
			}
			found = true
		default:
			if b.open {
				return templates.BadAt(b.at, templates.ReasonTrailing, fmt.Sprintf("box %q without a length over", b.kind), fmt.Sprintf("%d bytes", b.end-b.at), "a codestream")
			}
		}
		if err != nil {
			return err
		}
		pos = b.end
	}
	if !found {
		return templates.BadAt(len(data), templates.ReasonTruncated, "JP2 file", "ends without a jp2c box", "one")
	}
	return nil
}

func readBrands(data []byte, b box) error {
	list := data[b.start:b.end]
	if len(list) < 8 || len(list)%4 != 0 {
		return templates.BadAt(b.at, templates.ReasonWrongLength, "ftyp box: content of", len(list), "8 + 4n bytes")
	}
	for i := 0; i < len(list); i += 4 {
		// The second word is the minor version.
		if i != 4 && string(list[i:i+4]) == brand {
			return nil
		}
	}
	return templates.BadAt(b.start, templates.ReasonUnsupported, "ftyp box: brand", fmt.Sprintf("%q", list[:4]), fmt.Sprintf("%q among the brands", brand))
}

// read reads the boxes inside a jp2h box. Their order is not checked: files of
// a large vendor put the resolution first.
func (h *header) read(data []byte, outer box) error {
	h.at = outer.at
	h.order = [maxComponents]int{0, 1, 2, 3}
	for pos := outer.start; pos < outer.end; {
		b, err := nextBox(data, pos, outer.end)
		if err != nil {
			return err
		}
		c := newCursor(data, b.start, b.end, b.kind+" box")
		switch b.kind {
		case "ihdr":
			err = h.readImage(c)
		case "colr":
			err = h.readColour(c)
		case "cdef":
			err = h.readChannels(c)
		case "res ":
			err = h.readResolution(data, b)
		case "pclr", "cmap":
			err = c.bad(b.at, templates.ReasonUnsupported, "palette", "present", "none")
		}
		if err != nil {
			return err
		}
		pos = b.end
	}
	if !h.hasImage {
		return templates.BadAt(outer.at, templates.ReasonMalformed, "jp2h box", "without ihdr", "one")
	}
	return nil
}

func (h *header) readImage(c *cursor) error {
	h.hasImage = true
	h.height, h.width, h.components = c.u32(), c.u32(), c.u16()
	c.skip(1) // the precision stands in the codestream as well
	kind := c.u8()
	c.skip(2) // colour space unknown, intellectual property
	if err := c.done(); err != nil {
		return err
	}
	if kind != compression {
		return c.bad(c.start+11, templates.ReasonUnsupported, "compression type", kind, compression)
	}
	return nil
}

// readColour keeps the first box with a method of Part 1, as its clause I.5.3.3
// asks.
func (h *header) readColour(c *cursor) error {
	method := c.u8()
	c.skip(2) // precedence, approximation
	switch {
	case h.hasColour || method > 2 && !c.short:
		return nil
	case method == 2: // an ICC profile, not applied
		h.hasColour = !c.short
		c.skip(c.left())
		return c.done()
	}
	h.space = c.u32()
	if err := c.done(); err != nil {
		return err
	}
	if method != 1 {
		return c.bad(c.start, templates.ReasonOutOfRange, "method", method, "1 or 2")
	}
	switch h.space {
	case spaceSRGB, spaceGrey, spaceSYCC:
	default:
		return c.bad(c.start+3, templates.ReasonUnsupported, "colour space", h.space, "16, 17 or 18")
	}
	h.hasColour = true
	return nil
}

// readChannels reads which component holds which colour, clause I.5.3.6.
func (h *header) readChannels(c *cursor) error {
	n := c.u16()
	if n < 1 || n > maxComponents {
		return c.bad(c.start, templates.ReasonUnsupported, "channels", n, "1..4")
	}
	for range n {
		at := c.pos
		channel, kind, colour := c.u16(), c.u16(), c.u16()
		switch {
		case c.short:
			return c.done()
		case channel >= n:
			return c.bad(at, templates.ReasonOutOfRange, "channel", channel, fmt.Sprintf("< %d", n))
		case kind == 0 && colour >= 1 && colour <= 3:
			h.order[colour-1] = channel
		case kind == 1 && colour == 0 && n == 4:
			h.order[3] = channel
		default:
			return c.bad(at+2, templates.ReasonUnsupported, "type and association", fmt.Sprintf("%d, %d", kind, colour), "a colour or opacity of the image")
		}
	}
	seen := 0
	for _, channel := range h.order[:n] {
		seen |= 1 << channel
	}
	if seen != 1<<n-1 {
		return c.bad(c.start, templates.ReasonMalformed, "channels", "given twice", "each once")
	}
	return c.done()
}

// readResolution reads the capture resolution of a res box, clause I.5.3.7.
func (h *header) readResolution(data []byte, outer box) error {
	for pos := outer.start; pos < outer.end; {
		b, err := nextBox(data, pos, outer.end)
		if err != nil {
			return err
		}
		if b.kind == "resc" {
			c := newCursor(data, b.start, b.end, "resc box")
			var parts [4]int
			for i := range parts {
				parts[i] = c.u16()
			}
			ey, ex := int8(c.u8()), int8(c.u8())
			if err := c.done(); err != nil {
				return err
			}
			for i, part := range parts {
				if part == 0 {
					return c.bad(b.start+2*i, templates.ReasonResolution, "resolution's numerator or denominator", 0, "1..65535")
				}
			}
			h.ppiY = inch * float64(parts[0]) / float64(parts[1]) * math.Pow10(int(ey))
			h.ppiX = inch * float64(parts[2]) / float64(parts[3]) * math.Pow10(int(ex))
		}
		pos = b.end
	}
	return nil
}

// checkBoxes compares what the boxes and the codestream say.
func (f *file) checkBoxes(c Config) error {
	h := &f.boxes
	if h.width != c.Width || h.height != c.Height || h.components != c.Components {
		return templates.BadAt(h.at, templates.ReasonMalformed, "ihdr box: image of",
			fmt.Sprintf("%dx%d, %d components", h.width, h.height, h.components),
			fmt.Sprintf("%dx%d, %d as in the codestream", c.Width, c.Height, c.Components))
	}
	if grey := c.Components == 1; h.space != spaceUnknown && grey != (h.space == spaceGrey) {
		return templates.BadAt(h.at, templates.ReasonMalformed, "colr box: colour space", h.space, fmt.Sprintf("one of %d components", c.Components))
	}
	return nil
}
