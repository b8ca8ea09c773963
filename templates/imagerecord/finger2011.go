package imagerecord

import (
	"encoding/binary"
	"fmt"
	"math"

	"immis/templates"
)

// Finger2011 is a finger image record of ISO/IEC 19794-4:2011.
//
//	offset  size  general header
//	     0     4  "FIR" 0
//	     4     4  "020" 0
//	     8     4  length of the record
//	    12     2  number of representations
//	    14     1  certification flag: 1 = certification blocks follow the qualities
//	    15     1  number of different positions
type Finger2011 struct {
	// Certified: every representation has a list of certifications, maybe empty.
	Certified bool
	// Positions is the number in the header.
	Positions uint8
	Images    []Finger2011Image
}

// Finger2011Image is one representation.
//
//	size  representation header and data
//	   4  length of the representation
//	   9  capture date
//	   5  capture device: technology 1, vendor 2, type 2
//	1+5n  quality blocks
//	1+3n  certification blocks, if the record is certified
//	   1  finger or palm position
//	   1  number of the representation
//	   9  scale units, scan resolution x, y, image resolution x, y
//	   1  bit depth
//	   1  compression
//	   1  impression type
//	   4  width, height
//	 4+n  image
//	 ...  extended data blocks up to the length
type Finger2011Image struct {
	Capture
	Certifications   []Certification
	Position, Number uint8
	Scale
	// BitDepth is 1..16 bits per pixel.
	BitDepth uint8
	// Compression is 0 none, 1 none and bits packed, 2 WSQ, 3 JPEG, 4 JPEG 2000
	// lossy, 5 JPEG 2000 lossless, 6 PNG.
	Compression   uint8
	Impression    uint8
	Width, Height uint16
	Data          []byte
	Extended      []Block
}

// Certification is one certification block (ISO/IEC 19794-1:2011, 12.3.7).
type Certification struct {
	Authority uint16
	Scheme    uint8
}

const (
	finger2011Header  = 16
	certificationSize = 3
	blockHeader       = 4

	// finger2011Fixed is a representation header without its lists, and the length of
	// the image.
	finger2011Fixed = 4 + captureSize + 1 + 1 + 9 + 3 + 4 + 4
)

var finger2011Formats = []templates.Format{templates.FormatUnknown, templates.FormatUnknown, templates.FormatWSQ,
	templates.FormatJPEG, templates.FormatJP2, templates.FormatJP2, templates.FormatPNG}

// finger2011Lossless is the compression code of JPEG 2000 without loss.
const finger2011Lossless = 5

// DecodeFinger2011 reads one record, which must fill data; see Decode.
func DecodeFinger2011(data []byte) (*Finger2011, error) { return decodeFinger2011(data, clone) }

func decodeFinger2011(data []byte, keep keeper) (*Finger2011, error) {
	const kind = "finger image record"
	r, err := open(kind, magicFinger+versionFinger2011, data, 4, finger2011Header)
	if err != nil {
		return nil, err
	}
	n := int(r.u16(kind))
	r.checkViews(kind+": number of representations", n, 2)
	n = r.count(kind+": number of representations", n, finger2011Fixed, 2)
	flag := r.u8(kind)
	r.check(flag <= 1, 1, templates.ReasonOutOfRange, kind+": certification flag", flag, "0 or 1")
	f := &Finger2011{Certified: flag == 1, Positions: r.u8(kind)}
	for i := 0; i < n && r.err == nil; i++ {
		f.Images = append(f.Images, readFinger2011Image(r, fmt.Sprintf("finger image %d", i+1), f.Certified, keep))
	}
	r.done(kind)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

func readFinger2011Image(r *reader, field string, certified bool, keep keeper) Finger2011Image {
	length := int(r.u32(field + ": length"))
	r.check(length >= finger2011Fixed, 4, templates.ReasonWrongLength, field+": length", length, fmt.Sprintf(">= %d", finger2011Fixed))
	p := r.part(field, length-4)
	f := Finger2011Image{Capture: readCapture(p, field)}
	if certified {
		name := field + ": certification blocks"
		for range p.count(name, int(p.u8(name)), certificationSize, 1) {
			f.Certifications = append(f.Certifications, Certification{Authority: p.u16(name), Scheme: p.u8(name)})
		}
	}
	f.Position = p.u8(field)
	p.check(knownPosition(f.Position), 1, templates.ReasonPosition, field+": position", f.Position, wantPosition)
	f.Number = p.u8(field)
	f.Scale = readScale(p, field)
	f.BitDepth = p.u8(field)
	p.check(f.BitDepth >= 1 && f.BitDepth <= 16, 1, templates.ReasonOutOfRange, field+": bit depth", f.BitDepth, "1..16")
	f.Compression = p.u8(field)
	p.check(int(f.Compression) < len(finger2011Formats), 1, templates.ReasonOutOfRange, field+": compression", f.Compression, "0..6")
	f.Impression = p.u8(field)
	p.check(knownImpression(f.Impression), 1, templates.ReasonOutOfRange, field+": impression type", f.Impression, wantImpression)
	f.Width, f.Height = readSize(p, field)
	f.Data = readImage(p, field, keep)
	f.Extended = readBlocks(p, field, keep)
	r.failOf(p)
	return f
}

// readImage is an image with its length of 4 bytes in front.
func readImage(r *reader, field string, keep keeper) []byte {
	field += ": image"
	n := r.count(field+" of length", int(r.u32(field)), 1, 4)
	return keep(r.take(field, n))
}

// readBlocks is the extended data blocks up to the end of the representation.
func readBlocks(r *reader, field string, keep keeper) []Block {
	var blocks []Block
	for r.err == nil && r.left() > 0 {
		name := fmt.Sprintf("%s: extended data block %d", field, len(blocks)+1)
		r.check(len(blocks) < MaxViews, 0, templates.ReasonOversized, name, "is one too many", fmt.Sprintf("<= %d", MaxViews))
		b := Block{Type: r.u16(name)}
		n := int(r.u16(name))
		r.check(n >= blockHeader, 2, templates.ReasonMalformed, name+": length", n, fmt.Sprintf(">= %d", blockHeader))
		b.Data = keep(r.take(name, max(n-blockHeader, 0)))
		blocks = append(blocks, b)
	}
	return blocks
}

func (f *Finger2011Image) size(certified bool) int {
	n := finger2011Fixed + f.Capture.size() - captureSize + len(f.Data)
	if certified {
		n += 1 + len(f.Certifications)*certificationSize
	}
	for _, b := range f.Extended {
		n += blockHeader + len(b.Data)
	}
	return n
}

// checkCounts is what Encode would cut off.
func (f *Finger2011Image) checkCounts(field string, certified bool) error {
	if err := f.Capture.checkCounts(field); err != nil {
		return err
	}
	limit := math.MaxUint8
	if !certified {
		limit = 0
	}
	if err := checkCount(field+": certification blocks", len(f.Certifications), limit); err != nil {
		return err
	}
	for _, b := range f.Extended {
		if err := checkCount(field+": extended data block of bytes", blockHeader+len(b.Data), math.MaxUint16); err != nil {
			return err
		}
	}
	return nil
}

// Encode is the bytes of the record, see Record.Encode.
func (f *Finger2011) Encode() ([]byte, error) {
	n := finger2011Header
	for i := range f.Images {
		if err := f.Images[i].checkCounts(fmt.Sprintf("finger image %d", i+1), f.Certified); err != nil {
			return nil, err
		}
		n += f.Images[i].size(f.Certified)
	}
	if err := checkCount("finger image record of bytes", n, MaxRecord); err != nil {
		return nil, err
	}
	if err := checkCount("finger image record: number of representations", len(f.Images), MaxViews); err != nil {
		return nil, err
	}
	dst := append(make([]byte, 0, n), magicFinger+versionFinger2011...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Images)))
	flag := byte(0)
	if f.Certified {
		flag = 1
	}
	dst = append(dst, flag, f.Positions)
	for i := range f.Images {
		dst = f.Images[i].append(dst, f.Certified)
	}
	if _, err := decodeFinger2011(dst, share); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return dst, nil
}

func (f *Finger2011Image) append(dst []byte, certified bool) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.size(certified)))
	dst = f.Capture.append(dst)
	if certified {
		dst = append(dst, uint8(len(f.Certifications)))
		for _, c := range f.Certifications {
			dst = append(binary.BigEndian.AppendUint16(dst, c.Authority), c.Scheme)
		}
	}
	dst = append(dst, f.Position, f.Number)
	dst = f.Scale.append(dst)
	dst = append(dst, f.BitDepth, f.Compression, f.Impression)
	dst = binary.BigEndian.AppendUint16(dst, f.Width)
	dst = binary.BigEndian.AppendUint16(dst, f.Height)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Data)))
	dst = append(dst, f.Data...)
	for _, b := range f.Extended {
		dst = binary.BigEndian.AppendUint16(dst, b.Type)
		dst = binary.BigEndian.AppendUint16(dst, uint16(blockHeader+len(b.Data)))
		dst = append(dst, b.Data...)
	}
	return dst
}

// Views are the images, see Record.Views.
func (f *Finger2011) Views() ([]View, error) {
	views := make([]View, len(f.Images))
	at := finger2011Header
	for i := range f.Images {
		m := &f.Images[i]
		field := fmt.Sprintf("finger image %d", i+1)
		if int(m.Compression) >= len(finger2011Formats) {
			return nil, templates.Bad(templates.ReasonOutOfRange, field+": compression", m.Compression, "0..6")
		}
		size := m.size(f.Certified)
		v := View{Modality: templates.ModalityFinger, Position: position(m.Position), PositionCode: m.Position, Number: m.Number,
			Impression: m.Impression, Format: finger2011Formats[m.Compression], Payload: m.Data, Offset: at + size - len(m.Data),
			Lossless: m.Compression == finger2011Lossless, Packed: m.Compression == 1, BitDepth: m.BitDepth,
			Width: int(m.Width), Height: int(m.Height), Extended: m.Extended}
		for _, b := range m.Extended {
			v.Offset -= blockHeader + len(b.Data)
		}
		v.PPIX, v.PPIY = m.PPI()
		m.show(&v)
		if err := v.checkPayload(field); err != nil {
			return nil, err
		}
		views[i] = v
		at += size
	}
	return views, nil
}

// Notes are contradictions that hurt no image, see Record.Notes.
func (f *Finger2011) Notes() []string {
	var n []string
	var seen [256]bool
	positions := 0
	for i := range f.Images {
		m := &f.Images[i]
		n = m.Scale.notes(n, fmt.Sprintf("image %d", i+1))
		if !seen[m.Position] {
			seen[m.Position] = true
			positions++
		}
	}
	if positions != int(f.Positions) {
		n = append(n, fmt.Sprintf("header: %d positions, the images have %d", f.Positions, positions))
	}
	return n
}
