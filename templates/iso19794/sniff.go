package iso19794

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Sniff tells the version of a record of ISO/IEC 19794-2 from its bytes, of which
// the first 4,096 are enough: FormatISO19794_2_2005, FormatISO19794_2_2011, or
// FormatUnknown for anything else, also for records of ANSI INCITS 378, which
// start with the same bytes and are told apart by their lengths. Card formats have
// no header and cannot be recognised. A record that is recognised may still turn
// out malformed.
func Sniff(data []byte) templates.Format {
	switch f := fmr.Sniff(data); f {
	case templates.FormatISO19794_2_2005, templates.FormatISO19794_2_2011:
		return f
	}
	return templates.FormatUnknown
}
