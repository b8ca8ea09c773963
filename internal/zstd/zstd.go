// Package zstd stands in for github.com/DataDog/zstd, which Pebble imports for a
// compression that the ledger never uses: sealed bytes do not compress. The original
// is 61 seconds of C compiler in every first build, and makes the program need a C
// compiler at all; this is the part of its interface that Pebble calls, over the same
// pure Go library that Pebble itself uses where there is no C. The formats are the
// same. go.mod replaces the module.
package zstd

import (
	"errors"

	"github.com/klauspost/compress/zstd"
)

// CompressBound is a size that holds the compressed form of n bytes, whatever they are:
// blocks that do not compress are stored with a few bytes of header each.
func CompressBound(n int) int { return n + n/128 + 128 }

// Ctx compresses and decompresses; by one goroutine at a time.
type Ctx interface {
	// CompressLevel compresses src, into dst if it has room.
	CompressLevel(dst, src []byte, level int) ([]byte, error)
	// DecompressInto decompresses src into dst and returns the number of bytes. It fails
	// where dst is too small.
	DecompressInto(dst, src []byte) (int, error)
}

// NewCtx returns a Ctx.
func NewCtx() Ctx { return &ctx{} }

type ctx struct{}

func (*ctx) CompressLevel(dst, src []byte, level int) ([]byte, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return e.EncodeAll(src, dst[:0]), e.Close()
}

func (*ctx) DecompressInto(dst, src []byte) (int, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(1, len(dst)))))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	out, err := d.DecodeAll(src, dst[:0:len(dst)])
	if err == nil && len(out) > len(dst) {
		err = errors.New("zstd: the destination is too small")
	}
	return len(out), err
}
