package wsq

import (
	"bytes"
	"encoding/binary"
	"testing"

	"immis/templates"
)

// edit is a copy of a file with one of its parts changed.
func edit(t *testing.T, file []byte, mark byte, nth int, change func(p part, file []byte) []byte) []byte {
	t.Helper()
	all, err := parts(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.mark == mark {
			if nth == 0 {
				return change(p, bytes.Clone(file))
			}
			nth--
		}
	}
	t.Fatalf("no marker %x", mark)
	return nil
}

// set changes bytes of the body of a part.
func set(at int, values ...byte) func(part, []byte) []byte {
	return func(p part, file []byte) []byte {
		copy(file[p.offset+4+at:], values)
		return file
	}
}

// without removes a part and the data that follow it.
func without(p part, file []byte) []byte {
	end := p.offset + 4 + len(p.body) + len(p.data)
	return append(file[:p.offset:p.offset], file[end:]...)
}

// twice repeats a part.
func twice(p part, file []byte) []byte {
	end := p.offset + 4 + len(p.body) + len(p.data)
	return append(file[:end:end], file[p.offset:]...)
}

// behind inserts bytes after a part.
func behind(values ...byte) func(part, []byte) []byte {
	return func(p part, file []byte) []byte {
		end := p.offset + 4 + len(p.body) + len(p.data)
		if p.mark == markSOI || p.mark == markEOI {
			end = p.offset + 2
		}
		return append(append(file[:end:end], values...), file[end:]...)
	}
}

// replaced gives a part another body.
func replaced(body ...byte) func(part, []byte) []byte {
	return func(p part, file []byte) []byte {
		head := append(file[:p.offset:p.offset], 0xFF, p.mark)
		head = binary.BigEndian.AppendUint16(head, uint16(len(body)+2))
		return append(append(head, body...), file[p.offset+4+len(p.body):]...)
	}
}

func table(id byte, counts map[int]byte, symbols ...byte) []byte {
	b := make([]byte, 17, 17+len(symbols))
	b[0] = id
	for l, n := range counts {
		b[l] = n
	}
	return append(b, symbols...)
}

// badCase is a broken file, and what is said of it: the reason and the place of
// the offending bytes.
type badCase struct {
	name   string
	file   []byte
	reason templates.Reason
	offset int
}

func badCases(t *testing.T) []badCase {
	good := encoded(t, 24, 20, 2)
	at := func(mark byte, nth, more int) (offset int) {
		edit(t, good, mark, nth, func(p part, f []byte) []byte { offset = p.offset + more; return f })
		return offset
	}
	ones := bytes.Repeat([]byte{1}, 300)
	return []badCase{
		{"nothing", nil, templates.ReasonEmpty, 0},
		{"one byte", []byte{0xFF}, templates.ReasonTruncated, 0},
		{"a JPEG", []byte{0xFF, 0xD8, 0xFF, 0xE0}, templates.ReasonWrongMagic, 0},
		{"a file of another kind", []byte("II*\x00"), templates.ReasonWrongMagic, 0},
		{"bytes after the end", append(bytes.Clone(good), 0), templates.ReasonTrailing, len(good)},
		{"a second image after the end", append(bytes.Clone(good), good...), templates.ReasonTrailing, len(good)},
		{"no marker", edit(t, good, markSOI, 0, behind(0x00, 0x11)), templates.ReasonMalformed, 2},
		{"fill bytes to the end", []byte{0xFF, markSOI, 0xFF, 0xFF}, templates.ReasonTruncated, 2},
		{"an unknown marker", edit(t, good, markSOI, 0, behind(0xFF, 0xC0, 0, 2)), templates.ReasonMalformed, 2},
		{"a second start", edit(t, good, markSOI, 0, behind(0xFF, markSOI)), templates.ReasonMalformed, 2},
		{"an end without a block", edit(t, good, markSOI, 0, behind(0xFF, markEOI)), templates.ReasonMalformed, 2},
		{"a restart outside of a block", edit(t, good, markSOI, 0, behind(0xFF, markRST)), templates.ReasonMalformed, 2},
		{"a segment shorter than its length", edit(t, good, markSOI, 0, behind(0xFF, markCOM, 0, 1)), templates.ReasonWrongLength, 4},
		{"a segment longer than the file", edit(t, good, markSOI, 0, behind(0xFF, markCOM, 0xFF, 0xFF)), templates.ReasonTruncated, 4},
		{"a restart interval of 5 bytes", edit(t, good, markSOI, 0, behind(0xFF, markDRI, 0, 5, 0, 1, 2)), templates.ReasonWrongLength, 4},

		{"no frame", edit(t, good, markSOF, 0, without), templates.ReasonMalformed, at(markSOB, 0, -19)},
		{"two frames", edit(t, good, markSOF, 0, twice), templates.ReasonMalformed, at(markSOF, 0, 19)},
		{"a frame after a block", edit(t, good, markSOB, 0, behind(0xFF, markSOF, 0, 2)), templates.ReasonMalformed, at(markDHT, 1, 0)},
		{"filters after a block", edit(t, good, markSOB, 0, behind(0xFF, markDTT, 0, 2)), templates.ReasonMalformed, at(markDHT, 1, 0)},
		{"bins after a block", edit(t, good, markSOB, 0, behind(0xFF, markDQT, 0, 2)), templates.ReasonMalformed, at(markDHT, 1, 0)},
		{"a frame of 16 bytes", edit(t, good, markSOF, 0, replaced(make([]byte, 14)...)), templates.ReasonWrongLength, at(markSOF, 0, 2)},
		{"no height", edit(t, good, markSOF, 0, set(2, 0, 0)), templates.ReasonOutOfRange, at(markSOF, 0, 6)},
		{"no width", edit(t, good, markSOF, 0, set(4, 0, 0)), templates.ReasonOutOfRange, at(markSOF, 0, 8)},
		{"no scale", edit(t, good, markSOF, 0, set(10, 0, 0)), templates.ReasonOutOfRange, at(markSOF, 0, 13)},
		{"a scale that vanishes", edit(t, good, markSOF, 0, set(9, 255)), templates.ReasonOutOfRange, at(markSOF, 0, 13)},
		{"too many pixels", edit(t, good, markSOF, 0, set(2, 0xFF, 0xFF, 0xFF, 0xFF)), templates.ReasonOversized, at(markSOF, 0, 6)},
		{"a larger picture", edit(t, good, markSOF, 0, set(2, 0, 21)), templates.ReasonTruncated, at(markEOI, 0, 0)},
		{"a smaller picture", edit(t, good, markSOF, 0, set(2, 0, 19)), templates.ReasonMalformed, at(markSOB, 2, 0)},

		{"no filters", edit(t, good, markDTT, 0, without), templates.ReasonMalformed, at(markSOB, 0, -60)},
		{"a transform table of 1 byte", edit(t, good, markDTT, 0, replaced(9)), templates.ReasonWrongLength, at(markDTT, 0, 2)},
		{"a filter without taps", edit(t, good, markDTT, 0, set(0, 0)), templates.ReasonOutOfRange, at(markDTT, 0, 4)},
		{"a filter of 33 taps", edit(t, good, markDTT, 0, set(1, 33)), templates.ReasonOutOfRange, at(markDTT, 0, 5)},
		{"filters of two symmetries", edit(t, good, markDTT, 0, set(1, 8)), templates.ReasonUnsupported, at(markDTT, 0, 4)},
		{"filters out of phase", edit(t, good, markDTT, 0, set(1, 9)), templates.ReasonUnsupported, at(markDTT, 0, 4)},
		{"filters longer than the table", edit(t, good, markDTT, 0, set(1, 11)), templates.ReasonWrongLength, at(markDTT, 0, 2)},
		{"a coefficient beyond reason", edit(t, good, markDTT, 0, set(3, 0)), templates.ReasonOutOfRange, at(markDTT, 0, 6)},
		{"a filter of zeros", edit(t, good, markDTT, 0, func(p part, f []byte) []byte {
			clear(f[p.offset+6 : p.offset+36])
			return f
		}), templates.ReasonOutOfRange, at(markDTT, 0, 6)},

		{"no bins", edit(t, good, markDQT, 0, without), templates.ReasonMalformed, at(markSOB, 0, -389-2)},
		{"63 bins", edit(t, good, markDQT, 0, replaced(make([]byte, 381)...)), templates.ReasonWrongLength, at(markDQT, 0, 2)},
		{"bins of no subband", edit(t, good, markDQT, 0, replaced(make([]byte, 387)...)), templates.ReasonMalformed, at(markDQT, 0, 4)},
		{"subband 60", edit(t, good, markDQT, 0, set(3+6*60, 0, 0, 1)), templates.ReasonUnsupported, at(markDQT, 0, 4+3+6*60)},

		{"a Huffman segment of nothing", edit(t, good, markDHT, 0, replaced()), templates.ReasonWrongLength, at(markDHT, 0, 2)},
		{"a Huffman table of 16 bytes", edit(t, good, markDHT, 0, replaced(make([]byte, 16)...)), templates.ReasonTruncated, at(markDHT, 0, 4)},
		{"Huffman table 8", edit(t, good, markDHT, 0, set(0, 8)), templates.ReasonOutOfRange, at(markDHT, 0, 4)},
		{"no codes", edit(t, good, markDHT, 0, replaced(table(0, nil)...)), templates.ReasonOutOfRange, at(markDHT, 0, 5)},
		{"three codes of one bit", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{1: 3}, 1, 2, 3)...)), templates.ReasonMalformed, at(markDHT, 0, 5)},
		{"more codes than are free", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{1: 1, 2: 1, 3: 3}, 1, 2, 3, 4, 5)...)), templates.ReasonMalformed, at(markDHT, 0, 7)},
		{"a short code of ones", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{1: 2}, 1, 2)...)), templates.ReasonMalformed, at(markDHT, 0, 5)},
		{"256 symbols", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{15: 255, 16: 1}, ones[:256]...)...)), templates.ReasonOutOfRange, at(markDHT, 0, 5)},
		{"fewer symbols than codes", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{4: 3}, 1, 2)...)), templates.ReasonTruncated, at(markDHT, 0, 4)},
		{"half a table more", edit(t, good, markDHT, 0, replaced(table(0, map[int]byte{4: 1}, 1, 2)...)), templates.ReasonTruncated, at(markDHT, 0, 4+18)},

		{"a block header of 2 bytes", edit(t, good, markSOB, 0, replaced(0, 0)), templates.ReasonWrongLength, at(markSOB, 0, 2)},
		{"a block with table 8", edit(t, good, markSOB, 0, set(0, 8)), templates.ReasonMalformed, at(markSOB, 0, 4)},
		{"a block with a table not defined", edit(t, good, markSOB, 0, set(0, 7)), templates.ReasonMalformed, at(markSOB, 0, 4)},
		{"a block less", edit(t, good, markSOB, 2, without), templates.ReasonTruncated, at(markSOB, 2, 0)},
		{"a block more", edit(t, good, markSOB, 2, twice), templates.ReasonMalformed, at(markEOI, 0, 0)},
		{"a restart that is not announced", edit(t, good, markSOB, 0, behind(0xFF, markRST)), templates.ReasonMalformed, at(markDHT, 1, 0)},
		{"symbol 0", block(t, good, table(0, map[int]byte{1: 1}, 0), 0x7F), templates.ReasonOutOfRange, 0},
		{"symbol 255", block(t, good, table(0, map[int]byte{1: 1}, 255), 0x7F), templates.ReasonOutOfRange, 0},
		{"a code in no table", block(t, good, table(0, map[int]byte{2: 1}, 1), 0x7F, 0xFF, 0, 0x7F, 0x7F, 0x7F), templates.ReasonMalformed, 0},
		{"a value without end", block(t, good, table(0, map[int]byte{1: 1}, symPos16), 0x00, 0x00), templates.ReasonMalformed, 0},
		{"padding of zeros", block(t, good, table(0, map[int]byte{7: 1, 8: 1}, symZero+1, 1), 0x01, 0x80), templates.ReasonMalformed, 0},
		{"a run of no zeros", block(t, good, table(0, map[int]byte{1: 1}, symRun8), 0x00, 0x7F), templates.ReasonOutOfRange, 0},
		{"a coefficient of 16 bits", block(t, good, table(0, map[int]byte{1: 1}, symNeg16), 0x40, 0x00, 0x7F), templates.ReasonOutOfRange, 0},
		{"a run behind the end", block(t, good, table(0, map[int]byte{1: 1}, symRun16), 0x7F, 0xFE, 0x7F), templates.ReasonMalformed, 0},
	}
}

// block gives the first block another table and other data, and ends the file.
func block(t *testing.T, file, huffman []byte, data ...byte) []byte {
	t.Helper()
	file = edit(t, file, markDHT, 0, replaced(huffman...))
	return edit(t, file, markSOB, 0, func(p part, f []byte) []byte {
		return append(append(f[:p.offset+5:p.offset+5], data...), 0xFF, markEOI)
	})
}

// TestBadInput: each broken file is refused for its reason, at its place.
func TestBadInput(t *testing.T) {
	for _, c := range badCases(t) {
		img, config, err := Decode(c.file, 1<<20)
		if got := reasonOf(t, err); got != c.reason || img != nil || config != (Config{}) {
			t.Errorf("%s: %v, want %s", c.name, err, c.reason)
			continue
		}
		want := c.offset
		if want == 0 && len(c.file) > 4 && c.file[1] == markSOI { // 0 stands for the first block
			edit(t, c.file, markSOB, 0, func(p part, f []byte) []byte { want = p.offset; return f })
		}
		if got := offsetOf(err); got != want {
			t.Errorf("%s: offset %d, want %d: %v", c.name, got, want, err)
		}
	}
}

// TestTruncation: a file cut anywhere is refused, and for being cut.
func TestTruncation(t *testing.T) {
	file := encoded(t, 24, 20, 2)
	all, err := parts(file)
	if err != nil {
		t.Fatal(err)
	}
	end := all[len(all)-1].offset
	for n := range file {
		_, _, err := Decode(file[:n], 1<<20)
		want := templates.ReasonTruncated
		if n == 0 {
			want = templates.ReasonEmpty
		}
		if got := reasonOf(t, err); got != want {
			t.Errorf("%d of %d bytes (end marker at %d): %v", n, len(file), end, err)
		}
		if o := offsetOf(err); o < 0 || o > n {
			t.Errorf("%d of %d bytes: offset %d", n, len(file), o)
		}
	}
}
