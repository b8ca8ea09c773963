package imaging

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/tiff"
	xlzw "golang.org/x/image/tiff/lzw"

	"immis/templates"
)

// tiffNoise is a TIFF of slowly changing random samples, so that all compressions
// have something to do.
func tiffNoise(w, h, bits, channels, photometric int) tiffSpec {
	s := tiffSpec{width: w, height: h, bits: bits, channels: channels, photometric: photometric, compression: tiffNone,
		rows: h, unit: resolutionPerInch, ppi: [4]uint32{500, 1, 500, 1}}
	r := rand.New(rand.NewPCG(uint64(bits*channels), 6))
	v := uint32(0)
	for range w * h * channels {
		if r.Uint32()%3 == 0 {
			v = r.Uint32()
		}
		s.samples = append(s.samples, uint16(v&(1<<bits-1)))
	}
	if photometric == tiffPalette {
		for range 3 << bits {
			s.palette = append(s.palette, uint16(r.Uint32()))
		}
	}
	return s
}

// TestTIFFKinds reads every combination of samples, layout, compression and byte
// order, and compares with the library what it reads.
func TestTIFFKinds(t *testing.T) {
	twins := 0
	for _, kind := range []struct {
		photometric, channels, extra int
		depths                       []int
	}{
		{tiffBlackIsZero, 1, 0, []int{1, 2, 4, 8, 16}}, {tiffWhiteIsZero, 1, 0, []int{1, 2, 4, 8, 16}},
		{tiffPalette, 1, 0, []int{1, 2, 4, 8}}, {tiffRGB, 3, 0, []int{8, 16}},
		{tiffRGB, 4, tiffUnassociated, []int{8, 16}}, {tiffRGB, 4, tiffAssociated, []int{8, 16}}, {tiffRGB, 4, 0, []int{8}},
		{tiffBlackIsZero, 2, tiffUnassociated, []int{8, 16}}, {tiffBlackIsZero, 2, tiffAssociated, []int{8, 16}},
	} {
		for _, bits := range kind.depths {
			for _, compression := range []int{tiffNone, tiffLZW, tiffDeflate, tiffDeflateOld, tiffPackBits} {
				for _, tile := range []int{0, 16, 48} {
					for _, big := range []bool{false, true} {
						for _, predictor := range []int{0, 1, 2} {
							s := tiffNoise(37, 29, bits, kind.channels, kind.photometric)
							s.compression, s.tile, s.big, s.predictor, s.extra, s.rows = compression, tile, big, predictor, kind.extra, 1+bits
							name := fmt.Sprintf("%+v, %d bits, compression %d, tile %d, big %v, predictor %d", kind, bits, compression, tile, big, predictor)
							if predictor == 2 && (bits < 8 || compression == tiffNone || compression == tiffPackBits) {
								continue
							}
							if kind.extra == tiffAssociated {
								for i := 0; i < len(s.samples); i += s.channels { // no colour above its alpha
									for j := range s.channels - 1 {
										s.samples[i+j] = min(s.samples[i+j], s.samples[i+s.channels-1])
									}
								}
							}
							twins += checkTIFF(t, name, s)
						}
					}
				}
			}
		}
	}
	if twins < 500 {
		t.Errorf("%d compared with the library, want >= 500", twins)
	}
}

// checkTIFF reads one file; it gives 1 where the library could read it, too.
func checkTIFF(t *testing.T, name string, s tiffSpec) int {
	t.Helper()
	data := s.bytes()
	m, err := Decode(templates.FormatTIFF, data, Options{})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	if m.Width != s.width || m.Height != s.height || m.PPI != 500 {
		t.Errorf("%s: %d x %d, %g ppi", name, m.Width, m.Height, m.PPI)
	}
	if s.channels == 1 && s.photometric < tiffRGB {
		white := uint32(1)<<s.bits - 1
		for i, v := range s.samples {
			level := uint32(v)
			if s.photometric == tiffWhiteIsZero {
				level = white - level
			}
			if want := uint8((level*255 + white/2) / white); m.Pix[i] != want {
				t.Errorf("%s: pixel %d is %d, want %d", name, i, m.Pix[i], want)
				break
			}
		}
	}
	if s.bits == 2 || s.bits == 4 || s.channels == 2 || s.channels == 4 && s.extra == 0 {
		return 0
	}
	twin, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		t.Errorf("%s: the library says %v", name, err)
		return 0
	}
	if !bytes.Equal(grey(twin).Pix, m.Pix) {
		t.Errorf("%s: other pixels than the library", name)
	}
	return 1
}

// TestTIFFWriter reads what the library writes.
func TestTIFFWriter(t *testing.T) {
	for _, src := range []image.Image{noise(1, 50, 41), colours(1, 50, 41, true), colours(1, 50, 41, false)} {
		for _, o := range []*tiff.Options{nil, {Compression: tiff.Deflate}, {Compression: tiff.Deflate, Predictor: true}} {
			var b bytes.Buffer
			if err := tiff.Encode(&b, src, o); err != nil {
				t.Fatal(err)
			}
			m, _, err := DecodePicture(templates.FormatTIFF, b.Bytes(), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for y := range 41 {
				for x := range 50 {
					if m.At(x, y) != src.At(x, y) && !sameColour(m, src, x, y) {
						t.Fatalf("%T %+v: pixel %d, %d is %v, want %v", src, o, x, y, m.At(x, y), src.At(x, y))
					}
				}
			}
		}
	}
}

func sameColour(a, b image.Image, x, y int) bool {
	r, g, bl, al := a.At(x, y).RGBA()
	r2, g2, b2, a2 := b.At(x, y).RGBA()
	return r == r2 && g == g2 && bl == b2 && al == a2
}

// TestLZW: long texts, so that codes reach 12 bits and are cleared, and the longest
// text; decoded by ours and the library's.
func TestLZW(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	for _, n := range []int{0, 1, 2, 255, 3000, 70000, 200000} {
		for _, levels := range []uint32{1, 2, 256} {
			text := make([]byte, n)
			for i := range text {
				text[i] = byte(r.Uint32() % levels)
			}
			packed := lzwCompressed(text)
			twin, err := io.ReadAll(xlzw.NewReader(bytes.NewReader(packed), xlzw.MSB, 8))
			if err != nil || !bytes.Equal(twin, text) {
				t.Fatalf("%d of %d: the library reads another text, %v", n, levels, err)
			}
			u := newUnpacker(tiffLZW)
			if err := u.reset(packed); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, n)
			for i := 0; i < n; i += 1000 { // in rows
				if err := u.read(got[i:min(i+1000, n)]); err != nil {
					t.Fatalf("%d of %d: at %d: %v", n, levels, i, err)
				}
			}
			if !bytes.Equal(got, text) {
				t.Errorf("%d of %d: another text", n, levels)
			}
			if err := u.read(make([]byte, 1)); !endsEarly(err) {
				t.Errorf("%d of %d: behind the end %v", n, levels, err)
			}
		}
	}
}

func TestTIFFResolution(t *testing.T) {
	for name, c := range map[string]struct {
		unit int
		ppi  [4]uint32
		want float64 // -1: refused
	}{
		"inch": {2, [4]uint32{500, 1, 500, 1}, 500}, "unit left out": {0, [4]uint32{5000, 10, 500, 1}, 500},
		"cm": {3, [4]uint32{197, 1, 197, 1}, 500}, "cm exactly": {3, [4]uint32{19685, 100, 19685, 100}, 500},
		"shape": {1, [4]uint32{1, 1, 1, 1}, 0}, "other shape": {1, [4]uint32{1, 1, 2, 1}, -1}, "none": {2, [4]uint32{}, 0},
		"0": {2, [4]uint32{0, 1, 0, 1}, 0}, "one axis": {2, [4]uint32{500, 1, 0, 1}, -1}, "not square": {2, [4]uint32{500, 1, 510, 1}, -1},
		"below": {2, [4]uint32{71, 1, 71, 1}, -1}, "above": {2, [4]uint32{2001, 1, 2001, 1}, -1}, "by 0": {2, [4]uint32{500, 1, 500, 0}, -1},
	} {
		s := tiffNoise(4, 4, 8, 1, tiffBlackIsZero)
		s.unit, s.ppi = c.unit, c.ppi
		m, err := Decode(templates.FormatTIFF, s.bytes(), Options{})
		if c.want < 0 && reasonOf(t, err) != templates.ReasonResolution || c.want >= 0 && (err != nil || m.PPI != c.want) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	turned := tiffNoise(4, 4, 8, 1, tiffBlackIsZero)
	turned.orientation = 2
	if _, err := Decode(templates.FormatTIFF, turned.bytes(), Options{}); reasonOf(t, err) != templates.ReasonUnsupported {
		t.Errorf("mirrored: %v", err)
	}
	if _, info, err := DecodePicture(templates.FormatTIFF, turned.bytes(), Limits{}); err != nil || info.Orientation != 2 {
		t.Errorf("mirrored: %+v, %v", info, err)
	}
}

func TestTIFFBad(t *testing.T) {
	spec := func(change func(*tiffSpec)) []byte {
		s := tiffNoise(20, 10, 8, 1, tiffBlackIsZero)
		s.more = map[int][]uint32{}
		change(&s)
		return s.bytes()
	}
	good := spec(func(*tiffSpec) {})
	dir := 8 + 200
	next := bytes.Clone(good)
	next[dir+2+12*int(good[dir])] = 8
	unsorted := bytes.Clone(good)
	unsorted[dir+2+12], unsorted[dir+2] = 0, 1
	self := bytes.Clone(good)
	copy(self[4:], []byte{4, 0, 0, 0})
	far := bytes.Clone(good)
	copy(far[4:], []byte{0, 0, 0, 0xff})
	flood := bytes.Clone(good)
	flood[dir], flood[dir+1] = 0xff, 0xff
	tag := func(tag int, values ...uint32) []byte {
		return spec(func(s *tiffSpec) { s.more[tag] = values })
	}
	cases := []badCase{
		{"magic", []byte("II+\x0000000000"), templates.ReasonWrongMagic, 0},
		{"directory in the header", self, templates.ReasonMalformed, 4},
		{"directory outside", far, templates.ReasonTruncated, 4},
		{"two pages", next, templates.ReasonUnsupported, dir + 2 + 12*int(good[dir])},
		{"entries", flood, templates.ReasonOutOfRange, dir},
		{"order of tags", unsorted, templates.ReasonMalformed, dir + 2 + 12},
	}
	for _, c := range cases {
		checkBad(t, templates.FormatTIFF, []badCase{c})
	}
	for name, c := range map[string]struct {
		data []byte
		want templates.Reason
	}{
		"width 0":       {tag(tagWidth, 0), templates.ReasonOutOfRange},
		"height 0":      {tag(tagHeight, 0), templates.ReasonOutOfRange},
		"width":         {tag(tagWidth, 0xffffffff), templates.ReasonOversized},
		"two widths":    {tag(tagWidth, 20, 20), templates.ReasonMalformed},
		"no width":      {tag(tagWidth), templates.ReasonMalformed},
		"bits":          {tag(tagBits, 7), templates.ReasonUnsupported},
		"compression":   {tag(tagCompression, 7), templates.ReasonUnsupported},
		"fax":           {tag(tagCompression, 4), templates.ReasonUnsupported},
		"photometric":   {tag(tagPhotometric, 5), templates.ReasonUnsupported},
		"samples":       {tag(tagSamples, 3), templates.ReasonUnsupported},
		"fill order":    {tag(tagFillOrder, 2), templates.ReasonUnsupported},
		"predictor":     {tag(tagPredictor, 3), templates.ReasonUnsupported},
		"sample format": {tag(tagSampleFormat, 3), templates.ReasonUnsupported},
		"orientation":   {tag(tagOrientation, 9), templates.ReasonOutOfRange},
		"rows":          {tag(tagRowsPerStrip, 0), templates.ReasonOutOfRange},
		"strips":        {tag(tagRowsPerStrip, 1), templates.ReasonMalformed},
		"offset":        {tag(tagStripOffsets, 1<<31), templates.ReasonTruncated},
		"size":          {tag(tagStripBytes, 1<<31), templates.ReasonTruncated},
		"size 0":        {tag(tagStripBytes, 0), templates.ReasonTruncated},
		"short strip":   {tag(tagStripBytes, 199), templates.ReasonTruncated},
		"in the header": {tag(tagStripOffsets, 4), templates.ReasonMalformed},
		"tile side":     {spec(func(s *tiffSpec) { s.tile = 16; s.more[tagTileWidth] = []uint32{15} }), templates.ReasonOutOfRange},
		"large tiles": {spec(func(s *tiffSpec) {
			s.tile = 16
			s.more[tagTileWidth] = []uint32{16384}
			s.more[tagTileHeight] = []uint32{16384}
		}), templates.ReasonOversized},
		"no palette":    {spec(func(s *tiffSpec) { s.photometric = tiffPalette }), templates.ReasonMalformed},
		"short palette": {spec(func(s *tiffSpec) { s.photometric = tiffPalette; s.palette = make([]uint16, 767) }), templates.ReasonMalformed},
		"planes":        {spec(func(s *tiffSpec) { *s = tiffNoise(5, 5, 8, 3, tiffRGB); s.more = map[int][]uint32{tagPlanar: {2}} }), templates.ReasonUnsupported},
		"not deflated":  {tag(tagCompression, tiffDeflate), templates.ReasonMalformed},
		"not LZW":       {spec(func(s *tiffSpec) { s.samples = bytes16(200, 0xffff); s.more[tagCompression] = []uint32{tiffLZW} }), templates.ReasonMalformed},
		"deflated short": {spec(func(s *tiffSpec) {
			s.compression = tiffDeflate
			s.more[tagHeight], s.more[tagRowsPerStrip] = []uint32{11}, []uint32{11}
		}), templates.ReasonTruncated},
		"LZW short": {spec(func(s *tiffSpec) {
			s.compression = tiffLZW
			s.more[tagHeight], s.more[tagRowsPerStrip] = []uint32{11}, []uint32{11}
		}), templates.ReasonTruncated},
		"PackBits short": {spec(func(s *tiffSpec) {
			s.compression = tiffPackBits
			s.more[tagHeight], s.more[tagRowsPerStrip] = []uint32{11}, []uint32{11}
		}), templates.ReasonTruncated},
		"overlap": {spec(func(s *tiffSpec) {
			s.rows = 5
			s.more[tagStripOffsets] = []uint32{8, 8}
		}), templates.ReasonMalformed},
	} {
		_, err := Decode(templates.FormatTIFF, c.data, Options{})
		if reasonOf(t, err) != c.want || offsetOf(err) < 0 {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, compression := range []int{tiffNone, tiffLZW, tiffDeflate, tiffPackBits} {
		checkCuts(t, templates.FormatTIFF, spec(func(s *tiffSpec) { s.compression = compression }))
	}
}

// bytes16 is n samples of one value.
func bytes16(n int, v uint16) []uint16 {
	out := make([]uint16, n)
	for i := range out {
		out[i] = v
	}
	return out
}
