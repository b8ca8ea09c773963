package imagerecord

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// Face2011 is a face image record of ISO/IEC 19794-5:2011.
//
//	offset  size  general header
//	     0     4  "FAC" 0
//	     4     4  "030" 0
//	     8     4  length of the record
//	    12     2  number of representations
//	    14     1  certification flag: 0, this part has no certifications
//	    15     2  temporal semantics: 0 one image; several: 1 relation unknown, 2 one
//	              session, 3 several sessions, 4.. interval in milliseconds
type Face2011 struct {
	Temporal uint16
	Images   []Face2011Image
}

// Face2011Image is one representation.
//
//	size  representation header and data
//	   4  length of the representation
//	   9  capture date
//	   5  capture device: technology 1, vendor 2, type 2
//	1+5n  quality blocks
//	   2  number of feature points
//	  15  Features
//	  8n  feature points
//	   1  face image type
//	   1  image data type
//	   4  width, height
//	   1  spatial sampling rate level
//	   2  post-acquisition processing
//	   1  cross reference
//	   1  color space
//	 4+n  image
//	 ...  three-dimensional data up to the length
type Face2011Image struct {
	Capture
	Features
	Landmarks []Landmark
	// Type is 0 basic, 1 full frontal, 2 token, 3 post-processed; with bit 0x80 a
	// three-dimensional image follows the flat one.
	Type uint8
	// DataType is 0 JPEG, 1 JPEG 2000 lossy, 2 JPEG 2000 lossless, 3 PNG.
	DataType      uint8
	Width, Height uint16
	// SamplingLevel is a class of the width of the head in pixels: 0 up to 180, 1 up
	// to 240, ... 7 above 750. It is no resolution in pixels per inch.
	SamplingLevel  uint8
	PostProcessing uint16
	CrossReference uint8
	ColorSpace     uint8
	Data           []byte
	// ThreeD is kept, not read; only where Type has bit 0x80.
	ThreeD []byte
}

const (
	face2011Header = 17
	face2011Fixed  = 4 + captureSize + 2 + featuresSize + 1 + 11 + 4

	face2011Lossless = 2
	threeD           = 0x80
)

var face2011Formats = []templates.Format{templates.FormatJPEG, templates.FormatJP2, templates.FormatJP2, templates.FormatPNG}

// DecodeFace2011 reads one record, which must fill data; see Decode.
func DecodeFace2011(data []byte) (*Face2011, error) { return decodeFace2011(data, clone) }

func decodeFace2011(data []byte, keep keeper) (*Face2011, error) {
	const kind = "face image record"
	r, err := open(kind, magicFace+versionFace2011, data, 4, face2011Header)
	if err != nil {
		return nil, err
	}
	n := int(r.u16(kind))
	r.checkViews(kind+": number of representations", n, 2)
	n = r.count(kind+": number of representations", n, face2011Fixed, 2)
	flag := r.u8(kind)
	r.check(flag == 0, 1, templates.ReasonOutOfRange, kind+": certification flag", flag, 0)
	f := &Face2011{Temporal: r.u16(kind)}
	for i := 0; i < n && r.err == nil; i++ {
		f.Images = append(f.Images, readFace2011Image(r, fmt.Sprintf("face image %d", i+1), keep))
	}
	r.done(kind)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

func readFace2011Image(r *reader, field string, keep keeper) Face2011Image {
	length := int(r.u32(field + ": length"))
	r.check(length >= face2011Fixed, 4, templates.ReasonWrongLength, field+": length", length, fmt.Sprintf(">= %d", face2011Fixed))
	p := r.part(field, length-4)
	f := Face2011Image{Capture: readCapture(p, field)}
	points := int(p.u16(field))
	f.Features = readFeatures(p, field, true)
	f.Landmarks = readLandmarks(p, field, points, featuresSize+1+2)
	f.Type = p.u8(field)
	f.DataType = p.u8(field)
	p.check(int(f.DataType) < len(face2011Formats), 1, templates.ReasonOutOfRange, field+": image data type", f.DataType, "0..3")
	f.Width, f.Height = readSize(p, field)
	f.SamplingLevel, f.PostProcessing, f.CrossReference, f.ColorSpace = p.u8(field), p.u16(field), p.u8(field), p.u8(field)
	f.Data = readImage(p, field, keep)
	if f.Type&threeD != 0 {
		f.ThreeD = keep(p.take(field, p.left()))
	}
	p.done(field)
	r.failOf(p)
	return f
}

func (f *Face2011Image) size() int {
	return face2011Fixed + f.Capture.size() - captureSize + len(f.Landmarks)*landmarkSize + len(f.Data) + len(f.ThreeD)
}

// Encode is the bytes of the record, see Record.Encode.
func (f *Face2011) Encode() ([]byte, error) {
	n := face2011Header
	for i := range f.Images {
		m := &f.Images[i]
		field := fmt.Sprintf("face image %d", i+1)
		if err := m.Capture.checkCounts(field); err != nil {
			return nil, err
		}
		if err := m.Features.checkCounts(field, len(m.Landmarks), true); err != nil {
			return nil, err
		}
		n += m.size()
	}
	if err := checkCount("face image record of bytes", n, MaxRecord); err != nil {
		return nil, err
	}
	if err := checkCount("face image record: number of representations", len(f.Images), MaxViews); err != nil {
		return nil, err
	}
	dst := append(make([]byte, 0, n), magicFace+versionFace2011...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Images)))
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, f.Temporal)
	for i := range f.Images {
		m := &f.Images[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(m.size()))
		dst = m.Capture.append(dst)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(m.Landmarks)))
		dst = m.Features.append(dst, true)
		dst = appendLandmarks(dst, m.Landmarks)
		dst = append(dst, m.Type, m.DataType)
		dst = binary.BigEndian.AppendUint16(dst, m.Width)
		dst = binary.BigEndian.AppendUint16(dst, m.Height)
		dst = append(dst, m.SamplingLevel)
		dst = binary.BigEndian.AppendUint16(dst, m.PostProcessing)
		dst = append(dst, m.CrossReference, m.ColorSpace)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.Data)))
		dst = append(append(dst, m.Data...), m.ThreeD...)
	}
	if _, err := decodeFace2011(dst, share); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return dst, nil
}

// Views are the flat images, see Record.Views.
func (f *Face2011) Views() ([]View, error) {
	views := make([]View, len(f.Images))
	at := face2011Header
	for i := range f.Images {
		m := &f.Images[i]
		field := fmt.Sprintf("face image %d", i+1)
		if int(m.DataType) >= len(face2011Formats) {
			return nil, templates.Bad(templates.ReasonOutOfRange, field+": image data type", m.DataType, "0..3")
		}
		at += m.size()
		v := View{Modality: templates.ModalityFace, ImageType: m.Type, Format: face2011Formats[m.DataType], Payload: m.Data,
			Offset: at - len(m.Data) - len(m.ThreeD), Lossless: m.DataType == face2011Lossless,
			Width: int(m.Width), Height: int(m.Height), Landmarks: m.Landmarks}
		m.show(&v)
		if err := v.checkPayload(field); err != nil {
			return nil, err
		}
		views[i] = v
	}
	return views, nil
}

// Notes are contradictions that hurt no image, see Record.Notes.
func (f *Face2011) Notes() []string {
	var n []string
	for i := range f.Images {
		n = landmarkNotes(n, i, f.Images[i].Landmarks, f.Images[i].Width, f.Images[i].Height)
	}
	if f.Temporal == 0 && len(f.Images) > 1 {
		n = append(n, fmt.Sprintf("header: one image by its temporal semantics, %d are there", len(f.Images)))
	}
	return n
}
