package wsq

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// The reader in this file reads files as the tables of the specification draw
// them and shares nothing with the package: what encoder and decoder both have
// wrong would pass a round trip, but not this.

// part is one marker with its body, which for a block is header and data.
type part struct {
	mark   byte
	offset int
	body   []byte
	data   []byte // entropy-coded, as it stands
}

// parts cuts a file into its markers, up to its last byte.
func parts(file []byte) ([]part, error) {
	all, length, err := leading(file)
	if err == nil && length != len(file) {
		err = fmt.Errorf("%d bytes, the image ends after %d", len(file), length)
	}
	return all, err
}

// leading cuts the file at the start of data into its markers and returns its
// length.
func leading(file []byte) (all []part, length int, err error) {
	for i := 0; i < len(file); {
		if i+2 > len(file) || file[i] != 0xFF {
			return nil, 0, fmt.Errorf("no marker at %d", i)
		}
		p := part{mark: file[i+1], offset: i}
		i += 2
		if p.mark != 0xA0 && p.mark != 0xA1 {
			if i+2 > len(file) {
				return nil, 0, fmt.Errorf("no length at %d", i)
			}
			n := int(file[i])*256 + int(file[i+1])
			if n < 2 || i+n > len(file) {
				return nil, 0, fmt.Errorf("length %d at %d", n, i)
			}
			p.body = file[i+2 : i+n]
			i += n
		}
		if p.mark == 0xA3 {
			begin := i
			for i+1 < len(file) && (file[i] != 0xFF || file[i+1] == 0) {
				i++
			}
			p.data = file[begin:i]
		}
		if all = append(all, p); p.mark == 0xA1 {
			return all, i, nil
		}
	}
	return nil, 0, fmt.Errorf("no end of image")
}

// number reads an exponent and a big-endian value.
func number(b []byte) float64 {
	v := 0.0
	for _, x := range b[1:] {
		v = v*256 + float64(x)
	}
	return v / math.Pow(10, float64(b[0]))
}

// codes returns the codes of a Huffman table as texts of 0 and 1.
func codes(body []byte) (map[string]byte, error) {
	table := map[string]byte{}
	code, k := 0, 17
	kraft := 0.0
	for l := 1; l <= 16; l++ {
		for range body[l] {
			if k >= len(body) {
				return nil, fmt.Errorf("fewer symbols than codes")
			}
			text := fmt.Sprintf("%0*b", l, code)
			if len(text) != l || !strings.Contains(text, "0") {
				return nil, fmt.Errorf("code %s of length %d", text, l)
			}
			table[text] = body[k]
			kraft += math.Pow(2, float64(-l))
			code++
			k++
		}
		code *= 2
	}
	if k != len(body) || kraft > 1 || len(table) == 0 {
		return nil, fmt.Errorf("%d bytes for %d codes, Kraft sum %v", len(body), len(table), kraft)
	}
	return table, nil
}

// count reads the symbols of a block bit by bit and returns how many coefficients
// they stand for.
func count(data []byte, table map[string]byte) (int, error) {
	var bits strings.Builder
	for i := 0; i < len(data); i++ {
		fmt.Fprintf(&bits, "%08b", data[i])
		if data[i] == 0xFF {
			i++ // the stuffed zero
		}
	}
	text, n, code := bits.String(), 0, ""
	for i := 0; i < len(text); i++ {
		code += text[i : i+1]
		symbol, ok := table[code]
		if !ok {
			continue
		}
		code = ""
		extra := map[byte]int{101: 8, 102: 8, 103: 16, 104: 16, 105: 8, 106: 16}[symbol]
		if i+extra >= len(text) {
			return 0, fmt.Errorf("a symbol without its value")
		}
		value := 0
		for _, c := range text[i+1 : i+1+extra] {
			value = 2*value + int(c-'0')
		}
		i += extra
		switch {
		case symbol >= 1 && symbol <= 100:
			n += int(symbol)
		case symbol == 105 || symbol == 106:
			n += value
		case symbol >= 101 && symbol <= 254 && symbol != 180:
			n++
		default:
			return 0, fmt.Errorf("symbol %d", symbol)
		}
	}
	if len(code) > 7 || strings.Contains(code, "0") {
		return 0, fmt.Errorf("padding %q", code)
	}
	return n, nil
}

// checkFile judges a file of Encode for a picture whose subbands are all sent.
func checkFile(file []byte, w, h, ppi int, comment string) error {
	all, err := parts(file)
	if err != nil {
		return err
	}
	want := []byte{0xA0, 0xA8}
	if comment != "" {
		want = append(want, 0xA8)
	}
	want = append(want, 0xA4, 0xA5, 0xA2, 0xA6, 0xA3, 0xA6, 0xA3, 0xA3, 0xA1)
	if len(all) != len(want) {
		return fmt.Errorf("%d markers, want %d", len(all), len(want))
	}
	var tables [8]map[string]byte
	var coefficients []int
	comments := []string{}
	for i, p := range all {
		b := p.body
		if p.mark != want[i] {
			return fmt.Errorf("marker %d is %x, want %x", i, p.mark, want[i])
		}
		switch p.mark {
		case 0xA8:
			comments = append(comments, string(b))
		case 0xA4:
			if len(b) != 56 || b[0] != 9 || b[1] != 7 || math.Abs(number(b[3:8])-0.852698679) > 1e-8 || math.Abs(number(b[33:38])-0.788485616) > 1e-8 || b[38] == 0 {
				return fmt.Errorf("filters %x", b)
			}
		case 0xA5:
			if len(b) != 387 || number(b[:3]) != 0.44 {
				return fmt.Errorf("%d bytes of bins, centre %v", len(b), number(b[:3]))
			}
			for k := range 64 {
				q, z := number(b[3+6*k:6+6*k]), number(b[6+6*k:9+6*k])
				if (k < 60) != (q > 0) || math.Abs(z-1.2*q) > 0.001*q {
					return fmt.Errorf("bins %d: %v, zero bin %v", k, q, z)
				}
			}
		case 0xA2:
			if len(b) != 15 || b[0] != 0 || b[1] != 255 || int(b[2])*256+int(b[3]) != h || int(b[4])*256+int(b[5]) != w ||
				number(b[6:9]) > 255 || number(b[9:12]) <= 0 || number(b[9:12]) > 2 {
				return fmt.Errorf("frame %x", b)
			}
		case 0xA6:
			if b[0] > 7 || tables[b[0]] != nil {
				return fmt.Errorf("table %d twice or beyond", b[0])
			}
			if tables[b[0]], err = codes(b); err != nil {
				return err
			}
		case 0xA3:
			if len(b) != 1 || tables[b[0]] == nil {
				return fmt.Errorf("block %x", b)
			}
			n, err := count(p.data, tables[b[0]])
			if err != nil {
				return err
			}
			coefficients = append(coefficients, n)
		}
	}
	// The blocks hold the lowest sixteenth, the rest of the lowest quarter, and
	// two more quarters.
	w1, h1 := (w+1)/2, (h+1)/2
	low := (w1 + 1) / 2 * ((h1 + 1) / 2)
	if got, want := fmt.Sprint(coefficients), fmt.Sprint([]int{low, w1*h1 - low, w*h - w1*h1 - w/2*(h/2)}); got != want {
		return fmt.Errorf("coefficients %s, want %s", got, want)
	}
	lines := strings.Split(comments[0], "\n")
	if lines[0] != fmt.Sprintf("NIST_COM %d", len(lines)) || !strings.Contains(comments[0], fmt.Sprintf("\nPPI %d\n", ppi)) ||
		!strings.Contains(comments[0], fmt.Sprintf("\nPIX_WIDTH %d\nPIX_HEIGHT %d\n", w, h)) {
		return fmt.Errorf("attributes %q", comments[0])
	}
	if comment != "" && comments[1] != comment {
		return fmt.Errorf("comment %q", comments[1])
	}
	return nil
}

// TestFilesByOtherReader checks what Encode writes, structure and counts.
func TestFilesByOtherReader(t *testing.T) {
	for _, size := range [][2]int{{128, 96}, {131, 97}, {256, 255}} {
		for _, comment := range []string{"", "left index"} {
			for _, rate := range []float64{0.75, 2.25, 6} {
				img := ridges(size[0], size[1], 2)
				data, err := Encode(img, Options{BitRate: rate, PPI: 1000, Comment: comment})
				if err != nil {
					t.Fatal(err)
				}
				if err := checkFile(data, size[0], size[1], 1000, comment); err != nil {
					t.Errorf("%v at %v: %v", size, rate, err)
				}
			}
		}
	}
}

// TestRealFilesByOtherReader: the reader itself agrees with files of others.
func TestRealFilesByOtherReader(t *testing.T) {
	for name, pair := range samples(t) {
		all, err := parts(pair[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		blocks := 0
		var tables [8]map[string]byte
		for _, p := range all {
			switch p.mark {
			case 0xA6:
				if tables[p.body[0]], err = codes(p.body); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case 0xA3:
				blocks++
				if n, err := count(p.data, tables[p.body[0]]); err != nil || n == 0 {
					t.Errorf("%s: block %d: %d coefficients, %v", name, blocks, n, err)
				}
			}
		}
		if blocks != 3 {
			t.Errorf("%s: %d blocks, want 3", name, blocks)
		}
	}
}
