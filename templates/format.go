package templates

// Format is an exchange format of a sample: how its bytes are to be read. The
// numbers are stored with samples; a number is never reused.
type Format uint8

const (
	FormatUnknown Format = iota
	// FormatFaceFloat32, FormatFaceFloat16 and FormatFaceInt8 are bare face
	// vectors, see VectorEncoding; the model travels beside them.
	FormatFaceFloat32
	FormatFaceFloat16
	FormatFaceInt8
	// FormatISO19794_2_2005 is a finger minutiae record of ISO/IEC 19794-2:2005.
	FormatISO19794_2_2005
	// The formats below are kept and shown, not searchable: an answer to an
	// enrolment that holds one says so.
	FormatPNG
	FormatJPEG
	FormatWSQ
	FormatJP2
	// FormatOther is kept without any look inside.
	FormatOther

	formatEnd
)

// String is the stable name of the format, as used in errors and exports.
func (f Format) String() string {
	switch f {
	case FormatFaceFloat32:
		return "face-float32"
	case FormatFaceFloat16:
		return "face-float16"
	case FormatFaceInt8:
		return "face-int8"
	case FormatISO19794_2_2005:
		return "iso-19794-2-2005"
	case FormatPNG:
		return "png"
	case FormatJPEG:
		return "jpeg"
	case FormatWSQ:
		return "wsq"
	case FormatJP2:
		return "jp2"
	case FormatOther:
		return "other"
	}
	return "unknown"
}

// ParseFormat is the inverse of String; the error is UNKNOWN_FORMAT.
func ParseFormat(name string) (Format, error) {
	for f := FormatUnknown + 1; f < formatEnd; f++ {
		if f.String() == name {
			return f, nil
		}
	}
	return FormatUnknown, Bad(ReasonFormat, "format name", "is not known", "face-float32, face-float16, face-int8, iso-19794-2-2005, png, jpeg, wsq, jp2 or other")
}

// Known tells whether f is one of the formats above.
func (f Format) Known() bool { return f > FormatUnknown && f < formatEnd }

// Searchable tells whether templates come out of the format. Known formats that
// are not searchable are kept and shown.
func (f Format) Searchable() bool { return f >= FormatFaceFloat32 && f <= FormatISO19794_2_2005 }

// Modality is what the format can only be, ModalityUnknown where the format
// does not tell (an image may show a face or a finger).
func (f Format) Modality() Modality {
	switch f {
	case FormatFaceFloat32, FormatFaceFloat16, FormatFaceInt8:
		return ModalityFace
	case FormatISO19794_2_2005:
		return ModalityFinger
	}
	return ModalityUnknown
}

// Encoding is the vector encoding of a face format, EncodingUnknown for others.
func (f Format) Encoding() VectorEncoding {
	switch f {
	case FormatFaceFloat32:
		return EncodingFloat32LE
	case FormatFaceFloat16:
		return EncodingFloat16LE
	case FormatFaceInt8:
		return EncodingInt8
	}
	return EncodingUnknown
}
