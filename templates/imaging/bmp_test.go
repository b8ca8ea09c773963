package imaging

import (
	"bytes"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/image/bmp"

	"immis/templates"
)

// bmpNoise is a BMP with random pixels.
func bmpNoise(header, w, h, bits int) bmpSpec {
	s := bmpSpec{header: header, width: w, height: h, bits: bits, ppm: 19685}
	r := rand.New(rand.NewPCG(uint64(bits), 5))
	s.pixels = make([]byte, (w*bits+31)/32*4*max(h, -h))
	for i := range s.pixels {
		s.pixels[i] = byte(r.Uint32())
	}
	if bits <= 8 {
		s.palette = greyPalette(1<<bits, 4)
		if header == bmpOS2Header {
			s.palette = greyPalette(1<<bits, 3)
		}
	}
	return s
}

// TestBMPPixels compares with the library what it reads.
func TestBMPPixels(t *testing.T) {
	for _, header := range []int{bmpOS2Header, bmpInfoHeader, 52, 56, 108, bmpV5Header} {
		for _, bits := range []int{1, 4, 8, 24, 32} {
			for _, size := range [][2]int{{1, 1}, {7, 3}, {33, 20}, {9, -5}} {
				name := fmt.Sprintf("header %d, %d bits, %v", header, bits, size)
				if header == bmpOS2Header && size[1] < 0 {
					continue
				}
				s := bmpNoise(header, size[0], size[1], bits)
				if header > bmpAlphaFrom && bits == 32 {
					s.compression, s.masks = bmpBitfields, []byte{0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255}
				}
				data := s.bytes()
				m, err := Decode(templates.FormatBMP, data, Options{})
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				wantPPI := 500.0
				if header == bmpOS2Header {
					wantPPI = 0
				}
				if m.PPI != wantPPI {
					t.Errorf("%s: %g ppi", name, m.PPI)
				}
				if slices.Contains([]int{bmpInfoHeader, 108, bmpV5Header}, header) {
					twin, err := bmp.Decode(bytes.NewReader(data))
					if err != nil {
						t.Fatalf("%s: twin: %v", name, err)
					}
					if !bytes.Equal(grey(twin).Pix, m.Pix) {
						t.Errorf("%s: other pixels than the twin", name)
					}
				}
				info, err := Inspect(templates.FormatBMP, data)
				if want := (Info{templates.FormatBMP, size[0], max(size[1], -size[1]), bits > 8, min(bits, 8), wantPPI, wantPPI, 1}); err != nil || info != want {
					t.Errorf("%s: %+v, %v", name, info, err)
				}
			}
		}
	}
}

// TestBMPLevels: what is stored in one byte is what comes out.
func TestBMPLevels(t *testing.T) {
	s := bmpSpec{header: bmpInfoHeader, width: 4, height: 2, bits: 8, palette: greyPalette(256, 4), pixels: []byte{5, 6, 7, 8, 1, 2, 3, 4}}
	m, err := Decode(templates.FormatBMP, s.bytes(), Options{})
	if err != nil || !bytes.Equal(m.Pix, []byte{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("%v, %v", m, err)
	}
	s = bmpSpec{header: bmpInfoHeader, width: 1, height: 1, bits: 24, pixels: []byte{1, 2, 3, 0}}
	p, _, err := DecodePicture(templates.FormatBMP, s.bytes(), Limits{})
	if err != nil || !bytes.Equal(p.(*image.NRGBA).Pix, []byte{3, 2, 1, 255}) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestBMPBad(t *testing.T) {
	good := bmpNoise(bmpInfoHeader, 5, 3, 8)
	with := func(at int, b ...byte) []byte {
		out := good.bytes()
		copy(out[at:], b)
		return out
	}
	n := len(good.bytes())
	indexes := bmpNoise(bmpInfoHeader, 4, 1, 8)
	indexes.palette, indexes.used, indexes.pixels = greyPalette(3, 4), 3, []byte{0, 1, 2, 3}
	invisible := bmpNoise(108, 2, 1, 32)
	invisible.compression, invisible.masks = bmpBitfields, []byte{0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255}
	invisible.pixels = make([]byte, 8)
	otherMasks := bmpNoise(bmpInfoHeader, 2, 1, 32)
	otherMasks.compression, otherMasks.masks = bmpBitfields, make([]byte, 12)
	padded := bmpNoise(bmpInfoHeader, 5, 3, 8)
	padded.pixels = append(padded.pixels, make([]byte, 4)...)
	checkBad(t, templates.FormatBMP, []badCase{
		{"magic", []byte("BA000000000000000000000000000000"), templates.ReasonWrongMagic, 0},
		{"header", with(14, 41), templates.ReasonUnsupported, 14},
		{"width 0", with(18, 0), templates.ReasonOutOfRange, 18},
		{"width below 0", with(18, 0, 0, 0, 0x80), templates.ReasonOutOfRange, 18},
		{"height 0", with(22, 0), templates.ReasonOutOfRange, 22},
		{"height", with(22, 0, 0, 0, 0x80), templates.ReasonOversized, 22},
		{"planes", with(26, 2), templates.ReasonOutOfRange, 26},
		{"bits", with(28, 16), templates.ReasonUnsupported, 28},
		{"RLE", with(30, 1), templates.ReasonUnsupported, 30},
		{"PNG inside", with(30, 5), templates.ReasonUnsupported, 30},
		{"masks of bytes", with(30, 3), templates.ReasonUnsupported, 30},
		{"masks", otherMasks.bytes(), templates.ReasonUnsupported, 54},
		{"colours", with(46, 1, 1), templates.ReasonOutOfRange, 46},
		{"pixels in the palette", with(10, 60, 0), templates.ReasonMalformed, 10},
		{"pixels outside", with(10, 0, 0, 0, 1), templates.ReasonTruncated, 10},
		{"index", indexes.bytes(), templates.ReasonMalformed, 14 + 40 + 12 + 3},
		{"invisible", invisible.bytes(), templates.ReasonMalformed, 14 + 108},
		{"length", with(2, byte(n), byte(n>>8)+1), templates.ReasonTruncated, 2},
		{"zero behind", append(good.bytes(), 0), templates.ReasonTrailing, n},
		{"padding inside", padded.bytes(), templates.ReasonTrailing, n},
		{"resolution", with(38, 1, 0, 0, 0, 1, 0), templates.ReasonResolution, -1},
	})
	checkCuts(t, templates.FormatBMP, good.bytes())
	unstated := with(2, 0, 0, 0, 0) // the length of the file
	if _, err := Decode(templates.FormatBMP, unstated, Options{}); err != nil {
		t.Error(err)
	}
	checkCuts(t, templates.FormatBMP, unstated)
}
