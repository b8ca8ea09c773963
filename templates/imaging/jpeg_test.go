package imaging

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"immis/templates"
)

func jpegDensity(unit byte, x, y int) []byte {
	return jpegSegment(jpegAPP0, append([]byte("JFIF\x00\x01\x02"), unit, byte(x>>8), byte(x), byte(y>>8), byte(y), 0, 0)...)
}

func jpegEXIF(big bool, tags map[int][]uint32) []byte {
	s := tiffSpec{big: big}
	head := []byte(magicTIFFLE + "\x00\x00\x00\x00")
	if big {
		head = []byte(magicTIFFBE + "\x00\x00\x00\x00")
	}
	return jpegSegment(jpegAPP1, append([]byte("Exif\x00\x00"), appendTIFFDir(head, s.order(), tags)...)...)
}

// withSegments puts segments behind the start of a JPEG.
func withSegments(data []byte, segments ...[]byte) []byte {
	return slices.Concat(data[:2], bytes.Join(segments, nil), data[2:])
}

// TestJPEGPixels compares with the library, whose luma is that of BT.601.
func TestJPEGPixels(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {8, 8}, {17, 9}, {64, 50}} {
		for _, src := range []image.Image{noise(9, size[0], size[1]), colours(9, size[0], size[1], false)} {
			data := encodedJPEG(t, src)
			m, err := Decode(templates.FormatJPEG, data, Options{PPI: 500})
			if err != nil || m.PPI != 500 {
				t.Fatal(err)
			}
			want, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			for y := range size[1] {
				for x := range size[0] {
					level := uint8(0)
					switch w := want.(type) {
					case *image.Gray:
						level = w.GrayAt(x, y).Y
					case *image.YCbCr:
						level = w.YCbCrAt(x, y).Y
					}
					if m.Pix[y*m.Width+x] != level {
						t.Fatalf("%v: pixel %d, %d is %d, want %d", size, x, y, m.Pix[y*m.Width+x], level)
					}
				}
			}
			p, info, err := DecodePicture(templates.FormatJPEG, data, Limits{})
			if err != nil || p.Bounds() != src.Bounds() || info.Colour != (info.Width > 0 && p.ColorModel() != (image.NewGray(p.Bounds())).ColorModel()) {
				t.Errorf("%v: %+v, %v", size, info, err)
			}
		}
	}
}

// TestJPEGProcesses: sequential and progressive, in one scan and several, with
// restarts; all of a picture that is 128 everywhere.
func TestJPEGProcesses(t *testing.T) {
	tables, zeros := jpegTables(), make([]byte, 8)
	restarts := jpegScan([]byte{0, 0xff, 0xd0, 0, 0xff, 0xd1, 0, 0xff, 0xd2, 0}, 0, 63, 0, 1)
	for name, data := range map[string][]byte{
		"baseline":    jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 1), jpegScan(zeros, 0, 63, 0, 1)),
		"extended":    jpegOf(tables, jpegFrame(jpegSOF1, 16, 16, 1), jpegScan(zeros, 0, 63, 0, 1)),
		"colour":      jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 3), jpegScan(zeros, 0, 63, 0, 1, 2, 3)),
		"three scans": jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 3), jpegScan(zeros, 0, 63, 0, 1), jpegScan(zeros, 0, 63, 0, 2), jpegScan(zeros, 0, 63, 0, 3)),
		"progressive": jpegOf(tables, jpegFrame(jpegSOF2, 16, 16, 1), jpegScan(zeros, 0, 0, 0x01, 1), jpegScan(zeros, 1, 63, 0, 1), jpegScan(zeros, 0, 0, 0x10, 1)),
		"restarts":    jpegOf(tables, jpegSegment(jpegDRI, 0, 1), jpegFrame(jpegSOF0, 16, 16, 1), restarts),
		"fill bytes":  jpegOf(tables, []byte{0xff, 0xff}, jpegFrame(jpegSOF0, 16, 16, 1), jpegScan(zeros, 0, 63, 0, 1), []byte{0xff}),
	} {
		m, err := Decode(templates.FormatJPEG, data, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Width != 16 || m.Height != 16 || !bytes.Equal(m.Pix, bytes.Repeat([]byte{128}, 256)) {
			t.Errorf("%s: other pixels", name)
		}
	}
	// Three components that are no YCbCr: 128 each is grey then, too.
	adobe := jpegSegment(jpegAPP14, append([]byte("Adobe"), make([]byte, 7)...)...)
	rgb := jpegOf(adobe, tables, jpegFrame(jpegSOF0, 16, 16, 3), jpegScan(zeros, 0, 63, 0, 1, 2, 3))
	p, _, err := DecodePicture(templates.FormatJPEG, rgb, Limits{})
	if m, ok := p.(*image.RGBA); err != nil || !ok || m.Pix[0] != 128 || m.Pix[3] != 255 {
		t.Errorf("RGB: %T, %v", p, err)
	}
	if _, _, err := DecodePicture(templates.FormatJPEG, rgb, Limits{MaxBytes: 7*256 - 1}); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("RGB: %v", err)
	}
	// A component whose first scan is missing would be shown as grey.
	missing := jpegOf(tables, jpegFrame(jpegSOF2, 16, 16, 3), jpegScan(zeros, 0, 0, 0, 1, 2))
	if _, err := Decode(templates.FormatJPEG, missing, Options{}); reasonOf(t, err) != templates.ReasonMalformed {
		t.Errorf("missing component: %v", err)
	}
}

func TestJPEGResolution(t *testing.T) {
	exif := func(x uint32, unit uint32, orientation uint32) map[int][]uint32 {
		return map[int][]uint32{tagResolutionX: {x, 1}, tagResolutionY: {x, 1}, tagResolutionUnit: {unit}, tagOrientation: {orientation}}
	}
	for name, c := range map[string]struct {
		segments    [][]byte
		ppi         float64
		orientation int
	}{
		"none":             {nil, 0, 1},
		"per inch":         {[][]byte{jpegDensity(1, 500, 500)}, 500, 1},
		"per cm":           {[][]byte{jpegDensity(2, 197, 197)}, 500, 1},
		"shape":            {[][]byte{jpegDensity(0, 1, 1)}, 0, 1},
		"EXIF":             {[][]byte{jpegEXIF(false, exif(500, 2, 6))}, 500, 6},
		"EXIF big, cm":     {[][]byte{jpegEXIF(true, exif(197, 3, 1))}, 500, 1},
		"EXIF unknown":     {[][]byte{jpegEXIF(false, exif(72, 2, 3))}, 0, 3},
		"JFIF goes before": {[][]byte{jpegDensity(1, 300, 300), jpegEXIF(false, exif(500, 2, 1))}, 300, 1},
		"and after":        {[][]byte{jpegEXIF(false, exif(500, 2, 1)), jpegDensity(1, 300, 300)}, 300, 1},
		"shape and EXIF":   {[][]byte{jpegEXIF(false, exif(500, 2, 1)), jpegDensity(0, 1, 1)}, 500, 1},
		"EXIF is broken":   {[][]byte{jpegSegment(jpegAPP1, []byte("Exif\x00\x00II*\x00\xff\xff\xff\xff")...)}, 0, 1},
		"JFIF is short":    {[][]byte{jpegSegment(jpegAPP0, []byte("JFIF\x00")...)}, 0, 1},
	} {
		data := withSegments(flatJPEG(16, 16), c.segments...)
		info, err := Inspect(templates.FormatJPEG, data)
		if want := (Info{templates.FormatJPEG, 16, 16, false, 8, c.ppi, c.ppi, c.orientation}); err != nil || info != want {
			t.Errorf("%s: %+v, %v, want %+v", name, info, err, want)
		}
		_, err = Decode(templates.FormatJPEG, data, Options{})
		if c.orientation == 1 && err != nil || c.orientation != 1 && reasonOf(t, err) != templates.ReasonUnsupported {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := DecodePicture(templates.FormatJPEG, data, Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJPEGBad(t *testing.T) {
	tables, zeros := jpegTables(), make([]byte, 8)
	frame, scan := jpegFrame(jpegSOF0, 16, 16, 1), jpegScan(zeros, 0, 63, 0, 1)
	n := 2 + len(tables) // where the frame stands
	s := n + len(frame)  // and the scan
	e := s + len(scan)   // and the end
	good := jpegOf(tables, frame, scan)
	with := func(at int, b byte) []byte {
		out := bytes.Clone(frame)
		out[at] = b
		return jpegOf(tables, out, scan)
	}
	sof := func(code byte) []byte { return jpegOf(tables, jpegFrame(code, 16, 16, 1), scan) }
	dri := jpegSegment(jpegDRI, 0, 1)
	dnl := slices.Concat(jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 1), scan, jpegSegment(jpegDNL, 0, 16)))
	checkBad(t, templates.FormatJPEG, []badCase{
		{"magic", []byte("\xff\xd8\x00\xff0000"), templates.ReasonWrongMagic, 0},
		{"marker", append([]byte{0xff, 0xd8, 0xff, 0x00}, good...), templates.ReasonMalformed, 3},
		{"between segments", jpegOf(tables, []byte{0}, frame, scan), templates.ReasonMalformed, n},
		{"second start", jpegOf(tables, []byte{0xff, 0xd8}, frame, scan), templates.ReasonMalformed, n},
		{"segment length", jpegOf([]byte{0xff, 0xe5, 0, 1}), templates.ReasonMalformed, 4},
		{"long segment", jpegOf([]byte{0xff, 0xe5, 1, 1}), templates.ReasonTruncated, 2},
		{"height 0", with(5+1, 0), templates.ReasonOutOfRange, n + 5},
		{"width 0", with(7+1, 0), templates.ReasonOutOfRange, n + 7},
		{"12 bits", with(4, 12), templates.ReasonUnsupported, n + 4},
		{"two components", jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 2), scan), templates.ReasonUnsupported, n + 9},
		{"four components", jpegOf(tables, jpegFrame(jpegSOF0, 16, 16, 4), scan), templates.ReasonUnsupported, n + 9},
		{"components", with(9, 3), templates.ReasonMalformed, n},
		{"sampling", with(11, 0x51), templates.ReasonOutOfRange, n + 11},
		{"two frames", jpegOf(tables, frame, frame, scan), templates.ReasonMalformed, s},
		{"no frame", jpegOf(tables, scan), templates.ReasonMalformed, n + 4},
		{"lossless", sof(0xc3), templates.ReasonUnsupported, n},
		{"differential", sof(0xc5), templates.ReasonUnsupported, n},
		{"arithmetic", sof(0xc9), templates.ReasonUnsupported, n},
		{"arithmetic progressive", sof(0xca), templates.ReasonUnsupported, n},
		{"arithmetic lossless", sof(0xcb), templates.ReasonUnsupported, n},
		{"JPEG-LS", sof(jpegLS), templates.ReasonUnsupported, n},
		{"arithmetic tables", jpegOf(tables, jpegSegment(jpegDAC, 0, 0), frame, scan), templates.ReasonUnsupported, n},
		{"height after the scan", dnl, templates.ReasonUnsupported, e},
		{"no scan", jpegOf(tables, frame), templates.ReasonMalformed, s},
		{"scan of another", jpegOf(tables, frame, jpegScan(zeros, 0, 63, 0, 7)), templates.ReasonMalformed, s + 5},
		{"scan header", jpegOf(tables, frame, jpegSegment(jpegSOS, 1, 1, 0), zeros), templates.ReasonMalformed, s + 4},
		{"second scan", jpegOf(tables, frame, scan, scan), templates.ReasonMalformed, e + 5},
		{"restart without interval", jpegOf(tables, frame, jpegScan([]byte{0, 0xff, 0xd0, 0}, 0, 63, 0, 1)), templates.ReasonMalformed, s + 11},
		{"restart not in turn", jpegOf(tables, dri, frame, jpegScan([]byte{0, 0xff, 0xd1, 0}, 0, 63, 0, 1)), templates.ReasonMalformed, s + 6 + 11},
		{"restart interval", jpegOf(jpegSegment(jpegDRI, 0), tables, frame, scan), templates.ReasonMalformed, 2},
		{"quantisation table", jpegOf(jpegSegment(jpegDQT, 0, 1), frame, scan), templates.ReasonMalformed, 6},
		{"Huffman table", jpegOf(jpegSegment(jpegDHT, 0, 1), frame, scan), templates.ReasonMalformed, 6},
		{"Huffman table without codes", jpegOf(jpegSegment(jpegDHT, make([]byte, 17)...), frame, scan), templates.ReasonMalformed, 6},
		{"no Huffman table", jpegOf(frame, scan), templates.ReasonMalformed, 2 + len(frame) + 4},
		{"coded wrongly", jpegOf(tables, frame, jpegScan([]byte{0x40, 0x40, 0x40}, 0, 63, 0, 1)), templates.ReasonMalformed, s + 4},
		{"too little", jpegOf(tables, jpegFrame(jpegSOF0, 1600, 1600, 1), scan), templates.ReasonTruncated, s + 4},
		{"zero behind", append(bytes.Clone(good), 0), templates.ReasonTrailing, len(good)},
		{"second picture", append(bytes.Clone(good), good...), templates.ReasonTrailing, len(good)},
		{"resolution", withSegments(good, jpegDensity(1, 10, 10)), templates.ReasonResolution, -1},
		{"shape", withSegments(good, jpegDensity(0, 1, 2)), templates.ReasonResolution, -1},
	})
	checkCuts(t, templates.FormatJPEG, good)
	checkCuts(t, templates.FormatJPEG, encodedJPEG(t, noise(2, 9, 9)))
}

// TestJPEGSmallFields: the frame of 16 x 1 as other fields lie in it.
func TestJPEGSmallFields(t *testing.T) {
	info, err := Inspect(templates.FormatJPEG, jpegOf(jpegFrame(jpegSOF2, 0x1234, 0x0102, 3))[:2+17+4])
	if err != nil || info.Width != 0x1234 || info.Height != 0x0102 || !info.Colour {
		t.Errorf("%+v, %v", info, err)
	}
}
