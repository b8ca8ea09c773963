package segfile

import (
	"fmt"

	"immis/internal/simd"
)

// The file:
//
//	0      key page A, 4,096 bytes      key.go
//	4096   key page B, 4,096 bytes
//	8192   header, one chunk            header.go
//	       columns, chunks of 1 MiB     columns.go
//	       bits, chunks of at most 1 MiB, whole blocks; absent without that plane
//	       int8, chunks of at most 1 MiB, whole blocks
//	       half, chunks of at most 16 KiB, whole rows
//	       trailer, one chunk           header.go
//
// A chunk is so many bytes and a tag of 16 behind them; the last of a section may be
// shorter. There is nothing between chunks and nothing behind the trailer, so every byte
// of the file is under a tag, or under the checksum of a key page.
//
// Planes are stored, though bits and int8 can be made again from half: opening 576 bytes
// of them costs a fifteenth of making them (README.md), and who keeps half on disk need
// not read it at start.

type section uint8

const (
	sectionHeader section = iota
	sectionColumns
	sectionBits
	sectionInt8
	sectionHalf
	sectionTrailer
	sections // how many
)

func (s section) String() string {
	return [sections]string{"header", "columns", "bits", "int8", "half", "trailer"}[s]
}

func (p Plane) section() section { return sectionBits + section(p) }

const (
	bigChunk = 1 << 20
	rowChunk = 16 << 10
)

// extent is where the chunks of a section are.
type extent struct {
	section section
	offset  int64 // in the file
	plain   int64 // bytes before sealing
	chunk   int   // bytes of each chunk but the last, before sealing
	chunks  int
}

func newExtent(s section, plain int64, chunk int) extent {
	return extent{section: s, plain: plain, chunk: chunk, chunks: int((plain + int64(chunk) - 1) / int64(chunk))}
}

// sealed is the length of the section in the file.
func (x *extent) sealed() int64 { return x.plain + int64(x.chunks)*tagSize }

// length is the number of bytes of a chunk before sealing.
func (x *extent) length(number int) int {
	return int(min(int64(x.chunk), x.plain-int64(number)*int64(x.chunk)))
}

// at is where a chunk begins in the file.
func (x *extent) at(number int) int64 { return x.offset + int64(number)*int64(x.chunk+tagSize) }

// layout is where everything is in a file.
type layout struct {
	extents [sections]extent
	size    int64 // of the file
	chunks  int   // of all sections
}

// rowsPerChunk is how many rows a chunk of half has: no row lies in two.
func rowsPerChunk(dim int) int { return max(1, rowChunk/(2*dim)) }

// wholeBlocks is the length of a chunk that has as many whole blocks as go into 1 MiB.
func wholeBlocks(block int) int { return max(1, bigChunk/block) * block }

// layout computes where everything is. The header is in bounds, which header.check is
// for; 2^20 rows of 4,096 dimensions are 13 GiB.
func (h *header) layout() layout {
	var l layout
	l.extents[sectionHeader] = newExtent(sectionHeader, headerSize, headerSize)
	l.extents[sectionColumns] = newExtent(sectionColumns, columnBytes(h.rows), bigChunk)
	bits := int64(0)
	if h.bits {
		bits = planeBytes(Bits, h.dim, h.rows)
	}
	l.extents[sectionBits] = newExtent(sectionBits, bits, wholeBlocks(simd.BitBlockBytes(h.dim)))
	l.extents[sectionInt8] = newExtent(sectionInt8, planeBytes(Int8, h.dim, h.rows), wholeBlocks(simd.Int8BlockBytes(h.dim)))
	l.extents[sectionHalf] = newExtent(sectionHalf, planeBytes(Half, h.dim, h.rows), rowsPerChunk(h.dim)*2*h.dim)
	l.extents[sectionTrailer] = newExtent(sectionTrailer, trailerSize, trailerSize)
	l.size = 2 * pageSize
	for i := range l.extents {
		x := &l.extents[i]
		x.offset = l.size
		l.size += x.sealed()
		l.chunks += x.chunks
	}
	return l
}

// headerExtent is where the header is in every file.
func headerExtent() extent {
	x := newExtent(sectionHeader, headerSize, headerSize)
	x.offset = 2 * pageSize
	return x
}

func (h *header) check() error {
	switch {
	case h.dim < 1 || h.dim > simd.MaxDim:
		return bad(ErrCorrupt, "header: dimension", h.dim, fmt.Sprintf("1..%d", simd.MaxDim))
	case h.rows < 1 || h.rows > MaxRows:
		return bad(ErrCorrupt, "header: rows", h.rows, fmt.Sprintf("1..%d", MaxRows))
	}
	return nil
}
