package exchange

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"
	"testing"

	"immis/templates"
)

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// big is v in so many bytes, the highest first; little has the lowest first.
func big(size, v int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[size-1-i] = byte(v >> (8 * i))
	}
	return out
}

func little(size, v int) []byte {
	out := big(size, v)
	slices.Reverse(out)
	return out
}

func chunk(name string, content []byte) []byte {
	out := slices.Concat(big(4, len(content)), []byte(name), content)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// pngFile is a grey PNG of a size with chunks behind its header.
func pngFile(width, height int, chunks ...[]byte) []byte {
	head := slices.Concat(big(4, width), big(4, height), []byte{8, 0, 0, 0, 0})
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head), bytes.Join(chunks, nil), chunk("IEND", nil))
}

func segment(code byte, body ...byte) []byte {
	return slices.Concat([]byte{0xff, code}, big(2, len(body)+2), body)
}

// jpegFile is a grey JPEG: code is that of its frame, c0 baseline or c2 progressive.
func jpegFile(code byte, width, height int, scans ...[]byte) []byte {
	huffman := append([]byte{0, 1}, make([]byte, 16)...)
	second := slices.Clone(huffman)
	second[0] = 0x10
	return slices.Concat([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...), segment(0xc4, append(huffman, second...)...),
		segment(code, slices.Concat([]byte{8}, big(2, height), big(2, width), []byte{1, 1, 0x11, 0})...), bytes.Join(scans, nil), []byte{0xff, 0xd9})
}

func scan(from, to, approximation byte, coded ...byte) []byte {
	return append(segment(0xda, 1, 1, 0, from, to, approximation), coded...)
}

func bmpFile(width, height, bits int, pixels []byte) []byte {
	out := slices.Concat([]byte("BM"), little(4, 54+len(pixels)), little(4, 0), little(4, 54), little(4, 40), little(4, width), little(4, height),
		little(2, 1), little(2, bits), make([]byte, 24), pixels)
	return out
}

// tiffFile is a TIFF with its directory behind the pixels; entries are tag, type,
// count, value, and next is where it says that the next directory is.
func tiffFile(pixels []byte, next int, entries ...[4]int) []byte {
	at := 8 + len(pixels) + len(pixels)%2
	out := slices.Concat([]byte("II*\x00"), little(4, at), pixels, make([]byte, len(pixels)%2), little(2, len(entries)))
	for _, e := range entries {
		size := map[int]int{3: 2}[e[1]]
		if size == 0 || e[2] != 1 {
			size = 4
		}
		out = slices.Concat(out, little(2, e[0]), little(2, e[1]), little(4, e[2]), little(size, e[3]), make([]byte, 4-size))
	}
	return append(out, little(4, next)...)
}

// tiffEntries are those of a grey picture in one strip behind the header.
func tiffEntries(width, height, compression, size int) [][4]int {
	return [][4]int{{256, 4, 1, width}, {257, 4, 1, height}, {258, 3, 1, 8}, {259, 3, 1, compression}, {262, 3, 1, 1}, {273, 4, 1, 8},
		{277, 3, 1, 1}, {278, 4, 1, height}, {279, 4, 1, size}}
}

// codestream is a JPEG 2000 codestream of one tile-part.
type codestream struct {
	width, height, tile, components, layers, levels int
	precincts, packets                              []byte
}

func (c codestream) bytes() []byte {
	if c.tile == 0 {
		c.tile = max(c.width, c.height)
	}
	size := slices.Concat(big(2, 0), big(4, c.width), big(4, c.height), make([]byte, 8), big(4, c.tile), big(4, c.tile), make([]byte, 8), big(2, c.components),
		bytes.Repeat([]byte{7, 1, 1}, c.components))
	style := byte(0)
	if c.precincts != nil {
		style = 1
	}
	coding := slices.Concat([]byte{style, 0}, big(2, c.layers), []byte{0, byte(c.levels), 4, 4, 0, 1}, c.precincts)
	quantization := append([]byte{0x40}, bytes.Repeat([]byte{8 << 3}, 3*c.levels+1)...)
	return slices.Concat([]byte{0xff, 0x4f}, segment(0x51, size...), segment(0x52, coding...), segment(0x5c, quantization...),
		segment(0x90, slices.Concat(big(2, 0), big(4, 14+len(c.packets)), []byte{0, 1})...), []byte{0xff, 0x93}, c.packets, []byte{0xff, 0xd9})
}

func box(name string, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	return slices.Concat(big(4, 8+len(body)), []byte(name), body)
}

func jp2File(c codestream) []byte {
	return slices.Concat(box("jP  ", []byte("\r\n\x87\n")), box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")),
		box("jp2h", box("ihdr", big(4, c.height), big(4, c.width), big(2, c.components), []byte{7, 7, 0, 0}), box("colr", []byte{1, 0, 0}, big(4, 17))),
		box("jp2c", c.bytes()))
}

// resized says another size in a sample of 96 x 80 pixels, wherever both numbers stand
// in 16 bits each, in one order or the other.
func resized(data []byte, width, height int) []byte {
	out := bytes.Clone(data)
	for _, order := range [][4]int{{96, 80, width, height}, {80, 96, height, width}} {
		was, is := slices.Concat(big(2, order[0]), big(2, order[1])), slices.Concat(big(2, order[2]), big(2, order[3]))
		if at := bytes.Index(out, was); at >= 0 {
			copy(out[at:], is)
		}
	}
	return out
}

func imageBombs() []bomb {
	const png, jpg, bm, tif, w, jp2 = templates.FormatPNG, templates.FormatJPEG, templates.FormatBMP, templates.FormatTIFF, templates.FormatWSQ, templates.FormatJP2
	const k32 = 32768
	is := func(data []byte) func(testing.TB) []byte { return func(testing.TB) []byte { return data } }
	later := func(f func() []byte) func(testing.TB) []byte { return func(testing.TB) []byte { return f() } }
	zip := sync.OnceValue(func() []byte { return deflated(make([]byte, 64<<20)) })
	text := func(name, front string) func(testing.TB) []byte {
		return later(func() []byte {
			return pngFile(1, 1, chunk(name, append([]byte(front), zip()...)), chunk("IDAT", deflated(make([]byte, 2))))
		})
	}
	strip := func(compression int, packed []byte) []byte {
		return tiffFile(packed, 0, tiffEntries(64, 64, compression, len(packed))...)
	}
	j2k := func(c codestream) func(testing.TB) []byte { return later(c.bytes) }
	return []bomb{
		{"32k x 32k", png, "OVERSIZED", is(pngFile(k32, k32, chunk("IDAT", deflated(nil))))},
		{"2^31 x 2^31", png, "OVERSIZED", is(pngFile(1<<31-1, 1<<31-1))},
		{"zlib bomb behind the pixels", png, "MALFORMED", later(func() []byte { return pngFile(64, 64, chunk("IDAT", zip())) })},
		{"zlib bomb in iTXt", png, "", text("iTXt", "k\x00\x01\x00\x00\x00")},
		{"zlib bomb in zTXt", png, "", text("zTXt", "k\x00\x00")},
		{"zlib bomb in iCCP", png, "", text("iCCP", "p\x00\x00")},
		{"24 Mi pixels of nothing", png, "TRUNCATED", is(pngFile(6144, 4096, chunk("IDAT", deflated(nil))))},
		{"24 Mi pixels of zeros", png, "", later(func() []byte { return pngFile(6144, 4096, chunk("IDAT", deflated(make([]byte, 6145*4096)))) })},
		{"chunk of 2^32-1", png, "TRUNCATED MALFORMED", is(slices.Concat(pngFile(1, 1)[:33], []byte("\xff\xff\xff\xffIDAT")))},
		{"a million chunks", png, "OVERSIZED", later(func() []byte { return pngFile(1, 1, bytes.Repeat(chunk("teXt", nil), 1<<20)) })},

		{"32k x 32k", jpg, "OVERSIZED", is(jpegFile(0xc0, k32, k32, scan(0, 63, 0, 0)))},
		{"80,000 progressive scans", jpg, "OVERSIZED", later(func() []byte {
			return jpegFile(0xc2, 64, 64, slices.Repeat([][]byte{scan(1, 63, 0x10, 0)}, 80_000)...)
		})},
		{"80,000 scans of 8 Mi pixels", jpg, "OVERSIZED TRUNCATED", later(func() []byte {
			return jpegFile(0xc2, 4096, 2048, slices.Concat([][]byte{scan(0, 0, 0, make([]byte, 1<<17/8)...)}, slices.Repeat([][]byte{scan(1, 63, 0, 0)}, 80_000))...)
		})},
		{"a million comments", jpg, "OVERSIZED", later(func() []byte {
			out := jpegFile(0xc0, 8, 8, scan(0, 63, 0, 0))
			return slices.Concat(out[:2], bytes.Repeat(segment(0xfe), 1<<20), out[2:])
		})},

		{"32k x 32k", bm, "TRUNCATED OVERSIZED", is(bmpFile(k32, k32, 24, nil))},
		{"32k x -32k", bm, "TRUNCATED OVERSIZED", is(bmpFile(k32, -k32, 24, nil))},
		{"2^31 high the wrong way up", bm, "OVERSIZED OUT_OF_RANGE", is(bmpFile(1, -1<<31, 24, nil))},

		{"32k x 32k", tif, "OVERSIZED", is(tiffFile([]byte{0, 0}, 0, tiffEntries(k32, k32, 1, 2)...))},
		{"directory that follows itself", tif, "MALFORMED UNSUPPORTED TRAILING_BYTES", is(tiffFile(make([]byte, 64*64), 8+64*64, tiffEntries(64, 64, 1, 64*64)...))},
		{"directories that follow each other", tif, "MALFORMED UNSUPPORTED", later(func() []byte {
			out := tiffFile(make([]byte, 64*64), 0, tiffEntries(64, 64, 1, 64*64)...)
			first := 8 + 64*64
			copy(out[len(out)-4:], little(4, len(out)))
			return slices.Concat(out, little(2, 1), little(2, 256), little(2, 4), little(4, 1), little(4, 64), little(4, first))
		})},
		{"65,535 strips that are one", tif, "MALFORMED", later(func() []byte {
			packed := deflated(make([]byte, 300))
			at := 8 + len(packed)
			pixels := slices.Concat(packed, bytes.Repeat(little(4, 8), 65535), bytes.Repeat(little(4, len(packed)), 65535))
			return tiffFile(pixels, 0, [][4]int{{256, 4, 1, 300}, {257, 4, 1, 65535}, {258, 3, 1, 8}, {259, 3, 1, 8}, {262, 3, 1, 1},
				{273, 4, 65535, at}, {277, 3, 1, 1}, {278, 4, 1, 1}, {279, 4, 65535, at + 4*65535}}...)
		})},
		{"strips that overlap", tif, "MALFORMED", later(func() []byte {
			pixels := make([]byte, 64*64)
			at := 8 + len(pixels)
			all := slices.Concat(pixels, little(4, 8), little(4, 9), little(4, 64*32), little(4, 64*32))
			return tiffFile(all, 0, [][4]int{{256, 4, 1, 64}, {257, 4, 1, 64}, {258, 3, 1, 8}, {259, 3, 1, 1}, {262, 3, 1, 1},
				{273, 4, 2, at}, {277, 3, 1, 1}, {278, 4, 1, 32}, {279, 4, 2, at + 8}}...)
		})},
		{"deflate bomb", tif, " MALFORMED", later(func() []byte { return strip(8, zip()) })},
		{"LZW bomb", tif, " MALFORMED TRUNCATED", later(func() []byte {
			var out bytes.Buffer
			w := lzw.NewWriter(&out, lzw.MSB, 8)
			w.Write(make([]byte, 32<<20))
			w.Close()
			return strip(5, out.Bytes())
		})},
		{"PackBits bomb", tif, " MALFORMED", later(func() []byte { return strip(32773, bytes.Repeat([]byte{0x81, 0}, 4<<20)) })},
		{"2^32-1 entries of a tag", tif, "MALFORMED TRUNCATED OVERSIZED", is(tiffFile([]byte{0, 0}, 0, [4]int{256, 4, 1<<32 - 1, 8}, [4]int{257, 4, 1, 1}))},

		{"32k x 32k", w, "OVERSIZED", func(t testing.TB) []byte { return resized(samples(t)[w], k32, k32) }},
		{"32k x 32k in 21 bytes", w, "OVERSIZED TRUNCATED", is(slices.Concat([]byte{0xff, 0xa0}, segment(0xa2, slices.Concat([]byte{0, 255}, big(2, k32), big(2, k32), []byte{0, 0, 128, 0, 1, 0, 0, 0, 0})...)))},
		{"24 Mi pixels in a small file", w, "OVERSIZED TRUNCATED MALFORMED WRONG_LENGTH", func(t testing.TB) []byte { return resized(samples(t)[w], 4096, 6144) }},
		{"5 Mi pixels in a small file", w, "OVERSIZED TRUNCATED MALFORMED WRONG_LENGTH", func(t testing.TB) []byte { return resized(samples(t)[w], 2048, 2560) }},
		{"a million comments", w, "OVERSIZED TRUNCATED MALFORMED", later(func() []byte { return append([]byte{0xff, 0xa0}, bytes.Repeat(segment(0xa8), 1<<20)...) })},

		{"32k x 32k", jp2, "OVERSIZED", is(jp2File(codestream{width: k32, height: k32, components: 1, layers: 1, packets: []byte{0}}))},
		{"32k x 32k, bare codestream", jp2, "OVERSIZED", j2k(codestream{width: k32, height: k32, components: 1, layers: 1, packets: []byte{0}})},
		{"16,384 components", jp2, "OVERSIZED UNSUPPORTED OUT_OF_RANGE", j2k(codestream{width: 16, height: 16, components: 16384, layers: 1, packets: []byte{0}})},
		{"65,535 layers in 100 bytes", jp2, "TRUNCATED", j2k(codestream{width: 2000, height: 2000, components: 1, layers: 65535, packets: []byte{0}})},
		{"65,535 layers", jp2, "", j2k(codestream{width: 2000, height: 2000, components: 1, layers: 65535, packets: make([]byte, 65535)})},
		{"2^32 tiles", jp2, "OVERSIZED OUT_OF_RANGE", j2k(codestream{width: 65535, height: 65535, tile: 1, components: 1, layers: 1, packets: []byte{0}})},
		{"65,025 tiles", jp2, "TRUNCATED", j2k(codestream{width: 255, height: 255, tile: 1, components: 1, layers: 1, packets: []byte{0}})},
		{"precincts of 1 in 100 bytes", jp2, "TRUNCATED", j2k(codestream{width: 2000, height: 2000, components: 1, layers: 1, levels: 1, precincts: []byte{0, 0x11}, packets: []byte{0}})},
		{"precincts of 1", jp2, "", j2k(codestream{width: 1000, height: 1000, components: 1, layers: 1, levels: 1, precincts: []byte{0, 0x11}, packets: make([]byte, 500_000)})},
		{"box of 2^64-1", jp2, "MALFORMED TRUNCATED OUT_OF_RANGE WRONG_LENGTH OVERSIZED", later(func() []byte {
			return slices.Concat(box("jP  ", []byte("\r\n\x87\n")), big(4, 1), []byte("ftyp"), bytes.Repeat([]byte{0xff}, 8))
		})},
		{"boxes in boxes", jp2, "MALFORMED TRUNCATED OUT_OF_RANGE WRONG_LENGTH OVERSIZED UNSUPPORTED", later(func() []byte {
			var inner []byte
			for range 2000 {
				inner = box("jp2h", inner)
			}
			return slices.Concat(box("jP  ", []byte("\r\n\x87\n")), box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")), inner)
		})},
	}
}
