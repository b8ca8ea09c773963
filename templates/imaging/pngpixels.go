package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"strings"

	"immis/templates"
)

// pixelBytes is what image/png allocates for a pixel.
func (f *pngFile) pixelBytes() int {
	deep := 1
	if f.info.Bits == 16 {
		deep = 2
	}
	switch {
	case f.colourType == pngPalette:
		return 1
	case f.colourType == pngGrey && !f.transparency:
		return deep
	}
	return 4 * deep
}

// filteredBytes is the number of bytes the pixels have before they are compressed:
// each row of each pass is preceded by the type of its filter.
func (f *pngFile) filteredBytes() int {
	samples := map[int]int{pngGrey: 1, pngTruecolour: 3, pngPalette: 1, pngGreyAlpha: 2, pngColourAlpha: 4}[f.colourType]
	pass := func(x0, y0, dx, dy int) int {
		w, h := (f.info.Width-x0+dx-1)/dx, (f.info.Height-y0+dy-1)/dy
		if w <= 0 || h <= 0 {
			return 0
		}
		return h * (1 + (w*samples*f.info.Bits+7)/8)
	}
	if !f.interlaced {
		return pass(0, 0, 1, 1)
	}
	return pass(0, 0, 8, 8) + pass(4, 0, 8, 8) + pass(0, 4, 4, 8) + pass(2, 0, 4, 4) +
		pass(0, 2, 2, 4) + pass(1, 0, 2, 2) + pass(0, 1, 1, 2)
}

func (f *pngFile) pixels() (image.Image, error) {
	if n := f.filteredBytes(); n > (f.dataBytes+1)*deflateRatio {
		return nil, templates.BadAt(f.dataAt, templates.ReasonTruncated, "PNG pixels of",
			fmt.Sprintf("%d compressed bytes", f.dataBytes), fmt.Sprintf("%d bytes, compressed at most %d times", n, deflateRatio))
	}
	parts := []io.Reader{strings.NewReader(magicPNG)}
	for _, part := range f.needed {
		parts = append(parts, bytes.NewReader(part))
	}
	m, err := png.Decode(io.MultiReader(parts...))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, templates.BadAt(f.dataAt, templates.ReasonTruncated, "PNG pixels", "end early", "all rows")
	}
	if err != nil {
		return nil, templates.BadAt(f.dataAt, templates.ReasonMalformed, "PNG pixels", fmt.Sprintf("(%v)", err), "pixels as the header says")
	}
	if p, ok := m.(*image.Paletted); ok && len(p.Palette) > f.palette {
		// The library makes up black for colours that the palette does not have.
		return nil, templates.BadAt(f.dataAt, templates.ReasonMalformed, "PNG pixel", "is of a colour behind the palette",
			fmt.Sprintf("one of %d", f.palette))
	}
	return m, nil
}
