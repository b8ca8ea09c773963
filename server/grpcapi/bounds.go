package grpcapi

import (
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"immis/engine"
	"immis/templates"
)

// Bounds that the comments of the messages promise.
const (
	maxID         = 128     // bytes of an identifier
	maxToken      = 64      // characters of a model, a gallery or a checkpoint's name
	maxShort      = 128     // bytes of station, operator, algorithm, extractor
	maxLong       = 256     // bytes of a name's part, a birth place, a device
	maxText       = 512     // bytes of a gallery's description
	maxSampleData = 8 << 20 // bytes of one sample
	maxSamples    = 64
	maxNames      = 32
	maxNations    = 8
	maxDocuments  = 32
	maxGalleries  = 32
	maxReaders    = 256
	maxMissing    = 10
	maxPage       = 1000
	defaultPage   = 100
	maxWatch      = 1000
	maxTop        = 100
)

// text checks a free text of lo to hi bytes of UTF-8 without control characters.
func text(field, s string, lo, hi int) error {
	if len(s) < lo {
		return templates.Bad(ReasonRequired, field, "is empty", fmt.Sprintf("%d to %d bytes", lo, hi))
	}
	if len(s) > hi {
		return templates.Bad(templates.ReasonOversized, field, fmt.Sprintf("of %d bytes", len(s)), fmt.Sprintf("<= %d bytes", hi))
	}
	if !utf8.ValidString(s) {
		return templates.Bad(templates.ReasonUTF8, field, "is not valid UTF-8", "UTF-8")
	}
	for i, r := range s {
		if r < ' ' || r == 0x7f {
			return templates.Bad(engine.ReasonIdentifier, field, fmt.Sprintf("with control character %#02x at byte %d", r, i), "printable text")
		}
	}
	return nil
}

// token checks a name of lo to hi characters of [A-Za-z0-9._:/-].
func token(field, s string, lo, hi int, reason templates.Reason) error {
	const alphabet = "A-Z a-z 0-9 . _ : / -"
	if len(s) < lo {
		return templates.Bad(ReasonRequired, field, "is empty", fmt.Sprintf("%d to %d characters of %s", lo, hi, alphabet))
	}
	if len(s) > hi {
		return templates.Bad(templates.ReasonOversized, field, fmt.Sprintf("of %d characters", len(s)), fmt.Sprintf("<= %d", hi))
	}
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return templates.Bad(reason, field, fmt.Sprintf("with byte %#02x at %d", s[i], i), alphabet)
		}
	}
	return nil
}

func tokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == ':' || c == '/' || c == '-'
}

func count(field string, n, lo, hi int) error {
	if n < lo {
		return templates.Bad(ReasonRequired, field, fmt.Sprintf("has %d", n), fmt.Sprintf("%d to %d", lo, hi))
	}
	if n > hi {
		return templates.Bad(ReasonTooMany, field, fmt.Sprintf("has %d", n), fmt.Sprintf("<= %d", hi))
	}
	return nil
}

// known checks the value of an enumeration whose largest value is hi.
func known(field string, v, lo, hi int32) error {
	if v < lo || v > hi {
		return templates.Bad(ReasonEnum, field, v, fmt.Sprintf("%d to %d", lo, hi))
	}
	return nil
}

// percent reads an optional value of 0-100.
func percent(field string, v *uint32) (uint8, error) {
	if v == nil {
		return templates.QualityUnknown, nil
	}
	if *v > 100 {
		return 0, templates.Bad(templates.ReasonOutOfRange, field, *v, "0 to 100")
	}
	return uint8(*v), nil
}

// optionalTime reads a timestamp; absent is the zero time. How far it may lie
// from the server's clock is the engine's rule.
func optionalTime(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, templates.Bad(engine.ReasonTime, field, fmt.Sprintf("of %d s %d ns", t.GetSeconds(), t.GetNanos()), "a time of the years 1 to 9999")
	}
	return t.AsTime(), nil
}

// page reads a page size.
func page(field string, n uint32) (int, error) {
	if n == 0 {
		return defaultPage, nil
	}
	if n > maxPage {
		return 0, templates.Bad(templates.ReasonOutOfRange, field, n, fmt.Sprintf("1 to %d", maxPage))
	}
	return int(n), nil
}
