package jpeg2000

import (
	"fmt"

	"immis/templates"
)

const (
	maxLevels = 32
	maxBands  = 3*maxLevels + 1
	// maxChanges bounds progression order changes of one tile; encoders write a
	// handful, and each costs a walk over all precincts.
	maxChanges = 32
)

// Code-block styles, Table A.19.
const (
	styleBypass   = 1 << 0
	styleReset    = 1 << 1
	styleTermAll  = 1 << 2
	styleCausal   = 1 << 3
	stylePredict  = 1 << 4 // concerns encoders; decoders need not check it
	styleSymbols  = 1 << 5
	stylePart1    = styleBypass | styleReset | styleTermAll | styleCausal | stylePredict | styleSymbols
	codePrecincts = 1 << 0 // Scod, Table A.13
	codeSOP       = 1 << 1
	codeEPH       = 1 << 2
)

// Progression orders, Table A.16.
const (
	orderLRCP = 0
	orderRLCP = 1
	orderRPCL = 2
	orderPCRL = 3
	orderCPRL = 4
)

// coding is how one component of a tile is coded: COD or COC.
type coding struct {
	levels int
	// cbW and cbH are exponents of the code-block size, 2..10, together <= 12.
	cbW, cbH   int
	style      int
	reversible bool
	// precincts holds PPx and PPy << 4 of each resolution.
	precincts [maxLevels + 1]uint8
}

// quantization is QCD or QCC: exponent and mantissa of the step of each band.
type quantization struct {
	at, style, guard int
	// n counts the entries that were given.
	n         int
	exponents [maxBands]uint8
	mantissas [maxBands]uint16
}

// change is an entry of POC, clause A.6.6; ends are exclusive.
type change struct {
	order, layers                                int
	resolution, resolutionEnd, channel, channels int
}

// settings are the marker segments in force, for the image or for one tile.
type settings struct {
	size *size
	// ownCoding and ownSteps: a COC, QCC of this header outranks its COD, QCD.
	ownCoding, ownSteps [maxComponents]bool
	coding              [maxComponents]coding
	steps               [maxComponents]quantization
	shift               [maxComponents]int // RGN
	hasCoding, hasSteps bool
	order, layers       int
	transform, sop, eph bool
	changes             []change
}

// forTile is a copy that the header of a tile may change.
func (s *settings) forTile() settings {
	t := *s
	t.ownCoding, t.ownSteps = [maxComponents]bool{}, [maxComponents]bool{}
	return t
}

// read takes one marker segment of a header. first is false after the first
// tile-part of a tile, where only progression changes may still come.
func (s *settings) read(marker int, c *cursor, inTile, first bool) error {
	switch marker {
	case codMarker, qcdMarker, cocMarker, qccMarker, rgnMarker:
		if !first {
			return c.bad(c.start-4, templates.ReasonMalformed, "segment", "after the first tile-part", "in it")
		}
	}
	switch marker {
	case codMarker:
		return s.readCOD(c)
	case cocMarker:
		return s.readCOC(c)
	case qcdMarker:
		return s.readQCD(c)
	case qccMarker:
		i, err := s.readIndex(c)
		if err != nil {
			return err
		}
		s.ownSteps[i] = true
		return s.steps[i].read(c)
	case rgnMarker:
		return s.readRGN(c)
	case pocMarker:
		return s.readPOC(c, inTile, first)
	case tlmMarker, plmMarker, pltMarker, crgMarker, comMarker:
		return nil
	}
	return c.bad(c.start-4, templates.ReasonUnsupported, "marker", fmt.Sprintf("%02x%02x", c.data[c.start-4], c.data[c.start-3]), "one of Part 1 in its place")
}

func (s *settings) readCOD(c *cursor) error {
	at := c.pos
	style := c.u8()
	s.order, s.layers = c.u8(), c.u16()
	transform := c.u8()
	switch {
	case c.short:
		return c.done()
	case style > codePrecincts|codeSOP|codeEPH:
		return c.bad(at, templates.ReasonUnsupported, "coding style", style, "0..7")
	case s.order > orderCPRL:
		return c.bad(at+1, templates.ReasonOutOfRange, "progression order", s.order, "0..4")
	case s.layers == 0:
		return c.bad(at+2, templates.ReasonOutOfRange, "layers", 0, "1..65535")
	case transform > 1:
		return c.bad(at+4, templates.ReasonUnsupported, "component transform", transform, "0 or 1")
	case transform == 1 && len(s.size.components) < 3:
		return c.bad(at+4, templates.ReasonMalformed, "component transform of", "1 component", ">= 3")
	}
	s.transform, s.sop, s.eph = transform == 1, style&codeSOP != 0, style&codeEPH != 0
	s.hasCoding = true
	var k coding
	if err := k.read(c, style&codePrecincts != 0); err != nil {
		return err
	}
	for i := range s.coding {
		if !s.ownCoding[i] {
			s.coding[i] = k
		}
	}
	return nil
}

func (s *settings) readCOC(c *cursor) error {
	i, err := s.readIndex(c)
	if err != nil {
		return err
	}
	at := c.pos
	style := c.u8()
	if style > codePrecincts {
		return c.bad(at, templates.ReasonOutOfRange, "coding style", style, "0 or 1")
	}
	s.ownCoding[i] = true
	return s.coding[i].read(c, style == codePrecincts)
}

// read reads the part that COD and COC have in common, Table A.20.
func (k *coding) read(c *cursor, own bool) error {
	at := c.pos
	*k = coding{levels: c.u8(), cbW: c.u8() + 2, cbH: c.u8() + 2, style: c.u8()}
	wavelet := c.u8()
	switch {
	case c.short:
		return c.done()
	case k.levels > maxLevels:
		return c.bad(at, templates.ReasonOutOfRange, "decomposition levels", k.levels, "0..32")
	case k.cbW > 10 || k.cbH > 10 || k.cbW+k.cbH > 12:
		return c.bad(at+1, templates.ReasonOutOfRange, "code-block exponents", fmt.Sprintf("%d and %d", k.cbW, k.cbH), "2..10, together <= 12")
	case k.style > stylePart1:
		return c.bad(at+3, templates.ReasonUnsupported, "code-block style", k.style, "0..63")
	case wavelet > 1:
		return c.bad(at+4, templates.ReasonUnsupported, "wavelet", wavelet, "0 or 1")
	}
	k.reversible = wavelet == 1
	for r := range k.precincts[:k.levels+1] {
		p := 0xff
		if own {
			at := c.pos
			if p = c.u8(); r > 0 && !c.short && (p&0xf == 0 || p>>4 == 0) {
				return c.bad(at, templates.ReasonOutOfRange, fmt.Sprintf("resolution %d: precinct exponent", r), 0, "1..15")
			}
		}
		k.precincts[r] = uint8(p)
	}
	return c.done()
}

// readIndex reads the component that a segment is about.
func (s *settings) readIndex(c *cursor) (int, error) {
	i := c.u8()
	if c.short {
		return 0, c.done()
	}
	if i >= len(s.size.components) {
		return 0, c.bad(c.start, templates.ReasonOutOfRange, "component", i, fmt.Sprintf("< %d", len(s.size.components)))
	}
	return i, nil
}

func (s *settings) readQCD(c *cursor) error {
	var q quantization
	if err := q.read(c); err != nil {
		return err
	}
	s.hasSteps = true
	for i := range s.steps {
		if !s.ownSteps[i] {
			s.steps[i] = q
		}
	}
	return nil
}

// read reads the steps, Table A.28: style 0 exponents in a byte, 1 a single
// step from which the others derive, 2 all of them.
func (q *quantization) read(c *cursor) error {
	at := c.pos
	style := c.u8()
	*q = quantization{at: at, style: style & 0x1f, guard: style >> 5}
	if q.style > 2 {
		return c.bad(at, templates.ReasonOutOfRange, "quantization style", q.style, "0..2")
	}
	width := 2
	if q.style == 0 {
		width = 1
	}
	for c.left() > 0 || q.n == 0 {
		if q.n == maxBands || q.style == 1 && q.n == 1 {
			return c.done()
		}
		v := 0
		if width == 1 {
			v = c.u8() << 8
		} else {
			v = c.u16()
		}
		q.exponents[q.n], q.mantissas[q.n] = uint8(v>>11), uint16(v&0x7ff)
		q.n++
		if c.short {
			break
		}
	}
	return c.done()
}

// band is exponent and mantissa of band b, counted from the lowest: 0 LL, then
// HL, LH, HH of each resolution. Clause E.1.1.
func (q *quantization) band(b int) (exponent, mantissa int, ok bool) {
	if q.style == 1 {
		exponent = int(q.exponents[0]) - max(0, (b-1)/3)
		return exponent, int(q.mantissas[0]), exponent >= 0
	}
	if b >= q.n {
		return 0, 0, false
	}
	return int(q.exponents[b]), int(q.mantissas[b]), true
}

func (s *settings) readRGN(c *cursor) error {
	i, err := s.readIndex(c)
	if err != nil {
		return err
	}
	style := c.u8()
	s.shift[i] = c.u8()
	if err := c.done(); err != nil {
		return err
	}
	if style != 0 {
		return c.bad(c.start+1, templates.ReasonUnsupported, "region style", style, 0)
	}
	if s.shift[i] > 37 {
		return c.bad(c.start+2, templates.ReasonOutOfRange, "region shift", s.shift[i], "0..37")
	}
	return nil
}

func (s *settings) readPOC(c *cursor, inTile, first bool) error {
	var list []change
	if inTile && !first {
		list = s.changes
	}
	for c.left() > 0 {
		at := c.pos
		p := change{resolution: c.u8(), channel: c.u8(), layers: c.u16(), resolutionEnd: c.u8(), channels: c.u8(), order: c.u8()}
		if p.channels == 0 {
			p.channels = 256
		}
		switch {
		case c.short:
			return c.done()
		case p.order > orderCPRL:
			return c.bad(at+6, templates.ReasonOutOfRange, "progression order", p.order, "0..4")
		case p.layers == 0 || p.resolutionEnd <= p.resolution || p.channels <= p.channel || p.resolution > maxLevels:
			return c.bad(at, templates.ReasonOutOfRange, "progression change", "over nothing", "a range of packets")
		case len(list) == maxChanges:
			return c.bad(at, templates.ReasonUnsupported, "progression changes", maxChanges+1, fmt.Sprintf("<= %d", maxChanges))
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return c.bad(c.start, templates.ReasonWrongLength, "progression changes", 0, ">= 1")
	}
	s.changes = list
	return nil
}
