package simd

import (
	"encoding/binary"
	"fmt"
	"math"
)

// PackInt8 writes v as row 0..15 of a block of the int8 plane, padding included. It
// touches no byte of another row.
func PackInt8(block []byte, row int, v []int8) {
	checkBlock(len(block), Int8BlockBytes(len(v)), row)
	done := 0
	if l := level(OpPackInt8); l != Portable {
		done = packInt8Vector(l, block, row, v)
	}
	packInt8Portable(block[16*done:], row, v[done:])
	if checkIndex {
		checkPackInt8(block, row, v)
	}
}

func packInt8Portable(block []byte, row int, v []int8) {
	if len(v) == 0 {
		return
	}
	at := block[4*row:]
	for len(v) >= 4 {
		w := uint32(uint8(v[0])) | uint32(uint8(v[1]))<<8 | uint32(uint8(v[2]))<<16 | uint32(uint8(v[3]))<<24
		binary.LittleEndian.PutUint32(at, w^0x80808080)
		if v = v[4:]; len(v) > 0 {
			at = at[64:]
		}
	}
	if len(v) > 0 {
		w := uint32(0x80808080)
		for i, c := range v {
			w ^= uint32(uint8(c)) << (8 * i)
		}
		binary.LittleEndian.PutUint32(at, w)
	}
}

// UnpackInt8 reads row 0..15 of a block of the int8 plane into v.
func UnpackInt8(v []int8, block []byte, row int) {
	checkBlock(len(block), Int8BlockBytes(len(v)), row)
	for d := range v {
		v[d] = int8(block[64*(d/4)+4*row+d%4] ^ 0x80)
	}
}

// PackBits writes the bits of a row of dim dimensions as row 0..15 of a block of the
// bit plane; bit d%32 of bits[d/32] is dimension d. Bits behind the last dimension
// must be 0. It touches no byte of another row.
func PackBits(block []byte, row, dim int, bits []uint32) {
	checkBlock(len(block), BitBlockBytes(dim), row)
	checkBits(dim, bits)
	for g, w := range bits {
		binary.LittleEndian.PutUint32(block[64*g+4*row:], w)
	}
}

// UnpackBits reads row 0..15 of a block of the bit plane.
func UnpackBits(bits []uint32, block []byte, row, dim int) {
	checkBlock(len(block), BitBlockBytes(dim), row)
	if len(bits) != BitWords(dim) {
		panic(fmt.Sprintf("simd: %d words of bits, want %d for dimension %d", len(bits), BitWords(dim), dim))
	}
	for g := range bits {
		bits[g] = binary.LittleEndian.Uint32(block[64*g+4*row:])
	}
}

// SignBits sets the bits of v: 1 where the value is greater than 0; 0 elsewhere (for
// 0, -0 and NaN too). dst has BitWords(len(v)) words.
func SignBits(dst []uint32, v []float32) {
	if len(dst) != BitWords(len(v)) {
		panic(fmt.Sprintf("simd: %d words of bits, want %d for dimension %d", len(dst), BitWords(len(v)), len(v)))
	}
	done := 0
	if l := level(OpSignBits); l != Portable {
		done = signBitsVector(l, dst, v)
	}
	signBitsPortable(dst[done:], v[32*done:])
	if checkIndex {
		checkSignBits(dst, v)
	}
}

func signBitsPortable(dst []uint32, v []float32) {
	for g := range dst {
		part := v[32*g : min(32*g+32, len(v))]
		w := uint32(0)
		for _, x := range part {
			// Greater than 0: as an integer 1..0x7f800000 (infinity). Signs are random,
			// so a branch would be guessed wrong half of the time.
			w = w>>1 | uint32((uint64(math.Float32bits(x)-1)-0x7f800000)>>63)<<31
		}
		dst[g] = w >> (32 - len(part))
	}
}

// QuantizeInt8 sets dst[i] to v[i]*scale, the product rounded to float32, cut to
// -127..127 and rounded to the nearest integer, halves to the even one. NaN becomes 0.
// -128 is not used, so that the negative of a vector has the negative bytes.
func QuantizeInt8(dst []int8, v []float32, scale float32) {
	if len(dst) != len(v) {
		panic(fmt.Sprintf("simd: quantize %d values into %d bytes", len(v), len(dst)))
	}
	if l := level(OpQuantizeInt8); l != Portable && len(v) >= quantizeLeast {
		quantizeInt8Vector(l, dst, v, scale)
	} else {
		quantizeInt8Portable(dst, v, scale)
	}
	if checkIndex {
		checkQuantizeInt8(dst, v, scale)
	}
}

// quantizeLeast is how many values vector kernels take at a time, and so at least.
const quantizeLeast = 32

func quantizeInt8Portable(dst []int8, v []float32, scale float32) {
	dst = dst[:len(v)]
	// Adding 1.5 * 2^23 moves the integer part into the low bits of the significand,
	// rounded by the machine's rounding to nearest even.
	const magic = 3 << 22
	for i, x := range v {
		x = float32(x * scale)
		if x < -127 || !(x <= 127) { // rare, so that nothing else is asked of the others
			switch {
			case x > 127:
				x = 127
			case x < -127:
				x = -127
			default:
				x = 0
			}
		}
		dst[i] = int8(math.Float32bits(float32(x + magic)))
	}
}

func checkBlock(got, want, row int) {
	if got != want {
		panic(fmt.Sprintf("simd: block of %d bytes, want %d", got, want))
	}
	if row < 0 || row >= BlockRows {
		panic(fmt.Sprintf("simd: row %d of a block, want 0..%d", row, BlockRows-1))
	}
}

func checkBits(dim int, bits []uint32) {
	if len(bits) != BitWords(dim) {
		panic(fmt.Sprintf("simd: %d words of bits, want %d for dimension %d", len(bits), BitWords(dim), dim))
	}
	if used := dim % 32; used != 0 && bits[len(bits)-1]>>used != 0 {
		panic(fmt.Sprintf("simd: bits behind dimension %d are not 0", dim))
	}
}
