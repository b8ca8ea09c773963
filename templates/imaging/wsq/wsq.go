// Package wsq reads and writes 8-bit grey fingerprint images compressed by
// wavelet scalar quantisation: IAFIS-IC-0110, "WSQ Gray-Scale Fingerprint Image
// Compression Specification", version 3.1, the form in which police and border
// systems exchange fingerprints of 500 ppi. It knows pixels, not fingers: it
// judges no quality and changes no resolution. It refuses what it cannot read
// exactly as the specification says rather than showing a picture that the
// encoder did not mean: a lying table, a block that is too short or too long, a
// second frame, bytes after the end.
package wsq

import (
	"fmt"
	"image"

	"immis/templates"
)

// The markers of the specification. Every one may be preceded by
// fill bytes FF.
const (
	markSOI = 0xA0 // start of image
	markEOI = 0xA1 // end of image
	markSOF = 0xA2 // start of frame: size, shift and scale of the image
	markSOB = 0xA3 // start of block: entropy-coded coefficients follow
	markDTT = 0xA4 // transform table: the filters
	markDQT = 0xA5 // quantization table
	markDHT = 0xA6 // Huffman tables
	markDRI = 0xA7 // restart interval
	markCOM = 0xA8 // comment
	markRST = 0xB0 // first of the eight restart markers
)

// Config is what a file says of its image before a coefficient is decoded.
type Config struct {
	// Width and Height are in pixels, 1..65535.
	Width, Height int
	// PPI is the resolution in pixels per inch that the NIST_COM comment states,
	// 1..65535, or 0 where it states none. The format itself has no field for it.
	PPI int
	// Black and White are the grey values that the frame names for the two ends
	// of the scale, usually 0 and 255. No pixel is changed by them.
	Black, White uint8
	// Encoder and Software identify the encoding algorithm and its program, as
	// registered with the FBI; 0 is what unregistered programs write.
	Encoder  uint8
	Software uint16
}

// DecodeConfig reads the headers up to the first block and no coefficient. Its
// cost is bounded by the length of the headers. Errors are
// *templates.InputError, those of Decode.
func DecodeConfig(data []byte) (Config, error) {
	p := parser{data: data}
	if _, err := p.headers(); err != nil {
		return Config{}, fmt.Errorf("read WSQ header: %w", err)
	}
	return p.config, nil
}

// Decode reads a whole file. The image has its origin at 0,0 and a stride equal
// to its width. An image of more than maxPixels is refused before memory is
// taken; otherwise about 8 bytes per pixel are used, the larger part only after
// all coefficients have been read. Work is bounded by pixels and bytes.
//
// Every pixel is rounded as the public-domain reference decoder of NIST rounds
// it, on every machine: single precision, taps summed in their order.
//
// Errors wrap a *templates.InputError with an offset: EMPTY, TRUNCATED,
// TRAILING_BYTES, OVERSIZED, WRONG_LENGTH, WRONG_MAGIC, OUT_OF_RANGE, MALFORMED,
// UNSUPPORTED. The offset of an error in entropy-coded data is that of the
// marker of its block.
func Decode(data []byte, maxPixels int) (*image.Gray, Config, error) {
	p := parser{data: data}
	coefficients, err := p.decode(maxPixels)
	if err != nil {
		return nil, Config{}, fmt.Errorf("decode WSQ: %w", err)
	}
	c := p.config
	plane := dequantize(coefficients, p.bands, &p.quant, c.Width, c.Height)
	img := image.NewGray(image.Rect(0, 0, c.Width, c.Height))
	reconstruct(img.Pix, plane, c.Width, c.Height, p.filters, p.shift, p.scale)
	return img, c, nil
}

// toPixels undoes the shift and scale of the frame for a row of samples
// and rounds half up into 0..255.
func toPixels(pix []uint8, row []float32, shift, scale float32) {
	pix = pix[:len(row)]
	for i, v := range row {
		// The conversion keeps a compiler from fusing product and sum, which
		// would round differently from machine to machine.
		v = float32(v*scale) + shift
		v += 0.5
		switch {
		case !(v >= 0): // negative after quantisation
			pix[i] = 0
		case v > 255:
			pix[i] = 255
		default:
			pix[i] = uint8(int32(v))
		}
	}
}

func errEmpty() error {
	return templates.BadAt(0, templates.ReasonEmpty, "length", "0 bytes", "a WSQ file")
}
