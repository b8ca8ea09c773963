package fmr

import (
	"encoding/binary"

	"immis/templates"
)

// Sizes that tell the layouts apart.
const (
	headerISO2011   = 15
	leastISO2011    = 34 // of a representation without minutiae
	headerANSI2004  = 26
	headerANSI2007  = 20
	headerANSI2009  = 21
	leastANSI2009   = 17 + ViewLeast // of a view without minutiae
	longANSI2004    = 30
	understatedMost = 2
)

// Sniff tells the version of a record of the family from its bytes, of which the
// first 4,096 are enough; FormatUnknown for anything else. A record that is
// recognised may still turn out malformed.
//
// " 20" is written by two standards. The length tells them apart: two bytes that
// hold at least a header are ANSI's, since ISO's four bytes would then be a record
// of more than a megabyte; two zero bytes are either the front of ISO's length or
// ANSI's mark of a length of four bytes behind them.
//
// "030" is written by three. The views are walked in each layout; the one whose
// views end where the header says wins, before one that merely does not contradict
// itself, and ISO before ANSI, because its lengths are checked against each other.
func Sniff(data []byte) templates.Format {
	if len(data) < 8 || string(data[:4]) != Magic {
		return templates.FormatUnknown
	}
	switch string(data[4:8]) {
	case Version20, Version20Digits:
		if len(data) >= 14 && lengthOfANSI2004(data) {
			return templates.FormatANSI378_2004
		}
		return templates.FormatISO19794_2_2005
	case Version35:
		return templates.FormatANSI378_2009AM1
	case Version30:
		best, format := contradicted, templates.FormatUnknown
		for _, c := range [...]struct {
			fit    fit
			format templates.Format
		}{
			{walkISO2011(data), templates.FormatISO19794_2_2011},
			{walkANSI(data, headerANSI2009), templates.FormatANSI378_2009},
			{walkANSI(data, headerANSI2007), templates.FormatANSI378_2007},
		} {
			if c.fit > best {
				best, format = c.fit, c.format
			}
		}
		return format
	}
	return templates.FormatUnknown
}

func lengthOfANSI2004(data []byte) bool {
	if short := binary.BigEndian.Uint16(data[8:]); short != 0 {
		return short >= headerANSI2004
	}
	long := binary.BigEndian.Uint32(data[10:])
	return long >= longANSI2004 && long <= MaxRecord
}

// fit is how well bytes agree with a layout.
type fit int

const (
	contradicted fit = iota // the header is not one of the layout
	headerOnly              // the header may be one, what follows is not
	open                    // the data end before a contradiction
	exact                   // the views end where the header says
)

func walkISO2011(data []byte) fit {
	if len(data) < headerISO2011+4 {
		return contradicted
	}
	total, count := uint64(binary.BigEndian.Uint32(data[8:])), int(binary.BigEndian.Uint16(data[12:]))
	first := uint64(binary.BigEndian.Uint32(data[headerISO2011:]))
	if count < 1 || count > MaxViews || data[14] > 1 || first < leastISO2011 || headerISO2011+first > total || total > MaxRecord {
		return contradicted
	}
	off := uint64(headerISO2011)
	for range count {
		if off+4 > uint64(len(data)) {
			return open
		}
		length := uint64(binary.BigEndian.Uint32(data[off:]))
		if length < leastISO2011 || off+length > total {
			return headerOnly
		}
		off += length
	}
	if off != total {
		return headerOnly
	}
	return exact
}

func walkANSI(data []byte, header int) fit {
	if len(data) <= header {
		return contradicted
	}
	total, count := uint64(binary.BigEndian.Uint32(data[8:])), int(data[header-2])
	if count < 1 || count > MaxViews || data[header-1] != 0 || data[header] > byte(templates.LeftLittle) ||
		total < uint64(header+leastANSI2009) {
		return contradicted
	}
	off := header
	for range count {
		minutiae := off + leastANSI2009 - ViewLeast
		if minutiae > len(data) {
			return open
		}
		extended := minutiae + int(data[minutiae-1])*LongMinutia
		if extended+lengthSize > len(data) {
			return open
		}
		off = extended + lengthSize + int(binary.BigEndian.Uint16(data[extended:]))
	}
	switch end := uint64(off); {
	case end == total:
		return exact
	case end > total && end <= total+understatedMost:
		return open
	}
	return headerOnly
}
