package segfile

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unsafe"

	"immis/internal/simd"
)

// ReadRow reads a row of the plane Half into dst, which has as many elements as the
// file has dimensions. The chunk of at most 16 KiB that holds the row is taken from the
// cache, or read, opened and put there. A row that was dead when the file was written
// reads as zeros.
//
// After an error of this package the file is damaged and the row is to be made again
// from its record.
func (f *File) ReadRow(row int, dst []simd.F16) error {
	switch {
	case f.closed.Load():
		return at(f.path, ErrClosed)
	case row < 0 || row >= f.header.rows:
		return fmt.Errorf("segment file %s: row %d, want 0..%d", f.path, row, f.header.rows-1)
	case len(dst) != f.header.dim:
		return fmt.Errorf("segment file %s: read row into %d elements, want %d", f.path, len(dst), f.header.dim)
	}
	per := rowsPerChunk(f.header.dim)
	number, offset := row/per, row%per*2*f.header.dim
	if f.cache == nil {
		return f.loadRow(number, offset, dst, nil)
	}
	key := chunkKey{f.number, uint32(number)}
	if f.cache.row(key, offset, dst) {
		return nil
	}
	return f.loadRow(number, offset, dst, &key)
}

// loadRow reads the chunk of a row, and puts it into the cache if it has a key there.
func (f *File) loadRow(number, offset int, dst []simd.F16, key *chunkKey) error {
	x := &f.layout.extents[sectionHalf]
	c := f.cache
	if c == nil {
		c = &Cache{} // the memory is not kept either
	}
	sealed, plain := c.takeSealed(), c.takePlain()
	defer c.sealed.Put(sealed)
	chunk := (*plain)[:x.length(number)]
	if err := f.readChunk(x, number, chunk, *sealed); err != nil {
		c.give(plain)
		return at(f.path, err)
	}
	decodeRow(dst, chunk[offset:])
	if key != nil {
		c.put(*key, plain)
	}
	return nil
}

// decodeRow is a copy of memory where that is little endian too: element by element it
// took over twenty times as long, under the lock of the cache.
func decodeRow(dst []simd.F16, b []byte) {
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 2*len(dst)), b[:2*len(dst)])
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		for i, v := range dst {
			dst[i] = simd.F16(bits.ReverseBytes16(uint16(v)))
		}
	}
}
