package exchange

import (
	"bytes"

	"immis/templates"
)

// SniffSize is how many bytes of a sample Sniff needs at most, all others being
// ignored; XML may begin with comments.
const SniffSize = 4096

// Sniff tells the format of a sample from its first bytes, whatever its file is
// called; FormatUnknown for what has no signature: face vectors, minutiae from
// cards, and everything that is not read here. A format that is recognised may
// still turn out malformed.
func Sniff(data []byte) templates.Format {
	for _, s := range signatures {
		if bytes.HasPrefix(data, []byte(s.bytes)) {
			return s.format
		}
	}
	return templates.FormatUnknown
}

// signatures are first bytes that no other format has.
var signatures = [...]struct {
	bytes  string
	format templates.Format
}{
	{"\x89PNG\r\n\x1a\n", templates.FormatPNG},
	{"\xff\xd8\xff", templates.FormatJPEG},
	{"\xff\xa0\xff", templates.FormatWSQ},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", templates.FormatJP2},
	{"\xff\x4f\xff\x51", templates.FormatJP2},
	{"BM", templates.FormatBMP},
	{"II*\x00", templates.FormatTIFF},
	{"MM\x00*", templates.FormatTIFF},
	{"FMR\x00 20\x00", templates.FormatISO19794_2_2005},
}
