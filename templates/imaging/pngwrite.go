package imaging

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"math"

	"immis/templates"
)

// pngHeaderEnd is where the header chunk of a PNG ends.
const pngHeaderEnd = len(magicPNG) + chunkOverhead + 13

// EncodePNG writes the image as an 8-bit grey PNG that states its resolution (pHYs,
// whole pixels per metre) when PPI is known. Decode gives the same image back, and
// the same PPI where it is a whole number. One version of the program writes the same
// bytes for the same image.
//
// Errors are *templates.InputError: OUT_OF_RANGE, OVERSIZED or WRONG_LENGTH for a
// size that is not that of Pix, IMPOSSIBLE_RESOLUTION.
func EncodePNG(m *Image) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("encode png image: %w", err)
	}
	var out bytes.Buffer
	src := &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
	if err := png.Encode(&out, src); err != nil {
		return nil, fmt.Errorf("encode png image: %w", err)
	}
	if m.PPI == 0 {
		return out.Bytes(), nil
	}
	perMetre := uint32(math.Round(m.PPI / metresPerInch))
	phys := append(make([]byte, 4, chunkOverhead+9), chunkResolution...)
	phys = binary.BigEndian.AppendUint32(phys, perMetre)
	phys = binary.BigEndian.AppendUint32(phys, perMetre)
	phys = append(phys, 1) // the metre
	binary.BigEndian.PutUint32(phys, 9)
	phys = binary.BigEndian.AppendUint32(phys, crc32.ChecksumIEEE(phys[4:]))
	b := out.Bytes()
	return bytes.Join([][]byte{b[:pngHeaderEnd], phys, b[pngHeaderEnd:]}, nil), nil
}

// check tells whether the fields of the image belong together.
func (m *Image) check() error {
	if err := checkSize("image", m.Width, templates.NoOffset, m.Height, templates.NoOffset); err != nil {
		return err
	}
	if len(m.Pix) != m.Width*m.Height {
		return templates.Bad(templates.ReasonWrongLength, "pixels of the image", len(m.Pix), fmt.Sprintf("%d", m.Width*m.Height))
	}
	if m.PPI != 0 && !possiblePPI(m.PPI) {
		return templates.Bad(templates.ReasonResolution, "resolution of the image", fmt.Sprintf("%g ppi", m.PPI), rangePPI)
	}
	return nil
}
