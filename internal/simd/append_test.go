package simd

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// A writer appends rows and publishes their count while readers scan: what is published
// is scored right. Under the race detector with the tag checkindex this also shows that
// packing a row touches nothing that readers of other rows read:
//
//	go test -race -tags checkindex -run Append ./internal/simd
func TestAppendDuringScan(t *testing.T) {
	const dim, rows = 50, 16 * 12
	r := rand.New(rand.NewPCG(10, 61))
	want := newProblem(r, dim, rows, 3, fillings()[0])
	queries := NewBitQueries(dim, want.probes...)
	size, bitSize := Int8BlockBytes(dim), BitBlockBytes(dim)
	int8s, bits := make([]byte, rows/BlockRows*size), make([]byte, rows/BlockRows*bitSize)
	var count atomic.Int64
	var wg sync.WaitGroup
	for reader := range 2 {
		wg.Go(func() {
			scores, dist := make([]int32, 3*rows), make([]uint16, 3*rows)
			for n := 0; n < rows; {
				n = int(count.Load())
				places := Blocks(n) * BlockRows
				if reader == 0 {
					ScanInt8(scores, int8s, n, want.p8, 1)
					ScanAsymmetric(scores[places:], bits, n, queries)
					ScanHamming(dist, bits, n, want.pb, 1)
				} else {
					ScanInt8Batch(scores, int8s, n, want.p8)
					ScanHammingBatch(dist, bits, n, want.pb)
				}
				for row := range n {
					v, q := want.vectors[row], want.probes[1]
					at := row
					if reader == 1 {
						at += places
					}
					if scores[at] != product(v, q) || dist[at] != differing(v, q) {
						t.Errorf("reader %d, %d rows published: row %d scored wrong", reader, n, row)
						return
					}
					if reader == 0 && scores[places+row] != largest(v, want.probes) {
						t.Errorf("%d rows published: row %d scored wrong by queries", n, row)
						return
					}
				}
			}
		})
	}
	for row, v := range want.vectors {
		b := row / BlockRows
		PackInt8(int8s[b*size:][:size], row%BlockRows, v)
		PackBits(bits[b*bitSize:][:bitSize], row%BlockRows, dim, signs(v))
		count.Store(int64(row + 1))
	}
	wg.Wait()
}
