package segfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/simd"
)

// openMany writes n files and opens them with one cache.
func openMany(t testing.TB, n int, s shape, cache *Cache) (files []*File, sources []*Source) {
	fs, w := vfs.NewMem(), newKeyring()
	for i := range n {
		src := newSource(rand.New(rand.NewPCG(4, uint64(i))), s)
		path := fmt.Sprint(i)
		mustWrite(t, fs, path, src, w)
		f, err := Open(fs, path, src.Binding, w, cache)
		if err != nil {
			t.Fatal(err)
		}
		files, sources = append(files, f), append(sources, src)
	}
	return files, sources
}

func checkRow(f *File, src *Source, r int) error {
	row := make([]simd.F16, src.Dim)
	if err := f.ReadRow(r, row); err != nil {
		return err
	}
	for i, v := range row {
		if at := 2 * (r*src.Dim + i); src.Half[at] != byte(v) || src.Half[at+1] != byte(v>>8) {
			return fmt.Errorf("%s: row %d is another one", f.Path(), r)
		}
	}
	return nil
}

// Many readers of many files through a cache that holds few of their chunks: every row
// is the right one, and the cache stays within its bound.
func TestCacheIsBoundedAndRight(t *testing.T) {
	for _, size := range []int64{0, rowChunk - 1, rowChunk, 10 * rowChunk, 150 * rowChunk, 5000 * rowChunk} {
		cache := NewCache(size)
		files, sources := openMany(t, 3, shape{dim: 500, rows: 1300}, cache)
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(5, uint64(g)))
				for range 3000 {
					i := rng.IntN(len(files))
					if err := checkRow(files[i], sources[i], rng.IntN(1300)); err != nil {
						t.Error(err)
						return
					}
					if held := cache.Stats().Bytes; held > size {
						t.Errorf("%d bytes held, want at most %d", held, size)
						return
					}
				}
			})
		}
		wg.Wait()
		s := cache.Stats()
		if s.Hits+s.Misses != 12_000 {
			t.Errorf("cache of %d: %d hits and %d misses, want 12,000 in all", size, s.Hits, s.Misses)
		}
		if all := uint64(3 * (1300 + 15) / 16); size == 5000*rowChunk && s.Misses > 4*all {
			t.Errorf("%d misses in a cache that holds all of %d chunks", s.Misses, all)
		}
		if size >= 150*rowChunk && s.Hits < 1000 || size < rowChunk && s.Hits > 0 {
			t.Errorf("cache of %d: %d hits", size, s.Hits)
		}
		// Closing one file leaves those of the others.
		files[0].Close()
		if err := checkRow(files[1], sources[1], 7); err != nil {
			t.Error(err)
		}
		files[1].Close()
		files[2].Close()
		if held := cache.Stats().Bytes; held != 0 {
			t.Errorf("%d bytes held for closed files", held)
		}
	}
}

// What is asked for again and again stays while much is asked for once.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	cache := NewCache(32 * rowChunk)
	files, sources := openMany(t, 1, shape{dim: 512, rows: 16 * 1000}, cache)
	for i := range 1000 {
		for _, r := range []int{0, 16 * i} {
			if err := checkRow(files[0], sources[0], r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := cache.Stats(); s.Misses > 1010 {
		t.Errorf("%d misses, want about 1,000: row 0 was pushed out again and again", s.Misses)
	}
	files[0].Close()
}

// A damaged chunk costs its own rows and no others, each time, and is never held.
func TestDamagedChunkIsNotHeld(t *testing.T) {
	src, w, fs := newSource(rand.New(rand.NewPCG(4, 1)), shape{dim: 512, rows: 64}), newKeyring(), vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	b := readFile(t, fs, "a")
	h := src.header()
	l := h.layout()
	b[l.extents[sectionHalf].at(1)+5] ^= 1
	cache := NewCache(1 << 20)
	f, err := Open(mem(t, "a", b), "a", src.Binding, w, cache)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 3 {
		for r := range 64 {
			err := checkRow(f, src, r)
			if damaged := r/16 == 1; damaged != errors.Is(err, ErrCorrupt) || damaged != (err != nil) {
				t.Fatalf("row %d: %v", r, err)
			}
		}
	}
	if held := cache.Stats().Bytes; held != 3*rowChunk {
		t.Errorf("%d bytes held, want those of 3 chunks", held)
	}
}
