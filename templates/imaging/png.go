package imaging

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"immis/templates"
)

// Chunks of PNG that are looked at (PNG specification, third edition, clause 11).
const (
	chunkHeader       = "IHDR"
	chunkPalette      = "PLTE"
	chunkData         = "IDAT"
	chunkEnd          = "IEND"
	chunkTransparency = "tRNS"
	chunkResolution   = "pHYs"
	chunkAnimation    = "acTL"

	chunkOverhead = 12 // length, name and checksum around the content

	// pngMaxChunks bounds the time that chunks without content take.
	pngMaxChunks = 1 << 16
)

// Colour types of IHDR.
const (
	pngGrey        = 0
	pngTruecolour  = 2
	pngPalette     = 3
	pngGreyAlpha   = 4
	pngColourAlpha = 6
)

// deflateRatio is the most that deflate compresses (RFC 1951: 258 bytes in 2 bits):
// less data than that cannot hold the pixels, and nothing is allocated for it.
const deflateRatio = 1032

// pngFile is what the chunks of a PNG say.
type pngFile struct {
	data         []byte
	info         Info
	colourType   int
	interlaced   bool
	palette      int // entries
	transparency bool
	// dataAt is where the first chunk of pixels stands, dataBytes what all hold.
	dataAt, dataBytes int
	// needed are the parts of the file that image/png gets to see: it allocates 4 KiB
	// for every chunk it passes by.
	needed [][]byte
	chunks int
}

// openPNG walks the chunks: their order, lengths and checksums, one picture, nothing
// behind the end. The chunks of text, profiles and the like are passed by, never
// inflated. The pixels are read by package image/png.
func openPNG(data []byte, whole bool) (opened, error) {
	if err := checkMagic(data, "PNG", magicPNG); err != nil {
		return opened{}, err
	}
	f := &pngFile{data: data, info: Info{Format: templates.FormatPNG, Orientation: 1}}
	last := ""
	for at := len(magicPNG); last != chunkEnd; {
		name, content, err := chunk(data, at)
		if err != nil {
			return opened{}, err
		}
		if last == "" && name != chunkHeader {
			return opened{}, templates.BadAt(at, templates.ReasonMalformed, "first PNG chunk", fmt.Sprintf("%q", name), chunkHeader)
		}
		if name == chunkData && !whole {
			f.dataAt = at
			break
		}
		if err := f.read(name, last, content, at); err != nil {
			return opened{}, err
		}
		if f.chunks++; f.chunks > pngMaxChunks {
			return opened{}, templates.BadAt(at, templates.ReasonOversized, "PNG chunks", f.chunks, fmt.Sprintf("<= %d", pngMaxChunks))
		}
		f.need(name, last, at, chunkOverhead+len(content))
		last = name
		at += chunkOverhead + len(content)
		if name == chunkEnd && at != len(data) {
			return opened{}, trailing(at, "PNG end", len(data)-at)
		}
	}
	if f.dataAt == 0 {
		return opened{}, templates.BadAt(len(data), templates.ReasonMalformed, "PNG", "ends without pixels", "a chunk "+chunkData)
	}
	if f.colourType == pngPalette && f.palette == 0 {
		return opened{}, templates.BadAt(f.dataAt, templates.ReasonMalformed, "PNG pixels", "come before their palette", "a chunk "+chunkPalette)
	}
	w, h := f.info.Width, f.info.Height
	cost := w * h * f.pixelBytes()
	if f.interlaced {
		cost *= 2 // the seven passes have as many pixels again
	}
	grey := f.pixelBytes() == 1 && f.colourType == pngGrey
	return opened{info: f.info, sizeAt: len(magicPNG) + 8, cost: cost, grey: grey, pixels: f.pixels}, nil
}

// need keeps a chunk for image/png; chunks of pixels follow each other and are kept as
// one part.
func (f *pngFile) need(name, last string, at, size int) {
	if name[0] < 'A' || name[0] > 'Z' {
		if name != chunkTransparency {
			return
		}
	}
	part := f.data[at : at+size]
	if n := len(f.needed); name == chunkData && last == chunkData {
		before := f.needed[n-1]
		f.needed[n-1] = before[:len(before)+size]
		return
	}
	f.needed = append(f.needed, part)
}

// chunk cuts one chunk out of the file.
func chunk(data []byte, at int) (name string, content []byte, err error) {
	left := len(data) - at
	if left < chunkOverhead {
		return "", nil, truncated(at, "PNG chunk", left, chunkOverhead)
	}
	n := int(binary.BigEndian.Uint32(data[at:]))
	if n > left-chunkOverhead {
		return "", nil, truncated(at, "PNG chunk", left, chunkOverhead+n)
	}
	for _, c := range data[at+4 : at+8] {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", nil, templates.BadAt(at+4, templates.ReasonMalformed, "PNG chunk name", fmt.Sprintf("has byte %#02x", c), "four letters")
		}
	}
	end := at + 8 + n
	if got, want := crc32.ChecksumIEEE(data[at+4:end]), binary.BigEndian.Uint32(data[end:]); got != want {
		return "", nil, templates.BadAt(end, templates.ReasonMalformed, "PNG chunk checksum", fmt.Sprintf("%08x", want), fmt.Sprintf("%08x", got))
	}
	return string(data[at+4 : at+8]), data[at+8 : end], nil
}

// read takes what one chunk says; last is the name of the one before.
func (f *pngFile) read(name, last string, content []byte, at int) error {
	bad := func(got, want string) error {
		return templates.BadAt(at, templates.ReasonMalformed, "PNG chunk "+name, got, want)
	}
	switch name {
	case chunkHeader:
		if last != "" {
			return bad("comes again", "one")
		}
		return f.header(content, at)
	case chunkPalette:
		if f.palette != 0 {
			return bad("comes again", "one")
		}
		f.palette = len(content) / 3
		if f.dataAt != 0 || len(content)%3 != 0 || f.palette < 1 || f.palette > 256 {
			return bad(fmt.Sprintf("of %d bytes", len(content)), "1..256 colours of 3 bytes, before the pixels")
		}
		if f.colourType == pngPalette {
			f.info.Colour = false
			for i := 0; i < len(content); i += 3 {
				f.info.Colour = f.info.Colour || content[i] != content[i+1] || content[i+1] != content[i+2]
			}
		}
	case chunkTransparency:
		if f.dataAt != 0 || f.transparency {
			return bad("comes after the pixels or again", "one before them")
		}
		f.transparency = true
	case chunkResolution:
		return f.resolution(content, at)
	case chunkData:
		if f.dataAt != 0 && last != chunkData {
			return bad("comes after a chunk "+last, "all pixels together")
		}
		if f.dataAt == 0 {
			f.dataAt = at
		}
		f.dataBytes += len(content)
	case chunkEnd:
		if len(content) != 0 {
			return bad(fmt.Sprintf("of %d bytes", len(content)), "0 bytes")
		}
	case chunkAnimation:
		return templates.BadAt(at, templates.ReasonUnsupported, "PNG", "is animated", "one picture")
	default:
		if name[0] >= 'A' && name[0] <= 'Z' { // critical: must be understood
			return templates.BadAt(at, templates.ReasonUnsupported, "PNG chunk", fmt.Sprintf("%q", name), "the critical chunks of the standard")
		}
	}
	return nil
}

func (f *pngFile) header(content []byte, at int) error {
	body := at + 8
	if len(content) != 13 {
		return templates.BadAt(at, templates.ReasonMalformed, "PNG header of", fmt.Sprintf("%d bytes", len(content)), "13")
	}
	f.info.Width = int(binary.BigEndian.Uint32(content))
	f.info.Height = int(binary.BigEndian.Uint32(content[4:]))
	if err := checkSize("PNG", f.info.Width, body, f.info.Height, body+4); err != nil {
		return err
	}
	f.info.Bits, f.colourType = int(content[8]), int(content[9])
	f.info.Colour = f.colourType&pngTruecolour != 0
	var depths string
	switch f.colourType {
	case pngGrey:
		depths = "\x01\x02\x04\x08\x10"
	case pngPalette:
		depths = "\x01\x02\x04\x08"
	case pngTruecolour, pngGreyAlpha, pngColourAlpha:
		depths = "\x08\x10"
	}
	if bytes.IndexByte([]byte(depths), content[8]) < 0 {
		return templates.BadAt(body+8, templates.ReasonOutOfRange, "PNG bit depth and colour type",
			fmt.Sprintf("%d and %d", content[8], content[9]), "a pair of the standard")
	}
	for i, limit := range []byte{0, 0, 1} {
		if v := content[10+i]; v > limit {
			return templates.BadAt(body+10+i, templates.ReasonOutOfRange, "PNG "+[]string{"compression", "filter", "interlace"}[i]+" method", v,
				fmt.Sprintf("<= %d", limit))
		}
	}
	f.interlaced = content[12] == 1
	return nil
}

// resolution reads pHYs. Unit 0 states the shape of the pixels only: square pixels
// say nothing, others are kept as the resolution that cannot be.
func (f *pngFile) resolution(content []byte, at int) error {
	if len(content) != 9 || content[8] > 1 {
		return templates.BadAt(at, templates.ReasonMalformed, "PNG resolution of", fmt.Sprintf("%d bytes", len(content)), "9 bytes and unit 0 or 1")
	}
	x, y := float64(binary.BigEndian.Uint32(content)), float64(binary.BigEndian.Uint32(content[4:]))
	if content[8] == 1 {
		f.info.PPIX, f.info.PPIY = ppiFromMetre(x), ppiFromMetre(y)
	} else {
		f.info.PPIX, f.info.PPIY = aspectOnly(x, y)
	}
	return nil
}
