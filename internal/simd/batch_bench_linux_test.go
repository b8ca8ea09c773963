package simd

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// BenchmarkBatch sets batches over 512 MB of 512-d rows (int8; their bits are 64 MB), and
// over 1 MB of them, beside the machine's limits, in processor time of one thread: the
// best of the passes, and the best of the limits measured between them.
//
//	go test -run '^$' -bench Batch -benchtime 10x ./internal/simd
//
// out=scores writes all scores, out=hits is the scan with limits that one score in 4,096
// reaches. amx%, vnni% and read% are
// of the peaks on registers and of the read bandwidth, of the same benchmark.
func BenchmarkBatch(b *testing.B) {
	if testing.Short() {
		b.Skip("48 kinds over 512 MB")
	}
	const dim, rows = 512, 1 << 20
	r := rand.New(rand.NewPCG(7, 42))
	buf := huge(b, rows*dim)
	var vectors [][]int8
	for range MaxProbes {
		vectors = append(vectors, vector(r, dim, fillings()[0].probe))
	}
	run := func(b *testing.B, k Kernel, probes, call int, cached bool, out string) {
		undo, err := Force(k.Name())
		if err != nil {
			b.Fatal(err)
		}
		defer undo()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p8, pb := NewInt8Probes(dim, vectors[:probes]...), NewBitQueryBatch(dim, vectors[:probes]...)
		scores, limits := make([]int32, call*probes), make([]int32, probes)
		var s Selector
		size := call * dim // of a call
		if k.Op == OpAsymmetricBatch {
			size /= 8
		}
		plane, passes := buf[:rows/call*size], 1
		if cached {
			plane, passes = buf[:max(1<<20/size, 1)*size], 20
		}
		scan := func(part []byte) {
			switch {
			case out == "hits" && k.Op == OpInt8Batch:
				s.Int8(part, call, p8, limits)
			case out == "hits":
				s.Asymmetric(part, call, pb, limits)
			case k.Op == OpInt8Batch:
				ScanInt8Batch(scores, part, call, p8)
			default:
				ScanAsymmetricBatch(scores, part, call, pb)
			}
		}
		wanted := out
		out = "scores"
		scan(plane)
		for i := range limits {
			limits[i] = slices.Max(scores[call*i:][:call])
		}
		out = wanted
		best, read, vnni, amx := time.Duration(0), 0.0, 0.0, 0.0
		for b.Loop() {
			begin := threadTime()
			for range passes {
				for from := 0; from < len(plane); from += size {
					scan(plane[from:][:size])
				}
			}
			if d := threadTime() - begin; best == 0 || d < best {
				best = d
			}
			read = max(read, MeasureRead(buf[:64<<20], 1, threadTime))
			if v, ok := MeasureVNNI(1<<14, threadTime); ok {
				vnni = max(vnni, v)
			}
			if v, ok := MeasureAMX(1<<11, threadTime); ok {
				amx = max(amx, v)
			}
		}
		b.ReportMetric(0, "ns/op")
		bytes := float64(len(plane)*passes) / best.Seconds()
		pairs := bytes / float64(size/call) * float64(probes) // of a row and a probe
		b.ReportMetric(pairs/1e6, "Mpairs/s")
		b.ReportMetric(pairs*dim/1e9, "GMAC/s")
		b.ReportMetric(100*bytes/read, "read%")
		b.ReportMetric(read/1e9, "readGB/s")
		if vnni > 0 {
			b.ReportMetric(100*pairs*dim/vnni, "vnni%")
		}
		if amx > 0 {
			b.ReportMetric(100*pairs*dim/amx, "amx%")
		}
	}
	for _, k := range built() {
		if (k.Op != OpInt8Batch && k.Op != OpAsymmetricBatch) || k.Level < AVX512 || len(k.Lacks) > 0 {
			continue
		}
		for _, cached := range []bool{false, true} {
			for _, probes := range []int{8, 16, 32} {
				for _, call := range []int{1024, 4096} {
					for _, out := range []string{"scores", "hits"} {
						b.Run(fmt.Sprintf("op=%s/dim=%d/probes=%d/rows=%d/cached=%v/out=%s/kernel=%s", k.Op, dim, probes, call, cached, out, k.Level), func(b *testing.B) {
							run(b, k, probes, call, cached, out)
						})
					}
				}
			}
		}
	}
}
