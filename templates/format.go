package templates

import "strings"

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
	// FormatPNG, FormatJPEG, FormatWSQ and FormatJP2 are bare images.
	FormatPNG
	FormatJPEG
	FormatWSQ
	FormatJP2
	// FormatOther is kept without any look inside.
	FormatOther
	// FormatISO19794_2_2011 is a finger minutiae record of ISO/IEC 19794-2:2011.
	FormatISO19794_2_2011
	// FormatISO19794_2_CardNormal and FormatISO19794_2_CardCompact are the card
	// formats of ISO/IEC 19794-2: bare minutiae of 5 or 3 bytes without a header;
	// image size and resolution are stated beside them.
	FormatISO19794_2_CardNormal
	FormatISO19794_2_CardCompact
	// FormatANSI378_2004 and its followers are finger minutiae records of
	// ANSI INCITS 378.
	FormatANSI378_2004
	FormatANSI378_2007
	FormatANSI378_2009
	FormatANSI378_2009AM1
	// FormatISO19794_4_2005 and FormatISO19794_4_2011 are finger image records.
	FormatISO19794_4_2005
	FormatISO19794_4_2011
	// FormatISO19794_5_2005 and FormatISO19794_5_2011 are face image records.
	FormatISO19794_5_2005
	FormatISO19794_5_2011
	// FormatBMP and FormatTIFF are bare images.
	FormatBMP
	FormatTIFF
	// FormatCBEFF is an XML document of biometric information records (ISO/IEC
	// 19785-3 patron format as MOSIP writes it). FormatANSINIST is a transaction of
	// ANSI/NIST-ITL in the traditional encoding. Both are containers: a sender's
	// document with several samples inside.
	FormatCBEFF
	FormatANSINIST

	formatEnd
)

// formats is what there is to know of each format; the index is the format.
var formats = [formatEnd]struct {
	name     string
	modality Modality // what it can only be
	kind     formatKind
}{
	FormatUnknown:                {name: "unknown"},
	FormatFaceFloat32:            {"face-float32", ModalityFace, kindTemplate},
	FormatFaceFloat16:            {"face-float16", ModalityFace, kindTemplate},
	FormatFaceInt8:               {"face-int8", ModalityFace, kindTemplate},
	FormatISO19794_2_2005:        {"iso-19794-2-2005", ModalityFinger, kindTemplate},
	FormatPNG:                    {"png", ModalityUnknown, kindImage},
	FormatJPEG:                   {"jpeg", ModalityUnknown, kindImage},
	FormatWSQ:                    {"wsq", ModalityFinger, kindImage},
	FormatJP2:                    {"jp2", ModalityUnknown, kindImage},
	FormatOther:                  {"other", ModalityUnknown, kindOther},
	FormatISO19794_2_2011:        {"iso-19794-2-2011", ModalityFinger, kindTemplate},
	FormatISO19794_2_CardNormal:  {"iso-19794-2-card-normal", ModalityFinger, kindTemplate},
	FormatISO19794_2_CardCompact: {"iso-19794-2-card-compact", ModalityFinger, kindTemplate},
	FormatANSI378_2004:           {"ansi-378-2004", ModalityFinger, kindTemplate},
	FormatANSI378_2007:           {"ansi-378-2007", ModalityFinger, kindTemplate},
	FormatANSI378_2009:           {"ansi-378-2009", ModalityFinger, kindTemplate},
	FormatANSI378_2009AM1:        {"ansi-378-2009-am1", ModalityFinger, kindTemplate},
	FormatISO19794_4_2005:        {"iso-19794-4-2005", ModalityFinger, kindImage},
	FormatISO19794_4_2011:        {"iso-19794-4-2011", ModalityFinger, kindImage},
	FormatISO19794_5_2005:        {"iso-19794-5-2005", ModalityFace, kindImage},
	FormatISO19794_5_2011:        {"iso-19794-5-2011", ModalityFace, kindImage},
	FormatBMP:                    {"bmp", ModalityUnknown, kindImage},
	FormatTIFF:                   {"tiff", ModalityUnknown, kindImage},
	FormatCBEFF:                  {"cbeff-xml", ModalityUnknown, kindContainer},
	FormatANSINIST:               {"ansi-nist-itl", ModalityUnknown, kindContainer},
}

// formatKind is what comes out of a format.
type formatKind uint8

const (
	kindOther     formatKind = iota // bytes
	kindTemplate                    // searchable templates
	kindImage                       // pixels: kept and shown, not searchable
	kindContainer                   // samples
)

// String is the stable name of the format, as used in errors and exports.
func (f Format) String() string {
	if f.Known() {
		return formats[f].name
	}
	return "unknown"
}

// FormatNames are the names of all known formats.
func FormatNames() []string {
	var names []string
	for f := FormatUnknown + 1; f < formatEnd; f++ {
		names = append(names, formats[f].name)
	}
	return names
}

// ParseFormat is the inverse of String; the error is UNKNOWN_FORMAT.
func ParseFormat(name string) (Format, error) {
	for f := FormatUnknown + 1; f < formatEnd; f++ {
		if formats[f].name == name {
			return f, nil
		}
	}
	return FormatUnknown, Bad(ReasonFormat, "format name", "is not known", strings.Join(FormatNames(), ", "))
}

// Known tells whether f is one of the formats above.
func (f Format) Known() bool { return f > FormatUnknown && f < formatEnd }

// Searchable tells whether templates come out of the format. Known formats that
// are not searchable are kept and shown.
func (f Format) Searchable() bool { return f.Known() && formats[f].kind == kindTemplate }

// Image tells whether pixels come out of the format.
func (f Format) Image() bool { return f.Known() && formats[f].kind == kindImage }

// Container tells whether the format holds samples of other formats.
func (f Format) Container() bool { return f.Known() && formats[f].kind == kindContainer }

// Modality is what the format can only be, ModalityUnknown where the format
// does not tell (an image may show a face or a finger).
func (f Format) Modality() Modality {
	if f.Known() {
		return formats[f].modality
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
