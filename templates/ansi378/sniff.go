package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Sniff tells the version of a record of ANSI INCITS 378 from its bytes, of which
// the first 4,096 are enough; FormatUnknown for anything else, also for records of
// ISO/IEC 19794-2, which start with the same bytes and are told apart by their
// lengths. A record that is recognised may still turn out malformed, or deviate in
// ways that Tolerance lists.
func Sniff(data []byte) templates.Format {
	switch f := fmr.Sniff(data); f {
	case templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1:
		return f
	}
	return templates.FormatUnknown
}
