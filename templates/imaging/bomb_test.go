package imaging

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
	"time"

	"immis/internal/cost"
	"immis/templates"
)

// What refusing a bomb may allocate; the time is told, not asserted.
const (
	bombBytes = 64 << 20
	bombTime  = 250 * time.Millisecond
)

// allocated is what f allocates in all, freed again or not: an upper bound of by how
// much the heap grows.
func allocated(f func()) (bytes uint64, took time.Duration) {
	runtime.GC()
	bytes = cost.Allocated(1, func() {
		start := time.Now()
		f()
		took = time.Since(start)
	})
	return bytes, took
}

// zeros is a PNG chunk of n zeros compressed.
func zeros(n int) []byte { return pngChunk("IDAT", deflated(make([]byte, n))) }

// bombs are small files that ask for much.
func bombs() map[string]struct {
	format templates.Format
	data   []byte
	want   templates.Reason // "": it is a picture
} {
	type bomb = struct {
		format templates.Format
		data   []byte
		want   templates.Reason
	}
	tables, le := jpegTables(), binary.LittleEndian
	zip := deflated(make([]byte, 64<<20))
	repeat := func(n int, b []byte) []byte { return bytes.Repeat(b, n) }
	dir := func(tags map[int][]uint32) []byte {
		base := map[int][]uint32{tagPhotometric: {1}, tagBits: {8}, tagCompression: {1}, tagSamples: {1}}
		for k, v := range tags {
			base[k] = v
		}
		return appendTIFFDir([]byte(magicTIFFLE+"\x00\x00\x00\x00"), le, base)
	}
	// packed makes a TIFF of one strip of given bytes behind the header.
	packed := func(compression uint32, side int, strip []byte) []byte {
		head := append([]byte(magicTIFFLE+"\x00\x00\x00\x00"), strip...)
		return appendTIFFDir(head, le, map[int][]uint32{tagPhotometric: {1}, tagBits: {8}, tagCompression: {compression}, tagSamples: {1},
			tagWidth: {uint32(side)}, tagHeight: {uint32(side)}, tagRowsPerStrip: {uint32(side)},
			tagStripOffsets: {8}, tagStripBytes: {uint32(len(strip))}})
	}
	sharedValues := func() []byte {
		// The offsets and the sizes of 16 million tiles are the same bytes of the file.
		out := dir(map[int][]uint32{tagWidth: {65535}, tagHeight: {65535}, tagTileWidth: {16}, tagTileHeight: {16},
			tagTileOffsets: {1, 2}, tagTileBytes: {1, 2}})
		at := len(out)
		out = append(out, make([]byte, 16<<20)...)
		d, _ := readTIFFDir(out)
		for _, tag := range []int{tagTileOffsets, tagTileBytes} {
			e := d.find(tag).at
			le.PutUint16(out[e+2:], tiffByte)
			le.PutUint32(out[e+4:], 4096*4096)
			le.PutUint32(out[e+8:], uint32(at))
		}
		return out
	}
	manyScans := func(n int, w, h int) []byte {
		parts := [][]byte{tables, jpegFrame(jpegSOF2, w, h, 1), jpegScan(make([]byte, w*h/512+1), 0, 0, 0x0d, 1)}
		for range n {
			parts = append(parts, jpegScan([]byte{0}, 1, 63, 0, 1))
		}
		return jpegOf(parts...)
	}
	big := pngHead(65535, 65535, 8, pngColourAlpha, 0)
	return map[string]bomb{
		"png: 4 billion pixels":            {templates.FormatPNG, pngOf(big, zeros(100), pngEnd()), templates.ReasonOversized},
		"png: 24 Mi pixels of 8 bytes":     {templates.FormatPNG, pngOf(pngHead(6144, 4096, 16, pngColourAlpha, 0), zeros(100), pngEnd()), templates.ReasonOversized},
		"png: 5 Mi pixels of 8, twice":     {templates.FormatPNG, pngOf(pngHead(2560, 2048, 16, pngColourAlpha, 1), zeros(100), pngEnd()), templates.ReasonOversized},
		"png: 24 Mi pixels in 100 bytes":   {templates.FormatPNG, pngOf(pngHead(6144, 4096, 8, 0, 0), zeros(100), pngEnd()), templates.ReasonTruncated},
		"png: zlib bomb behind the pixels": {templates.FormatPNG, pngOf(pngHead(64, 64, 8, 0, 0), pngChunk("IDAT", zip), pngEnd()), templates.ReasonMalformed},
		"png: zlib bomb in a profile":      {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), pngChunk("iCCP", append([]byte("p\x00\x00"), zip...)), zeros(2), pngEnd()), ""},
		"png: zlib bomb in a text":         {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), pngChunk("zTXt", append([]byte("t\x00\x00"), zip...)), zeros(2), pngEnd()), ""},
		"png: a million chunks":            {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), repeat(1<<20, pngChunk("teXt", nil)), zeros(2), pngEnd()), templates.ReasonOversized},
		"png: 65,000 chunks":               {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), repeat(65000, pngChunk("teXt", nil)), zeros(2), pngEnd()), ""},
		"png: 65,000 empty IDAT":           {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), repeat(65000, pngChunk("IDAT", nil)), zeros(2), pngEnd()), ""},
		"png: a million empty IDAT":        {templates.FormatPNG, pngOf(pngHead(1, 1, 8, 0, 0), repeat(1<<20, pngChunk("IDAT", nil)), zeros(2), pngEnd()), templates.ReasonOversized},
		"png: honest zeros":                {templates.FormatPNG, pngOf(pngHead(6144, 4096, 8, 0, 0), zeros(4096*6145), pngEnd()), ""},

		"jpeg: 4 billion pixels":           {templates.FormatJPEG, jpegOf(tables, jpegFrame(jpegSOF0, 65535, 65535, 3), jpegScan([]byte{0}, 0, 63, 0, 1, 2, 3)), templates.ReasonOversized},
		"jpeg: 24 Mi pixels in a byte":     {templates.FormatJPEG, jpegOf(tables, jpegFrame(jpegSOF0, 6144, 4096, 1), jpegScan([]byte{0}, 0, 63, 0, 1)), templates.ReasonTruncated},
		"jpeg: progressive of 20 Mi":       {templates.FormatJPEG, jpegOf(tables, jpegFrame(jpegSOF2, 5120, 4096, 1), jpegScan(make([]byte, 50000), 0, 0, 0, 1)), templates.ReasonOversized},
		"jpeg: 1,000 scans":                {templates.FormatJPEG, manyScans(1000, 64, 64), templates.ReasonOversized},
		"jpeg: 150 scans of 8 Mi pixels":   {templates.FormatJPEG, manyScans(150, 4096, 2048), templates.ReasonOversized},
		"jpeg: refined over and over":      {templates.FormatJPEG, refinements(3072, 6), ""},
		"jpeg: refined once too often":     {templates.FormatJPEG, refinements(3072, 7), templates.ReasonOversized},
		"jpeg: Huffman tables":             {templates.FormatJPEG, jpegOf(repeat(100000, tables[2+67:]), flatJPEG(8, 8)[2:]), templates.ReasonOversized},
		"jpeg: quantisation tables":        {templates.FormatJPEG, jpegOf(repeat(100000, tables[:2+67]), flatJPEG(8, 8)[2:]), templates.ReasonOversized},
		"jpeg: a million segments":         {templates.FormatJPEG, withSegments(flatJPEG(8, 8), repeat(1<<20, jpegSegment(jpegCOM))), templates.ReasonOversized},
		"jpeg: 16 MiB of fill bytes":       {templates.FormatJPEG, withSegments(flatJPEG(8, 8), repeat(16<<20, []byte{0xff})), templates.ReasonOversized},
		"jpeg: height told after the scan": {templates.FormatJPEG, jpegOf(tables, jpegFrame(jpegSOF0, 65535, 0, 1), jpegScan([]byte{0}, 0, 63, 0, 1)), templates.ReasonOutOfRange},
		"jpeg: EXIF that points to itself": {templates.FormatJPEG, withSegments(flatJPEG(8, 8), jpegSegment(jpegAPP1, []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x08\x00")...)), ""},

		"bmp: 4 billion pixels":          {templates.FormatBMP, bmpSpec{header: 40, width: 65535, height: 65535, bits: 24}.bytes(), templates.ReasonTruncated},
		"bmp: 2^31 wide":                 {templates.FormatBMP, bmpSpec{header: 40, width: 1<<31 - 1, height: 1, bits: 1, palette: greyPalette(2, 4)}.bytes(), templates.ReasonOversized},
		"bmp: one bit for a byte":        {templates.FormatBMP, bmpSpec{header: 40, width: 65535, height: 2048, bits: 1, palette: greyPalette(2, 4), pixels: make([]byte, 8192*2048)}.bytes(), templates.ReasonOversized},
		"tiff: 4 billion pixels":         {templates.FormatTIFF, dir(map[int][]uint32{tagWidth: {65535}, tagHeight: {65535}, tagRowsPerStrip: {65535}, tagStripOffsets: {8}, tagStripBytes: {8}}), templates.ReasonOversized},
		"tiff: 24 Mi pixels in 9 bytes":  {templates.FormatTIFF, packed(tiffDeflate, 4096, deflated(nil)), templates.ReasonTruncated},
		"tiff: a billion values":         {templates.FormatTIFF, dir(map[int][]uint32{tagWidth: slices.Repeat([]uint32{1}, 1<<20), tagHeight: {1}}), templates.ReasonMalformed},
		"tiff: values of 16 Mi tiles":    {templates.FormatTIFF, sharedValues(), templates.ReasonOversized},
		"tiff: zlib bomb":                {templates.FormatTIFF, packed(tiffDeflate, 64, zip), ""},
		"tiff: PackBits bomb":            {templates.FormatTIFF, packed(tiffPackBits, 64, repeat(8<<20, []byte{0x81, 0})), ""},
		"tiff: PackBits of nothing":      {templates.FormatTIFF, packed(tiffPackBits, 64, repeat(16<<20, []byte{0x80})), templates.ReasonTruncated},
		"tiff: LZW of clears":            {templates.FormatTIFF, packed(tiffLZW, 64, repeat(1<<20, []byte{0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00})), templates.ReasonTruncated},
		"tiff: LZW bomb":                 {templates.FormatTIFF, packed(tiffLZW, 64, lzwCompressed(make([]byte, 1<<20))), ""},
		"tiff: strips that are the same": {templates.FormatTIFF, sameStrips(), templates.ReasonMalformed},
		"tiff: huge tiles, few pixels":   {templates.FormatTIFF, hugeTiles(), templates.ReasonOversized},
		"tiff: 65,535 strips":            {templates.FormatTIFF, manyStrips(), ""},
	}
}

// refinements is a square progressive picture whose coefficients are gone through again
// and again, without a change.
func refinements(side, scans int) []byte {
	blocks := side / 8 * side / 8
	parts := [][]byte{jpegTables(), jpegFrame(jpegSOF2, side, side, 1), jpegScan(make([]byte, blocks/8+1), 0, 0, 0, 1)}
	for range scans {
		parts = append(parts, jpegScan(make([]byte, blocks/8+1), 1, 63, 0x10, 1))
	}
	return jpegOf(parts...)
}

// sameStrips is one compressed strip used 65,535 times.
func sameStrips() []byte {
	strip := deflated(make([]byte, 300))
	head := append([]byte(magicTIFFLE+"\x00\x00\x00\x00"), strip...)
	return appendTIFFDir(head, binary.LittleEndian, map[int][]uint32{tagPhotometric: {1}, tagBits: {8}, tagCompression: {tiffDeflate}, tagSamples: {1},
		tagWidth: {300}, tagHeight: {65535}, tagRowsPerStrip: {1}, tagStripOffsets: slices.Repeat([]uint32{8}, 65535),
		tagStripBytes: slices.Repeat([]uint32{uint32(len(strip))}, 65535)})
}

// hugeTiles is a picture one pixel wide in tiles that are 65,520 wide.
func hugeTiles() []byte {
	tile := deflated(make([]byte, 32<<20))
	head := append([]byte(magicTIFFLE+"\x00\x00\x00\x00"), tile...)
	return appendTIFFDir(head, binary.LittleEndian, map[int][]uint32{tagPhotometric: {1}, tagBits: {8}, tagCompression: {tiffDeflate}, tagSamples: {1},
		tagWidth: {1}, tagHeight: {65520}, tagTileWidth: {65520}, tagTileHeight: {65520}, tagTileOffsets: {8}, tagTileBytes: {uint32(len(tile))}})
}

// manyStrips has a strip for each row, each with its own window to decompress: memory
// that is taken anew for each would be gigabytes.
func manyStrips() []byte {
	s := tiffSpec{width: 30, height: 65535, bits: 8, channels: 1, photometric: 1, compression: tiffNone, rows: 1}
	s.samples = make([]uint16, s.width*s.height)
	strip := deflated(make([]byte, s.width))
	head := []byte(magicTIFFLE + "\x00\x00\x00\x00")
	var offsets, sizes []uint32
	for range s.height {
		offsets, sizes = append(offsets, uint32(len(head))), append(sizes, uint32(len(strip)))
		head = append(head, strip...)
	}
	return appendTIFFDir(head, binary.LittleEndian, map[int][]uint32{tagPhotometric: {1}, tagBits: {8}, tagCompression: {tiffDeflate}, tagSamples: {1},
		tagWidth: {30}, tagHeight: {65535}, tagRowsPerStrip: {1}, tagStripOffsets: offsets, tagStripBytes: sizes})
}

// TestBombs: small files that ask for much cost little, and the error says why.
func TestBombs(t *testing.T) {
	all := bombs()
	if len(all) < 30 {
		t.Fatalf("%d bombs", len(all))
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := all[name]
		for _, way := range []struct {
			name string
			run  func() error
		}{
			{"grey", func() error { _, err := Decode(c.format, c.data, Options{}); return err }},
			{"picture", func() error { _, _, err := DecodePicture(c.format, c.data, Limits{}); return err }},
		} {
			var err error
			bytes, took := allocated(func() { err = way.run() })
			if reasonOf(t, err) != c.want {
				t.Errorf("%s as %s: %v, want %q", name, way.name, err, c.want)
			}
			slow := ""
			if took > bombTime {
				slow = ", SLOW"
			}
			t.Logf("%-34s %-7s %9d bytes: %6.1f MiB, %v%s", name, way.name, len(c.data), float64(bytes)/(1<<20), took.Round(time.Millisecond), slow)
			if bytes > bombBytes {
				t.Errorf("%s as %s: %d bytes allocated, want <= %d", name, way.name, bytes, bombBytes)
			}
		}
	}
}

// TestLimits: the caller's bounds count, and the most that the default lets through
// stays below them.
func TestLimits(t *testing.T) {
	data := encodedPNG(t, noise(1, 100, 50))
	for _, c := range []struct {
		o    Options
		want templates.Reason
	}{{Options{}, ""}, {Options{MaxPixels: 5000, MaxBytes: 5000}, ""}, {Options{MaxPixels: 4999}, templates.ReasonOversized}, {Options{MaxBytes: 4999}, templates.ReasonOversized}} {
		if _, err := Decode(templates.FormatPNG, data, c.o); reasonOf(t, err) != c.want {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
		if _, _, err := DecodePicture(templates.FormatPNG, data, Limits{c.o.MaxPixels, c.o.MaxBytes}); reasonOf(t, err) != c.want {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	interlacedBytes := (&pngFile{info: Info{Width: 4096, Height: 4096, Bits: 8}, interlaced: true}).filteredBytes()
	for name, c := range map[string]struct {
		format templates.Format
		data   []byte
	}{
		"rgba of 16 bits":       {templates.FormatPNG, pngOf(pngHead(2048, 2560, 16, pngColourAlpha, 0), zeros(2560*(1+8*2048)), pngEnd())},
		"interlaced":            {templates.FormatPNG, pngOf(pngHead(4096, 4096, 8, pngGrey, 1), zeros(interlacedBytes), pngEnd())},
		"grey of 24 Mi":         {templates.FormatJPEG, flatJPEG(4096, 6144)},
		"progressive of 9.4 Mi": {templates.FormatJPEG, jpegOf(jpegTables(), jpegFrame(jpegSOF2, 3072, 3072, 1), jpegScan(make([]byte, 3072*3072/512+1), 0, 0, 0, 1))},
		"colour of 12 Mi":       {templates.FormatJPEG, jpegOf(jpegTables(), jpegFrame(jpegSOF0, 4096, 3072, 3), jpegScan(make([]byte, 4096*3072*3/256+1), 0, 63, 0, 1, 2, 3))},
	} {
		var err error
		bytes, took := allocated(func() { _, err = Decode(c.format, c.data, Options{}) })
		if err != nil || bytes > DefaultMaxBytes+1<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, bytes, err)
		}
		t.Logf("%-22s %6.1f MiB, %v", name, float64(bytes)/(1<<20), took.Round(time.Millisecond))
	}
}
