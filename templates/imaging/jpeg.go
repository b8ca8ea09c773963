package imaging

import (
	"bytes"
	"fmt"

	"immis/templates"
)

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	jpegSOF0  = 0xc0 // baseline
	jpegSOF1  = 0xc1 // extended sequential
	jpegSOF2  = 0xc2 // progressive
	jpegDHT   = 0xc4
	jpegJPG   = 0xc8
	jpegDAC   = 0xcc
	jpegSOF15 = 0xcf
	jpegRST0  = 0xd0
	jpegRST7  = 0xd7
	jpegSOI   = 0xd8
	jpegEOI   = 0xd9
	jpegSOS   = 0xda
	jpegDQT   = 0xdb
	jpegDNL   = 0xdc
	jpegDRI   = 0xdd
	jpegAPP0  = 0xe0
	jpegAPP1  = 0xe1
	jpegAPP14 = 0xee
	jpegAPP15 = 0xef
	jpegLS    = 0xf7
	jpegCOM   = 0xfe

	jpegBlock = 8 // samples on a side
)

// Bounds of what a JPEG may contain beside its pixels.
const (
	// jpegMaxScans is far above the ten of usual progressive pictures.
	jpegMaxScans = 200
	// jpegMaxVisits bounds how often blocks are visited by all scans of a progressive
	// picture together: ten scans of the largest that DefaultMaxBytes lets through. A
	// scan that changes nothing takes a bit for a block and visits every one.
	jpegMaxVisits = 1 << 20
	// jpegMaxHuffman and jpegMaxQuantisation bound definitions of tables: eight for
	// every scan, four of them for every component.
	jpegMaxHuffman      = 8 * jpegMaxScans
	jpegMaxQuantisation = 64
	// jpegMaxSegments and jpegMaxFill (of bytes FF in front of one marker) bound the time
	// that segments and fill bytes take which say nothing.
	jpegMaxSegments = 1 << 14
	jpegMaxFill     = 1 << 10
)

// jpegComponent is one of the components of the frame.
type jpegComponent struct {
	id, h, v int
	scans    int // that hold its first bits
}

// jpegFile is what the markers of a JPEG say.
type jpegFile struct {
	data        []byte
	info        Info
	progressive bool
	components  []jpegComponent
	frameAt     int
	// interval is the number of units between restart markers, 0 for none.
	interval               int
	scans, entropy, visits int
	firstScan              int
	huffman, quantisation  int
	exif                   bool
	// rgb: an Adobe segment says that the three components are no YCbCr.
	rgb bool
}

// openJPEG walks the markers up to the end of the picture. Segments of applications
// are passed by, but for the resolution. The pixels are read by package image/jpeg,
// which forgives much: what it forgives is refused here first.
func openJPEG(data []byte, whole bool) (opened, error) {
	if err := checkMagic(data, "JPEG", magicJPEG); err != nil {
		return opened{}, err
	}
	f := &jpegFile{data: data, info: Info{Format: templates.FormatJPEG, Orientation: 1}}
	if err := f.walk(whole); err != nil {
		return opened{}, err
	}
	p := opened{info: f.info, sizeAt: f.frameAt + 7, cost: f.cost(), grey: len(f.components) == 1, pixels: f.pixels}
	return p, nil
}

// walk reads segment after segment; without whole, up to the frame.
func (f *jpegFile) walk(whole bool) error {
	for at, segments := 2, 0; ; segments++ {
		code, start, err := f.marker(at)
		if err != nil {
			return err
		}
		if code == jpegEOI {
			return f.finish(start)
		}
		if code >= jpegRST0 && code <= jpegSOI || code < jpegSOF0 { // these have no length
			return templates.BadAt(start, templates.ReasonMalformed, "JPEG marker", fmt.Sprintf("FF %02X outside of a scan", code), "a segment")
		}
		if segments > jpegMaxSegments {
			return templates.BadAt(start, templates.ReasonOversized, "JPEG segments", segments, fmt.Sprintf("<= %d", jpegMaxSegments))
		}
		left := len(f.data) - start - 2
		if left < 2 {
			return truncated(start, "JPEG segment", left, 2)
		}
		n := int(f.data[start+2])<<8 | int(f.data[start+3])
		if n < 2 {
			return templates.BadAt(start+2, templates.ReasonMalformed, "JPEG segment length", n, ">= 2")
		}
		if n > left {
			return truncated(start, "JPEG segment", left, n)
		}
		if err := f.segment(code, start, f.data[start+4:start+2+n]); err != nil {
			return err
		}
		at = start + 2 + n
		switch {
		case !whole && f.frameAt != 0:
			return nil
		case code == jpegSOS:
			if at, err = f.entropyCoded(at); err != nil {
				return err
			}
		}
	}
}

// marker finds the marker at a place, where any number of bytes FF may precede it.
// The start of the marker is that of its last FF.
func (f *jpegFile) marker(at int) (code, start int, err error) {
	for i := at; i < len(f.data); i++ {
		if b := f.data[i]; b != 0xff {
			if i == at || b == 0 {
				return 0, 0, templates.BadAt(i, templates.ReasonMalformed, "JPEG marker", "is missing", "FF and its code")
			}
			return int(b), i - 1, nil
		}
		if i-at > jpegMaxFill {
			return 0, 0, templates.BadAt(at, templates.ReasonOversized, "JPEG fill bytes", i-at, fmt.Sprintf("<= %d", jpegMaxFill))
		}
	}
	return 0, 0, templates.BadAt(len(f.data), templates.ReasonTruncated, "JPEG", "ends without its end marker", "FF D9")
}

// segment takes what one segment says.
func (f *jpegFile) segment(code, start int, body []byte) error {
	at := start + 4
	switch {
	case code == jpegDHT:
		return f.huffmanTables(at, body)
	case code == jpegDQT:
		return f.quantisationTables(at, body)
	case code == jpegSOF0 || code == jpegSOF1 || code == jpegSOF2:
		return f.frame(code, start, body)
	case code == jpegSOS:
		return f.scan(at, body)
	case code == jpegDRI:
		if len(body) != 2 {
			return templates.BadAt(start, templates.ReasonMalformed, "JPEG restart interval of", fmt.Sprintf("%d bytes", len(body)), "2")
		}
		f.interval = int(body[0])<<8 | int(body[1])
	case code == jpegAPP0:
		f.application0(body)
	case code == jpegAPP1:
		f.application1(body)
	case code == jpegAPP14:
		if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
			f.rgb = body[11] == 0
		}
	case code > jpegAPP1 && code <= jpegAPP15, code == jpegCOM:
	default:
		return templates.BadAt(start, templates.ReasonUnsupported, "JPEG marker", fmt.Sprintf("FF %02X (%s)", code, jpegProcess(code)),
			"sequential or progressive with Huffman codes")
	}
	return nil
}

// jpegProcess names what is not read.
func jpegProcess(code int) string {
	switch {
	case code == 0xc3:
		return "lossless"
	case code == jpegDAC || code > jpegJPG && code <= jpegSOF15:
		return "arithmetic coding"
	case code > jpegSOF2 && code < jpegJPG:
		return "differential"
	case code == jpegDNL:
		return "height after the scan"
	case code == jpegLS:
		return "JPEG-LS"
	}
	return "not known"
}

// finish judges the picture at its end marker.
func (f *jpegFile) finish(at int) error {
	if f.scans == 0 {
		return templates.BadAt(at, templates.ReasonMalformed, "JPEG", "ends without a scan", "pixels")
	}
	for _, c := range f.components {
		if c.scans == 0 {
			return templates.BadAt(at, templates.ReasonMalformed, "JPEG component", fmt.Sprintf("%d is in no scan", c.id), "pixels")
		}
	}
	if n := len(f.data) - at - 2; n > 0 {
		return trailing(at+2, "JPEG end", n)
	}
	return nil
}
