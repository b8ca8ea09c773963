package imaging

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// frame reads SOFn (T.81, B.2.2).
func (f *jpegFile) frame(code, start int, body []byte) error {
	at := start + 4
	if f.frameAt != 0 {
		return templates.BadAt(start, templates.ReasonMalformed, "JPEG frame", "comes again", "one")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return templates.BadAt(start, templates.ReasonMalformed, "JPEG frame of", fmt.Sprintf("%d bytes", len(body)), "6 and 3 for each component")
	}
	f.frameAt = start
	f.progressive = code == jpegSOF2
	f.info.Bits = int(body[0])
	if f.info.Bits != 8 {
		return templates.BadAt(at, templates.ReasonUnsupported, "JPEG bits of a sample", f.info.Bits, "8")
	}
	f.info.Height, f.info.Width = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4])
	// A height of 0 would be told after the scan (DNL), when memory is long taken.
	if err := checkSize("JPEG", f.info.Width, at+3, f.info.Height, at+1); err != nil {
		return err
	}
	if n := int(body[5]); n != 1 && n != 3 {
		return templates.BadAt(at+5, templates.ReasonUnsupported, "JPEG components", n, "1 (grey) or 3 (colours)")
	}
	f.info.Colour = body[5] == 3
	for i := range int(body[5]) {
		c := jpegComponent{id: int(body[6+3*i]), h: int(body[7+3*i] >> 4), v: int(body[7+3*i] & 15)}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return templates.BadAt(at+7+3*i, templates.ReasonOutOfRange, "JPEG sampling factors", fmt.Sprintf("%d x %d", c.h, c.v), "1..4 each")
		}
		if i > 0 && (c.h > f.components[0].h || c.v > f.components[0].v) {
			return templates.BadAt(at+7+3*i, templates.ReasonUnsupported, "JPEG sampling factors", fmt.Sprintf("%d x %d", c.h, c.v),
				"not above those of the luma")
		}
		if body[5] == 1 {
			c.h, c.v = 1, 1 // whatever they say (T.81, A.2.2)
		}
		f.components = append(f.components, c)
	}
	return nil
}

// scan reads SOS (B.2.3).
func (f *jpegFile) scan(at int, body []byte) error {
	if f.frameAt == 0 {
		return templates.BadAt(at, templates.ReasonMalformed, "JPEG scan", "comes before the frame", "a frame first")
	}
	if f.scans++; f.scans > jpegMaxScans {
		return templates.BadAt(at, templates.ReasonOversized, "JPEG scans", f.scans, fmt.Sprintf("<= %d", jpegMaxScans))
	}
	if f.firstScan == 0 {
		f.firstScan = at
	}
	if len(body) < 4 || len(body) != 4+2*int(body[0]) || body[0] < 1 {
		return templates.BadAt(at, templates.ReasonMalformed, "JPEG scan header of", fmt.Sprintf("%d bytes", len(body)), "4 and 2 for each component")
	}
	n := int(body[0])
	spectral, approximation := body[1+2*n], body[3+2*n]
	for i := range n {
		c := f.component(int(body[1+2*i]))
		if c == nil {
			return templates.BadAt(at+1+2*i, templates.ReasonMalformed, "JPEG scan component", body[1+2*i], "one of the frame")
		}
		// The first bits of a component come once: in its one scan, or in that of the
		// constant term (spectral selection 0, no refinement).
		if !f.progressive || spectral == 0 && approximation>>4 == 0 {
			if c.scans++; c.scans > 1 {
				return templates.BadAt(at+1+2*i, templates.ReasonMalformed, "JPEG scan component", fmt.Sprintf("%d comes again", c.id), "once")
			}
		}
		f.visits += f.componentBlocks(*c)
	}
	if f.progressive && f.visits > jpegMaxVisits {
		return templates.BadAt(at, templates.ReasonOversized, "JPEG blocks of all scans", f.visits, fmt.Sprintf("<= %d", jpegMaxVisits))
	}
	return nil
}

func (f *jpegFile) component(id int) *jpegComponent {
	for i := range f.components {
		if f.components[i].id == id {
			return &f.components[i]
		}
	}
	return nil
}

// entropyCoded passes by the coded bytes of a scan, up to the marker behind them. In
// them FF is followed by 0 or is a restart marker, which come in turn: one that is
// missing means that blocks are lost, which the decoder would hide.
func (f *jpegFile) entropyCoded(at int) (next int, err error) {
	start := at
	for want := byte(jpegRST0); ; {
		i := bytes.IndexByte(f.data[at:], 0xff)
		if i < 0 || at+i+1 >= len(f.data) {
			return 0, templates.BadAt(len(f.data), templates.ReasonTruncated, "JPEG", "ends without its end marker", "FF D9")
		}
		at += i
		code := f.data[at+1]
		switch {
		case code == 0:
			at += 2
		case code == 0xff:
			at++
		case code >= jpegRST0 && code <= jpegRST7:
			if f.interval == 0 || code != want {
				return 0, templates.BadAt(at, templates.ReasonMalformed, "JPEG restart marker", fmt.Sprintf("FF %02X", code),
					"one where restarts are defined, in turn")
			}
			want = jpegRST0 + (want-jpegRST0+1)%8
			at += 2
		default:
			f.entropy += at - start
			return at, nil
		}
	}
}

// huffmanTables counts the tables of DHT (B.2.4.2).
func (f *jpegFile) huffmanTables(at int, body []byte) error {
	for len(body) > 0 {
		if f.huffman++; f.huffman > jpegMaxHuffman {
			return templates.BadAt(at, templates.ReasonOversized, "JPEG Huffman tables", f.huffman, fmt.Sprintf("<= %d", jpegMaxHuffman))
		}
		n := 17
		if len(body) >= n {
			for _, count := range body[1:17] {
				n += int(count)
			}
		}
		if n > len(body) || n == 17 {
			return templates.BadAt(at, templates.ReasonMalformed, "JPEG Huffman table of", fmt.Sprintf("%d bytes", len(body)),
				fmt.Sprintf("%d, with at least one code", n))
		}
		at += n
		body = body[n:]
	}
	return nil
}

// quantisationTables counts the tables of DQT (B.2.4.1).
func (f *jpegFile) quantisationTables(at int, body []byte) error {
	for len(body) > 0 {
		if f.quantisation++; f.quantisation > jpegMaxQuantisation {
			return templates.BadAt(at, templates.ReasonOversized, "JPEG quantisation tables", f.quantisation,
				fmt.Sprintf("<= %d", jpegMaxQuantisation))
		}
		n := 1 + 64*(1+int(body[0]>>4&1))
		if n > len(body) {
			return templates.BadAt(at, templates.ReasonMalformed, "JPEG quantisation table of", fmt.Sprintf("%d bytes", len(body)), n)
		}
		at += n
		body = body[n:]
	}
	return nil
}

// application0 reads the density of JFIF (ITU-T T.871, 10.1): unit 1 is the inch, 2
// the cm, 0 states the shape of the pixels only. It goes before that of EXIF.
func (f *jpegFile) application0(body []byte) {
	if len(body) < 12 || !bytes.HasPrefix(body, []byte("JFIF\x00")) {
		return
	}
	x, y := float64(int(body[8])<<8|int(body[9])), float64(int(body[10])<<8|int(body[11]))
	switch body[7] {
	case 0:
		if !f.exif {
			f.info.PPIX, f.info.PPIY = aspectOnly(x, y)
		}
	case 1:
		f.info.PPIX, f.info.PPIY = x, y
	case 2:
		f.info.PPIX, f.info.PPIY = ppiFromCentimetre(x), ppiFromCentimetre(y)
	}
}

// application1 reads orientation and resolution of EXIF. What is wrong there concerns
// no pixel: it states nothing then. 72 ppi is what EXIF writes for unknown.
func (f *jpegFile) application1(body []byte) {
	const name = "Exif\x00\x00"
	if f.exif || !bytes.HasPrefix(body, []byte(name)) {
		return
	}
	dir, err := readTIFFDir(body[len(name):])
	if err != nil {
		return
	}
	f.exif = true
	if v, err := dir.orientation(); err == nil {
		f.info.Orientation = v
	}
	x, y, err := dir.resolution()
	if err == nil && f.info.PPIX == 0 && x != exifUnknownPPI && y != exifUnknownPPI {
		f.info.PPIX, f.info.PPIY = x, y
	}
}
