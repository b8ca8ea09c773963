package imaging

import (
	"bytes"
	"fmt"
	"image"
	"math/rand/v2"
	"testing"

	"immis/templates"
)

// TestPNGKinds reads all pairs of depth and colour type, interlaced and not, and
// compares the grey levels with the samples that were written.
func TestPNGKinds(t *testing.T) {
	palette := []byte{}
	for i := range 256 {
		palette = append(palette, byte(i), byte(i), byte(i))
	}
	for _, c := range []struct {
		colourType, channels int
		depths               []int
	}{{pngGrey, 1, []int{1, 2, 4, 8, 16}}, {pngPalette, 1, []int{1, 2, 4, 8}}, {pngTruecolour, 3, []int{8, 16}},
		{pngGreyAlpha, 2, []int{8, 16}}, {pngColourAlpha, 4, []int{8, 16}}} {
		for _, bits := range c.depths {
			for _, size := range [][2]int{{1, 1}, {3, 2}, {13, 9}, {40, 33}} {
				for interlace := range 2 {
					name := fmt.Sprintf("type %d, %d bits, %v, interlace %d", c.colourType, bits, size, interlace)
					w, h := size[0], size[1]
					white := uint16(1)<<bits - 1
					r := rand.New(rand.NewPCG(uint64(bits), 3))
					samples := make([]uint16, w*h*c.channels)
					want := make([]byte, w*h)
					for i := range want {
						v := uint16(r.Uint32()) & white
						for j := range c.channels {
							samples[i*c.channels+j] = v
						}
						want[i] = uint8((uint32(v)*255 + uint32(white)/2) / uint32(white))
						switch {
						case c.colourType == pngPalette:
							want[i] = uint8(v)
						case c.channels%2 == 0:
							samples[(i+1)*c.channels-1] = white
						}
					}
					parts := [][]byte{pngHead(w, h, bits, c.colourType, interlace), pngPHYs(19685, 19685, 1)}
					if c.colourType == pngPalette {
						parts = append(parts, pngChunk("PLTE", palette[:3<<bits]))
					}
					parts = append(parts, pngChunk("tEXt", []byte("Comment\x00none")), pngRows(w, h, bits, c.channels, interlace == 1, samples), pngEnd())
					data := pngOf(parts...)
					m, err := Decode(templates.FormatPNG, data, Options{})
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if m.Width != w || m.Height != h || m.PPI != 500 || !bytes.Equal(m.Pix, want) {
						t.Errorf("%s: other pixels", name)
					}
					info, err := Inspect(templates.FormatPNG, data)
					if wantInfo := (Info{templates.FormatPNG, w, h, c.channels > 2, bits, 500, 500, 1}); err != nil || info != wantInfo {
						t.Errorf("%s: %+v, %v", name, info, err)
					}
				}
			}
		}
	}
}

// TestPNGTransparency: colours that are declared transparent are white.
func TestPNGTransparency(t *testing.T) {
	samples := []uint16{10, 20, 30, 40}
	data := pngOf(pngHead(2, 2, 8, pngGrey, 0), pngChunk("tRNS", []byte{0, 20}), pngRows(2, 2, 8, 1, false, samples), pngEnd())
	m, err := Decode(templates.FormatPNG, data, Options{})
	if err != nil || !bytes.Equal(m.Pix, []byte{10, 255, 30, 40}) {
		t.Errorf("%v, %v", m, err)
	}
}

func TestPNGPicture(t *testing.T) {
	src := colours(5, 20, 11, true)
	m, info, err := DecodePicture(templates.FormatPNG, encodedPNG(t, src), Limits{})
	if err != nil || !info.Colour || info.Bits != 8 || info.PPIX != 0 {
		t.Fatalf("%+v, %v", info, err)
	}
	if got, ok := m.(*image.NRGBA); !ok || !bytes.Equal(got.Pix, src.Pix) {
		t.Errorf("%T with other pixels", m)
	}
}

// TestEncodePNG: what is written is read back.
func TestEncodePNG(t *testing.T) {
	for _, ppi := range []float64{0, 100, 125, 250, 500, 508, 1000, 2000} {
		m := &Image{Pix: noise(4, 33, 21).Pix, Width: 33, Height: 21, PPI: ppi}
		data, err := EncodePNG(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(templates.FormatPNG, data, Options{})
		if err != nil || again.PPI != ppi || again.Width != 33 || !bytes.Equal(again.Pix, m.Pix) {
			t.Errorf("%g ppi: %v", ppi, err)
		}
		twice, err := EncodePNG(again)
		if err != nil || !bytes.Equal(twice, data) {
			t.Errorf("%g ppi: other bytes, %v", ppi, err)
		}
	}
	for want, m := range map[templates.Reason]*Image{
		templates.ReasonOutOfRange:  {},
		templates.ReasonWrongLength: {Pix: make([]byte, 5), Width: 2, Height: 2},
		templates.ReasonResolution:  {Pix: make([]byte, 4), Width: 2, Height: 2, PPI: 5},
		templates.ReasonOversized:   {Pix: make([]byte, 4), Width: 1 << 40, Height: 2},
	} {
		if _, err := EncodePNG(m); reasonOf(t, err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// smallPNG is a record every byte of which can be cut.
func smallPNG() []byte {
	return pngOf(pngHead(3, 2, 8, pngGrey, 0), pngPHYs(19685, 19685, 1), pngRows(3, 2, 8, 1, false, []uint16{1, 2, 3, 4, 5, 6}), pngEnd())
}

func TestPNGBad(t *testing.T) {
	head := pngHead(3, 2, 8, pngGrey, 0)
	rows := pngRows(3, 2, 8, 1, false, []uint16{1, 2, 3, 4, 5, 6})
	few := pngRows(3, 1, 8, 1, false, []uint16{1, 2, 3})
	broken := bytes.Clone(smallPNG())
	broken[len(magicPNG)+9] ^= 1
	long := pngChunk("IDAT", nil)
	long[0] = 0x7f
	checkBad(t, templates.FormatPNG, []badCase{
		{"magic", []byte("\x89PNG\r\n\x1a\r0000"), templates.ReasonWrongMagic, 0},
		{"checksum", broken, templates.ReasonMalformed, 29},
		{"no header first", pngOf(rows, pngEnd()), templates.ReasonMalformed, 8},
		{"two headers", pngOf(head, head, rows, pngEnd()), templates.ReasonMalformed, 33},
		{"header length", pngOf(pngChunk("IHDR", make([]byte, 12))), templates.ReasonMalformed, 8},
		{"width 0", pngOf(pngHead(0, 2, 8, 0, 0), rows, pngEnd()), templates.ReasonOutOfRange, 16},
		{"height 0", pngOf(pngHead(3, 0, 8, 0, 0), rows, pngEnd()), templates.ReasonOutOfRange, 20},
		{"width", pngOf(pngHead(65536, 2, 8, 0, 0), rows, pngEnd()), templates.ReasonOversized, 16},
		{"height", pngOf(pngHead(3, 0xffffffff, 8, 0, 0), rows, pngEnd()), templates.ReasonOversized, 20},
		{"depth", pngOf(pngHead(3, 2, 3, 0, 0), rows, pngEnd()), templates.ReasonOutOfRange, 24},
		{"depth of colours", pngOf(pngHead(3, 2, 4, 2, 0), rows, pngEnd()), templates.ReasonOutOfRange, 24},
		{"colour type", pngOf(pngHead(3, 2, 8, 5, 0), rows, pngEnd()), templates.ReasonOutOfRange, 24},
		{"interlace", pngOf(pngHead(3, 2, 8, 0, 2), rows, pngEnd()), templates.ReasonOutOfRange, 28},
		{"no pixels", pngOf(head, pngEnd()), templates.ReasonMalformed, 45},
		{"no palette", pngOf(pngHead(3, 2, 8, 3, 0), rows, pngEnd()), templates.ReasonMalformed, 33},
		{"empty palette", pngOf(pngHead(3, 2, 8, 3, 0), pngChunk("PLTE", nil), rows, pngEnd()), templates.ReasonMalformed, 33},
		{"behind the palette", pngOf(pngHead(3, 2, 8, 3, 0), pngChunk("PLTE", make([]byte, 9)), rows, pngEnd()), templates.ReasonMalformed, 54},
		{"pixels apart", pngOf(head, rows, pngChunk("tEXt", nil), rows, pngEnd()), templates.ReasonMalformed, 33 + len(rows) + 12},
		{"too few rows", pngOf(head, few, pngEnd()), templates.ReasonMalformed, 33},
		{"too many rows", pngOf(pngHead(3, 1, 8, 0, 0), rows, pngEnd()), templates.ReasonMalformed, 33},
		{"not compressed", pngOf(head, pngChunk("IDAT", []byte("12345678")), pngEnd()), templates.ReasonMalformed, 33},
		{"animation", pngOf(head, pngChunk("acTL", make([]byte, 8)), rows, pngEnd()), templates.ReasonUnsupported, 33},
		{"critical chunk", pngOf(head, pngChunk("QQQQ", nil), rows, pngEnd()), templates.ReasonUnsupported, 33},
		{"chunk name", pngOf(head, pngChunk("te\x00t", nil), rows, pngEnd()), templates.ReasonMalformed, 37},
		{"resolution length", pngOf(head, pngChunk("pHYs", make([]byte, 8)), rows, pngEnd()), templates.ReasonMalformed, 33},
		{"resolution unit", pngOf(head, pngPHYs(1, 1, 2), rows, pngEnd()), templates.ReasonMalformed, 33},
		{"content in the end", pngOf(head, rows, pngChunk("IEND", []byte{0})), templates.ReasonMalformed, 33 + len(rows)},
		{"chunk length", pngOf(head, long), templates.ReasonTruncated, 33},
		{"zero behind", append(smallPNG(), 0), templates.ReasonTrailing, len(smallPNG())},
		{"second picture", append(smallPNG(), smallPNG()...), templates.ReasonTrailing, len(smallPNG())},
		{"resolution", pngOf(head, pngPHYs(10, 10, 1), rows, pngEnd()), templates.ReasonResolution, -1},
		{"not square", pngOf(head, pngPHYs(19685, 20079, 1), rows, pngEnd()), templates.ReasonResolution, -1},
		{"shape", pngOf(head, pngPHYs(1, 2, 0), rows, pngEnd()), templates.ReasonResolution, -1},
	})
	checkCuts(t, templates.FormatPNG, smallPNG())
	// The shape of square pixels says nothing of a resolution.
	m, err := Decode(templates.FormatPNG, pngOf(head, pngPHYs(1, 1, 0), rows, pngEnd()), Options{})
	if err != nil || m.PPI != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// badCase is an input that must be refused, and where; at -1: no single place.
type badCase struct {
	name string
	data []byte
	want templates.Reason
	at   int
}

func checkBad(t *testing.T, f templates.Format, cases []badCase) {
	t.Helper()
	for _, c := range cases {
		_, err := Decode(f, c.data, Options{})
		if reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
			continue
		}
		if at := offsetOf(err); at != c.at {
			t.Errorf("%s: %v, want at byte %d", c.name, err, c.at)
		}
		if _, _, err := DecodePicture(f, c.data, Limits{}); reasonOf(t, err) != c.want && c.want != templates.ReasonResolution {
			t.Errorf("%s: as a picture %v, want %s", c.name, err, c.want)
		}
		_, err = Inspect(f, c.data)
		reasonOf(t, err)
	}
}

// checkCuts cuts a good file at every byte.
func checkCuts(t *testing.T, f templates.Format, data []byte) {
	t.Helper()
	if _, err := Decode(f, data, Options{}); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		_, err := Decode(f, data[:n], Options{})
		want := templates.ReasonTruncated
		if n == 0 {
			want = templates.ReasonEmpty
		}
		if reasonOf(t, err) != want || offsetOf(err) < 0 || offsetOf(err) > n {
			t.Errorf("%v cut at %d: %v, want %s", f, n, err, want)
		}
	}
}
