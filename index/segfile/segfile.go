// Package segfile keeps the rows of a segment of the index in a sealed file, so that a
// start reads planes that are ready instead of opening every record and making every
// row again. What a file held is never half right: it opens as what was written, or
// with an error that says why not.
//
// A file is a copy of what the ledger can give again. It may be deleted at any time,
// it says nothing about who is enrolled, and whoever reads it compares its rows with
// the ledger first; README.md says how. No byte of a row is on disk in the clear, and
// rows that were dead when the file was written are not in it at all.
//
// The package knows no index, no ledger and no key table: it is given slices and a
// Wrapper, and hands back slices. It refuses to change rows in place, to search, and
// to repair: a damaged file is removed and written anew.
package segfile

import (
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/simd"
)

// FS is the file system under the files, the one that the store has, so that tests cut
// the power under both.
type FS = vfs.FS

// OS is the file system of the machine.
func OS() FS { return vfs.Default }

// MaxRows bounds a file, so that a header bounds what is allocated.
const MaxRows = 1 << 20

// Binding says for what rows are good. A file is opened only for the binding that it
// was written for.
type Binding struct {
	// Store is the identifier of the store.
	Store [16]byte
	// Model is the name of the model that made the vectors. The file has its SHA-256.
	Model string
	// Dim is the number of dimensions, 1..simd.MaxDim.
	Dim int
	// Form is the version of how vectors become planes: rotation, scale, layouts. The
	// owner of the planes raises it with every change of those.
	Form uint32
}

func (b *Binding) model() [32]byte { return sha256.Sum256([]byte(b.Model)) }

// Columns are what a file has of each row beside its vector. A mask is a bit for each
// row, row r in bit r%64 of word r/64, in (rows+63)/64 words, the bits behind the last
// row 0; nil stands for no bit set, to write and when read.
type Columns struct {
	Keys []uint64
	// Origins are digests of what each row was made from, so that a row is used only
	// for the very record it belongs to, even where keys are given again.
	Origins []uint64
	// Dead rows are in no plane and have zeros in all columns.
	Dead []uint64
	// Wide rows are those that the index does not trust to their 8-bit code.
	Wide []uint64
}

// Rows is the number of rows, the dead included.
func (c *Columns) Rows() int { return len(c.Keys) }

// Plane is one form of the rows.
type Plane uint8

const (
	Bits Plane = iota // one bit per dimension, blocks of simd.BitBlockBytes
	Int8              // one byte per dimension, blocks of simd.Int8BlockBytes
	Half              // rows of 16-bit floats, little endian, one behind the other
)

func (p Plane) String() string {
	switch p {
	case Bits:
		return "bits"
	case Int8:
		return "int8"
	case Half:
		return "half"
	}
	return fmt.Sprintf("plane %d", uint8(p))
}

// PlaneBytes is the size of a plane of rows with dim dimensions.
func PlaneBytes(p Plane, dim, rows int) int { return int(planeBytes(p, dim, rows)) }

// planeBytes does not overflow where an int has 32 bits.
func planeBytes(p Plane, dim, rows int) int64 {
	switch p {
	case Bits:
		return int64(simd.Blocks(rows)) * int64(simd.BitBlockBytes(dim))
	case Int8:
		return int64(simd.Blocks(rows)) * int64(simd.Int8BlockBytes(dim))
	default:
		return int64(rows) * 2 * int64(dim)
	}
}

// Source is what Write puts into a file. Nothing in it may change meanwhile, except
// what lies behind the last row: rows may be appended to the planes of a segment while
// its first rows are written.
type Source struct {
	Binding
	Columns
	// Bits may be nil: then the file has no such plane. Each plane has at least
	// PlaneBytes for the rows of Columns; what is behind is not looked at.
	Bits, Int8, Half []byte
}

func (s *Source) plane(p Plane) []byte {
	switch p {
	case Bits:
		return s.Bits
	case Int8:
		return s.Int8
	default:
		return s.Half
	}
}
