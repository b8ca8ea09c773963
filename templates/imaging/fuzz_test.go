package imaging

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"slices"
	"testing"

	"immis/internal/cost"
	"immis/templates"
)

// fuzzLimits keep a picture small, so that many are tried.
const fuzzPixels = 1 << 16

// seeds are small files of every format and kind, good and bad.
func seeds(t testing.TB) (good, bad [][]byte) {
	grey, colour := noise(1, 17, 9), colours(1, 17, 9, true)
	good = [][]byte{
		smallPNG(), encodedPNG(t, grey), encodedPNG(t, colour),
		pngOf(pngHead(9, 9, 1, 0, 1), pngRows(9, 9, 1, 1, true, make([]uint16, 81)), pngEnd()),
		pngOf(pngHead(2, 2, 2, 3, 0), pngChunk("PLTE", make([]byte, 12)), pngChunk("tRNS", []byte{1}), pngRows(2, 2, 2, 1, false, []uint16{0, 1, 2, 3}), pngEnd()),
		encodedJPEG(t, grey), encodedJPEG(t, colour), flatJPEG(20, 30),
		withSegments(flatJPEG(8, 8), jpegDensity(1, 500, 500), jpegEXIF(true, map[int][]uint32{tagOrientation: {1}})),
		jpegOf(jpegTables(), jpegFrame(jpegSOF2, 16, 16, 1), jpegScan(make([]byte, 8), 0, 0, 0x01, 1), jpegScan(make([]byte, 8), 1, 63, 0, 1)),
	}
	for _, bits := range []int{1, 4, 8, 24, 32} {
		good = append(good, bmpNoise(bmpInfoHeader, 9, 3, bits).bytes())
	}
	for _, compression := range []int{tiffNone, tiffLZW, tiffDeflate, tiffPackBits} {
		for _, tile := range []int{0, 16} {
			s := tiffNoise(11, 7, 8, 1, tiffBlackIsZero)
			s.compression, s.tile, s.rows = compression, tile, 3
			good = append(good, s.bytes())
		}
	}
	good = append(good, tiffNoise(5, 3, 4, 1, tiffPalette).bytes(), tiffNoise(5, 3, 16, 3, tiffRGB).bytes())
	for _, g := range good[:10] {
		bad = append(bad, g[:len(g)/2], append(bytes.Clone(g), 0))
	}
	tables := jpegTables()
	strip := tiffNoise(11, 7, 8, 1, tiffBlackIsZero)
	strip.compression, strip.rows = tiffLZW, 7
	for tag, v := range map[int]uint32{tagStripOffsets: 4, tagStripBytes: 3, tagHeight: 8, tagWidth: 1 << 30, tagRowsPerStrip: 1} {
		strip.more = map[int][]uint32{tag: {v}}
		bad = append(bad, strip.bytes())
	}
	bad = append(bad,
		pngOf(pngHead(6144, 4096, 8, 0, 0), zeros(100), pngEnd()),
		pngOf(pngHead(60, 40, 8, 0, 1), zeros(100), pngEnd()),
		jpegOf(tables, jpegFrame(jpegSOF0, 6144, 4096, 1), jpegScan([]byte{0}, 0, 63, 0, 1)),
		jpegOf(tables, jpegFrame(jpegSOF2, 16, 16, 3), jpegScan(make([]byte, 8), 0, 0, 0, 1, 2)),
		bmpSpec{header: 40, width: 65535, height: 65535, bits: 24}.bytes())
	slices.SortFunc(bad, bytes.Compare) // a map has no order
	return good, bad
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := seeds(t)
	for i, data := range good {
		if _, _, err := DecodePicture(Sniff(data), data, Limits{}); err != nil {
			t.Errorf("good seed %d: %v", i, err)
		}
	}
	for i, data := range bad {
		if _, _, err := DecodePicture(Sniff(data), data, Limits{}); reasonOf(t, err) == "" {
			t.Errorf("bad seed %d is a picture", i)
		}
	}
	if len(good) < 20 || len(bad) < 25 {
		t.Errorf("%d good and %d bad seeds, want >= 20 and >= 25", len(good), len(bad))
	}
}

// withChecksums puts right the checksums of chunks, which no mutation would.
func withChecksums(data []byte) []byte {
	data = bytes.Clone(data)
	for at := len(magicPNG); len(data)-at >= chunkOverhead; {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if n > len(data)-at-chunkOverhead {
			break
		}
		binary.BigEndian.PutUint32(data[at+8+n:], crc32.ChecksumIEEE(data[at+4:at+8+n]))
		at += chunkOverhead + n
	}
	return data
}

// FuzzDecode: whatever decodes has the size its header says, comes out the same the
// second time and by way of the colours, and survives being written as PNG.
func FuzzDecode(f *testing.F) {
	good, bad := seeds(f)
	for _, data := range append(good, bad...) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		format := Sniff(data)
		if format == templates.FormatWSQ || format == templates.FormatJP2 || len(data) > 1<<16 {
			return // they have targets of their own
		}
		if format == templates.FormatPNG {
			data = withChecksums(data)
		}
		info, inspectErr := Inspect(format, data)
		var m *Image
		var err error
		cost.Bounded(t, 64*fuzzPixels+64*len(data), func() { m, err = Decode(format, data, Options{MaxPixels: fuzzPixels}) })
		picture, again, pictureErr := DecodePicture(format, data, Limits{MaxPixels: fuzzPixels})
		reasonOf(t, inspectErr)
		reasonOf(t, pictureErr)
		if pictureErr == nil {
			if inspectErr != nil || again.Width*again.Height > fuzzPixels || picture.Bounds() != image.Rect(0, 0, again.Width, again.Height) {
				t.Fatalf("picture %v, header %+v, %v", picture.Bounds(), again, inspectErr)
			}
			if format != templates.FormatJPEG && again != info { // a JPEG may state more behind its frame
				t.Fatalf("header %+v, then %+v", info, again)
			}
		}
		if err != nil {
			if r := reasonOf(t, err); pictureErr == nil && r != templates.ReasonResolution && r != templates.ReasonUnsupported && r != templates.ReasonOversized {
				t.Fatalf("a picture, but not grey: %v", err)
			}
			return
		}
		if pictureErr != nil || m.Width != again.Width || m.Height != again.Height || len(m.Pix) != m.Width*m.Height {
			t.Fatalf("%d x %d, picture %+v, %v", m.Width, m.Height, again, pictureErr)
		}
		if !bytes.Equal(grey(picture).Pix, m.Pix) {
			t.Fatal("the second reading has other pixels")
		}
		written, err := EncodePNG(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(templates.FormatPNG, written, Options{})
		if err != nil || !bytes.Equal(back.Pix, m.Pix) {
			t.Fatalf("read back: %v", err)
		}
		if m.PPI == 0 {
			return
		}
		if d := back.PPI - m.PPI; d > 0.02 || d < -0.02 {
			t.Fatalf("%g ppi, read back %g", m.PPI, back.PPI)
		}
	})
}

// FuzzLZW: what the test's encoder writes is read back, whatever the rows.
func FuzzLZW(f *testing.F) {
	f.Add([]byte("aaaaaaaaaabababab"), uint8(3))
	f.Add([]byte{}, uint8(1))
	f.Add(noise(1, 70, 70).Pix, uint8(200))
	f.Fuzz(func(t *testing.T, text []byte, row uint8) {
		if len(text) > 8192 {
			return
		}
		u := newUnpacker(tiffLZW)
		if err := u.reset(lzwCompressed(text)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		for left := got; len(left) > 0; {
			n := min(int(row)+1, len(left))
			if err := u.read(left[:n]); err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
		if !bytes.Equal(got, text) {
			t.Fatal("another text")
		}
	})
}

// FuzzResample: sizes and levels are within bounds, and a second run gives the same.
func FuzzResample(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6}, uint8(3), 500.0, 508.0)
	f.Add([]byte{0, 255}, uint8(1), 100.0, 2000.0)
	f.Add([]byte{0, 255, 7, 9}, uint8(2), 2000.0, 100.0)
	f.Fuzz(func(t *testing.T, pix []byte, width uint8, from, to float64) {
		if width == 0 || len(pix)/int(width) == 0 || len(pix) > 4096 {
			return
		}
		m := &Image{Width: int(width), Height: len(pix) / int(width), PPI: from}
		m.Pix = pix[:m.Width*m.Height]
		if to/from > 8 {
			return // slow
		}
		got, err := m.Resample(to)
		if err != nil {
			reasonOf(t, err)
			return
		}
		if err := got.check(); err != nil || got.PPI != to {
			t.Fatalf("%g ppi, %v", got.PPI, err)
		}
		again, err := m.Resample(to)
		if err != nil || !bytes.Equal(again.Pix, got.Pix) {
			t.Fatalf("the second time another image, %v", err)
		}
		if slices.Max(m.Pix) == slices.Min(m.Pix) && (slices.Max(got.Pix) != m.Pix[0] || slices.Min(got.Pix) != m.Pix[0]) {
			t.Fatal("a flat image is not flat")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	m := ridges(500, 500)
	src := &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
	tiff := tiffSpec{width: m.Width, height: m.Height, bits: 8, channels: 1, photometric: tiffBlackIsZero, rows: 16, predictor: 2}
	for _, v := range m.Pix {
		tiff.samples = append(tiff.samples, uint16(v))
	}
	inputs := map[string][]byte{"png": encodedPNG(b, src), "jpeg": encodedJPEG(b, src),
		"bmp": bmpSpec{header: bmpInfoHeader, width: m.Width, height: m.Height, bits: 8, palette: greyPalette(256, 4), pixels: m.Pix}.bytes()}
	for name, compression := range map[string]int{"tiff-none": tiffNone, "tiff-lzw": tiffLZW, "tiff-deflate": tiffDeflate, "tiff-packbits": tiffPackBits} {
		s := tiff
		if s.compression = compression; compression == tiffNone || compression == tiffPackBits {
			s.predictor = 0
		}
		inputs[name] = s.bytes()
	}
	for name, data := range inputs {
		b.Run("format="+name, func(b *testing.B) {
			b.SetBytes(int64(len(m.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(Sniff(data), data, Options{PPI: 500}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
