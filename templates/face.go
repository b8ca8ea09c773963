package templates

import (
	"fmt"
	"log/slog"
	"math"
)

// Bounds of a face vector and of the identifier of its model.
const (
	MinDims     = 16
	MaxDims     = 4096
	MaxModelLen = 64
)

// unitTolerance bounds | |v|^2 - 1 | of a normalised vector. Rounding each
// component to float32 moves the square of the length by less than 2^-22.
const unitTolerance = 1.0 / (1 << 20)

// NewFace makes the normal form of a face vector: a copy of the vector, scaled
// to Euclidean length 1. The scaling is computed in float64, summed in the order
// of the components, and rounded once to float32: the same input gives the same
// bits on every machine.
// Normalising a normalised vector may move last bits; a stored vector is
// therefore never normalised again (DecodeStored).
//
// Errors (*InputError): BAD_MODEL, WRONG_DIMENSION, NOT_FINITE, ZERO_VECTOR,
// CONSTANT_VECTOR. A constant vector says nothing about a person; it is what
// broken extractors and blank images give, and all such people would match.
func NewFace(model string, vector []float32) (*Face, error) {
	if err := CheckModel(model); err != nil {
		return nil, err
	}
	if err := checkDims(len(vector)); err != nil {
		return nil, err
	}
	v := append(make([]float32, 0, len(vector)), vector...)
	if err := normalize(v); err != nil {
		return nil, err
	}
	return &Face{Model: model, Vector: v}, nil
}

// Validate checks that f is a normal form: a well-formed model, 16..4096 finite
// components that are not all equal, length 1 within float32 rounding.
func (f *Face) Validate() error {
	if err := CheckModel(f.Model); err != nil {
		return err
	}
	if err := checkDims(len(f.Vector)); err != nil {
		return err
	}
	sum, err := squares(f.Vector)
	if err != nil {
		return err
	}
	if math.Abs(sum-1) > unitTolerance {
		return Bad(ReasonNotUnit, "face vector", "is not of unit length", "length 1 within float32 rounding")
	}
	return checkConstant(f.Vector)
}

// CheckModel refuses model identifiers that are not [A-Za-z0-9._:/-]{1,64}:
// they travel in logs, metrics and file names, and are compared byte by byte.
func CheckModel(model string) error {
	const want = "1..64 characters of A-Z a-z 0-9 . _ : / -"
	if len(model) == 0 || len(model) > MaxModelLen {
		return Bad(ReasonModel, "face model", fmt.Sprintf("of %d bytes", len(model)), want)
	}
	for i := range len(model) {
		c := model[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '/', c == '-':
		default:
			return Bad(ReasonModel, "face model", fmt.Sprintf("with byte 0x%02x at %d", c, i), want)
		}
	}
	return nil
}

func checkDims(n int) error {
	if n < MinDims || n > MaxDims {
		return Bad(ReasonDimension, "face vector dimension", n, fmt.Sprintf("%d..%d", MinDims, MaxDims))
	}
	return nil
}

// squares is the square of the Euclidean length. float64 holds the squares of
// the smallest and of the largest float32, so nothing under- or overflows, and
// holds every square exactly (2 x 24 bits), so a fused multiply-add would change
// nothing; the conversion forbids it all the same.
func squares(v []float32) (float64, error) {
	var sum float64
	for i, x := range v {
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, Bad(ReasonNotFinite, fmt.Sprintf("face vector: component %d", i), x, "a finite number")
		}
		sum += float64(f * f)
	}
	return sum, nil
}

func normalize(v []float32) error {
	sum, err := squares(v)
	if err != nil {
		return err
	}
	if sum == 0 {
		return Bad(ReasonZeroVector, "face vector", "is all zero", "a direction")
	}
	length := math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	// After the rounding: what is accepted here must be accepted by Validate too.
	return checkConstant(v)
}

func checkConstant(v []float32) error {
	for _, x := range v[1:] {
		if x != v[0] {
			return nil
		}
	}
	return Bad(ReasonConstantVector, "face vector", "has equal components", "components that differ")
}

// String tells a template without its content, so that a template that strays
// into a log line or an error text shows no biometric data.
func (f Face) String() string {
	return fmt.Sprintf("face template (model %s, %d dimensions)", f.Model, len(f.Vector))
}

// LogValue is String: structured handlers would otherwise print the fields.
func (f Face) LogValue() slog.Value { return slog.StringValue(f.String()) }
