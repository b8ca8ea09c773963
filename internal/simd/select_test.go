package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// selectInput has values around 3 and at the ends.
func selectInput(r *rand.Rand, n int) ([]int32, []uint16) {
	scores, dist := make([]int32, n), make([]uint16, n)
	for i := range scores {
		scores[i] = []int32{2, 3, 4, -3, math.MinInt32, math.MaxInt32, 0, -1}[r.IntN(8)]
		dist[i] = []uint16{2, 3, 4, 0, math.MaxUint16, 0x7fff, 0x8000, 0x8001}[r.IntN(8)]
	}
	return scores, dist
}

func conformSelect(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(12, 71))
	for n := range 400 {
		for shift := range 3 {
			scores, dist := selectInput(r, n+shift)
			scores, dist = scores[shift:], dist[shift:]
			words := (n + 63) / 64
			for _, limit := range []int32{2, 3, 4, 0, -1, math.MinInt32, math.MaxInt32, 0x8000, 0x7fff} {
				a, b := make([]uint64, words+1), make([]uint64, words+1)
				for i := range a {
					a[i], b[i] = 0x5a5a5a5a5a5a5a5a, 0x5a5a5a5a5a5a5a5a
				}
				SelectScores(a, scores, limit)
				SelectDistances(b, dist, uint16(limit))
				for i := range 64 * words {
					if got, want := a[i/64]>>(i%64)&1 != 0, i < n && scores[i] >= limit; got != want {
						t.Fatalf("%d scores, limit %d: bit %d is %v", n, limit, i, got)
					}
					if got, want := b[i/64]>>(i%64)&1 != 0, i < n && dist[i] <= uint16(limit); got != want {
						t.Fatalf("%d distances, limit %d: bit %d is %v", n, uint16(limit), i, got)
					}
				}
				if a[words] != 0x5a5a5a5a5a5a5a5a || b[words] != 0x5a5a5a5a5a5a5a5a {
					t.Fatalf("%d results: wrote behind the mask", n)
				}
			}
		}
	}
}

func TestSelectPanicsOnShortMask(t *testing.T) {
	for _, f := range []func(){
		func() { SelectScores(make([]uint64, 1), make([]int32, 65), 0) },
		func() { SelectDistances(nil, make([]uint16, 1), 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

func BenchmarkSelect(b *testing.B) {
	scores, dist := selectInput(rand.New(rand.NewPCG(13, 1)), 4096)
	mask := make([]uint64, 64)
	for _, k := range built() {
		if k.Op != OpSelect || len(k.Lacks) > 0 {
			continue
		}
		undo, err := Force(k.Name())
		if err != nil {
			b.Fatal(err)
		}
		b.Run("scores/kernel="+k.Level.String(), func(b *testing.B) {
			for b.Loop() {
				SelectScores(mask, scores, 3)
			}
		})
		b.Run("distances/kernel="+k.Level.String(), func(b *testing.B) {
			for b.Loop() {
				SelectDistances(mask, dist, 3)
			}
		})
		undo()
	}
}
