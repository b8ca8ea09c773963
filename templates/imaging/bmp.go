package imaging

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"slices"

	"immis/templates"
)

// Layout of a BMP (Microsoft, "Bitmap Storage"). Little-endian:
//
//	 0  "BM"
//	 2  u32  length of the file, 0 not stated
//	10  u32  where the pixels start
//	14  u32  length of the information header: 12 (OS/2), 40, 52, 56, 108 or 124
//	18  i32  width                    (u16 in the header of 12 bytes)
//	22  i32  height, < 0: top down    (u16)
//	26  u16  planes, 1
//	28  u16  bits of a pixel
//	30  u32  compression
//	38  i32  horizontal pixels per metre, then vertical
//	46  u32  colours in the palette, 0: all
//	54  u32  masks of red, green, blue, alpha (headers above 40, or behind it)
//	         the palette: blue, green, red, 0 each (3 bytes in the header of 12 bytes)
const (
	bmpFileHeader = 14
	bmpOS2Header  = 12
	bmpInfoHeader = 40
	bmpAlphaFrom  = 56 // the headers from here on have a mask of alpha
	bmpV5Header   = 124
	bmpMasksAt    = 54

	bmpUncompressed = 0
	bmpBitfields    = 3

	// bmpPadding is how many bytes may follow the pixels inside the stated length.
	bmpPadding = 3
)

// bmpFile is what the headers of a BMP say. x/image/bmp is not used: it says
// "unsupported" of whatever is wrong, and knows neither resolution nor length.
type bmpFile struct {
	data                []byte
	info                Info
	header, compression int
	bits                int // of a pixel
	topDown, alpha      bool
	palette             color.Palette
	pixelsAt, stride    int
}

// openBMP reads uncompressed pixels of 1, 4, 8, 24 and 32 bits. RLE, JPEG and PNG
// inside, and colours in masks of other layouts, are not read.
func openBMP(data []byte, whole bool) (opened, error) {
	if err := checkMagic(data, "BMP", magicBMP); err != nil {
		return opened{}, err
	}
	f := &bmpFile{data: data, info: Info{Format: templates.FormatBMP, Orientation: 1}}
	for _, step := range []func() error{f.readHeader, f.readMasks, f.readPalette} {
		if err := step(); err != nil {
			return opened{}, err
		}
	}
	if whole {
		if err := f.checkLength(); err != nil {
			return opened{}, err
		}
	}
	bytesPerPixel := 4
	if f.palette != nil {
		bytesPerPixel = 1
	}
	return opened{info: f.info, sizeAt: 18, cost: f.info.Width * f.info.Height * bytesPerPixel, pixels: f.pixels}, nil
}

func (f *bmpFile) u16(at int) int { return int(binary.LittleEndian.Uint16(f.data[at:])) }
func (f *bmpFile) u32(at int) int { return int(binary.LittleEndian.Uint32(f.data[at:])) }
func (f *bmpFile) i32(at int) int { return int(int32(f.u32(at))) }

func (f *bmpFile) readHeader() error {
	if want := bmpFileHeader + bmpOS2Header; len(f.data) < want {
		return truncated(0, "BMP header", len(f.data), want)
	}
	f.header, f.pixelsAt = f.u32(14), f.u32(10)
	if sizes := []int{bmpOS2Header, bmpInfoHeader, 52, 56, 108, bmpV5Header}; !slices.Contains(sizes, f.header) {
		return templates.BadAt(14, templates.ReasonUnsupported, "BMP information header of", fmt.Sprintf("%d bytes", f.header), fmt.Sprintf("one of %v", sizes))
	}
	if want := bmpFileHeader + f.header; len(f.data) < want {
		return truncated(0, "BMP header", len(f.data), want)
	}
	planesAt, heightAt, height := 26, 22, 0
	if f.header == bmpOS2Header {
		planesAt, heightAt = 22, 20
		f.info.Width, height = f.u16(18), f.u16(20)
	} else {
		f.info.Width, height = f.i32(18), f.i32(22)
		f.compression = f.u32(30)
		f.info.PPIX, f.info.PPIY = ppiFromMetre(float64(max(f.i32(38), 0))), ppiFromMetre(float64(max(f.i32(42), 0)))
	}
	f.info.Height, f.topDown = max(height, -height), height < 0
	if err := checkSize("BMP", f.info.Width, 18, f.info.Height, heightAt); err != nil {
		return err
	}
	if n := f.u16(planesAt); n != 1 {
		return templates.BadAt(planesAt, templates.ReasonOutOfRange, "BMP planes", n, 1)
	}
	f.bits = f.u16(planesAt + 2)
	if !slices.Contains([]int{1, 4, 8, 24, 32}, f.bits) {
		return templates.BadAt(planesAt+2, templates.ReasonUnsupported, "BMP bits of a pixel", f.bits, "1, 4, 8, 24 or 32")
	}
	if f.compression != bmpUncompressed && (f.compression != bmpBitfields || f.bits != 32) {
		return templates.BadAt(30, templates.ReasonUnsupported, "BMP compression", f.compression, "0, none")
	}
	f.stride = (f.info.Width*f.bits + 31) / 32 * 4
	f.info.Bits, f.info.Colour = min(f.bits, 8), true
	return nil
}

// readMasks accepts the order of bytes that pixels without masks have. Alpha counts
// only where a mask of it says so: without, its byte is whatever the writer left.
func (f *bmpFile) readMasks() error {
	if f.compression != bmpBitfields {
		return nil
	}
	if want := bmpMasksAt + 12; len(f.data) < want {
		return truncated(bmpMasksAt, "BMP colour masks", len(f.data)-bmpMasksAt, 12)
	}
	for i, want := range []int{0xff0000, 0xff00, 0xff} {
		if at := bmpMasksAt + 4*i; f.u32(at) != want {
			return templates.BadAt(at, templates.ReasonUnsupported, "BMP colour mask", fmt.Sprintf("%08X", f.u32(at)), fmt.Sprintf("%08X", want))
		}
	}
	if f.header >= bmpAlphaFrom {
		at := bmpMasksAt + 12
		f.alpha = f.u32(at) == 0xff000000
		if !f.alpha && f.u32(at) != 0 {
			return templates.BadAt(at, templates.ReasonUnsupported, "BMP alpha mask", fmt.Sprintf("%08X", f.u32(at)), "FF000000 or 0")
		}
	}
	return nil
}

// readPalette reads the colours and checks where the pixels start.
func (f *bmpFile) readPalette() error {
	at, size, n := bmpFileHeader+f.header, 4, 0
	if f.header == bmpOS2Header {
		size = 3
	} else if f.compression == bmpBitfields && f.header == bmpInfoHeader {
		at += 12 // the masks stand behind this header
	}
	indexed := f.bits <= 8
	if indexed {
		n = 1 << f.bits
		if f.header != bmpOS2Header {
			if used := f.u32(46); used > n {
				return templates.BadAt(46, templates.ReasonOutOfRange, "BMP colours", used, fmt.Sprintf("<= %d", n))
			} else if used > 0 {
				n = used
			}
		}
	}
	if have := len(f.data) - at; have < n*size {
		return truncated(at, "BMP palette", have, n*size)
	}
	if end := at + n*size; f.pixelsAt < end {
		return templates.BadAt(10, templates.ReasonMalformed, "BMP pixels at", fmt.Sprintf("byte %d", f.pixelsAt), fmt.Sprintf(">= %d, behind the palette", end))
	}
	if !indexed {
		return nil
	}
	f.info.Colour = false
	for i := range n {
		c := f.data[at+i*size:]
		f.palette = append(f.palette, color.RGBA{R: c[2], G: c[1], B: c[0], A: 0xff})
		f.info.Colour = f.info.Colour || c[0] != c[1] || c[1] != c[2]
	}
	return nil
}

// checkLength compares the length that the header states with what is there, and the
// pixels with both.
func (f *bmpFile) checkLength() error {
	end := f.u32(2)
	if end == 0 {
		end = f.pixelsAt + f.stride*f.info.Height
	}
	if end > len(f.data) {
		return truncated(2, "BMP", len(f.data), end)
	}
	if end < len(f.data) {
		return trailing(end, "BMP end", len(f.data)-end)
	}
	pixelsEnd := f.pixelsAt + f.stride*f.info.Height
	if pixelsEnd > end {
		return truncated(10, "BMP pixels", end-f.pixelsAt, f.stride*f.info.Height)
	}
	if end-pixelsEnd > bmpPadding && f.header != bmpV5Header { // there a colour profile may follow
		return trailing(pixelsEnd, "BMP pixels", end-pixelsEnd)
	}
	return nil
}

// pixels copies the rows, which are in the file in full: checkLength saw to it.
func (f *bmpFile) pixels() (image.Image, error) {
	r := image.Rect(0, 0, f.info.Width, f.info.Height)
	if f.palette != nil {
		m := image.NewPaletted(r, f.palette)
		for y := range f.info.Height {
			if err := f.indexRow(m.Pix[y*m.Stride:][:f.info.Width], y); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	m := image.NewNRGBA(r)
	visible := !f.alpha
	for y := range f.info.Height {
		row := f.data[f.rowAt(y):]
		for x := range f.info.Width {
			c, p := color.NRGBA{A: 0xff}, row[x*f.bits/8:]
			c.B, c.G, c.R = p[0], p[1], p[2]
			if f.alpha {
				c.A = p[3]
				visible = visible || c.A != 0
			}
			m.SetNRGBA(x, y, c)
		}
	}
	if !visible { // a writer that left the byte 0; white would hide the picture
		return nil, templates.BadAt(f.pixelsAt, templates.ReasonMalformed, "BMP alpha", "is 0 everywhere", "something visible")
	}
	return m, nil
}

// rowAt is where row y, counted from the top, starts.
func (f *bmpFile) rowAt(y int) int {
	if !f.topDown {
		y = f.info.Height - 1 - y
	}
	return f.pixelsAt + y*f.stride
}

// indexRow unpacks the indexes of one row, the highest bits first.
func (f *bmpFile) indexRow(into []uint8, y int) error {
	at := f.rowAt(y)
	mask := uint8(1<<f.bits - 1)
	for x := range into {
		bit := x * f.bits
		into[x] = f.data[at+bit/8] >> (8 - f.bits - bit%8) & mask
		if int(into[x]) >= len(f.palette) {
			return templates.BadAt(at+bit/8, templates.ReasonMalformed, "BMP pixel", "is of a colour behind the palette",
				fmt.Sprintf("one of %d", len(f.palette)))
		}
	}
	return nil
}
