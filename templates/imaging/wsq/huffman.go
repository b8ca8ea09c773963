package wsq

import (
	"fmt"

	"immis/templates"
)

const (
	maxTables  = 8
	maxCodeLen = 16
	// lookupBits is the length of codes found in one step; in real files longer
	// ones are rarer than 1 in 100.
	lookupBits = 10
)

// The symbols of table A.2.
const (
	maxRun     = 100 // 1..100: that many zeros
	symPos8    = 101 // a positive coefficient in 8 bits
	symNeg8    = 102
	symPos16   = 103 // in 16 bits
	symNeg16   = 104
	symRun8    = 105 // a run of zeros, its length in 8 bits
	symRun16   = 106
	symFirst   = 107 // 107..254: the coefficient symbol - 180
	symZero    = 180
	maxSymbol  = 254
	minInTable = symFirst - symZero
	maxInTable = maxSymbol - symZero
)

// huffTable is one Huffman table: the lengths and symbols as sent, and what
// decoding needs, built when a block asks for it.
type huffTable struct {
	defined bool
	built   bool
	counts  [maxCodeLen + 1]int // codes of each length
	symbols []byte              // in order of their codes

	// first is the first code of a length, left-aligned to 16 bits; limit is
	// one past the last; index is the place of the first one in symbols.
	first, limit [maxCodeLen + 2]uint32
	index        [maxCodeLen + 2]int
	// lookup holds what the next bits begin with; a length of 0 stands for a
	// prefix of longer codes.
	lookup [1 << lookupBits]token
}

// token is a symbol and what it means.
type token struct {
	value  int16 // of the coefficient, or the length of the run
	kind   tokenKind
	length uint8 // of the code, 1..16
}

type tokenKind uint8

const (
	tokenBad    tokenKind = iota // a symbol without a meaning, 0 or 255
	tokenValue                   // a coefficient
	tokenRun                     // a run of zeros
	tokenEscape                  // value holds a symbol that bits follow
)

func tokenOf(symbol byte, length int) token {
	t := token{value: int16(symbol), length: uint8(length)}
	switch {
	case symbol >= symFirst && symbol <= maxSymbol:
		t.kind, t.value = tokenValue, int16(symbol)-symZero
	case symbol >= symPos8 && symbol <= symRun16:
		t.kind = tokenEscape
	case symbol >= 1 && symbol <= maxRun:
		t.kind = tokenRun
	}
	return t
}

// huffmanTables reads one segment of tables: each u8 identifier
// 0..7, 16 counts of codes of length 1..16, then the symbols.
func (p *parser) huffmanTables() error {
	start := p.pos
	b, offset, err := p.segment("Huffman table")
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return templates.BadAt(start, templates.ReasonWrongLength, "Huffman table: length", 2, ">= 20")
	}
	for at := 0; at < len(b); {
		n, err := p.huffmanTable(b[at:], offset+at)
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (p *parser) huffmanTable(b []byte, offset int) (length int, err error) {
	if len(b) < 1+maxCodeLen {
		return 0, templates.BadAt(offset, templates.ReasonTruncated, "Huffman table", fmt.Sprintf("%d bytes", len(b)), ">= 17 bytes")
	}
	id := int(b[0])
	if id >= maxTables {
		return 0, templates.BadAt(offset, templates.ReasonOutOfRange, "Huffman table: identifier", id, "0..7")
	}
	t := huffTable{defined: true}
	total, code := 0, 0
	for l := 1; l <= maxCodeLen; l++ {
		t.counts[l] = int(b[l])
		total += t.counts[l]
		code = code<<1 + t.counts[l]
		full := 1 << l
		if code > full {
			return 0, templates.BadAt(offset+l, templates.ReasonMalformed, fmt.Sprintf("Huffman table: codes of length %d", l), t.counts[l], "no more than are free")
		}
		// A code of ones only is reserved. Some encoders use the
		// longest one all the same, which does no harm; one short enough to be
		// read out of the padding at the end of a block does.
		if code == full && t.counts[l] > 0 && l < 8 {
			return 0, templates.BadAt(offset+l, templates.ReasonMalformed, fmt.Sprintf("Huffman table: codes of length %d", l), "all ones in use", "all ones reserved")
		}
	}
	if total == 0 || total > maxSymbol+1 {
		return 0, templates.BadAt(offset+1, templates.ReasonOutOfRange, "Huffman table: symbols", total, "1..255")
	}
	length = 1 + maxCodeLen + total
	if len(b) < length {
		return 0, templates.BadAt(offset, templates.ReasonTruncated, "Huffman table", fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d bytes", length))
	}
	t.symbols = b[1+maxCodeLen : length]
	// Symbols without a meaning (0, 255) are refused when they are used: some
	// encoders list every byte.
	p.huffman[id] = t
	return length, nil
}

// build fills the decoding tables.
func (t *huffTable) build() {
	if t.built {
		return
	}
	code, k := uint32(0), 0
	for l := 1; l <= maxCodeLen; l++ {
		t.first[l], t.index[l] = code<<(maxCodeLen-l), k
		for range t.counts[l] {
			if l <= lookupBits {
				entry := tokenOf(t.symbols[k], l)
				begin := code << (lookupBits - l)
				for i := range uint32(1) << (lookupBits - l) {
					t.lookup[begin+i] = entry
				}
			}
			code++
			k++
		}
		t.limit[l] = code << (maxCodeLen - l)
		code <<= 1
	}
	t.built = true
}

// long finds a code that lookup does not hold in 16 bits; length 0: none.
func (t *huffTable) long(bits uint32) token {
	for l := lookupBits + 1; l <= maxCodeLen; l++ {
		if bits < t.limit[l] && bits >= t.first[l] {
			return tokenOf(t.symbols[t.index[l]+int((bits-t.first[l])>>(maxCodeLen-l))], l)
		}
	}
	return token{}
}
