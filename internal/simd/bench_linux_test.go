package simd

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time of this thread: other work on the machine does not
// count, though what it does to caches and memory does.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// huge is memory outside the heap in pages of 2 MiB where the system gives them.
func huge(b *testing.B, size int) []byte {
	const page = 2 << 20
	all, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { syscall.Munmap(all) })
	syscall.Madvise(all, unix.MADV_HUGEPAGE)
	r := rand.New(rand.NewPCG(1, 1))
	for i := 0; i+8 <= len(all); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			all[i+j] = byte(v >> (8 * j))
		}
	}
	return all[:size]
}

// BenchmarkScan sets the scans of 200,000 rows (more than the caches hold) beside the
// machine's limits, in processor time of one thread: the best of the passes, and the
// best of the limits measured between them.
//
//	go test -run '^$' -bench Scan -benchtime 20x ./internal/simd
//
// read% is of the read bandwidth, vnni% of the VNNI peak, both of the same benchmark.
func BenchmarkScan(b *testing.B) {
	const rows, call = 200_000 / 4096 * 4096, 4096
	r := rand.New(rand.NewPCG(7, 41))
	buf := huge(b, rows*1024)
	random := func(n, dim int) [][]int8 {
		out := make([][]int8, n)
		for i := range out {
			out[i] = vector(r, dim, fillings()[0].probe)
		}
		return out
	}
	for _, c := range []struct {
		op        Op
		dim       int
		probes    int
		blockSize int
	}{
		{OpInt8, 512, 1, Int8BlockBytes(512)}, {OpInt8, 128, 1, Int8BlockBytes(128)}, {OpInt8Batch, 512, 1, Int8BlockBytes(512)},
		{OpInt8Batch, 512, 8, Int8BlockBytes(512)}, {OpInt8Batch, 512, 32, Int8BlockBytes(512)}, {OpInt8Batch, 128, 32, Int8BlockBytes(128)},
		{OpHamming, 512, 1, BitBlockBytes(512)}, {OpHammingBatch, 512, 8, BitBlockBytes(512)}, {OpHammingBatch, 512, 32, BitBlockBytes(512)},
		{OpAsymmetric, 512, 1, BitBlockBytes(512)}, {OpAsymmetric, 2048, 1, BitBlockBytes(2048)}, {OpAsymmetric, 2048, 3, BitBlockBytes(2048)}, {OpAsymmetric, 2048, 4, BitBlockBytes(2048)},
	} {
		for _, k := range built() {
			if k.Op != c.op || len(k.Lacks) > 0 {
				continue
			}
			b.Run(fmt.Sprintf("op=%s/dim=%d/probes=%d/kernel=%s", c.op, c.dim, c.probes, k.Level), func(b *testing.B) {
				undo, err := Force(k.Name())
				if err != nil {
					b.Fatal(err)
				}
				defer undo()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				vectors := random(c.probes, c.dim)
				var words [][]uint32
				for _, v := range vectors {
					words = append(words, signs(v))
				}
				p8, pb := NewInt8Probes(c.dim, vectors...), NewBitProbes(c.dim, words...)
				var pq *BitQueries
				if c.op == OpAsymmetric {
					pq = NewBitQueries(c.dim, vectors...)
				}
				scores, dist := make([]int32, call*c.probes), make([]uint16, call*c.probes)
				size := call / BlockRows * c.blockSize
				plane := buf[:rows/call*size]
				best, read, vnni := time.Duration(0), 0.0, 0.0 // the best of all passes
				for b.Loop() {
					begin := threadTime()
					for at := 0; at < len(plane); at += size {
						part := plane[at:][:size]
						switch c.op {
						case OpInt8:
							ScanInt8(scores, part, call, p8, 0)
						case OpInt8Batch:
							ScanInt8Batch(scores, part, call, p8)
						case OpHamming:
							ScanHamming(dist, part, call, pb, 0)
						case OpHammingBatch:
							ScanHammingBatch(dist, part, call, pb)
						case OpAsymmetric:
							ScanAsymmetric(scores, part, call, pq)
						}
					}
					if d := threadTime() - begin; best == 0 || d < best {
						best = d
					}
					read = max(read, MeasureRead(buf[:64<<20], 1, threadTime))
					if v, ok := MeasureVNNI(1<<14, threadTime); ok {
						vnni = max(vnni, v)
					}
				}
				seconds := best.Seconds()
				b.ReportMetric(0, "ns/op")
				bytes, products := float64(len(plane))/seconds, float64(rows*c.dim*c.probes)/seconds
				b.ReportMetric(bytes/1e9, "GB/s")
				b.ReportMetric(products/1e9, "GMAC/s")
				b.ReportMetric(float64(rows*c.probes)/seconds/1e6, "Mrows/s")
				b.ReportMetric(100*bytes/read, "read%")
				if vnni > 0 && c.op != OpHamming && c.op != OpHammingBatch {
					b.ReportMetric(100*products/vnni, "vnni%")
				}
				b.ReportMetric(read/1e9, "readGB/s")
				b.ReportMetric(vnni/1e9, "vnniGMAC/s")
			})
		}
	}
}

func BenchmarkDotF16(b *testing.B) {
	probe, row := make([]float32, 512), make([]F16, 512)
	for i := range probe {
		probe[i], row[i] = float32(i), F16FromFloat32(float32(512-i))
	}
	for _, k := range built() {
		if k.Op != OpDotF16 || len(k.Lacks) > 0 {
			continue
		}
		b.Run("dim=512/kernel="+k.Level.String(), func(b *testing.B) {
			undo, err := Force(k.Name())
			if err != nil {
				b.Fatal(err)
			}
			defer undo()
			for b.Loop() {
				sink = DotF16(probe, row)
			}
		})
	}
}
