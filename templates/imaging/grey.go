package imaging

import (
	"image"
	"image/color"
)

// grey turns a decoded picture into a grey one. Pixels of an *image.Gray are moved,
// not copied: the picture must not be used afterwards.
func grey(src image.Image) *Image {
	b := src.Bounds()
	m := &Image{Width: b.Dx(), Height: b.Dy()}
	switch s := src.(type) {
	case *image.Gray:
		m.Pix = s.Pix
		for y := range m.Height {
			copy(m.row(y), s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		m.Pix = m.Pix[: m.Width*m.Height : m.Width*m.Height]
	case *image.YCbCr: // its first component is the luma of BT.601 already
		m.Pix = make([]uint8, m.Width*m.Height)
		for y := range m.Height {
			copy(m.row(y), s.Y[s.YOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.Paletted:
		var lumas [256]uint8
		for i, c := range s.Palette {
			lumas[i] = luma(c.RGBA())
		}
		m.Pix = make([]uint8, m.Width*m.Height)
		for y := range m.Height {
			from := s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range m.row(y) {
				m.Pix[y*m.Width+x] = lumas[from[x]]
			}
		}
	case *image.RGBA:
		m.fill(b, func(x, y int) uint8 { return luma(s.RGBAAt(x, y).RGBA()) })
	case *image.NRGBA:
		m.fill(b, func(x, y int) uint8 { return luma(s.NRGBAAt(x, y).RGBA()) })
	case *image.RGBA64:
		m.fill(b, func(x, y int) uint8 { return luma(s.RGBA64At(x, y).RGBA()) })
	case *image.NRGBA64:
		m.fill(b, func(x, y int) uint8 { return luma(s.NRGBA64At(x, y).RGBA()) })
	case *image.Gray16:
		m.fill(b, func(x, y int) uint8 { return eightBits(uint32(s.Gray16At(x, y).Y)) })
	default:
		m.fill(b, func(x, y int) uint8 { return luma(color.RGBA64Model.Convert(src.At(x, y)).RGBA()) })
	}
	return m
}

func (m *Image) row(y int) []uint8 { return m.Pix[y*m.Width : (y+1)*m.Width] }

func (m *Image) fill(b image.Rectangle, at func(x, y int) uint8) {
	m.Pix = make([]uint8, m.Width*m.Height)
	for y := range m.Height {
		row := m.row(y)
		for x := range row {
			row[x] = at(b.Min.X+x, b.Min.Y+y)
		}
	}
}

// luma is the BT.601 luma (0.299, 0.587, 0.114) of a colour laid over white. Samples
// are premultiplied, 0..65535. The three weights sum to 65536, so that a grey colour
// keeps its value.
func luma(r, g, b, a uint32) uint8 {
	white := 0xffff - min(a, 0xffff)
	r, g, b = min(r+white, 0xffff), min(g+white, 0xffff), min(b+white, 0xffff)
	return eightBits(uint32((19595*uint64(r) + 38470*uint64(g) + 7471*uint64(b) + 1<<15) >> 16))
}

// eightBits scales a sample of 16 bits, rounding to the nearest.
func eightBits(v uint32) uint8 { return uint8((v*255 + 32767) / 65535) }
