package imaging

import (
	"bytes"

	"immis/templates"
)

// First bytes of the formats. JPEG 2000 comes as a file of boxes (ISO/IEC 15444-1,
// annex I) or as its bare codestream (annex A).
const (
	magicPNG    = "\x89PNG\r\n\x1a\n"
	magicJPEG   = "\xff\xd8\xff"
	magicBMP    = "BM"
	magicTIFFLE = "II*\x00"
	magicTIFFBE = "MM\x00*"
	magicWSQ    = "\xff\xa0\xff"
	magicJP2    = "\x00\x00\x00\x0cjP  \r\n\x87\n"
	magicJ2K    = "\xff\x4f\xff\x51"
)

// Sniff tells the format of an image from its first bytes, FormatUnknown where they
// are of no format that is read here. Nothing else is looked at.
func Sniff(data []byte) templates.Format {
	for _, s := range [...]struct {
		magic  string
		format templates.Format
	}{
		{magicPNG, templates.FormatPNG},
		{magicJPEG, templates.FormatJPEG},
		{magicWSQ, templates.FormatWSQ},
		{magicJP2, templates.FormatJP2},
		{magicJ2K, templates.FormatJP2},
		{magicTIFFLE, templates.FormatTIFF},
		{magicTIFFBE, templates.FormatTIFF},
		{magicBMP, templates.FormatBMP},
	} {
		if bytes.HasPrefix(data, []byte(s.magic)) {
			return s.format
		}
	}
	return templates.FormatUnknown
}

// checkMagic compares the front of the data with the signatures of a format; data
// that end within one are truncated.
func checkMagic(data []byte, format string, magics ...string) error {
	for _, m := range magics {
		if bytes.HasPrefix(data, []byte(m)) {
			return nil
		}
		if bytes.HasPrefix([]byte(m), data) {
			return truncated(0, format+" signature", len(data), len(m))
		}
	}
	return templates.BadAt(0, templates.ReasonWrongMagic, format+" signature", "is another", format)
}
