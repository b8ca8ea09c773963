package templates

import "fmt"

// Reason is the stable, machine-readable name of what is wrong with an input.
// It travels to the caller unchanged, so a name is never reused or renamed.
type Reason string

// The reasons of this package. Packages above add their own.
const (
	ReasonEmpty          Reason = "EMPTY"
	ReasonTruncated      Reason = "TRUNCATED"
	ReasonTrailing       Reason = "TRAILING_BYTES"
	ReasonOversized      Reason = "OVERSIZED"
	ReasonWrongLength    Reason = "WRONG_LENGTH"
	ReasonWrongMagic     Reason = "WRONG_MAGIC"
	ReasonWrongVersion   Reason = "WRONG_VERSION"
	ReasonOutOfRange     Reason = "OUT_OF_RANGE"
	ReasonMinutiaCount   Reason = "MINUTIA_COUNT"
	ReasonMinutiaOutside Reason = "MINUTIA_OUTSIDE_IMAGE"
	ReasonPosition       Reason = "UNKNOWN_FINGER_POSITION"
	ReasonDimension      Reason = "WRONG_DIMENSION"
	ReasonNotFinite      Reason = "NOT_FINITE"
	ReasonZeroVector     Reason = "ZERO_VECTOR"
	ReasonConstantVector Reason = "CONSTANT_VECTOR"
	ReasonModel          Reason = "BAD_MODEL"
	ReasonUTF8           Reason = "INVALID_UTF8"
	ReasonFormat         Reason = "UNKNOWN_FORMAT"
	ReasonReserved       Reason = "RESERVED_BITS"
	ReasonResolution     Reason = "IMPOSSIBLE_RESOLUTION"
	ReasonQuality        Reason = "QUALITY_OUT_OF_RANGE"
	ReasonNotUnit        Reason = "NOT_UNIT_LENGTH"
	ReasonMixedImages    Reason = "MIXED_IMAGE_SIZES"
	// ReasonMalformed: the bytes contradict the format they claim.
	ReasonMalformed Reason = "MALFORMED"
	// ReasonUnsupported: well-formed as far as read, but a part of the standard that
	// is not read here, e.g. an encrypted block or a lossless JPEG.
	ReasonUnsupported Reason = "UNSUPPORTED"
	// ReasonNoBiometric: a well-formed container without any usable biometric data.
	ReasonNoBiometric Reason = "NO_BIOMETRIC_DATA"
	// ReasonEncrypted: the biometric data are encrypted for somebody else.
	ReasonEncrypted Reason = "ENCRYPTED"
)

// InputError says what is wrong with an input from outside. Its text has one
// form: what was looked at, what was got, what is wanted.
type InputError struct {
	Reason Reason
	// Field is the path of the offending part, e.g. "finger view 2: minutia count".
	Field string
	// Got and Want are short texts; they never contain biometric data.
	Got, Want string
	// Offset is where in the input the offending part starts, in bytes, or NoOffset.
	Offset int
}

// NoOffset is the offset of what has no single place in the input.
const NoOffset = -1

func (e *InputError) Error() string {
	if e.Offset != NoOffset {
		return fmt.Sprintf("%s %s, want %s (at byte %d)", e.Field, e.Got, e.Want, e.Offset)
	}
	return fmt.Sprintf("%s %s, want %s", e.Field, e.Got, e.Want)
}

// Bad makes an InputError without an offset; got and want are formatted with %v.
func Bad(reason Reason, field string, got, want any) *InputError {
	return BadAt(NoOffset, reason, field, got, want)
}

// BadAt makes an InputError of a part that starts at an offset, in bytes.
func BadAt(offset int, reason Reason, field string, got, want any) *InputError {
	return &InputError{Reason: reason, Field: field, Got: fmt.Sprint(got), Want: fmt.Sprint(want), Offset: offset}
}
