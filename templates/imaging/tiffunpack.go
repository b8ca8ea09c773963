package imaging

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

// unpacker reads the compressed bytes of one block after the other. Its memory does
// not depend on them.
type unpacker interface {
	// reset starts a block.
	reset(block []byte) error
	// read fills row; io.ErrUnexpectedEOF where the block ends before.
	read(row []byte) error
}

func newUnpacker(compression int) unpacker {
	switch compression {
	case tiffLZW:
		return &lzw{}
	case tiffDeflate, tiffDeflateOld:
		return &inflater{}
	case tiffPackBits:
		return &packBits{}
	}
	return &unpacked{}
}

func endsEarly(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) }

// unpacked is compression 1: none.
type unpacked struct{ left []byte }

func (u *unpacked) reset(block []byte) error {
	u.left = block
	return nil
}

func (u *unpacked) read(row []byte) error {
	n := copy(row, u.left)
	u.left = u.left[n:]
	if n < len(row) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// inflater is compressions 8 and 32946: zlib. The window is kept between blocks.
type inflater struct {
	block bytes.Reader
	z     io.ReadCloser
}

func (u *inflater) reset(block []byte) (err error) {
	u.block.Reset(block)
	if r, ok := u.z.(zlib.Resetter); ok {
		return r.Reset(&u.block, nil)
	}
	u.z, err = zlib.NewReader(&u.block)
	return err
}

func (u *inflater) read(row []byte) error {
	_, err := io.ReadFull(u.z, row)
	return err
}

// packBits is compression 32773 (TIFF 6.0, section 9). Runs may cross rows: some
// writers let them.
type packBits struct {
	left   []byte
	repeat bool
	run    int // bytes of the run that were not given yet
}

func (u *packBits) reset(block []byte) error {
	*u = packBits{left: block}
	return nil
}

func (u *packBits) read(row []byte) error {
	for len(row) > 0 {
		if u.run == 0 {
			if len(u.left) == 0 {
				return io.ErrUnexpectedEOF
			}
			code := int(int8(u.left[0]))
			u.left = u.left[1:]
			switch {
			case code >= 0:
				u.run, u.repeat = code+1, false
			case code > -128:
				u.run, u.repeat = 1-code, true
			}
			continue
		}
		n := min(u.run, len(row))
		if u.repeat {
			if len(u.left) == 0 {
				return io.ErrUnexpectedEOF
			}
			for i := range n {
				row[i] = u.left[0]
			}
			if u.run == n {
				u.left = u.left[1:]
			}
		} else {
			if len(u.left) < n {
				return io.ErrUnexpectedEOF
			}
			copy(row, u.left[:n])
			u.left = u.left[n:]
		}
		u.run -= n
		row = row[n:]
	}
	return nil
}

// Codes of LZW (TIFF 6.0, section 13): 9 to 12 bits, the highest first.
const (
	lzwClear    = 256
	lzwEnd      = 257
	lzwFirst    = 258
	lzwMinWidth = 9
	lzwMaxWidth = 12
	lzwCodes    = 1 << lzwMaxWidth
)

var errLZW = errors.New("LZW code that is not defined yet")

// lzw is compression 5. Code widths change one code early, as the standard's.
type lzw struct {
	left  []byte
	acc   uint32
	bits  int
	width int
	next  int // the code to define next
	last  int // the code before, -1 after a clear
	// A code from lzwFirst on is a shorter code and one byte more.
	prefix [lzwCodes]uint16
	suffix [lzwCodes]uint8
	// text is the expanded code; what was not given yet starts at from.
	text [lzwCodes]uint8
	from int
}

func (u *lzw) reset(block []byte) error {
	u.left, u.acc, u.bits, u.from = block, 0, 0, len(u.text)
	u.clear()
	return nil
}

func (u *lzw) clear() { u.width, u.next, u.last = lzwMinWidth, lzwFirst, -1 }

func (u *lzw) read(row []byte) error {
	for len(row) > 0 {
		if u.from == len(u.text) {
			if err := u.expand(); err != nil {
				return err
			}
		}
		n := copy(row, u.text[u.from:])
		u.from += n
		row = row[n:]
	}
	return nil
}

func (u *lzw) code() (int, error) {
	for u.bits < u.width {
		if len(u.left) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		u.acc = u.acc<<8 | uint32(u.left[0])
		u.left = u.left[1:]
		u.bits += 8
	}
	u.bits -= u.width
	return int(u.acc>>u.bits) & (1<<u.width - 1), nil
}

// expand reads codes until one gives bytes.
func (u *lzw) expand() error {
	c, err := u.code()
	for ; err == nil && c == lzwClear; c, err = u.code() {
		u.clear()
	}
	switch {
	case err != nil:
		return err
	case c == lzwEnd:
		return io.ErrUnexpectedEOF
	case c > u.next, c == u.next && (u.last < 0 || u.next == lzwCodes), u.last < 0 && c > lzwClear:
		return errLZW
	}
	u.from = len(u.text)
	from := c
	if c == u.next { // the text of the last code and its own first byte, put in below
		u.from--
		from = u.last
	}
	for from >= lzwFirst {
		u.from--
		u.text[u.from] = u.suffix[from]
		from = int(u.prefix[from])
	}
	u.from--
	u.text[u.from] = uint8(from)
	if c == u.next {
		u.text[len(u.text)-1] = uint8(from)
	}
	if u.last >= 0 && u.next < lzwCodes {
		u.prefix[u.next], u.suffix[u.next] = uint16(u.last), uint8(from)
		u.next++
		if u.next == 1<<u.width-1 && u.width < lzwMaxWidth {
			u.width++
		}
	}
	u.last = c
	return nil
}
