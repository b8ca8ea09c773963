package exchange

import (
	"bytes"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// Sniff tells the format of a sample from all its bytes, whatever its file is
// called; FormatUnknown for what has no signature: face vectors, minutiae from
// cards, and everything that is not read here. A format that is recognised may
// still turn out malformed.
func Sniff(data []byte) templates.Format {
	for _, sniff := range [...]func([]byte) templates.Format{
		imaging.Sniff, iso19794.Sniff, ansi378.Sniff, imagerecord.Sniff, sniffContainer,
	} {
		if f := sniff(data); f != templates.FormatUnknown {
			return f
		}
	}
	return templates.FormatUnknown
}

// sniffContainer looks for the root element of CBEFF, and for the first field of
// ANSI/NIST-ITL, 1.001 with any number of leading zeros.
func sniffContainer(data []byte) templates.Format {
	if rest, ok := bytes.CutPrefix(data, []byte("1.")); ok {
		digits, _, _ := bytes.Cut(rest[:min(len(rest), 12)], []byte(":"))
		if n := bytes.TrimLeft(digits, "0"); len(digits) < 12 && string(n) == "1" {
			return templates.FormatANSINIST
		}
	}
	front := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 4096)], []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(front, []byte("<")) && bytes.Contains(front, []byte("BIR")) {
		return templates.FormatCBEFF
	}
	return templates.FormatUnknown
}
