package imaging

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// FromRaw makes an image of uncompressed samples out of a record: width*height of
// them, row by row from the top, each of 1..16 bits, in one byte up to 8 bits and in
// two bytes, big-endian, above (ISO/IEC 19794-4, not bit-packed). 0 is black and
// 2^bits-1 white; values are scaled to 0..255 and rounded. The samples are copied.
// ppi is MinPPI..MaxPPI, or 0 where it is not known.
//
// Errors wrap a *templates.InputError: OUT_OF_RANGE for a size, a depth or a sample,
// OVERSIZED above DefaultMaxPixels, WRONG_LENGTH, IMPOSSIBLE_RESOLUTION.
func FromRaw(pix []byte, width, height, bits int, ppi float64) (*Image, error) {
	m, err := fromRaw(pix, width, height, bits, ppi)
	if err != nil {
		return nil, fmt.Errorf("raw image: %w", err)
	}
	return m, nil
}

func fromRaw(pix []byte, width, height, bits int, ppi float64) (*Image, error) {
	const at = templates.NoOffset
	if err := checkSize("image", width, at, height, at); err != nil {
		return nil, err
	}
	if bits < 1 || bits > 16 {
		return nil, templates.Bad(templates.ReasonOutOfRange, "bits of a sample", bits, "1..16")
	}
	size := 1
	if bits > 8 {
		size = 2
	}
	if width*height > DefaultMaxPixels {
		return nil, templates.Bad(templates.ReasonOversized, "image of", fmt.Sprintf("%d x %d pixels", width, height),
			fmt.Sprintf("<= %d pixels", DefaultMaxPixels))
	}
	if want := width * height * size; len(pix) != want {
		return nil, templates.Bad(templates.ReasonWrongLength, "samples of", fmt.Sprintf("%d bytes", len(pix)), fmt.Sprintf("%d", want))
	}
	if ppi != 0 && !possiblePPI(ppi) {
		return nil, templates.Bad(templates.ReasonResolution, "resolution of the image", fmt.Sprintf("%g ppi", ppi), rangePPI)
	}
	m := &Image{Pix: make([]uint8, width*height), Width: width, Height: height, PPI: ppi}
	white := uint32(1)<<bits - 1
	for i := range m.Pix {
		var v uint32
		if size == 2 {
			v = uint32(binary.BigEndian.Uint16(pix[2*i:]))
		} else {
			v = uint32(pix[i])
		}
		if v > white {
			return nil, templates.BadAt(i*size, templates.ReasonOutOfRange, "sample", "has more bits", fmt.Sprintf("%d", bits))
		}
		m.Pix[i] = uint8((v*255 + white/2) / white)
	}
	return m, nil
}
