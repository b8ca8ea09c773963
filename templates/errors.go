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
)

// InputError says what is wrong with an input from outside. Its text has one
// form: what was looked at, what was got, what is wanted.
type InputError struct {
	Reason Reason
	// Field is the path of the offending part, e.g. "finger view 2: minutia count".
	Field string
	// Got and Want are short texts; they never contain biometric data.
	Got, Want string
}

func (e *InputError) Error() string {
	return fmt.Sprintf("%s %s, want %s", e.Field, e.Got, e.Want)
}

// Bad makes an InputError; got and want are formatted with %v.
func Bad(reason Reason, field string, got, want any) *InputError {
	return &InputError{Reason: reason, Field: field, Got: fmt.Sprint(got), Want: fmt.Sprint(want)}
}
