package templates

import (
	"encoding/binary"
	"fmt"
	"math"
)

// StoredVersion is the version of the stored form that this build writes.
const StoredVersion = 1

// MaxStored is the largest stored form in bytes: a face of MaxDims dimensions.
const MaxStored = storedFaceHeader + MaxModelLen + 4*MaxDims

// Kinds of the stored form. A number is never reused.
const (
	storedFace   = 1
	storedFinger = 2
)

const (
	storedFaceHeader   = 5
	storedFingerHeader = 9
	storedMinutia      = 8
)

// Template is one normal form of either kind; exactly one field is not nil.
type Template struct {
	Face   *Face
	Finger *Finger
}

// Modality tells which kind t is.
func (t Template) Modality() Modality {
	switch {
	case t.Face != nil && t.Finger == nil:
		return ModalityFace
	case t.Finger != nil && t.Face == nil:
		return ModalityFinger
	}
	return ModalityUnknown
}

// AppendStored appends the stored form of t to dst. The stored form is ours, for
// our own disk, and sealed before it gets there: it has no checksum of its own,
// because the seal authenticates it. It holds exactly the numbers of the normal
// form, so a restart changes no score. Numbers are little-endian.
//
//	face                                      finger
//	0  version   1                            0  version   1
//	1  kind      1                            1  kind      2
//	2  L         length of the model, 1..64   2  position  0..10
//	3  D         u16, dimensions, 16..4096    3  quality   0..100, 255 unknown
//	5  model     L bytes                      4  width     u16, pixels at 500 ppi
//	5+L vector   D x float32, length 1        6  height    u16
//	                                          8  N         minutiae, 1..255
//	                                          9  N x 8     x u16, y u16 (1/16 pixel),
//	                                                       angle u16 (2 pi/65536),
//	                                                       type u8, quality u8
//
// The form is canonical: a template has one stored form, and what DecodeStored
// accepts is re-encoded to the same bytes. The error is that of Validate; dst
// is returned unchanged with it.
func AppendStored(dst []byte, t Template) ([]byte, error) {
	switch t.Modality() {
	case ModalityFace:
		return appendStoredFace(dst, t.Face)
	case ModalityFinger:
		return appendStoredFinger(dst, t.Finger)
	}
	return dst, Bad(ReasonFormat, "template", "is not one of face and finger", "exactly one of them")
}

func appendStoredFace(dst []byte, f *Face) ([]byte, error) {
	if err := f.Validate(); err != nil {
		return dst, err
	}
	dst = append(dst, StoredVersion, storedFace, byte(len(f.Model)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.Vector)))
	dst = append(dst, f.Model...)
	for _, x := range f.Vector {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst, nil
}

func appendStoredFinger(dst []byte, f *Finger) ([]byte, error) {
	if err := f.Validate(); err != nil {
		return dst, err
	}
	dst = append(dst, StoredVersion, storedFinger, byte(f.Position), f.Quality)
	dst = binary.LittleEndian.AppendUint16(dst, f.Width)
	dst = binary.LittleEndian.AppendUint16(dst, f.Height)
	dst = append(dst, byte(len(f.Minutiae)))
	for _, m := range f.Minutiae {
		dst = binary.LittleEndian.AppendUint16(dst, m.X)
		dst = binary.LittleEndian.AppendUint16(dst, m.Y)
		dst = binary.LittleEndian.AppendUint16(dst, m.Angle)
		dst = append(dst, byte(m.Type), m.Quality)
	}
	return dst, nil
}

// DecodeStored reads one stored form. It accepts exactly what AppendStored
// writes. Errors (*InputError): EMPTY, OVERSIZED, TRUNCATED, TRAILING_BYTES,
// WRONG_VERSION, UNKNOWN_FORMAT (kind), and those of Validate.
func DecodeStored(data []byte) (Template, error) {
	switch {
	case len(data) == 0:
		return Template{}, Bad(ReasonEmpty, "stored template", "is empty", "a version")
	case len(data) > MaxStored:
		return Template{}, Bad(ReasonOversized, "stored template of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxStored))
	case data[0] != StoredVersion:
		return Template{}, Bad(ReasonWrongVersion, "stored template version", data[0], StoredVersion)
	case len(data) < 2:
		return Template{}, Bad(ReasonTruncated, "stored template of", "1 byte", ">= 2")
	}
	switch data[1] {
	case storedFace:
		f, err := decodeStoredFace(data)
		if err != nil {
			return Template{}, err
		}
		return Template{Face: f}, nil
	case storedFinger:
		f, err := decodeStoredFinger(data)
		if err != nil {
			return Template{}, err
		}
		return Template{Finger: f}, nil
	}
	return Template{}, Bad(ReasonFormat, "stored template kind", data[1], "1 (face) or 2 (finger)")
}

func decodeStoredFace(data []byte) (*Face, error) {
	if err := checkStoredLength("stored face", len(data), storedFaceHeader, false); err != nil {
		return nil, err
	}
	model := int(data[2])
	dims := int(binary.LittleEndian.Uint16(data[3:]))
	if err := checkDims(dims); err != nil {
		return nil, err
	}
	if err := checkStoredLength("stored face", len(data), storedFaceHeader+model+4*dims, true); err != nil {
		return nil, err
	}
	f := &Face{Model: string(data[storedFaceHeader : storedFaceHeader+model]), Vector: make([]float32, dims)}
	components := data[storedFaceHeader+model:]
	for i := range f.Vector {
		f.Vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(components[4*i:]))
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return f, nil
}

func decodeStoredFinger(data []byte) (*Finger, error) {
	if err := checkStoredLength("stored finger", len(data), storedFingerHeader, false); err != nil {
		return nil, err
	}
	n := int(data[8])
	if err := checkStoredLength("stored finger", len(data), storedFingerHeader+storedMinutia*n, true); err != nil {
		return nil, err
	}
	f := &Finger{
		Position: Position(data[2]),
		Quality:  data[3],
		Width:    binary.LittleEndian.Uint16(data[4:]),
		Height:   binary.LittleEndian.Uint16(data[6:]),
		Minutiae: make([]Minutia, n),
	}
	for i := range f.Minutiae {
		b := data[storedFingerHeader+storedMinutia*i:]
		f.Minutiae[i] = Minutia{
			X:       binary.LittleEndian.Uint16(b),
			Y:       binary.LittleEndian.Uint16(b[2:]),
			Angle:   binary.LittleEndian.Uint16(b[4:]),
			Type:    MinutiaType(b[6]),
			Quality: b[7],
		}
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return f, nil
}

// checkStoredLength compares the bytes at hand with the bytes that the part
// needs; exact tells that nothing may follow.
func checkStoredLength(field string, got, want int, exact bool) error {
	switch {
	case got < want:
		return Bad(ReasonTruncated, field+" of", fmt.Sprintf("%d bytes", got), fmt.Sprint(want))
	case exact && got > want:
		return Bad(ReasonTrailing, field+" of", fmt.Sprintf("%d bytes", got), fmt.Sprint(want))
	}
	return nil
}
