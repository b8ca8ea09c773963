package jpeg2000

import "immis/templates"

// Decoding of the coding passes of one code-block, Annex D.
//
// The block is scanned in stripes of four rows. One word of flags belongs to
// each column of a stripe. With rows -1..4 (the stripe and its neighbours) and
// columns -1..1 around it:
//
//	bits  0..17  significant: bit 3*(row+1) + column+1
//	bits 18..23  negative: bit 18 + row+1, own column only
//	bits 24..27  visited by the significance pass of this bit-plane, rows 0..3
//	bits 28..31  refined before, rows 0..3
//
// so the nine bits of significance around a sample of row r are flags >> 3r,
// and a column with nothing to do is a word that is 0.
const (
	flagSelf       = 0x010 // of the nine bits
	flagNeighbours = 0x1ef
	flagVisited    = 24
	flagRefined    = 28
	flagAllVisited = 0xf << flagVisited
)

// Context labels, Table D.7; 0..8 are those of zero coding.
const (
	contextSign    = 9
	contextRefine  = 14
	contextRun     = 17
	contextUniform = 18
	contexts       = 19
)

// Blocks are at most 4096 samples, 4..1024 wide; stripes at the edges round up.
const (
	maxPlanes = 30
	rows      = 4
)

// blockDecoder decodes one block after the other with the same memory.
type blockDecoder struct {
	arithmetic
	raw   rawBits
	label [contexts]context
	// zero maps the nine bits to the context label of zero coding.
	zero          *[512]uint8
	width, height int
	// stride is the words of a stripe in flags, with a border on each side.
	stride int
	flags  []uint32
	// samples holds the magnitudes, scaled by 2, with the sign in bit 31: sample
	// (x, y) of stripe s is at (s*width+x)*4 + y%4. Below the last bit that was
	// decoded stands a one: the middle of what the value can be (clause E.1.1.2
	// with r = 0.5).
	samples []uint32
	causal  bool
}

// prepare clears the memory for a block.
func (b *blockDecoder) prepare(width, height int, orientation int, causal bool) {
	b.width, b.height, b.stride, b.causal = width, height, width+2, causal
	b.zero = &zeroLabels[orientation]
	stripes := (height + rows - 1) / rows
	b.flags = cleared(b.flags, (stripes+2)*b.stride)
	b.samples = cleared(b.samples, stripes*width*rows)
	b.reset()
}

func cleared(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// reset gives the contexts their first states, Table D.7.
func (b *blockDecoder) reset() {
	for i := range b.label {
		b.label[i] = contextAt(0)
	}
	b.label[0] = contextAt(4)
	b.label[contextRun] = contextAt(3)
	b.label[contextUniform] = contextAt(46)
}

// runSegment decodes the next passes of a block: one segment, after done passes
// of earlier ones. data ends with two bytes 0xff that do not belong to the
// segment, at is its place in the input.
func (b *blockDecoder) runSegment(data []byte, k *block, passes, done, style, at int) error {
	raw := isRaw(done, style)
	if raw {
		b.raw = rawBits{data: data[:len(data)-2]}
	} else {
		b.start(data)
	}
	for p := done; p < done+passes; p++ {
		// The first plane has a cleanup pass only.
		plane := uint(int(k.planes) - 1 - (p+2)/3)
		switch kind := (p + 2) % 3; {
		case kind == 0 && raw:
			b.significanceRaw(plane)
		case kind == 0:
			b.significance(plane)
		case kind == 1 && raw:
			b.refinementRaw(plane)
		case kind == 1:
			b.refinement(plane)
		default:
			b.cleanup(plane)
			// Encoders that cut a block to a rate may cut into its last symbol.
			if style&styleSymbols != 0 && !b.symbols() && p != int(k.passes)-1 {
				return templates.BadAt(at, templates.ReasonMalformed, "code-block", "without its segmentation symbol", "1010 after each cleanup pass")
			}
		}
		if style&styleReset != 0 {
			b.reset()
		}
	}
	return nil
}

// isRaw tells whether pass p bypasses the arithmetic coder, Table D.9.
func isRaw(p, style int) bool {
	return style&styleBypass != 0 && p >= 10 && (p+2)%3 != 2
}

// segmentRoom is how many passes a segment that starts with pass p may hold,
// Tables D.8 and D.9.
func segmentRoom(p, style int) int {
	switch {
	case style&styleTermAll != 0:
		return 1
	case style&styleBypass == 0:
		return 3 * maxPlanes
	case p < 10:
		return 10 - p
	case (p+2)%3 == 0:
		return 2
	}
	return 1
}

// symbols reads a segmentation symbol, clause D.5.
func (b *blockDecoder) symbols() bool {
	v := uint32(0)
	for range 4 {
		v = v<<1 | b.symbol(contextUniform)
	}
	return v == 0xa
}

// symbol decodes one symbol outside the loops that keep d in a register.
func (b *blockDecoder) symbol(label int) uint32 {
	k := &b.label[label]
	if b.d -= int(k.q); b.d >= 0 {
		return uint32(k.mps)
	}
	bit, _ := b.slow(k, b.d)
	return bit
}
