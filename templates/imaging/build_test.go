package imaging

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
)

// The tests make their own files: those of the encoders of the library, and those
// that no encoder makes.

func encodedPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// pngChunk is one chunk with its checksum.
func pngChunk(name string, content []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	out = append(append(out, name...), content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func pngOf(chunks ...[]byte) []byte {
	return append([]byte(magicPNG), bytes.Join(chunks, nil)...)
}

func pngHead(w, h, bits, colourType, interlace int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(w))
	b = binary.BigEndian.AppendUint32(b, uint32(h))
	return pngChunk("IHDR", append(b, byte(bits), byte(colourType), 0, 0, byte(interlace)))
}

func pngPHYs(x, y uint32, unit byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, x)
	return pngChunk("pHYs", append(binary.BigEndian.AppendUint32(b, y), unit))
}

func pngEnd() []byte { return pngChunk("IEND", nil) }

// pngRows packs samples (w*h*channels of them) as the pixels of a PNG, unfiltered.
func pngRows(w, h, bits, channels int, interlaced bool, samples []uint16) []byte {
	passes := [][4]int{{0, 0, 1, 1}}
	if interlaced {
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var raw []byte
	for _, p := range passes {
		for y := p[1]; y < h && p[0] < w; y += p[3] {
			var row []uint16
			for x := p[0]; x < w; x += p[2] {
				row = append(row, samples[(y*w+x)*channels:][:channels]...)
			}
			raw = append(append(raw, 0), packed(row, bits, binary.BigEndian)...)
		}
	}
	return pngChunk("IDAT", deflated(raw))
}

// packed puts samples into bytes, the highest bits first.
func packed(samples []uint16, bits int, order binary.ByteOrder) []byte {
	out := make([]byte, (len(samples)*bits+7)/8)
	for i, v := range samples {
		switch {
		case bits == 16:
			order.PutUint16(out[2*i:], v)
		default:
			out[i*bits/8] |= byte(v << (8 - bits - i*bits%8))
		}
	}
	return out
}

// jpegSegment is one marker with its length.
func jpegSegment(code byte, body ...byte) []byte {
	return append([]byte{0xff, code, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

func jpegOf(parts ...[]byte) []byte {
	return slices.Concat([]byte{0xff, jpegSOI}, bytes.Join(parts, nil), []byte{0xff, jpegEOI})
}

// jpegFrame is a frame of one or three components without subsampling.
func jpegFrame(code byte, w, h, components int) []byte {
	body := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(components)}
	for i := range components {
		body = append(body, byte(i+1), 0x11, 0)
	}
	return jpegSegment(code, body...)
}

// jpegTables define one quantisation table and Huffman tables of one code: a bit 0
// means no difference, and the end of a block.
func jpegTables() []byte {
	huffman := append([]byte{0, 1}, make([]byte, 16)...)
	second := slices.Clone(huffman)
	second[0] = 0x10
	return slices.Concat(jpegSegment(jpegDQT, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...),
		jpegSegment(jpegDHT, append(huffman, second...)...))
}

// jpegScan is a scan of some components with coded bytes.
func jpegScan(coded []byte, from, to, approximation byte, components ...byte) []byte {
	body := []byte{byte(len(components))}
	for _, c := range components {
		body = append(body, c, 0)
	}
	return append(jpegSegment(jpegSOS, append(body, from, to, approximation)...), coded...)
}

// flatJPEG is a grey picture without any structure, 128 everywhere.
func flatJPEG(w, h int) []byte {
	blocks := (w + 7) / 8 * ((h + 7) / 8)
	return jpegOf(jpegTables(), jpegFrame(jpegSOF0, w, h, 1), jpegScan(make([]byte, blocks/4+1), 0, 63, 0, 1))
}

// bmpSpec is a BMP to make; pixels are the stored rows, bottom up.
type bmpSpec struct {
	header, width, height, bits, compression, ppm, used int
	masks, palette, pixels                              []byte
}

func (s bmpSpec) bytes() []byte {
	le := binary.LittleEndian
	b := append([]byte("BM"), make([]byte, 12)...)
	b = le.AppendUint32(b, uint32(s.header))
	if s.header == bmpOS2Header {
		for _, v := range []int{s.width, s.height, 1, s.bits} {
			b = le.AppendUint16(b, uint16(v))
		}
	} else {
		b = le.AppendUint32(b, uint32(int32(s.width)))
		b = le.AppendUint32(b, uint32(int32(s.height)))
		b = le.AppendUint16(b, 1)
		b = le.AppendUint16(b, uint16(s.bits))
		for _, v := range []int{s.compression, 0, s.ppm, s.ppm, s.used, 0} {
			b = le.AppendUint32(b, uint32(v))
		}
		b = append(b, s.masks...)
		if pad := bmpFileHeader + s.header - len(b); pad > 0 {
			b = append(b, make([]byte, pad)...)
		}
	}
	b = append(b, s.palette...)
	le.PutUint32(b[10:], uint32(len(b)))
	b = append(b, s.pixels...)
	le.PutUint32(b[2:], uint32(len(b)))
	return b
}

// greyPalette is n greys from black to white in entries of some bytes.
func greyPalette(n, size int) []byte {
	var out []byte
	for i := range n {
		v := byte(i * 255 / (n - 1))
		out = append(out, []byte{v, v, v, 0}[:size]...)
	}
	return out
}

// tiffSpec is a TIFF to make. samples are width*height*channels; rows is that of a
// strip, tile the side of a tile, 0 for strips.
type tiffSpec struct {
	big                                 bool
	width, height, bits, channels       int
	photometric, compression, predictor int
	rows, tile, extra, orientation      int
	unit                                int
	ppi                                 [4]uint32 // two fractions
	palette                             []uint16
	samples                             []uint16
	more                                map[int][]uint32 // other tags, as LONG
}

func (s tiffSpec) order() binary.ByteOrder {
	if s.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// block packs, predicts and compresses the pixels of a strip or tile.
func (s tiffSpec) block(x0, y0, w, h int) []byte {
	var out []byte
	for y := y0; y < y0+h; y++ {
		row := make([]uint16, w*s.channels)
		if y < s.height {
			copy(row, s.samples[(y*s.width+x0)*s.channels:][:min(w, s.width-x0)*s.channels])
		}
		if s.predictor == 2 {
			for i := len(row) - 1; i >= s.channels; i-- {
				row[i] = (row[i] - row[i-s.channels]) & uint16(1<<s.bits-1)
			}
		}
		out = append(out, packed(row, s.bits, s.order())...)
	}
	switch s.compression {
	case tiffLZW:
		return lzwCompressed(out)
	case tiffDeflate, tiffDeflateOld:
		return deflated(out)
	case tiffPackBits:
		return packBitsCompressed(out)
	}
	return out
}

func (s tiffSpec) bytes() []byte {
	order := s.order()
	out := []byte(magicTIFFLE + "\x00\x00\x00\x00")
	if s.big {
		out = []byte(magicTIFFBE + "\x00\x00\x00\x00")
	}
	var offsets, sizes []uint32
	add := func(b []byte) {
		offsets, sizes = append(offsets, uint32(len(out))), append(sizes, uint32(len(b)))
		out = append(out, b...)
	}
	tags := map[int][]uint32{
		tagWidth: {uint32(s.width)}, tagHeight: {uint32(s.height)}, tagPhotometric: {uint32(s.photometric)},
		tagCompression: {uint32(s.compression)}, tagSamples: {uint32(s.channels)},
	}
	for range s.channels {
		tags[tagBits] = append(tags[tagBits], uint32(s.bits))
	}
	if s.tile > 0 {
		for y := 0; y < s.height; y += s.tile {
			for x := 0; x < s.width; x += s.tile {
				add(s.block(x, y, s.tile, s.tile))
			}
		}
		tags[tagTileWidth], tags[tagTileHeight] = []uint32{uint32(s.tile)}, []uint32{uint32(s.tile)}
		tags[tagTileOffsets], tags[tagTileBytes] = offsets, sizes
	} else {
		for y := 0; y < s.height; y += s.rows {
			add(s.block(0, y, s.width, min(s.rows, s.height-y)))
		}
		tags[tagRowsPerStrip] = []uint32{uint32(s.rows)}
		tags[tagStripOffsets], tags[tagStripBytes] = offsets, sizes
	}
	if s.predictor != 0 {
		tags[tagPredictor] = []uint32{uint32(s.predictor)}
	}
	if s.channels == 2 || s.channels == 4 {
		tags[tagExtraSamples] = []uint32{uint32(s.extra)}
	}
	if s.unit != 0 {
		tags[tagResolutionUnit] = []uint32{uint32(s.unit)}
	}
	if s.orientation != 0 {
		tags[tagOrientation] = []uint32{uint32(s.orientation)}
	}
	for _, v := range s.palette {
		tags[tagColourMap] = append(tags[tagColourMap], uint32(v))
	}
	for tag, v := range s.more {
		tags[tag] = v
	}
	if s.ppi[1] != 0 {
		tags[tagResolutionX], tags[tagResolutionY] = s.ppi[:2], s.ppi[2:]
	}
	return appendTIFFDir(out, order, tags)
}

// appendTIFFDir appends a directory and its values, and points the header to it.
// Numbers are LONG, but for colours and bits (SHORT) and resolutions (RATIONAL).
func appendTIFFDir(out []byte, order binary.ByteOrder, tags map[int][]uint32) []byte {
	var names []int
	for tag := range tags {
		names = append(names, tag)
	}
	slices.Sort(names)
	if len(out)%2 != 0 {
		out = append(out, 0)
	}
	order.PutUint32(out[4:], uint32(len(out)))
	dir := make([]byte, 2+12*len(names)+4)
	order.PutUint16(dir, uint16(len(names)))
	valuesAt := len(out) + len(dir)
	var values []byte
	for i, tag := range names {
		kind, count := tiffLong, len(tags[tag])
		var b []byte
		for _, v := range tags[tag] {
			switch tag {
			case tagColourMap, tagBits, tagExtraSamples, tagSampleFormat, tagOrientation, tagPhotometric:
				kind = tiffShort
				b = append(b, 0, 0)
				order.PutUint16(b[len(b)-2:], uint16(v))
			default:
				b = append(b, 0, 0, 0, 0)
				order.PutUint32(b[len(b)-4:], v)
			}
		}
		if tag == tagResolutionX || tag == tagResolutionY {
			kind, count = tiffRational, 1
		}
		e := dir[2+12*i:]
		order.PutUint16(e, uint16(tag))
		order.PutUint16(e[2:], uint16(kind))
		order.PutUint32(e[4:], uint32(count))
		if len(b) <= 4 {
			copy(e[8:], b)
		} else {
			order.PutUint32(e[8:], uint32(valuesAt+len(values)))
			values = append(values, b...)
		}
	}
	return append(append(out, dir...), values...)
}

// packBitsCompressed mixes runs and literals.
func packBitsCompressed(data []byte) []byte {
	var out []byte
	for len(data) > 0 {
		n := 1
		for n < len(data) && n < 128 && data[n] == data[0] {
			n++
		}
		if n > 1 {
			out = append(out, byte(1-n), data[0])
		} else {
			for n < len(data) && n < 128 && data[n] != data[n-1] {
				n++
			}
			out = append(append(out, byte(n-1)), data[:n]...)
		}
		data = data[n:]
	}
	return append(out, 0x80) // no operation
}

// lzwCompressed is a plain encoder with a map of texts.
func lzwCompressed(data []byte) []byte {
	var out []byte
	acc, bits, width := uint64(0), 0, 9
	put := func(code int) {
		acc = acc<<width | uint64(code)
		for bits += width; bits >= 8; bits -= 8 {
			out = append(out, byte(acc>>(bits-8)))
		}
		acc &= 1<<bits - 1
	}
	var codes map[string]int
	next := 0
	clear := func() {
		put(lzwClear)
		codes, next, width = map[string]int{}, lzwFirst, 9
		for i := range 256 {
			codes[string([]byte{byte(i)})] = i
		}
	}
	clear()
	text := ""
	for _, b := range data {
		longer := text + string([]byte{b})
		if _, ok := codes[longer]; ok {
			text = longer
			continue
		}
		put(codes[text])
		codes[longer] = next
		if next++; next == 1<<width && width < 12 {
			width++
		}
		if next == 4095 {
			clear()
		}
		text = string([]byte{b})
	}
	if text != "" {
		put(codes[text])
		if next+1 == 1<<width && width < 12 {
			width++
		}
	}
	put(lzwEnd)
	if bits > 0 {
		out = append(out, byte(acc<<(8-bits)))
	}
	return out
}
