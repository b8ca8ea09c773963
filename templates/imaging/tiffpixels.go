package imaging

import (
	"fmt"
	"image"
	"image/color"

	"immis/templates"
)

// expansion is the most that a byte of compressed data can stand for, by compression:
// less data than that cannot hold the pixels. LZW gives at most 4,096 bytes for a
// code of 9 bits, PackBits 128 for 2 bytes.
func expansion(compression int) int {
	switch compression {
	case tiffLZW:
		return 4096
	case tiffDeflate, tiffDeflateOld:
		return deflateRatio
	case tiffPackBits:
		return 64
	}
	return 1
}

// pixels reads block after block, row after row, through buffers of one row.
func (f *tiffFile) pixels() (image.Image, error) {
	rowBytes := (f.blockWidth*f.samples*f.info.Bits + 7) / 8
	for i := range f.offsets {
		want := rowBytes * f.rows(i)
		if most := (f.sizes[i] + 1) * expansion(f.compression); f.compression != tiffNone && most < want {
			return nil, templates.BadAt(f.offsets[i], templates.ReasonTruncated, fmt.Sprintf("TIFF block %d of", i+1),
				fmt.Sprintf("%d bytes", f.sizes[i]), fmt.Sprintf("%d, compressed at most %d times", want, expansion(f.compression)))
		}
		if f.compression == tiffNone && f.sizes[i] < want {
			return nil, truncated(f.offsets[i], fmt.Sprintf("TIFF block %d", i+1), f.sizes[i], want)
		}
	}
	m := f.newPicture()
	row := make([]byte, rowBytes)
	samples := make([]uint16, f.blockWidth*f.samples)
	unpack := newUnpacker(f.compression)
	for i := range f.offsets {
		at := f.offsets[i]
		if err := unpack.reset(f.dir.data[at : at+f.sizes[i]]); err != nil {
			return nil, f.blockError(i, err)
		}
		x0, y0 := i%f.across*f.blockWidth, i/f.across*f.blockHeight
		for y := y0; y < min(y0+f.rows(i), f.info.Height); y++ {
			if err := unpack.read(row); err != nil {
				return nil, f.blockError(i, err)
			}
			f.split(row, samples)
			if n := f.store(m, x0, y, samples); n >= 0 {
				return nil, templates.BadAt(at, templates.ReasonMalformed, fmt.Sprintf("TIFF block %d: pixel", i+1), n, "a colour of the palette")
			}
		}
	}
	return m, nil
}

// rows is how many rows of pixels block i holds: tiles are padded, strips are not.
func (f *tiffFile) rows(i int) int {
	if f.tiled {
		return f.blockHeight
	}
	return min(f.blockHeight, f.info.Height-i*f.blockHeight)
}

func (f *tiffFile) blockError(i int, err error) error {
	reason := templates.ReasonMalformed
	if endsEarly(err) {
		reason = templates.ReasonTruncated
	}
	return templates.BadAt(f.offsets[i], reason, fmt.Sprintf("TIFF block %d", i+1), fmt.Sprintf("(%v)", err), "compressed rows of pixels")
}

// split takes the samples out of a row and undoes the prediction from the pixel to
// the left (TIFF 6.0, section 14).
func (f *tiffFile) split(row []byte, samples []uint16) {
	switch f.info.Bits {
	case 16:
		for i := range samples {
			samples[i] = f.dir.order.Uint16(row[2*i:])
		}
	case 8:
		for i := range samples {
			samples[i] = uint16(row[i])
		}
	default:
		bits := f.info.Bits
		mask := uint16(1)<<bits - 1
		for i := range samples {
			samples[i] = uint16(row[i*bits/8]) >> (8 - bits - i*bits%8) & mask
		}
	}
	if f.predictor == 2 {
		mask := uint16(1<<f.info.Bits - 1)
		for i := f.samples; i < len(samples); i++ {
			samples[i] = (samples[i] + samples[i-f.samples]) & mask
		}
	}
}

// store puts the samples of a row of a block into the picture, as far as they are in
// it.
func (f *tiffFile) store(m image.Image, x0, y int, samples []uint16) (outside int) {
	n := min(f.blockWidth, f.info.Width-x0)
	white := uint32(1)<<f.info.Bits - 1
	switch m := m.(type) {
	case *image.Paletted:
		row := m.Pix[m.PixOffset(x0, y):]
		for x := range n {
			if int(samples[x]) >= len(m.Palette) {
				return int(samples[x])
			}
			row[x] = uint8(samples[x])
		}
	case *image.Gray:
		row := m.Pix[m.PixOffset(x0, y):]
		for x := range n {
			row[x] = uint8(f.level(uint32(samples[x]), white) * 255 / white)
		}
	case *image.Gray16:
		for x := range n {
			m.SetGray16(x0+x, y, color.Gray16{Y: uint16(f.level(uint32(samples[x]), white))})
		}
	default:
		f.storeColours(m, x0, y, n, samples)
	}
	return -1
}

// level turns a sample so that 0 is black.
func (f *tiffFile) level(v, white uint32) uint32 {
	if f.photometric == tiffWhiteIsZero {
		return white - v
	}
	return v
}

// storeColours stores pixels of several samples: grey or red, green and blue, then
// one more.
func (f *tiffFile) storeColours(m image.Image, x0, y, n int, samples []uint16) {
	white := uint32(1)<<f.info.Bits - 1
	for x := range n {
		p := samples[x*f.samples:]
		r := uint16(f.level(uint32(p[0]), white))
		g, b, a := r, r, uint16(white)
		if f.photometric == tiffRGB {
			g, b = p[1], p[2]
		}
		if f.alpha != 0 {
			a = p[f.samples-1]
		}
		if f.alpha == tiffAssociated { // a colour above its alpha is none
			r, g, b = min(r, a), min(g, a), min(b, a)
		}
		switch m := m.(type) {
		case *image.RGBA:
			m.SetRGBA(x0+x, y, color.RGBA{R: uint8(r), G: uint8(g), B: uint8(b), A: uint8(a)})
		case *image.NRGBA:
			m.SetNRGBA(x0+x, y, color.NRGBA{R: uint8(r), G: uint8(g), B: uint8(b), A: uint8(a)})
		case *image.RGBA64:
			m.SetRGBA64(x0+x, y, color.RGBA64{R: r, G: g, B: b, A: a})
		case *image.NRGBA64:
			m.SetNRGBA64(x0+x, y, color.NRGBA64{R: r, G: g, B: b, A: a})
		}
	}
}
