package imagerecord

import (
	"encoding/binary"
	"fmt"
	"math"

	"immis/templates"
)

// Face2005 is a face image record of ISO/IEC 19794-5:2005, as in data group 2 of a
// passport (there inside a CBEFF header of ASN.1, which is not read here).
//
//	offset  size  facial record header
//	     0     4  "FAC" 0
//	     4     4  "010" 0
//	     8     4  length of the record
//	    12     2  number of images
type Face2005 struct {
	Images []Face2005Image
}

// Face2005Image is one image with its headers.
//
//	size  facial information, feature points, image information
//	   4  length of all that follows and of itself
//	   2  number of feature points
//	  14  Features
//	  8n  feature points
//	   1  face image type
//	   1  image data type
//	   4  width, height
//	   1  color space
//	   1  source type
//	   2  device type
//	   2  quality
//	   n  image
type Face2005Image struct {
	Features
	Landmarks []Landmark
	// Type is 0 basic, 1 full frontal, 2 token, 3 other.
	Type uint8
	// DataType is 0 JPEG, 1 JPEG 2000.
	DataType      uint8
	Width, Height uint16
	ColorSpace    uint8
	Source        uint8
	Device        uint16
	// Quality is reserved in this edition; writers give 0.
	Quality uint16
	Data    []byte
}

// Features is what a facial information block says of the person. The codes are
// kept, not judged: nothing here decides by them.
type Features struct {
	Gender, EyeColor, HairColor uint8
	// BodyHeight is in centimetres, 0 unknown; from 2011 on.
	BodyHeight uint8
	// Mask has 24 bits: glasses, beard and others.
	Mask       uint32
	Expression uint16
	// Pose is yaw, pitch, roll, each with its uncertainty, in steps of 2 degrees
	// from 1; 0 unknown.
	Pose, PoseUncertainty [3]uint8
}

const (
	face2005Header = 14
	featuresSize   = 14 // without the height
	// face2005Fixed is an image's headers without feature points.
	face2005Fixed = 4 + 2 + featuresSize + 12
)

var face2005Formats = []templates.Format{templates.FormatJPEG, templates.FormatJP2}

// DecodeFace2005 reads one record, which must fill data; see Decode.
func DecodeFace2005(data []byte) (*Face2005, error) { return decodeFace2005(data, clone) }

func decodeFace2005(data []byte, keep keeper) (*Face2005, error) {
	const kind = "face image record"
	r, err := open(kind, magicFace+versionFace2005, data, 4, face2005Header)
	if err != nil {
		return nil, err
	}
	n := int(r.u16(kind))
	r.checkViews(kind+": number of images", n, 2)
	n = r.count(kind+": number of images", n, face2005Fixed, 2)
	f := &Face2005{}
	for i := 0; i < n && r.err == nil; i++ {
		f.Images = append(f.Images, readFace2005Image(r, fmt.Sprintf("face image %d", i+1), keep))
	}
	r.done(kind)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

func readFace2005Image(r *reader, field string, keep keeper) Face2005Image {
	var f Face2005Image
	length := int(r.u32(field + ": length"))
	r.check(length >= face2005Fixed, 4, templates.ReasonWrongLength, field+": length", length, fmt.Sprintf(">= %d", face2005Fixed))
	p := r.part(field, length-4)
	points := int(p.u16(field))
	f.Features = readFeatures(p, field, false)
	f.Landmarks = readLandmarks(p, field, points, featuresSize+2)
	f.Type = p.u8(field)
	f.DataType = p.u8(field)
	p.check(int(f.DataType) < len(face2005Formats), 1, templates.ReasonOutOfRange, field+": image data type", f.DataType, "0 or 1")
	f.Width, f.Height = readSize(p, field)
	f.ColorSpace, f.Source, f.Device, f.Quality = p.u8(field), p.u8(field), p.u16(field), p.u16(field)
	f.Data = keep(p.take(field, p.left()))
	r.failOf(p)
	return f
}

func readFeatures(r *reader, field string, height bool) Features {
	f := Features{Gender: r.u8(field), EyeColor: r.u8(field), HairColor: r.u8(field)}
	if height {
		f.BodyHeight = r.u8(field)
	}
	f.Mask, f.Expression = r.u24(field), r.u16(field)
	f.Pose = [3]uint8{r.u8(field), r.u8(field), r.u8(field)}
	f.PoseUncertainty = [3]uint8{r.u8(field), r.u8(field), r.u8(field)}
	return f
}

func (f *Features) append(dst []byte, height bool) []byte {
	dst = append(dst, f.Gender, f.EyeColor, f.HairColor)
	if height {
		dst = append(dst, f.BodyHeight)
	}
	dst = append(dst, uint8(f.Mask>>16), uint8(f.Mask>>8), uint8(f.Mask))
	dst = binary.BigEndian.AppendUint16(dst, f.Expression)
	dst = append(dst, f.Pose[:]...)
	return append(dst, f.PoseUncertainty[:]...)
}

// checkCounts is what Encode would cut off.
func (f *Features) checkCounts(field string, landmarks int, height bool) error {
	if f.Mask>>24 != 0 {
		return templates.Bad(templates.ReasonOutOfRange, field+": feature mask", fmt.Sprintf("0x%x", f.Mask), "24 bits")
	}
	if !height && f.BodyHeight != 0 {
		return templates.Bad(templates.ReasonOutOfRange, field+": body height", "is given", "0 in this edition")
	}
	return checkCount(field+": feature points", landmarks, math.MaxUint16)
}

// readLandmarks is n feature points; n was read back bytes before.
func readLandmarks(r *reader, field string, n, back int) []Landmark {
	field += ": feature points"
	n = r.count(field, n, landmarkSize, back)
	if n == 0 {
		return nil
	}
	points := make([]Landmark, n)
	for i := range points {
		points[i] = Landmark{Type: r.u8(field), Code: r.u8(field), X: r.u16(field), Y: r.u16(field), Z: r.u16(field)}
	}
	return points
}

func appendLandmarks(dst []byte, points []Landmark) []byte {
	for _, p := range points {
		dst = append(dst, p.Type, p.Code)
		for _, x := range [...]uint16{p.X, p.Y, p.Z} {
			dst = binary.BigEndian.AppendUint16(dst, x)
		}
	}
	return dst
}

func (f *Face2005Image) size() int {
	return face2005Fixed + len(f.Landmarks)*landmarkSize + len(f.Data)
}

// Encode is the bytes of the record, see Record.Encode.
func (f *Face2005) Encode() ([]byte, error) {
	n := face2005Header
	for i := range f.Images {
		m := &f.Images[i]
		if err := m.checkCounts(fmt.Sprintf("face image %d", i+1), len(m.Landmarks), false); err != nil {
			return nil, err
		}
		n += m.size()
	}
	if err := checkCount("face image record of bytes", n, MaxRecord); err != nil {
		return nil, err
	}
	if err := checkCount("face image record: number of images", len(f.Images), MaxViews); err != nil {
		return nil, err
	}
	dst := append(make([]byte, 0, n), magicFace+versionFace2005...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Images)))
	for i := range f.Images {
		m := &f.Images[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(m.size()))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(m.Landmarks)))
		dst = m.Features.append(dst, false)
		dst = appendLandmarks(dst, m.Landmarks)
		dst = append(dst, m.Type, m.DataType)
		dst = binary.BigEndian.AppendUint16(dst, m.Width)
		dst = binary.BigEndian.AppendUint16(dst, m.Height)
		dst = append(dst, m.ColorSpace, m.Source)
		dst = binary.BigEndian.AppendUint16(dst, m.Device)
		dst = binary.BigEndian.AppendUint16(dst, m.Quality)
		dst = append(dst, m.Data...)
	}
	if _, err := decodeFace2005(dst, share); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return dst, nil
}

// Views are the images, see Record.Views.
func (f *Face2005) Views() ([]View, error) {
	views := make([]View, len(f.Images))
	at := face2005Header
	for i := range f.Images {
		m := &f.Images[i]
		field := fmt.Sprintf("face image %d", i+1)
		if int(m.DataType) >= len(face2005Formats) {
			return nil, templates.Bad(templates.ReasonOutOfRange, field+": image data type", m.DataType, "0 or 1")
		}
		at += m.size()
		v := View{Modality: templates.ModalityFace, ImageType: m.Type, Format: face2005Formats[m.DataType], Payload: m.Data,
			Offset: at - len(m.Data), Width: int(m.Width), Height: int(m.Height), Landmarks: m.Landmarks}
		if m.Device != 0 {
			v.Device = fmt.Sprintf("device 0x%04x", m.Device)
		}
		if err := v.checkPayload(field); err != nil {
			return nil, err
		}
		views[i] = v
	}
	return views, nil
}

// Notes are contradictions that hurt no image, see Record.Notes.
func (f *Face2005) Notes() []string {
	var n []string
	for i := range f.Images {
		m := &f.Images[i]
		if m.Quality != 0 {
			n = append(n, fmt.Sprintf("image %d: reserved field is not zero: quality", i+1))
		}
		n = landmarkNotes(n, i, m.Landmarks, m.Width, m.Height)
	}
	return n
}

func landmarkNotes(n []string, i int, points []Landmark, width, height uint16) []string {
	for _, p := range points {
		if p.X >= width || p.Y >= height {
			return append(n, fmt.Sprintf("image %d: feature point outside the image", i+1))
		}
	}
	return n
}
