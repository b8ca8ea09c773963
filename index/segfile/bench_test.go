package segfile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/simd"
)

// Benchmarks are of a segment of 65,536 rows of 512 dimensions on the real file system,
// with the file in the page cache. MB/s are of planes before sealing.
var benchShape = shape{dim: 512, rows: 1 << 16, bits: true}

func benchFile(b *testing.B, cache *Cache) (*File, *Source) {
	b.Helper()
	src, w, path := newSource(rand.New(rand.NewPCG(7, 1)), benchShape), newKeyring(), b.TempDir()+"/a"
	mustWrite(b, vfs.Default, path, src, w)
	f, err := Open(vfs.Default, path, src.Binding, w, cache)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f, src
}

func rowsPerSecond(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWrite(b *testing.B) {
	src, w, path := newSource(rand.New(rand.NewPCG(7, 1)), benchShape), newKeyring(), b.TempDir()+"/a"
	b.SetBytes(int64(len(src.Bits) + len(src.Int8) + len(src.Half)))
	for b.Loop() {
		mustWrite(b, vfs.Default, path, src, w)
	}
	rowsPerSecond(b, benchShape.rows)
}

func BenchmarkReadPlane(b *testing.B) {
	f, _ := benchFile(b, nil)
	for _, p := range []Plane{Bits, Int8, Half} {
		for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
			b.Run(fmt.Sprintf("plane=%s/workers=%d", p, workers), func(b *testing.B) {
				dst := make([]byte, f.PlaneBytes(p))
				b.SetBytes(int64(len(dst)))
				for b.Loop() {
					if err := f.ReadPlane(context.Background(), p, dst, workers); err != nil {
						b.Fatal(err)
					}
				}
				rowsPerSecond(b, benchShape.rows)
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	src, w, path := newSource(rand.New(rand.NewPCG(7, 1)), benchShape), newKeyring(), b.TempDir()+"/a"
	mustWrite(b, vfs.Default, path, src, w)
	for b.Loop() {
		f, err := Open(vfs.Default, path, src.Binding, w, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.ReadColumns(context.Background()); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	rowsPerSecond(b, benchShape.rows)
}

// BenchmarkRemake is the alternative to reading bits and int8: making them from half.
func BenchmarkRemake(b *testing.B) {
	const dim = 512
	half, plain := make([]simd.F16, dim), make([]float32, dim)
	rng := rand.New(rand.NewPCG(7, 2))
	for i := range half {
		half[i] = simd.F16FromFloat32(float32(rng.NormFloat64() / 22))
	}
	codes, bits := make([]int8, dim), make([]uint32, simd.BitWords(dim))
	block, bitBlock := make([]byte, simd.Int8BlockBytes(dim)), make([]byte, simd.BitBlockBytes(dim))
	row := 0
	for b.Loop() {
		simd.FromF16(plain, half)
		simd.QuantizeInt8(codes, plain, 570)
		simd.SignBits(bits, plain)
		simd.PackInt8(block, row%16, codes)
		simd.PackBits(bitBlock, row%16, dim, bits)
		row++
	}
	rowsPerSecond(b, 1)
}

// Rows at random, as a search that rescores asks for them; most of a small cache misses.
func BenchmarkReadRow(b *testing.B) {
	for _, size := range []int64{0, 8 << 20, 256 << 20} {
		f, _ := benchFile(b, NewCache(size))
		row := make([]simd.F16, benchShape.dim)
		for r := range benchShape.rows {
			if err := f.ReadRow(r, row); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("cache=%dMiB", size>>20), func(b *testing.B) {
			before := f.cache.Stats()
			b.RunParallel(func(pb *testing.PB) {
				rng := rand.New(rand.NewPCG(7, rand.Uint64()))
				row := make([]simd.F16, benchShape.dim)
				for pb.Next() {
					if err := f.ReadRow(rng.IntN(benchShape.rows), row); err != nil {
						b.Error(err)
						return
					}
				}
			})
			rowsPerSecond(b, 1)
			s := f.cache.Stats()
			b.ReportMetric(float64(s.Hits-before.Hits)/float64(b.N), "hits/op")
		})
	}
}

func BenchmarkRewrap(b *testing.B) {
	src, w, path := newSource(rand.New(rand.NewPCG(7, 1)), shape{dim: 512, rows: 100}), newKeyring(), b.TempDir()+"/a"
	mustWrite(b, vfs.Default, path, src, w)
	for b.Loop() {
		if err := Rewrap(vfs.Default, path, w, w); err != nil {
			b.Fatal(err)
		}
	}
}
