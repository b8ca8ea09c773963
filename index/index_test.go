package index

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"immis/internal/simd"
	"immis/internal/topk"
)

func unit(rng *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	var sum float64
	for i := range v {
		v[i] = float32(rng.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// TestSearchEqualsPlainMap runs random histories of appends and deletes against
// a map that holds the same rows, and demands the same hits.
func TestSearchEqualsPlainMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const dim = 16
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		f, plain := NewFlat(dim), map[uint64][]float32{}
		next := uint64(0)
		// Few distinct vectors, so that ties happen.
		pool := make([][]float32, 20)
		for i := range pool {
			pool[i] = unit(rng, dim)
		}
		for range rapid.IntRange(0, 400).Draw(t, "steps") {
			if rng.IntN(3) > 0 || len(plain) == 0 {
				v := pool[rng.IntN(len(pool))]
				if err := f.Append(next, v); err != nil {
					t.Fatal(err)
				}
				plain[next] = v
				next++
			} else {
				key := rng.Uint64N(next)
				_, want := plain[key]
				if got := f.Delete(key); got != want {
					t.Fatalf("delete %d: got %v, want %v", key, got, want)
				}
				delete(plain, key)
			}
		}
		probe := unit(rng, dim)
		k := rapid.IntRange(1, 500).Draw(t, "k")
		odd := func(key uint64) bool { return key%2 == 1 }
		for name, accept := range map[string]func(uint64) bool{"all": nil, "odd": odd} {
			want := topk.New(k)
			for key, v := range plain {
				if accept == nil || accept(key) {
					want.Push(topk.Item{Score: simd.Dot(probe, v), Key: key})
				}
			}
			got, compared, err := f.Search(context.Background(), probe, k, accept)
			if err != nil {
				t.Fatal(err)
			}
			if compared != len(plain) || f.Rows() != len(plain) {
				t.Fatalf("%s: compared %d, rows %d, want %d", name, compared, f.Rows(), len(plain))
			}
			if w := want.Sorted(); !slices.Equal(got, w) {
				t.Fatalf("%s: got %v, want %v", name, got, w)
			}
		}
	})
}

// TestCompaction deletes most of two segments and looks for every survivor.
func TestCompaction(t *testing.T) {
	const dim = 16
	rng := rand.New(rand.NewPCG(7, 7))
	f := NewFlat(dim)
	rows := map[uint64][]float32{}
	for key := range uint64(2*maxRows + 100) {
		v := unit(rng, dim)
		rows[key] = v
		if err := f.Append(key, v); err != nil {
			t.Fatal(err)
		}
	}
	before := f.Bytes()
	for key := range uint64(2 * maxRows) {
		if key%10 != 0 {
			f.Delete(key)
			delete(rows, key)
		}
	}
	if f.Bytes() > before/2 {
		t.Fatalf("bytes after compaction: got %d, want <= %d", f.Bytes(), before/2)
	}
	for key, v := range rows {
		if s, ok := f.Score(v, key); !ok || s < 0.999 {
			t.Fatalf("row %d: got %v %v, want itself", key, s, ok)
		}
		if key%500 == 0 {
			hits, n, err := f.Search(context.Background(), v, 1, nil)
			if err != nil || n != len(rows) || hits[0].Key != key {
				t.Fatalf("search row %d: got %v of %d rows, %v", key, hits, n, err)
			}
		}
	}
	for key := range rows {
		f.Delete(key)
	}
	if hits, n, err := f.Search(context.Background(), unit(rng, dim), 5, nil); err != nil || n != 0 || len(hits) != 0 {
		t.Fatalf("search of nothing: got %v, %d, %v", hits, n, err)
	}
}

// TestMemoryFollowsRows: an index takes memory for what it holds, not for what it
// may hold one day, and no single step of growth is large.
func TestMemoryFollowsRows(t *testing.T) {
	for _, dim := range []int{16, 512, 4096} {
		rng := rand.New(rand.NewPCG(5, uint64(dim)))
		v := unit(rng, dim)
		f := NewFlat(dim)
		rows := 8 << 20 / dim // 32 MiB of vectors
		row := int64(dim*4 + 9)
		for key := range uint64(rows) {
			before := f.Bytes()
			if err := f.Append(key, v); err != nil {
				t.Fatal(err)
			}
			if step := f.Bytes() - before; step > maxSegmentBytes+maxRows*9 {
				t.Fatalf("%d dimensions, row %d: grew by %d bytes, want <= %d", dim, key, step, maxSegmentBytes+maxRows*9)
			}
			if got, want := f.Bytes(), row*max(firstRows, 2*int64(key+1)); got > want {
				t.Fatalf("%d dimensions, %d rows: %d bytes, want <= %d", dim, key+1, got, want)
			}
		}
		// What is left after deletions decides how far the next step goes.
		for key := range uint64(rows - 1) {
			f.Delete(key)
		}
		before := f.Bytes()
		for key := uint64(rows); f.Bytes() == before; key++ {
			if err := f.Append(key, v); err != nil {
				t.Fatal(err)
			}
			f.Delete(key - 1)
		}
		if step := f.Bytes() - before; step > row*firstRows {
			t.Errorf("%d dimensions: %d rows grew by %d bytes, want <= %d", dim, f.Rows(), step, row*firstRows)
		}
	}
}

// TestChangeDuringSearch runs writers beside readers under the race detector: a
// row deleted before a search began never appears, one appended before always does.
func TestChangeDuringSearch(t *testing.T) {
	const dim = 32
	f := NewFlat(dim)
	fixed := unit(rand.New(rand.NewPCG(1, 2)), dim)
	if err := f.Append(0, fixed); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		rng := rand.New(rand.NewPCG(3, 4))
		for key := uint64(1); ctx.Err() == nil; key++ {
			if err := f.Append(key, unit(rng, dim)); err != nil {
				t.Error(err)
				return
			}
			if key > 50 {
				f.Delete(key - 50)
			}
		}
	}()
	for range 2000 {
		hits, _, err := f.Search(context.Background(), fixed, 1, nil)
		if err != nil || len(hits) != 1 || hits[0].Key != 0 {
			t.Errorf("got %v, %v, want row 0", hits, err)
			break
		}
	}
	cancel()
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	f := NewFlat(16)
	good := unit(rand.New(rand.NewPCG(1, 1)), 16)
	nan := slices.Clone(good)
	nan[3] = float32(math.NaN())
	inf := slices.Clone(good)
	inf[5] = float32(math.Inf(1))
	for name, v := range map[string][]float32{"short": good[:15], "nan": nan, "inf": inf, "empty": nil} {
		if err := f.Append(1, v); err == nil {
			t.Errorf("append %s: got no error", name)
		}
		if _, _, err := f.Search(context.Background(), v, 1, nil); err == nil {
			t.Errorf("search %s: got no error", name)
		}
	}
	if err := f.Append(1, good); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(1, good); err == nil {
		t.Error("append of a used key: got no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := f.Search(ctx, good, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled search: got %v", err)
	}
}

// DeletedRowsStayAway is the fault test of the drop-mask mutant.
func deletedRowsStayAway() error {
	f := NewFlat(16)
	v := unit(rand.New(rand.NewPCG(1, 1)), 16)
	if err := f.Append(1, v); err != nil {
		return err
	}
	f.Delete(1)
	hits, _, err := f.Search(context.Background(), v, 1, nil)
	if err != nil {
		return err
	}
	if len(hits) != 0 {
		return errors.New("a deleted row was found")
	}
	return nil
}

func TestDeletedRowsStayAway(t *testing.T) {
	if err := deletedRowsStayAway(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkSearch(b *testing.B) {
	const dim, n = 512, 100_000
	rng := rand.New(rand.NewPCG(1, 1))
	f := NewFlat(dim)
	for key := range uint64(n) {
		if err := f.Append(key, unit(rng, dim)); err != nil {
			b.Fatal(err)
		}
	}
	probe := unit(rng, dim)
	for b.Loop() {
		if _, _, err := f.Search(context.Background(), probe, 10, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
