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
	out := &pngBytes{}
	if m.PPI != 0 {
		perMetre := uint32(math.Round(m.PPI / metresPerInch))
		phys := append(make([]byte, 4, chunkOverhead+9), chunkResolution...)
		phys = binary.BigEndian.AppendUint32(phys, perMetre)
		phys = binary.BigEndian.AppendUint32(phys, perMetre)
		phys = append(phys, 1) // the metre
		binary.BigEndian.PutUint32(phys, 9)
		out.behindHeader = binary.BigEndian.AppendUint32(phys, crc32.ChecksumIEEE(phys[4:]))
	}
	var e png.Encoder
	if len(m.Pix) > maxFiltered {
		e.CompressionLevel = png.NoCompression
		out.Grow(len(m.Pix) + m.Height + len(m.Pix)/1024 + 1<<12)
	}
	if err := e.Encode(out, &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}); err != nil {
		return nil, fmt.Errorf("encode png image: %w", err)
	}
	return out.Bytes(), nil
}

// maxFiltered is the number of pixels up to which a PNG is compressed. Trying the
// filters takes 15 ns a pixel, and an image may come from a file of a hundredth of its
// size: larger ones are stored as they are.
const maxFiltered = 4 << 20

// pngBytes is a PNG as the encoder writes it, with a chunk more behind its header.
type pngBytes struct {
	bytes.Buffer
	behindHeader []byte
}

// Write implements io.Writer.
func (p *pngBytes) Write(b []byte) (int, error) {
	if head := pngHeaderEnd - p.Len(); len(p.behindHeader) > 0 && head >= 0 && head <= len(b) {
		p.Buffer.Write(b[:head])
		p.Buffer.Write(p.behindHeader)
		p.behindHeader = nil
		p.Buffer.Write(b[head:])
		return len(b), nil
	}
	return p.Buffer.Write(b)
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
