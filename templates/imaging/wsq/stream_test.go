package wsq

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"immis/internal/cost"
	"immis/templates"
)

// TestFillBytes: any number of FF before a marker is none.
func TestFillBytes(t *testing.T) {
	file := encoded(t, 24, 20, 2)
	want, _, err := Decode(file, 480)
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []byte{markCOM, markDTT, markDQT, markSOF, markDHT, markSOB, markEOI} {
		filled := edit(t, file, mark, 0, func(p part, f []byte) []byte {
			return append(append(f[:p.offset:p.offset], 0xFF, 0xFF, 0xFF), file[p.offset:]...)
		})
		if got, _, err := Decode(filled, 480); err != nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("before %x: %v", mark, err)
		}
	}
}

// TestPadding: a byte of ones more at the end of a block is padding, two are not.
func TestPadding(t *testing.T) {
	file := encoded(t, 24, 20, 2)
	want, _, err := Decode(file, 480)
	if err != nil {
		t.Fatal(err)
	}
	for nth := range 3 {
		got, _, err := Decode(edit(t, file, markSOB, nth, behind(0xFF, 0)), 480)
		if err != nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("block %d: %v", nth, err)
		}
		_, _, err = Decode(edit(t, file, markSOB, nth, behind(0xFF, 0, 0xFF, 0)), 480)
		if reasonOf(t, err) != templates.ReasonMalformed {
			t.Errorf("block %d with two bytes more: %v", nth, err)
		}
	}
}

// TestMemoryIsBounded: what a short file claims is not what it is given.
func TestMemoryIsBounded(t *testing.T) {
	file := edit(t, encoded(t, 24, 20, 2), markSOF, 0, set(2, 0xFF, 0xFF, 0xFF, 0xFF))
	var err error
	used := cost.Allocated(1, func() { _, _, err = Decode(file, 1<<40) })
	if got := reasonOf(t, err); got != templates.ReasonTruncated {
		t.Errorf("%v, want %s", err, templates.ReasonTruncated)
	}
	if used > 1<<20 {
		t.Errorf("%d bytes taken for a file of %d", used, len(file))
	}
	if _, _, err := Decode(file, 1<<20); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("%v, want %s", err, templates.ReasonOversized)
	}
}

// TestRestarts: restart markers cut a block without changing a coefficient; they
// count modulo 8 and must have been announced.
func TestRestarts(t *testing.T) {
	file := encoded(t, 64, 48, 2)
	want, _, err := Decode(file, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	p := parser{data: file}
	coefficients, err := p.decode(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	const pieces = 20
	cut := func(interval uint16, step int) []byte {
		all, _ := parts(file)
		out := bytes.Clone(file[:all[5].offset]) // up to the first Huffman table
		out = append(out, 0xFF, markDRI, 0, 4, byte(interval>>8), byte(interval))
		var counts histogram
		size := (len(coefficients) + pieces - 1) / pieces
		for i := 0; i < len(coefficients); i += size {
			counts.count(coefficients[i:min(i+size, len(coefficients))])
		}
		code := newHuffCode(&counts)
		out = append(appendSegment(out, markDHT, 17+len(code.symbols)), 3)
		out = append(append(out, code.counts[1:]...), code.symbols...)
		out = append(appendSegment(out, markSOB, 1), 3)
		for i := range pieces {
			if i > 0 {
				out = append(out, 0xFF, markRST+byte(step*(i-1)&7))
			}
			out = code.appendEntropy(out, coefficients[i*size:min((i+1)*size, len(coefficients))])
		}
		return append(out, 0xFF, markEOI)
	}
	got, _, err := Decode(cut(1, 1), 1<<20)
	if err != nil || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("restarts: %v", err)
	}
	for name, bad := range map[string][]byte{"not announced": cut(0, 1), "out of order": cut(1, 3)} {
		if _, _, err := Decode(bad, 1<<20); reasonOf(t, err) != templates.ReasonMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResolution: what a comment must say to be believed.
func TestResolution(t *testing.T) {
	for text, want := range map[string]int{
		"NIST_COM 2\nPPI 500":         500,
		"NIST_COM 2\nPPI \t1000\r\n":  1000,
		"NIST_COM 2\nPPI -1\n":        0,
		"NIST_COM 2\nPPI 65536\n":     0,
		"NIST_COM 2\nPPI 500 600\n":   0,
		"NIST_COM 2\nXPPI 500\n":      0,
		"NIST_COM 2\nA\x00\nPPI 500":  0,
		"PPI 500":                     0,
		"NIST_COM":                    0,
		"":                            0,
		"NIST_COM 3\nPPI 7\nPPI 8000": 8000,
	} {
		body := append(binary.BigEndian.AppendUint16([]byte{0xFF, markCOM}, uint16(len(text)+2)), text...)
		file := edit(t, encoded(t, 24, 20, 2), markCOM, 0, func(p part, f []byte) []byte {
			return append(append(f[:p.offset:p.offset], body...), f[p.offset+4+len(p.body):]...)
		})
		c, err := DecodeConfig(file)
		_, full, err2 := Decode(file, 480)
		if err != nil || err2 != nil || c != full || c.PPI != want {
			t.Errorf("%q: %d ppi, %v; decoded %d ppi, %v; want %d", text, c.PPI, err, full.PPI, err2, want)
		}
	}
}

// TestErrorText fixes the form of an error.
func TestErrorText(t *testing.T) {
	_, _, err := Decode(append(encoded(t, 24, 20, 2), 1, 2), 1<<20)
	n := offsetOf(err)
	if want := fmt.Sprintf("decode WSQ: length %d bytes, want %d bytes (at byte %d)", n+2, n, n); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestAnyFilters: filters of every length that is accepted, with any coefficients,
// are applied to pictures of any size without harm, and lengths that are not
// accepted are refused.
func TestAnyFilters(t *testing.T) {
	rnd := rand.New(rand.NewPCG(10, 11))
	accepted := 0
	for _, size := range [][2]int{{1, 1}, {1, 2}, {3, 1}, {5, 4}, {24, 20}} {
		file := encoded(t, size[0], size[1], 2)
		for low := range 34 {
			for high := range 34 {
				tr := transform{low, high, make([]float64, (low+1)/2), make([]float64, (high+1)/2)}
				for i := range tr.low {
					tr.low[i] = rnd.Float64()*8 - 4
				}
				for i := range tr.high {
					tr.high[i] = rnd.Float64()*8 - 4
				}
				other := edit(t, file, markDTT, 0, replaced(tr.append(nil)[4:]...))
				a, _, err := Decode(other, 480)
				if err != nil {
					if r := reasonOf(t, err); r != templates.ReasonUnsupported && (r != templates.ReasonOutOfRange || low*high > 0 && low < 33 && high < 33) {
						t.Fatalf("%d and %d taps: %v", low, high, err)
					}
					continue
				}
				accepted++
				if b, _, _ := Decode(other, 480); !bytes.Equal(a.Pix, b.Pix) {
					t.Fatalf("%d and %d taps: other pixels the second time", low, high)
				}
			}
		}
	}
	if want := 5 * (2*8*8 + 2*8*8); accepted != want {
		t.Errorf("%d accepted, want %d", accepted, want)
	}
}
