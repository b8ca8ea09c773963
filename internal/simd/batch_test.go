package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// batch runs a batch with limits and compares the hits with the plain vectors.
func (p *problem) batch(t *testing.T, op Op, limits []int32, s *Selector) {
	t.Helper()
	want := product
	var hits []Hit
	if op == OpInt8Batch {
		hits = s.Int8(p.int8s, p.rows, p.p8, limits)
	} else {
		want = func(v, q []int8) int32 { return largest(v, [][]int8{q}) }
		q := p.qb
		if q == nil {
			q = NewBitQueryBatch(p.dim, p.probes...)
		}
		hits = s.Asymmetric(p.bits, p.rows, q, limits)
	}
	found := map[[2]int32]int32{}
	for _, h := range hits {
		at := [2]int32{h.Row, h.Probe}
		if _, twice := found[at]; twice || int(h.Row) >= p.rows || int(h.Probe) >= len(p.probes) {
			t.Fatalf("%s, dimension %d, %d rows, %d probes: hit %+v, twice: %v", op, p.dim, p.rows, len(p.probes), h, twice)
		}
		found[at] = h.Score
	}
	for i, q := range p.probes {
		for r := range p.rows {
			score := want(p.vectors[r], q)
			got, hit := found[[2]int32{int32(r), int32(i)}]
			if hit != (score >= limits[i]) {
				t.Fatalf("%s, dimension %d, %d rows, %d probes: row %d, probe %d: score %d, limit %d, hit %v", op, p.dim, p.rows, len(p.probes), r, i, score, limits[i], hit)
			}
			if hit {
				p.equal(t, op, r, i, int64(got), int64(score))
			}
		}
	}
}

// limits are such that all, none, some and exactly one score reach them.
func (p *problem) limits(r *rand.Rand, op Op) []int32 {
	out := make([]int32, len(p.probes))
	for i, q := range p.probes {
		some := int32(0)
		if p.rows > 0 {
			if v := p.vectors[r.IntN(p.rows)]; op == OpInt8Batch {
				some = product(v, q)
			} else {
				some = largest(v, [][]int8{q})
			}
		}
		out[i] = []int32{some, some + 1, math.MinInt32, math.MaxInt32, some, 0}[r.IntN(6)]
	}
	return out
}

func conformBatchSelect(t *testing.T, op Op) {
	r := rand.New(rand.NewPCG(uint64(op), 81))
	var s Selector // one for all: what a call leaves behind must not matter
	run := func(dim, rows, probes int, f filling) {
		t.Helper()
		p := newProblem(r, dim, rows, probes, f)
		p.batch(t, op, p.limits(r, op), &s)
	}
	for i, dim := range batchDims() {
		run(dim, []int{16, 1, 33, 80, 65, 47, 128}[i%7], []int{8, 17, 4, 32, 16, 31, 3, 1}[i%8], fillings()[0])
	}
	for _, f := range fillings() {
		for _, dim := range []int{16, 64, 509, 4096} {
			run(dim, 64, 17, f)
		}
	}
	for probes := 1; probes <= MaxProbes; probes++ {
		run(35, 16*9-3, probes, fillings()[0])
	}
	for rows := range 140 {
		run(9, rows, []int{5, 18}[rows%2], fillings()[0])
	}
}

// batchDims are the dimensions for batches with limits: the sums are those of batches
// without, so short tests (under the race detector) leave most of them out.
func batchDims() []int {
	out := dims()
	if testing.Short() {
		for i := range len(out) / 6 {
			out[i] = out[6*i]
		}
		out = out[:len(out)/6]
	}
	return out
}

// Slices of any lengths: every kernel agrees with the portable one.
func TestBatchesAgree(t *testing.T) {
	var kernels []Kernel
	for _, k := range built() {
		if (k.Op == OpInt8Batch || k.Op == OpAsymmetricBatch) && len(k.Lacks) == 0 {
			kernels = append(kernels, k)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(1, 1100)).Draw(t, "dim")
		rows := rapid.IntRange(0, 200).Draw(t, "rows")
		probes := rapid.IntRange(1, MaxProbes).Draw(t, "probes")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := Blocks(rows) * BlockRows
		plane := make([]byte, Blocks(rows)*Int8BlockBytes(dim))
		for i := range plane {
			plane[i] = byte(r.Uint32())
		}
		var vectors [][]int8
		for range probes {
			vectors = append(vectors, vector(r, dim, fillings()[r.IntN(2)].probe))
		}
		p8, pb := NewInt8Probes(dim, vectors...), NewBitQueryBatch(dim, vectors...)
		want := map[Op][]int32{}
		for _, k := range kernels {
			undo, err := Force(k.Name())
			if err != nil {
				t.Fatal(err)
			}
			got := make([]int32, n*probes)
			if k.Op == OpInt8Batch {
				ScanInt8Batch(got, plane, rows, p8)
			} else {
				ScanAsymmetricBatch(got, plane, rows, pb)
			}
			undo()
			if k.Level == Portable {
				want[k.Op] = got
				continue
			}
			for i := range probes {
				for row := range rows {
					if got[i*n+row] != want[k.Op][i*n+row] {
						t.Fatalf("%s: row %d, probe %d: got %d, want %d", k.Name(), row, i, got[i*n+row], want[k.Op][i*n+row])
					}
				}
			}
		}
	})
}

// A batch of asymmetric probes gives what each gives alone.
func TestAsymmetricBatchIsAsymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 82))
	for _, dim := range []int{1, 31, 64, 96, 300, 512, 2048} {
		p := newProblem(r, dim, 100, 9, fillings()[0])
		n := Blocks(p.rows) * BlockRows
		all, one := make([]int32, n*9), make([]int32, n)
		ScanAsymmetricBatch(all, p.bits, p.rows, NewBitQueryBatch(dim, p.probes...))
		for i, q := range p.probes {
			ScanAsymmetric(one, p.bits, p.rows, NewBitQueries(dim, q))
			for row := range p.rows {
				p.equal(t, OpAsymmetricBatch, row, i, int64(all[i*n+row]), int64(one[row]))
			}
		}
	}
}

// Kernels with registers of their own (tiles) run in many goroutines while others collect
// garbage, stop the world, grow stacks and change the number of processors: the runtime
// sends signals to the threads, and the results stay exact.
func conformBusy(t *testing.T, op Op) {
	if level(op) != AMX {
		return
	}
	r := rand.New(rand.NewPCG(uint64(op), 83))
	const workers = 6
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var begin, work, noise sync.WaitGroup
	begin.Add(1)
	var last time.Time
	var stop atomic.Bool
	errors := make(chan error, workers)
	calls := atomic.Int64{}
	for w := range workers {
		// Each has a batch and a plane of its own, with other shapes of tiles.
		p := newProblem(r, []int{512, 100, 300}[w%3], 16*(20+w), []int{32, 9, 17}[w%3], fillings()[0])
		n := Blocks(p.rows) * BlockRows
		pb := NewBitQueryBatch(p.dim, p.probes...)
		// What is right is known before: the plain products would take all the time.
		want := make([]int32, n*len(p.probes))
		for i, q := range p.probes {
			for row, v := range p.vectors {
				if op == OpInt8Batch {
					want[i*n+row] = product(v, q)
				} else {
					want[i*n+row] = largest(v, [][]int8{q})
				}
			}
		}
		work.Go(func() {
			begin.Wait()
			var s Selector
			got, limits := make([]int32, len(want)), make([]int32, len(p.probes))
			for i := range limits {
				limits[i] = math.MinInt32
			}
			for time.Now().Before(last) {
				clear(got)
				calls.Add(1)
				var hits []Hit
				if op == OpInt8Batch {
					hits = s.Int8(p.int8s, p.rows, p.p8, limits)
				} else {
					hits = s.Asymmetric(p.bits, p.rows, pb, limits)
				}
				for _, h := range hits {
					got[int(h.Probe)*n+int(h.Row)] = h.Score
				}
				for i := range want {
					if got[i] != want[i] {
						errors <- fmt.Errorf("%s under load: place %d is %d, want %d", op, i, got[i], want[i])
						return
					}
				}
			}
		})
	}
	last = time.Now().Add(time.Second)
	if testing.Short() {
		last = time.Now().Add(200 * time.Millisecond)
	}
	begin.Done()
	noise.Go(func() {
		for i := 0; !stop.Load(); i++ {
			runtime.GOMAXPROCS(1 + i%max(before, 3))
			runtime.GC()
		}
	})
	noise.Go(func() {
		for !stop.Load() {
			var inner sync.WaitGroup
			for range 20 {
				inner.Go(func() { deep(200) })
			}
			inner.Wait()
		}
	})
	work.Wait()
	stop.Store(true)
	noise.Wait()
	select {
	case err := <-errors:
		t.Fatal(err)
	default:
	}
	if calls.Load() < workers {
		t.Fatalf("%d calls", calls.Load())
	}
}

// deep makes a stack grow, so that it is moved.
//
//go:noinline
func deep(n int) byte {
	var space [512]byte
	space[n%512] = byte(n)
	if n > 0 {
		space[0] += deep(n - 1)
	}
	return space[n%512]
}

func TestBatchesPanicOnBrokenInvariants(t *testing.T) {
	p := newProblem(rand.New(rand.NewPCG(1, 84)), 40, 65, 3, fillings()[0])
	q := NewBitQueryBatch(40, p.probes...)
	if q.Len() != 3 || q.Dim() != 40 {
		t.Fatalf("%d probes of %d dimensions", q.Len(), q.Dim())
	}
	scores, limits := make([]int32, 240), make([]int32, 3)
	var s Selector
	for name, f := range map[string]func(){
		"batch, scores":          func() { ScanAsymmetricBatch(scores[:239], p.bits, 65, q) },
		"batch, plane":           func() { ScanAsymmetricBatch(scores, p.bits[:len(p.bits)-1], 65, q) },
		"batch, negative":        func() { ScanAsymmetricBatch(scores, p.bits, -1, q) },
		"no probes":              func() { NewBitQueryBatch(40) },
		"33 probes":              func() { NewBitQueryBatch(1, make([][]int8, 33)...) },
		"probe too long":         func() { NewBitQueryBatch(40, make([]int8, 41)) },
		"dimension 4097":         func() { NewBitQueryBatch(4097, make([]int8, 4097)) },
		"limits, int8 few":       func() { s.Int8(p.int8s, 65, p.p8, limits[:2]) },
		"limits, int8 plane":     func() { s.Int8(p.int8s[:100], 65, p.p8, limits) },
		"limits, bits many":      func() { s.Asymmetric(p.bits, 65, q, make([]int32, 4)) },
		"limits, bits plane":     func() { s.Asymmetric(p.bits, 97, q, limits) },
		"limits, bits, overflow": func() { s.Asymmetric(p.bits, math.MaxInt, q, limits) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			f()
		})
	}
	ScanAsymmetricBatch(nil, nil, 0, q)
	if hits := append(s.Asymmetric(nil, 0, q, limits), s.Int8(nil, 0, p.p8, limits)...); len(hits) != 0 {
		t.Errorf("%d hits in no rows", len(hits))
	}
}

// The readers of checkindex builds are judged, see TestReaders.
func TestReadersOfBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 85))
	for _, dim := range []int{1, 31, 33, 100, 512} {
		p := newProblem(r, dim, 40, 5, fillings()[0])
		q := NewBitQueryBatch(dim, p.probes...)
		for row, v := range p.vectors {
			for i := range p.probes {
				p.equal(t, OpAsymmetricBatch, row, i, int64(readAsymmetricBatch(p.bits, row, q, i)), int64(largest(v, p.probes[i:i+1])))
			}
		}
	}
}

func TestMeasureAMX(t *testing.T) {
	now := time.Duration(0)
	got, ok := MeasureAMX(100, func() time.Duration { now += time.Second; return now })
	undo, err := Force("int8-batch/amx")
	if ok != (err == nil) {
		t.Fatalf("AMX peak: %v, the kernel that needs it: %v", ok, err)
	}
	if err == nil {
		undo()
	}
	if ok && got != 100*16*16384 {
		t.Errorf("AMX peak: %g per second, want %d", got, 100*16*16384)
	}
	if got, _ := MeasureAMX(100, func() time.Duration { return 0 }); got != 0 {
		t.Errorf("AMX peak on a stopped clock: %g", got)
	}
}
