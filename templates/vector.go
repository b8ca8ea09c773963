package templates

import (
	"encoding/binary"
	"fmt"
	"math"
)

// VectorEncoding is how the components of a face vector travel. There is no
// header: the bytes are the components, one after the other.
type VectorEncoding uint8

const (
	EncodingUnknown VectorEncoding = iota
	// EncodingFloat32LE is IEEE 754 binary32, little-endian, 4 bytes a component.
	EncodingFloat32LE
	// EncodingFloat16LE is IEEE 754 binary16, little-endian, 2 bytes a component.
	EncodingFloat16LE
	// EncodingInt8 is two's complement, 1 byte a component. The scale does not
	// travel: normalising removes it.
	EncodingInt8
)

// Size is the bytes of one component, 0 for an unknown encoding.
func (e VectorEncoding) Size() int {
	switch e {
	case EncodingFloat32LE:
		return 4
	case EncodingFloat16LE:
		return 2
	case EncodingInt8:
		return 1
	}
	return 0
}

// DecodeFace reads a face vector of dims components, 16..4096, and brings it
// into the normal form (NewFace). data must hold exactly dims components.
//
// Errors (*InputError): those of NewFace, UNKNOWN_FORMAT for an unknown
// encoding, EMPTY, and WRONG_LENGTH. Nothing is allocated before the length is
// checked.
func DecodeFace(model string, enc VectorEncoding, data []byte, dims int) (*Face, error) {
	if err := CheckModel(model); err != nil {
		return nil, err
	}
	size := enc.Size()
	if size == 0 {
		return nil, Bad(ReasonFormat, "face vector encoding", uint8(enc), "1..3")
	}
	if len(data) == 0 {
		return nil, Bad(ReasonEmpty, "face vector", "is empty", fmt.Sprintf("%d..%d dimensions", MinDims, MaxDims))
	}
	if err := checkDims(dims); err != nil {
		return nil, err
	}
	if len(data) != dims*size {
		return nil, Bad(ReasonWrongLength, "face vector of", fmt.Sprintf("%d bytes", len(data)),
			fmt.Sprintf("%d dimensions x %d = %d bytes", dims, size, dims*size))
	}
	v := make([]float32, dims)
	switch enc {
	case EncodingFloat32LE:
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case EncodingFloat16LE:
		for i := range v {
			v[i] = float16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case EncodingInt8:
		for i := range v {
			v[i] = float32(int8(data[i]))
		}
	}
	if err := normalize(v); err != nil {
		return nil, err
	}
	return &Face{Model: model, Vector: v}, nil
}

// float16 is the value of an IEEE 754 binary16 number. Every such number is a
// float32 exactly; infinities and NaN stay what they are.
//
//	15   14..10    9..0
//	sign exponent  fraction     (-1)^s 2^(e-15) 1.f;  e = 0: (-1)^s 2^-14 0.f
func float16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h & 0x3ff)
	switch exponent {
	case 0:
		// Exact: fraction has 10 bits, and a power of two only moves the exponent.
		subnormal := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(subnormal) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// AppendFloat32 appends the components of a vector in the encoding
// EncodingFloat32LE: the exchange form in which a stored face is given back.
func AppendFloat32(dst []byte, vector []float32) []byte {
	for _, x := range vector {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}
