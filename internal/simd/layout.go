package simd

import "fmt"

// BlockRows is the number of rows of a block: one 64-byte vector holds four bytes of
// each. A plane is blocks one behind the other, nothing between them.
const BlockRows = 16

// MaxDim is the largest dimension of a row. At 4,096 dimensions a sum of products of
// u8 and s8 is at most 4,096 * 255 * 128 = 133,693,440, so 32 bits hold every sum and
// every intermediate sum of every kernel, in any order, exactly.
const MaxDim = 4096

// The int8 plane. A block of 16 rows is cut into groups of four dimensions, each
// 64 bytes: one vector register, one VPDPBUSD, four products added into each of
// 16 rows.
//
//	         row 0          row 1                row 15
//	       ┌───────────────┬───────────────┬───┬───────────────┐
//	group 0│d0  d1  d2  d3 │d0  d1  d2  d3 │ … │d0  d1  d2  d3 │  64 bytes
//	group 1│d4  d5  d6  d7 │d4  d5  d6  d7 │ … │d4  d5  d6  d7 │  64 bytes
//	   …   └───────────────┴───────────────┴───┴───────────────┘
//	byte    0   1   2   3   4                    60          63
//
// A byte is u8 = value + 128, since VPDPBUSD multiplies unsigned by signed bytes. The
// probe stays signed, and sum(u8 * probe) - 128 * sum(probe) is the product: one
// constant per probe, nothing per row. Dimensions behind the last are 128 (value 0)
// in rows and 0 in probes.

// Int8BlockBytes is the size of a block of the int8 plane.
func Int8BlockBytes(dim int) int {
	return 64 * groupsOf(dim, 4)
}

// The bit plane. A block of 16 rows is cut into groups of 32 dimensions, each 64
// bytes; a row has four bytes of it, a little-endian uint32, bit b = dimension
// 32 * group + b.
//
//	         row 0          row 1                row 15
//	       ┌───────────────┬───────────────┬───┬───────────────┐
//	group 0│d0    …    d31 │d0    …    d31 │ … │d0    …    d31 │  64 bytes
//	group 1│d32   …    d63 │d32   …    d63 │ … │d32   …    d63 │  64 bytes
//	   …   └───────────────┴───────────────┴───┴───────────────┘
//	byte    0   1   2   3   4                    60          63
//
// Bits behind the last dimension are 0 in rows and probes. Two kernels read it:
// Hamming (bits against bits) and asymmetric (bits against an s8 probe). For the
// latter, four bytes of a row AND 2^k are the dimensions k, 8+k, 16+k and 24+k as
// four bytes 0 or 2^k: one AND and one VPDPBUSD for 16 rows x 4 dimensions, all k
// summed apart and brought to one scale at the end.
//
// A layout in nibbles (groups of four dimensions, eight bytes, loaded as a mask
// register) was rejected: it takes one instruction more on the port that is the
// limit (measured with AVX-512 from the cache, one query: 12.7 cycles per 64 bytes
// against 8.1 here), needs a second plane beside the one for Hamming, and puts two rows
// into one byte, so that appending a row writes bytes that readers of its neighbor
// read.

// BitBlockBytes is the size of a block of the bit plane.
func BitBlockBytes(dim int) int {
	return 64 * groupsOf(dim, 32)
}

// BitWords is the number of uint32 that hold the bits of one row.
func BitWords(dim int) int {
	return groupsOf(dim, 32)
}

// Blocks is the number of blocks that hold so many rows.
func Blocks(rows int) int {
	if rows < 0 {
		panic(fmt.Sprintf("simd: %d rows", rows))
	}
	return rows/BlockRows + min(rows%BlockRows, 1) // rows + 15 could overflow
}

func groupsOf(dim, per int) int {
	if dim < 1 || dim > MaxDim {
		panic(fmt.Sprintf("simd: dimension %d, want 1..%d", dim, MaxDim))
	}
	return (dim + per - 1) / per
}
