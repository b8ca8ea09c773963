package wsq

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// decode reads a file up to its end and returns the coefficients of all
// transmitted subbands in their order, each row by row.
func (p *parser) decode(maxPixels int) ([]int16, error) {
	block, err := p.headers()
	if err != nil {
		return nil, err
	}
	c := p.config
	if pixels := c.Width * c.Height; pixels > maxPixels {
		return nil, templates.BadAt(p.sizeAt, templates.ReasonOversized, "image", fmt.Sprintf("%d x %d pixels", c.Width, c.Height), fmt.Sprintf("<= %d pixels", maxPixels))
	}
	_, p.bands = decompose(c.Width, c.Height)
	total := 0
	for k, b := range p.bands {
		if p.quant.bins[k] != 0 {
			total += b.w * b.h
		}
	}
	d := blockDecoder{total: total}
	// A stream of ordinary pictures has at most a few coefficients per bit. More
	// memory is taken only when the stream turns out to hold more.
	d.coefficients = make([]int16, min(total, 64*(len(p.data)-p.pos)))
	for code, offset := byte(markSOB), block; ; {
		switch code {
		case markEOI:
			if d.n != total {
				return nil, templates.BadAt(offset, templates.ReasonTruncated, "coefficients", d.n, total)
			}
			if p.pos != len(p.data) {
				return nil, templates.BadAt(p.pos, templates.ReasonTrailing, "length", fmt.Sprintf("%d bytes", len(p.data)), fmt.Sprintf("%d bytes", p.pos))
			}
			return d.coefficients[:total], nil
		case markSOB:
			err = p.block(&d, offset)
		default:
			err = p.table(code, offset, true)
		}
		if err != nil {
			return nil, err
		}
		if code, offset, err = p.marker(); err != nil {
			return nil, err
		}
	}
}

// blockDecoder collects the coefficients of all blocks.
type blockDecoder struct {
	coefficients []int16
	n, total     int // coefficients read and expected
}

// reserve makes room for k more coefficients, which are zero.
func (d *blockDecoder) reserve(k int) {
	if need := d.n + k; need > len(d.coefficients) {
		grown := make([]int16, min(d.total, 2*need))
		copy(grown, d.coefficients)
		d.coefficients = grown
	}
}

// block reads one block: its header, the entropy-coded data, and
// the restart markers within. It ends before the next other marker.
func (p *parser) block(d *blockDecoder, offset int) error {
	b, at, err := p.sized("block header", blockLength)
	if err != nil {
		return err
	}
	id := int(b[0])
	if id >= maxTables || !p.huffman[id].defined {
		return templates.BadAt(at, templates.ReasonMalformed, "block: Huffman table", id, "a table that is defined")
	}
	t := &p.huffman[id]
	t.build()
	next := -1
	for {
		if err := p.entropy(d, t, offset); err != nil {
			return err
		}
		// A restart only aligns to a byte: no state is carried from
		// coefficient to coefficient that it could reset.
		i := p.pos
		for i < len(p.data) && p.data[i] == 0xFF {
			i++
		}
		if i == len(p.data) || p.data[i]&^7 != markRST {
			return nil
		}
		m := int(p.data[i] & 7)
		if !p.restarts {
			return templates.BadAt(p.pos, templates.ReasonMalformed, "restart marker", m, "none without a restart interval")
		}
		if next >= 0 && m != next {
			return templates.BadAt(p.pos, templates.ReasonMalformed, "restart marker", m, next)
		}
		next = (m + 1) & 7
		p.pos = i + 1
	}
}

// bitReader takes bits out of entropy-coded data. FF 00 is a byte FF; any other
// byte behind FF is a marker, where the data end.
type bitReader struct {
	data []byte
	pos  int
	acc  uint64 // the next n bits, left-aligned; zeros behind them
	n    int
}

// fill makes at least 33 bits available unless the data end before.
func (r *bitReader) fill() {
	for r.n <= 32 {
		if r.pos+4 <= len(r.data) {
			w := binary.BigEndian.Uint32(r.data[r.pos:])
			// No byte of w is FF when no byte of its complement is 0.
			if v := ^w; (v-0x01010101)&^v&0x80808080 == 0 {
				r.acc |= uint64(w) << (32 - r.n)
				r.n += 32
				r.pos += 4
				return
			}
		}
		if r.pos >= len(r.data) {
			return
		}
		b := r.data[r.pos]
		if b == 0xFF {
			if r.pos+1 >= len(r.data) || r.data[r.pos+1] != 0 {
				return
			}
			r.pos++
		}
		r.pos++
		r.acc |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// entropy reads symbols until the data end at a marker. offset names the block
// in errors.
func (p *parser) entropy(d *blockDecoder, t *huffTable, offset int) error {
	r := bitReader{data: p.data, pos: p.pos}
	for {
		if r.n <= 32 {
			r.fill()
		}
		token := t.lookup[r.acc>>(64-lookupBits)]
		if token.length == 0 {
			token = t.long(uint32(r.acc >> (64 - maxCodeLen)))
		}
		length := int(token.length)
		if length == 0 || length > r.n {
			p.pos = r.pos
			return endOfData(&r, length, offset)
		}
		value, run := int(token.value), 1
		switch token.kind {
		case tokenValue:
		case tokenRun:
			value, run = 0, value
		case tokenEscape:
			symbol, bits := byte(token.value), 8
			if symbol == symPos16 || symbol == symNeg16 || symbol == symRun16 {
				bits = 16
			}
			if length+bits > r.n {
				p.pos = r.pos
				return endOfData(&r, length, offset)
			}
			value = int(r.acc << length >> (64 - bits))
			length += bits
			switch symbol {
			case symNeg8, symNeg16:
				value = -value
			case symRun8, symRun16:
				value, run = 0, value
			}
			if run == 0 {
				return templates.BadAt(offset, templates.ReasonOutOfRange, "block: run of zeros", 0, ">= 1")
			}
			if value < -32767 || value > 32767 {
				return templates.BadAt(offset, templates.ReasonOutOfRange, "block: coefficient", "beyond 15 bits", "-32767..32767")
			}
		default:
			return templates.BadAt(offset, templates.ReasonOutOfRange, "block: symbol", token.value, "1..254")
		}
		r.acc <<= length
		r.n -= length
		if d.n+run > len(d.coefficients) {
			if run > d.total-d.n {
				return templates.BadAt(offset, templates.ReasonMalformed, "coefficients", fmt.Sprintf("more than %d", d.total), d.total)
			}
			d.reserve(run)
		}
		if value != 0 {
			d.coefficients[d.n] = int16(value)
		}
		d.n += run
	}
}

// endOfData judges what is left when no whole symbol is: nothing, or the ones that
// fill the last byte. A registered encoder adds a byte of ones when nothing is to
// be filled, so up to 15 are taken. length is that of the code found, 0 for none.
func endOfData(r *bitReader, length, offset int) error {
	switch {
	case r.n >= maxCodeLen && length == 0:
		return templates.BadAt(offset, templates.ReasonMalformed, "block", "a code that is not in its table", "codes of its table")
	case r.pos >= len(r.data) || r.pos+1 == len(r.data) && r.data[r.pos] == 0xFF:
		return templates.BadAt(len(r.data), templates.ReasonTruncated, "block", "the end of the data", "a marker")
	case r.n >= maxCodeLen:
		return templates.BadAt(offset, templates.ReasonMalformed, "block", "an unfinished symbol", "whole symbols")
	case r.n > 0 && ^r.acc>>(64-r.n) != 0:
		return templates.BadAt(offset, templates.ReasonMalformed, "block", "an unfinished symbol or a padding of zeros", "a padding of ones")
	}
	return nil
}
