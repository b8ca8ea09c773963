package imagerecord

import (
	"encoding/binary"
	"fmt"
	"math"

	"immis/templates"
)

// Finger2005 is a finger image record of ISO/IEC 19794-4:2005. One resolution, depth
// and compression holds for all of its images.
//
//	offset  size  general header
//	     0     4  "FIR" 0
//	     4     4  "010" 0
//	     8     6  length of the record
//	    14     2  capture device
//	    16     2  image acquisition level
//	    18     1  number of fingers or palms
//	    19     1  scale units: 1 per inch, 2 per centimetre
//	    20     8  scan resolution x, y; image resolution x, y
//	    28     1  pixel depth in bits
//	    29     1  compression
//	    30     2  reserved
type Finger2005 struct {
	Device, Acquisition uint16
	// Fingers is the number in the header. Some writers count images, some count
	// positions; a record where it is neither is refused.
	Fingers uint8
	Scale
	// BitDepth is 1..16 bits per pixel.
	BitDepth uint8
	// Compression is 0 none, 1 none and bits packed, 2 WSQ, 3 JPEG, 4 JPEG 2000,
	// 5 PNG.
	Compression uint8
	Reserved    uint16
	Images      []Finger2005Image
}

// Finger2005Image is one image with its header.
//
//	offset  size  image header
//	     0     4  length of header and image
//	     4     1  finger or palm position
//	     5     1  count of views of this position
//	     6     1  number of this view, from 1
//	     7     1  quality
//	     8     1  impression type
//	     9     4  width, height in pixels
//	    13     1  reserved
type Finger2005Image struct {
	Position, Count, Number uint8
	// Quality is 0..100, 254 or 255 for unknown.
	Quality, Impression uint8
	Width, Height       uint16
	Reserved            uint8
	Data                []byte
}

// Scale is the resolution of finger images.
type Scale struct {
	// Units is UnitsInch or UnitsCentimetre, of the four others.
	Units                                  uint8
	ScanX, ScanY, ResolutionX, ResolutionY uint16
}

// Scale units.
const (
	UnitsInch       = 1
	UnitsCentimetre = 2
)

// PPI is the resolution of the image in pixels per inch.
func (s Scale) PPI() (x, y float64) {
	if s.Units == UnitsCentimetre {
		return float64(s.ResolutionX) * 2.54, float64(s.ResolutionY) * 2.54
	}
	return float64(s.ResolutionX), float64(s.ResolutionY)
}

const (
	finger2005Header = 32
	finger2005Image  = 14

	// finger2005Undefined is the quality that this edition asks writers for.
	finger2005Undefined = 254
)

var finger2005Formats = []templates.Format{templates.FormatUnknown, templates.FormatUnknown, templates.FormatWSQ,
	templates.FormatJPEG, templates.FormatJP2, templates.FormatPNG}

// DecodeFinger2005 reads one record, which must fill data; see Decode.
func DecodeFinger2005(data []byte) (*Finger2005, error) { return decodeFinger2005(data, clone) }

func decodeFinger2005(data []byte, keep keeper) (*Finger2005, error) {
	const kind = "finger image record"
	r, err := open(kind, magicFinger+versionFinger2005, data, 6, finger2005Header)
	if err != nil {
		return nil, err
	}
	f := &Finger2005{Device: r.u16(kind), Acquisition: r.u16(kind)}
	f.Fingers = r.u8(kind)
	r.check(f.Fingers > 0, 1, templates.ReasonOutOfRange, kind+": number of fingers", f.Fingers, "1..255")
	f.Scale = readScale(r, kind)
	f.BitDepth = r.u8(kind)
	r.check(f.BitDepth >= 1 && f.BitDepth <= 16, 1, templates.ReasonOutOfRange, kind+": pixel depth", f.BitDepth, "1..16")
	f.Compression = r.u8(kind)
	r.check(int(f.Compression) < len(finger2005Formats), 1, templates.ReasonOutOfRange, kind+": compression", f.Compression, "0..5")
	f.Reserved = r.u16(kind)
	// The number in the header may be of positions; the lengths tell the images.
	for r.err == nil && r.left() > 0 {
		r.check(len(f.Images) < MaxViews, 0, templates.ReasonOutOfRange, kind+": number of images", len(f.Images)+1, fmt.Sprintf("<= %d", MaxViews))
		f.Images = append(f.Images, readFinger2005Image(r, fmt.Sprintf("finger image %d", len(f.Images)+1), keep))
	}
	if r.err != nil {
		return nil, r.err
	}
	if n, positions := len(f.Images), f.positions(); int(f.Fingers) != n && int(f.Fingers) != positions {
		if int(f.Fingers) > n {
			return nil, templates.BadAt(len(data), templates.ReasonTruncated, kind+" with", fmt.Sprintf("%d images", n), fmt.Sprintf("%d as the header says", f.Fingers))
		}
		return nil, templates.BadAt(18, templates.ReasonMalformed, kind+": number of fingers", f.Fingers,
			fmt.Sprintf("%d images or %d positions", n, positions))
	}
	return f, nil
}

func readScale(r *reader, field string) Scale {
	s := Scale{Units: r.u8(field)}
	r.check(s.Units == UnitsInch || s.Units == UnitsCentimetre, 1, templates.ReasonOutOfRange, field+": scale units", s.Units, "1 or 2")
	s.ScanX, s.ScanY, s.ResolutionX, s.ResolutionY = r.u16(field), r.u16(field), r.u16(field), r.u16(field)
	x, y := s.PPI()
	want := fmt.Sprintf("%d..%d pixels per inch", MinPPI, MaxPPI)
	r.check(x >= MinPPI && x <= MaxPPI, 4, templates.ReasonResolution, field+": horizontal resolution", x, want)
	r.check(y >= MinPPI && y <= MaxPPI, 2, templates.ReasonResolution, field+": vertical resolution", y, want)
	return s
}

func readFinger2005Image(r *reader, field string, keep keeper) Finger2005Image {
	var f Finger2005Image
	length := int(r.u32(field + ": length"))
	r.check(length >= finger2005Image, 4, templates.ReasonWrongLength, field+": length", length, fmt.Sprintf(">= %d", finger2005Image))
	p := r.part(field, length-4)
	f.Position = p.u8(field)
	p.check(knownPosition(f.Position), 1, templates.ReasonPosition, field+": position", f.Position, wantPosition)
	f.Count, f.Number = p.u8(field), p.u8(field)
	f.Quality = p.u8(field)
	p.check(f.Quality <= 100 || f.Quality >= finger2005Undefined, 1, templates.ReasonQuality, field+": quality", f.Quality, "0..100, 254 or 255")
	f.Impression = p.u8(field)
	p.check(knownImpression(f.Impression), 1, templates.ReasonOutOfRange, field+": impression type", f.Impression, wantImpression)
	f.Width, f.Height = readSize(p, field)
	f.Reserved = p.u8(field)
	f.Data = keep(p.take(field, p.left()))
	r.failOf(p)
	return f
}

// readSize is width and height, at least 1 each.
func readSize(r *reader, field string) (width, height uint16) {
	width = r.u16(field)
	r.check(width > 0, 2, templates.ReasonOutOfRange, field+": width", width, "1..65535 pixels")
	height = r.u16(field)
	r.check(height > 0, 2, templates.ReasonOutOfRange, field+": height", height, "1..65535 pixels")
	return width, height
}

// positions is how many different positions the images have.
func (f *Finger2005) positions() int {
	var seen [256]bool
	n := 0
	for i := range f.Images {
		if p := f.Images[i].Position; !seen[p] {
			seen[p] = true
			n++
		}
	}
	return n
}

func (f *Finger2005) size() int {
	n := finger2005Header
	for i := range f.Images {
		n += finger2005Image + len(f.Images[i].Data)
	}
	return n
}

// Encode is the bytes of the record, see Record.Encode.
func (f *Finger2005) Encode() ([]byte, error) {
	n := f.size()
	if err := checkCount("finger image record of bytes", n, MaxRecord); err != nil {
		return nil, err
	}
	dst := append(make([]byte, 0, n), magicFinger+versionFinger2005...)
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint16(dst, f.Device)
	dst = binary.BigEndian.AppendUint16(dst, f.Acquisition)
	dst = append(dst, f.Fingers)
	dst = f.Scale.append(dst)
	dst = append(dst, f.BitDepth, f.Compression)
	dst = binary.BigEndian.AppendUint16(dst, f.Reserved)
	for i := range f.Images {
		m := &f.Images[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(finger2005Image+len(m.Data)))
		dst = append(dst, m.Position, m.Count, m.Number, m.Quality, m.Impression)
		dst = binary.BigEndian.AppendUint16(dst, m.Width)
		dst = binary.BigEndian.AppendUint16(dst, m.Height)
		dst = append(append(dst, m.Reserved), m.Data...)
	}
	if _, err := decodeFinger2005(dst, share); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return dst, nil
}

func (s Scale) append(dst []byte) []byte {
	dst = append(dst, s.Units)
	for _, x := range [...]uint16{s.ScanX, s.ScanY, s.ResolutionX, s.ResolutionY} {
		dst = binary.BigEndian.AppendUint16(dst, x)
	}
	return dst
}

// Views are the images, see Record.Views.
func (f *Finger2005) Views() ([]View, error) {
	if int(f.Compression) >= len(finger2005Formats) {
		return nil, templates.Bad(templates.ReasonOutOfRange, "finger image record: compression", f.Compression, "0..5")
	}
	views := make([]View, len(f.Images))
	at := finger2005Header
	for i := range f.Images {
		m := &f.Images[i]
		v := View{Modality: templates.ModalityFinger, Position: position(m.Position), PositionCode: m.Position, Number: m.Number,
			Impression: m.Impression, Format: finger2005Formats[f.Compression], Payload: m.Data, Offset: at + finger2005Image,
			Packed: f.Compression == 1, BitDepth: f.BitDepth, Width: int(m.Width), Height: int(m.Height)}
		v.PPIX, v.PPIY = f.PPI()
		if m.Quality <= 100 {
			v.Quality = []Quality{{Score: m.Quality}}
		}
		if f.Device != 0 {
			v.Device = fmt.Sprintf("device 0x%04x", f.Device)
		}
		if err := v.checkPayload(fmt.Sprintf("finger image %d", i+1)); err != nil {
			return nil, err
		}
		views[i] = v
		at += finger2005Image + len(m.Data)
	}
	return views, nil
}

// Notes are contradictions that hurt no image, see Record.Notes.
func (f *Finger2005) Notes() []string {
	n := f.Scale.notes(nil, "header")
	if f.Reserved != 0 {
		n = append(n, "header: reserved field is not zero")
	}
	for i := range f.Images {
		m := &f.Images[i]
		if m.Reserved != 0 {
			n = append(n, fmt.Sprintf("image %d: reserved field is not zero", i+1))
		}
		if m.Number == 0 || m.Number > m.Count {
			n = append(n, fmt.Sprintf("image %d: view number %d of %d", i+1, m.Number, m.Count))
		}
	}
	return n
}

func (s Scale) notes(n []string, field string) []string {
	if s.ResolutionX > s.ScanX || s.ResolutionY > s.ScanY {
		n = append(n, fmt.Sprintf("%s: image resolution %d x %d is above the scan resolution %d x %d", field, s.ResolutionX, s.ResolutionY, s.ScanX, s.ScanY))
	}
	if math.Abs(float64(s.ResolutionX)-float64(s.ResolutionY)) > 0.01*float64(s.ResolutionX) {
		n = append(n, fmt.Sprintf("%s: resolutions %d x %d differ by more than 1 %%", field, s.ResolutionX, s.ResolutionY))
	}
	return n
}
