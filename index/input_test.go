package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"immis/internal/offheap"
	"immis/internal/simd"
)

// TestUnusualGalleries: what breaks searches that prune.
func TestUnusualGalleries(t *testing.T) {
	const dim, n = 384, 4_500
	rng := rand.New(rand.NewPCG(5, 5))
	mean := unit(rng, dim)
	spike := make([]float32, dim)
	spike[0] = 1
	// As the index has it; few vectors, of which there are many.
	back, made := unrotate(dim), map[string][]float32{}
	inside := func(name string, of func(dim, i int) []float32, i int) []float32 {
		key := fmt.Sprint(name, i%64)
		if made[key] == nil {
			made[key] = back(of(dim, i%64))
		}
		return made[key]
	}
	for name, row := range map[string]func(i int) []float32{
		"the best rows come first":  func(i int) []float32 { return near(rng, mean, max(0, 0.9-float64(i)/3000)) },
		"the best rows come last":   func(i int) []float32 { return near(rng, mean, max(0, 0.9-float64(n-i)/3000)) },
		"identical rows":            func(int) []float32 { return mean },
		"opposite rows":             func(i int) []float32 { return []([]float32){mean, negative(mean)}[i%2] },
		"everybody near the mean":   func(int) []float32 { return near(rng, mean, 0.95) },
		"a row that resembles all":  func(i int) []float32 { return map[bool][]float32{true: mean, false: near(rng, mean, 0.3)}[i == 77] },
		"one dimension holds all":   func(i int) []float32 { return turned(spike, i) },
		"rows that are not trusted": func(i int) []float32 { return inside("untrusted", untrusted, i) },
		"codes at their ends":       func(i int) []float32 { return inside("saturated", saturated, i) },
		"codes of one size":         func(i int) []float32 { return inside("flat", flat, i) },
	} {
		t.Run(name, func(t *testing.T) {
			x, twin := newIndex(t, dim, Options{SegmentRows: 4096}), newTwin(dim)
			rows := make([]Row, n)
			for i := range rows {
				rows[i] = Row{Key: uint64(i), Person: uint64(i), Vector: row(i)}
				twin.rows[uint64(i)] = rows[i]
			}
			if err := x.Append(rows...); err != nil {
				t.Fatal(err)
			}
			for _, v := range [][]float32{mean, near(rng, mean, 0.5), unit(rng, dim), spike, inside("saturated", saturated, 3), inside("flat", flat, 5)} {
				q := Query{Probe: mustProbe(t, v), K: 7}
				if got, err := x.Search(context.Background(), q); err != nil || !same(got, twin.search(q)) {
					t.Errorf("%v:\ngot  %+v\nwant %+v", err, got, twin.search(q))
				}
				q.Mode = Fast
				if got, err := x.Search(context.Background(), q); err != nil || !same(got, twin.search(q)) {
					t.Errorf("fast, %v:\ngot  %+v\nwant %+v", err, got, twin.search(q))
				}
			}
		})
	}
}

func negative(v []float32) []float32 {
	out := slices.Clone(v)
	for i := range out {
		out[i] = -out[i]
	}
	return out
}

func turned(v []float32, by int) []float32 {
	return append(slices.Clone(v[by%len(v):]), v[:by%len(v)]...)
}

// unrotate returns a function that makes the vector which the rotation turns into y, or
// something parallel.
func unrotate(dim int) func(y []float32) []float32 {
	f := formOf(dim)
	// The rotation is orthogonal: its transpose, found row by row, undoes it.
	columns, e := make([][]float32, dim), make([]float32, dim)
	for d := range columns {
		columns[d] = make([]float32, dim)
		e[d] = 1
		f.rotation.Apply(columns[d], e)
		e[d] = 0
	}
	return func(y []float32) []float32 {
		out := make([]float32, dim)
		for d := range out {
			out[d] = simd.Dot(columns[d], y)
		}
		return normalize(out)
	}
}

// untrusted is what the rotation turns into one large dimension, which the 8-bit codes
// cut off.
func untrusted(dim, i int) []float32 {
	y := make([]float32, dim)
	y[i%dim] = 1
	return y
}

// saturated is what the rotation turns into as many dimensions at the ends of the
// codes as a vector can have, -127 or 127, and none between.
func saturated(dim, i int) []float32 {
	y := make([]float32, dim)
	for n := range max(1, dim/(codeRange*codeRange)) {
		y[(i+7*n)%dim] = float32(1 - 2*(n%2))
	}
	return y
}

// flat is what the rotation turns into equal dimensions: all codes of such a probe are
// -127 or 127.
func flat(dim, i int) []float32 {
	y := make([]float32, dim)
	for d := range y {
		y[d] = float32(1 - 2*((d>>(i%8))%2))
	}
	return y
}

func TestUntrustedRowsAreWide(t *testing.T) {
	x := newIndex(t, 384, Options{})
	if err := x.Append(Row{Key: 1, Vector: unrotate(384)(untrusted(384, 3))}); err != nil {
		t.Fatal(err)
	}
	if !x.segments[0].wide.has(0) {
		t.Error("a row of one large dimension is not wide")
	}
	// Few ordinary rows are: they cost every search a score of their own.
	rng, wide := rand.New(rand.NewPCG(5, 6)), 0
	for i := range 2000 {
		p, err := x.form.pack([]Row{{Key: uint64(i), Vector: unit(rng, 384)}})
		if err != nil {
			t.Fatal(err)
		}
		if p.residual[0] > wideResidual {
			wide++
		}
	}
	if wide > 4 {
		t.Errorf("%d of 2000 ordinary rows are wide, want about 0.2", wide)
	}
}

// TestCodesAreWithinTheirBound: no score is further from its code's than the slack
// that exact search allows for.
func TestCodesAreWithinTheirBound(t *testing.T) {
	for _, dim := range []int{16, 100, 512} {
		rng := rand.New(rand.NewPCG(5, uint64(dim)))
		f, worst := formOf(dim), 0.0
		for range 3000 {
			v := unit(rng, dim)
			p := mustProbe(t, near(rng, v, rng.Float64()))
			packed, err := f.pack([]Row{{Vector: v}})
			if err != nil {
				t.Fatal(err)
			}
			if packed.residual[0] > wideResidual {
				continue
			}
			sum := int32(0)
			for d := range dim {
				sum += int32(p.codes[d]) * int32(packed.codes[d])
			}
			off := math.Abs(float64(simd.DotF16(p.rotated, packed.half)) - float64(float32(sum)*p.unit))
			worst = max(worst, off/float64(p.slack))
		}
		if worst > 1 {
			t.Errorf("dimension %d: a score is %.2f times the slack from its code's", dim, worst)
		}
		t.Logf("dimension %d: errors reach %.2f of the slack", dim, worst)
	}
}

// TestLateReaders: segments that are left are made unreadable instead of being given
// back, and searches that began before go on undisturbed.
func TestLateReaders(t *testing.T) {
	const dim = fastDim
	rng := rand.New(rand.NewPCG(9, 9))
	x := newIndex(t, dim, Options{SegmentRows: 128})
	protected := 0
	x.reap.free = func(s *segment) {
		for _, r := range []*offheap.Region{s.codes, s.half, s.bits} {
			if err := r.Protect(); err != nil {
				t.Error(err)
			}
		}
		protected++
	}
	rows := make([]Row, 4000)
	for i := range rows {
		rows[i] = Row{Key: uint64(i), Person: uint64(i), Vector: unit(rng, dim)}
	}
	if err := x.Append(rows...); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		probe := mustProbe(t, unit(rng, dim))
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a, err := x.Search(context.Background(), Query{Probe: probe, K: 5, Mode: Mode(i % 2)}); err != nil || len(a.Candidates) != 5 {
					t.Errorf("%+v, %v", a, err)
					return
				}
				_, _, _ = x.Score(probe, 3990)
			}
		}()
	}
	for key := range uint64(3980) {
		switch {
		case key%16 == 0: // rewritten under another key
			if err := x.Replace([]uint64{key}, Row{Key: 10_000 + key, Person: key, Vector: rows[key].Vector}); err != nil {
				t.Fatal(err)
			}
		case key%16 == 1: // or under its own
			if err := x.Replace([]uint64{key}, rows[key]); err != nil {
				t.Fatal(err)
			}
		default:
			x.Delete(key)
		}
	}
	x.tidied.Wait()
	close(stop)
	wg.Wait()
	x.Wait()
	if protected < 10 {
		t.Errorf("%d segments were given up, want most of 31", protected)
	}
	for _, r := range x.segments {
		_ = r.row16(0)[0]
	}
}

// TestSmallIndexes: no rows, one row, fewer people than are asked for, a filter that
// lets nobody through.
func TestSmallIndexes(t *testing.T) {
	for _, dim := range []int{MinDim, fastDim, MaxDim} {
		rng := rand.New(rand.NewPCG(6, uint64(dim)))
		x, v := newIndex(t, dim, Options{}), unit(rng, dim)
		opposite := Row{Key: 2, Person: 2, Vector: negative(v), Attributes: Attributes{Sex: 1, Quality: 41}}
		for n, rows := range [][]Row{nil, {{Key: 1, Person: 1, Vector: v, Attributes: Attributes{Sex: 1, Quality: 41}}}, {opposite, {Key: 3, Person: 1, Vector: v, Attributes: Attributes{Sex: 1, Quality: 41}}}} {
			if err := x.Append(rows...); err != nil {
				t.Fatal(err)
			}
			for _, mode := range []Mode{Exact, Fast} {
				q := Query{Probe: mustProbe(t, v), K: MaxK, Mode: mode}
				a, err := x.Search(context.Background(), q)
				if err != nil || len(a.Candidates) != n || a.Sure != 0 || n > 0 && (a.Candidates[0].Key != 1 || a.Candidates[0].Score < 0.999) {
					t.Errorf("dim %d, %d people, %s: %+v, %v", dim, n, mode, a, err)
				}
				for name, f := range map[string]Filter{"gallery": {In: [][]Gallery{{5}}}, "no gallery": {In: [][]Gallery{{}}}, "sex": {Sex: 2}, "quality": {MinQuality: 41}} {
					q.Filter = f
					a, err := x.Search(context.Background(), q)
					if err != nil || len(a.Candidates) != 0 || a.Rows != 0 || a.Excluded != x.Rows() {
						t.Errorf("dim %d, %d people, %s, excluded by %s: %+v, %v", dim, n, mode, name, a, err)
					}
				}
				q.Filter = Filter{MinQuality: 40, Sex: 1}
				if a, err := x.Search(context.Background(), q); err != nil || len(a.Candidates) != n || a.Excluded != 0 {
					t.Errorf("dim %d, %d people, %s, let through: %+v, %v", dim, n, mode, a, err)
				}
			}
		}
	}
}

// TestBudget: rows that have no room are refused as a whole, room that is reserved
// cannot be taken by others, and searches go on.
func TestBudget(t *testing.T) {
	const dim = 64
	rng := rand.New(rand.NewPCG(1, 9))
	b := offheap.NewBudget(1 << 20)
	x := newIndex(t, dim, Options{Budget: b})
	fixed := unit(rng, dim)
	if err := x.Append(Row{Key: 0, Vector: fixed}); err != nil {
		t.Fatal(err)
	}
	var full *offheap.BudgetError
	rows := make([]Row, 10_000)
	for i := range rows {
		rows[i] = Row{Key: uint64(i + 1), Person: uint64(i + 1), Vector: fixed}
	}
	used := b.Used()
	if err := x.Append(rows...); !errors.As(err, &full) {
		t.Fatalf("10,000 rows in 1 MiB: %v, want a budget error", err)
	}
	if b.Used() != used || x.Rows() != 1 {
		t.Errorf("a refused append left %d bytes and %d rows", b.Used()-used, x.Rows()-1)
	}
	n := 1
	for x.Reserve(1) == nil {
		n++
	}
	if n < 1000 || n > 10_000 {
		t.Errorf("room for %d rows in 1 MiB", n)
	}
	if err := x.AppendReserved(rows[:n-1]...); err != nil {
		t.Errorf("rows with reserved room: %v", err)
	}
	if err := x.Append(rows[n:]...); !errors.As(err, &full) {
		t.Errorf("more rows: %v, want a budget error", err)
	}
	if a, err := x.Search(context.Background(), Query{Probe: mustProbe(t, fixed), K: 3}); err != nil || len(a.Candidates) != 3 || a.Rows != n {
		t.Errorf("search in a full index: %+v, %v", a, err)
	}
}

// TestCancelledMidScan: a search whose caller leaves ends early, and does not disturb
// the others of its pass.
func TestCancelledMidScan(t *testing.T) {
	const dim, n = 512, 30_000
	rng := rand.New(rand.NewPCG(2, 9))
	x := newIndex(t, dim, Options{})
	v := unit(rng, dim)
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Key: uint64(i), Person: uint64(i), Vector: turned(v, i)}
	}
	if err := x.Append(rows...); err != nil {
		t.Fatal(err)
	}
	p := mustProbe(t, v)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 0 {
				go cancel()
			}
			a, err := x.Search(ctx, Query{Probe: p, K: 2})
			switch {
			case errors.Is(err, context.Canceled) && i%2 == 0:
			case err != nil || len(a.Candidates) != 2 || a.Candidates[0].Key != 0:
				t.Errorf("search %d: %+v, %v", i, a, err)
			}
		}()
	}
	wg.Wait()
}
