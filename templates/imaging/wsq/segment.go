package wsq

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// parser walks over the marker segments of one file. Its fields are filled by
// the segments as they come; a zero parser with data is ready.
type parser struct {
	data []byte
	pos  int

	config       Config
	sizeAt       int     // offset of the size of the image
	shift, scale float32 // of the frame: M and R in the specification
	filters      filters
	quant        quantTable
	huffman      [maxTables]huffTable
	bands        []rect // the 64 subbands, once the frame is known

	haveFrame, haveFilters, haveQuant bool
	haveNISTCOM                       bool
	restarts                          bool // a restart interval is in force
}

// marker reads the next marker and returns its code and its offset.
func (p *parser) marker() (code byte, offset int, err error) {
	offset = p.pos
	if len(p.data)-p.pos < 2 {
		return 0, offset, templates.BadAt(offset, templates.ReasonTruncated, "marker", fmt.Sprintf("%d bytes", len(p.data)-p.pos), "2 bytes")
	}
	if p.data[p.pos] != 0xFF {
		return 0, offset, templates.BadAt(offset, templates.ReasonMalformed, "marker", fmt.Sprintf("%#02x", p.data[p.pos]), "0xff")
	}
	for p.pos < len(p.data) && p.data[p.pos] == 0xFF { // fill bytes
		p.pos++
	}
	if p.pos == len(p.data) {
		return 0, offset, templates.BadAt(offset, templates.ReasonTruncated, "marker", "fill bytes", "a marker code")
	}
	code = p.data[p.pos]
	p.pos++
	return code, offset, nil
}

// segment returns the body of the marker segment that starts here, without its
// length field, and the offset of the body.
func (p *parser) segment(name string) (body []byte, offset int, err error) {
	left := len(p.data) - p.pos
	if left < 2 {
		return nil, 0, templates.BadAt(p.pos, templates.ReasonTruncated, name+": length", fmt.Sprintf("%d bytes", left), "2 bytes")
	}
	n := int(binary.BigEndian.Uint16(p.data[p.pos:]))
	if n < 2 {
		return nil, 0, templates.BadAt(p.pos, templates.ReasonWrongLength, name+": length", n, ">= 2")
	}
	if n > left {
		return nil, 0, templates.BadAt(p.pos, templates.ReasonTruncated, name, fmt.Sprintf("%d bytes", left), fmt.Sprintf("%d bytes", n))
	}
	body, offset = p.data[p.pos+2:p.pos+n], p.pos+2
	p.pos += n
	return body, offset, nil
}

// sized is segment with a length that is known, counting the length field.
func (p *parser) sized(name string, want int) (body []byte, offset int, err error) {
	start := p.pos
	body, offset, err = p.segment(name)
	if err == nil && len(body)+2 != want {
		err = templates.BadAt(start, templates.ReasonWrongLength, name+": length", len(body)+2, want)
	}
	return body, offset, err
}

// headers reads from the start of the file to behind the marker of the first
// block and returns the offset of that marker.
func (p *parser) headers() (block int, err error) {
	if len(p.data) == 0 {
		return 0, errEmpty()
	}
	if len(p.data) >= 2 && (p.data[0] != 0xFF || p.data[1] != markSOI) {
		return 0, templates.BadAt(0, templates.ReasonWrongMagic, "start of image", fmt.Sprintf("%#x", p.data[:2]), "0xffa0")
	}
	if _, _, err := p.marker(); err != nil {
		return 0, err
	}
	for {
		code, offset, err := p.marker()
		if err != nil {
			return 0, err
		}
		if code == markSOB {
			return offset, p.complete(offset)
		}
		if err := p.table(code, offset, false); err != nil {
			return 0, err
		}
	}
}

// complete checks that everything a block needs has been said.
func (p *parser) complete(offset int) error {
	for _, part := range []struct {
		have bool
		name string
	}{{p.haveFrame, "frame header"}, {p.haveFilters, "transform table"}, {p.haveQuant, "quantization table"}} {
		if !part.have {
			return templates.BadAt(offset, templates.ReasonMalformed, part.name, "none", "one before the first block")
		}
	}
	return nil
}

// table reads the segment of a marker that is neither a block nor the end. Behind
// the first block the frame, the filters and the bins stand.
func (p *parser) table(code byte, offset int, inBlocks bool) error {
	switch code {
	case markSOF, markDTT, markDQT:
		if inBlocks {
			return templates.BadAt(offset, templates.ReasonMalformed, "marker", markerName(code)+" after a block", "all of them before the first block")
		}
	}
	switch code {
	case markSOF:
		return p.frame(offset)
	case markDTT:
		return p.transform()
	case markDQT:
		return p.quantization()
	case markDHT:
		return p.huffmanTables()
	case markDRI:
		body, _, err := p.sized("restart interval", 4)
		if err == nil {
			p.restarts = binary.BigEndian.Uint16(body) != 0
		}
		return err
	case markCOM:
		body, _, err := p.segment("comment")
		// What is said after the first block comes too late for DecodeConfig,
		// and the two shall agree.
		if err == nil && !inBlocks && !p.haveNISTCOM {
			p.config.PPI, p.haveNISTCOM = resolution(body)
		}
		return err
	}
	return templates.BadAt(offset, templates.ReasonMalformed, "marker", markerName(code), "a table, a comment, a frame or a block")
}

// frame reads a frame header:
//
//	 0  u8   black, u8 white
//	 2  u16  height
//	 4  u16  width
//	 6  u8   exponent, u16 value: shift M
//	 9  u8   exponent, u16 value: scale R
//	12  u8   encoding algorithm
//	13  u16  software
func (p *parser) frame(marker int) error {
	if p.haveFrame {
		return templates.BadAt(marker, templates.ReasonMalformed, "frame header", "a second one", "one")
	}
	b, offset, err := p.sized("frame header", frameLength)
	if err != nil {
		return err
	}
	c := &p.config
	p.sizeAt = offset + 2
	c.Black, c.White = b[0], b[1]
	c.Height, c.Width = int(binary.BigEndian.Uint16(b[2:])), int(binary.BigEndian.Uint16(b[4:]))
	if c.Height == 0 {
		return templates.BadAt(offset+2, templates.ReasonOutOfRange, "height", 0, "1..65535 pixels")
	}
	if c.Width == 0 {
		return templates.BadAt(offset+4, templates.ReasonOutOfRange, "width", 0, "1..65535 pixels")
	}
	p.shift, p.scale = scaled16(b[6:]), scaled16(b[9:])
	if p.scale == 0 {
		return templates.BadAt(offset+9, templates.ReasonOutOfRange, "scale of the image", 0, "> 0")
	}
	c.Encoder, c.Software = b[12], binary.BigEndian.Uint16(b[13:])
	p.haveFrame = true
	return nil
}

func markerName(code byte) string {
	names := map[byte]string{markSOI: "SOI", markEOI: "EOI", markSOF: "SOF", markSOB: "SOB", markDTT: "DTT", markDQT: "DQT",
		markDHT: "DHT", markDRI: "DRI", markCOM: "COM"}
	if name, ok := names[code]; ok {
		return name
	}
	if code&^7 == markRST {
		return fmt.Sprintf("RST%d", code&7)
	}
	return fmt.Sprintf("0xff%02x", code)
}
