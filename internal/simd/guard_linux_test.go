package simd

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// guarded is memory between two pages that may not be touched.
type guarded struct{ all, data []byte }

func newGuarded(t *testing.T, size int) *guarded {
	t.Helper()
	page := syscall.Getpagesize()
	n := (size + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, n+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{all[:page], all[page+n:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return &guarded{all, all[page : page+n]}
}

func (g *guarded) free(t *testing.T) {
	if err := syscall.Munmap(g.all); err != nil {
		t.Fatal(err)
	}
}

// at copies v to the begin or the end of the memory.
func at[T any](g *guarded, end bool, v []T) []T {
	if len(v) == 0 {
		return v
	}
	size := len(v) * int(unsafe.Sizeof(v[0]))
	from := 0
	if end {
		from = len(g.data) - size
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&g.data[from])), len(v))
	copy(out, v)
	return out
}

func guardScan(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 31))
	const room = 1 << 20
	in, out, probes, words, start := newGuarded(t, room), newGuarded(t, room), newGuarded(t, room), newGuarded(t, room), newGuarded(t, 4096)
	defer func() {
		for _, g := range []*guarded{in, out, probes, words, start} {
			g.free(t)
		}
	}()
	for i, dim := range dims() {
		for _, end := range []bool{false, true} {
			n := []int{1, 3, 7, 8, 32}[i%5]
			blocks := []int{1, 5, 2, 4, 8, 3}[i%6]
			if dim > 1100 {
				n = min(n, 7)
			}
			p := newProblem(r, dim, 16*blocks, n, fillings()[0])
			p.p8.bytes, p.p8.words, p.p8.start = at(probes, end, p.p8.bytes), at(words, end, p.p8.words), at(start, end, p.p8.start)
			if op == OpHamming || op == OpHammingBatch {
				p.pb.words = at(probes, end, p.pb.words)
			}
			p.int8s = at(in, end, p.int8s)
			scores := at(out, end, make([]int32, 16*blocks))
			want := func(f func(v []int8, q []int8) int64, q int, got func(r int) int64) {
				t.Helper()
				for row, v := range p.vectors {
					p.equal(t, op, row, q, got(row), f(v, p.probes[q]))
				}
			}
			dot := func(v, q []int8) int64 { return int64(product(v, q)) }
			ham := func(v, q []int8) int64 { return int64(differing(v, q)) }
			switch op {
			case OpInt8:
				ScanInt8(scores, p.int8s, p.rows, p.p8, n-1)
				want(dot, n-1, func(r int) int64 { return int64(scores[r]) })
			case OpInt8Batch:
				scores = at(out, end, make([]int32, 16*blocks*n))
				ScanInt8Batch(scores, p.int8s, p.rows, p.p8)
				want(dot, n-1, func(r int) int64 { return int64(scores[(n-1)*p.rows+r]) })
			case OpHamming:
				p.bits = at(in, end, p.bits)
				dist := at(out, end, make([]uint16, 16*blocks))
				ScanHamming(dist, p.bits, p.rows, p.pb, n-1)
				want(ham, n-1, func(r int) int64 { return int64(dist[r]) })
			case OpHammingBatch:
				p.bits = at(in, end, p.bits)
				dist := at(out, end, make([]uint16, 16*blocks*n))
				ScanHammingBatch(dist, p.bits, p.rows, p.pb)
				want(ham, n-1, func(r int) int64 { return int64(dist[(n-1)*p.rows+r]) })
			case OpAsymmetric:
				p.bits = at(in, end, p.bits)
				q := NewBitQueries(dim, p.probes[:min(n, MaxQueries)]...)
				q.bytes, q.nibbles, q.minus = at(probes, end, q.bytes), at(words, end, q.nibbles), at(start, end, q.minus)
				ScanAsymmetric(scores, p.bits, p.rows, q)
				for row, v := range p.vectors {
					p.equal(t, op, row, 0, int64(scores[row]), int64(largest(v, p.probes[:q.n])))
				}
			case OpAsymmetricBatch:
				p.bits = at(in, end, p.bits)
				scores = at(out, end, make([]int32, 16*blocks*n))
				q := NewBitQueryBatch(dim, p.probes...)
				q.bytes, q.minus = at(probes, end, q.bytes), at(start, end, q.minus)
				ScanAsymmetricBatch(scores, p.bits, p.rows, q)
				for i := range p.probes {
					for row, v := range p.vectors {
						p.equal(t, op, row, i, int64(scores[i*p.rows+row]), int64(largest(v, p.probes[i:i+1])))
					}
				}
			}
		}
	}
}

func guardDotF16(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(6, 32))
	a, b := newGuarded(t, 16<<10), newGuarded(t, 8<<10)
	defer a.free(t)
	defer b.free(t)
	for _, n := range dims() {
		probe, row := make([]float32, n), make([]F16, n)
		for i := range probe {
			probe[i], row[i] = float32(r.NormFloat64()), F16FromFloat32(float32(r.NormFloat64()))
		}
		want := plainDotF16(probe, row)
		for _, end := range []bool{false, true} {
			if got := DotF16(at(a, end, probe), at(b, end, row)); got != want {
				t.Fatalf("length %d: got %g, want %g", n, got, want)
			}
		}
	}
}

func guardSelect(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(7, 33))
	in, out := newGuarded(t, 8<<10), newGuarded(t, 1<<10)
	defer in.free(t)
	defer out.free(t)
	for n := 0; n <= 1000; n += 1 + n/100 {
		for _, end := range []bool{false, true} {
			scores, dist := selectInput(r, n)
			SelectScores(at(out, end, make([]uint64, (n+63)/64)), at(in, end, scores), 3)
			SelectDistances(at(out, end, make([]uint64, (n+63)/64)), at(in, end, dist), 3)
		}
	}
}

// guardBatchSelect: planes, probes and the memory of the kernels end, or begin, where a
// page ends.
func guardBatchSelect(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 34))
	var memory []*guarded
	for range 8 {
		memory = append(memory, newGuarded(t, 1<<20))
	}
	defer func() {
		for _, g := range memory {
			g.free(t)
		}
	}()
	for i, dim := range batchDims() {
		for _, end := range []bool{false, true} {
			n, blocks := []int{4, 32, 7, 17, 16}[i%5], []int{1, 5, 2, 4, 8, 3}[i%6]
			if dim > 1100 {
				n = min(n, 20)
			}
			p := newProblem(r, dim, 16*blocks, n, fillings()[0])
			p.qb = NewBitQueryBatch(dim, p.probes...)
			p.int8s, p.bits = at(memory[0], end, p.int8s), at(memory[1], end, p.bits)
			tiles := p.p8.tiles
			if op == OpAsymmetricBatch {
				tiles = p.qb.tiles
			}
			if tiles != nil {
				tiles.bytes = at(memory[2], end, tiles.bytes)
			}
			groups := (n + amxProbes - 1) / amxProbes
			first := blocks // in the first call of a kernel
			if width := 4 / groups; blocks >= width {
				first -= blocks % width
			}
			var s Selector
			s.scores = at(memory[3], end, make([]int32, 16*blocks*n))
			s.amx = amxSpace{
				sums: at(memory[4], end, make([]int32, first*groups*256)), mask: at(memory[5], end, make([]byte, first*groups*32)),
				start: at(memory[6], end, make([]int32, groups*256)), ring: at(memory[7], end, make([]int8, amxRing)),
			}
			p.batch(t, op, p.limits(r, op), &s)
		}
	}
}
