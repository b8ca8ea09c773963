package index

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"immis/internal/offheap"
	"pgregory.net/rapid"
)

func newIndex(t testing.TB, dim int, o Options) *Index {
	t.Helper()
	x, err := New(dim, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func mustProbe(t interface{ Fatal(...any) }, v []float32) *Probe {
	p, err := NewProbe(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func same(a, b Answer) bool {
	return a.Mode == b.Mode && a.Rows == b.Rows && a.Excluded == b.Excluded && a.Sure == b.Sure && slices.Equal(a.Candidates, b.Candidates)
}

// TestSearchEqualsTwin runs random histories against the twin and demands the same
// answers, for each mode, filter, number of workers, size of segments and company.
func TestSearchEqualsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.SampledFrom([]int{16, 33, 128, 384, 400}).Draw(t, "dim")
		o := Options{SegmentRows: rapid.SampledFrom([]int{64, 192, 4096, 1 << 16}).Draw(t, "segment"), Workers: rapid.IntRange(1, 3).Draw(t, "workers")}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		x, err := New(dim, o)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		twin := newTwin(dim)
		// Few distinct vectors, so that ties happen, and one direction that many share.
		pool := make([][]float32, 30)
		for i := range pool {
			pool[i] = unit(rng, dim)
			if i%3 == 0 {
				pool[i] = near(rng, pool[0], 0.9)
			}
			if i == 7 {
				pool[i] = make([]float32, dim) // as unlike a random row as can be
				pool[i][3] = 1
			}
		}
		next := uint64(1)
		row := func() Row {
			r := Row{Key: next, Person: rng.Uint64N(40), Vector: pool[rng.IntN(len(pool))]}
			next++
			if rng.IntN(2) == 0 {
				r.Vector = unit(rng, dim)
			}
			for g := range Gallery(3) {
				if rng.IntN(3) == 0 {
					r.Galleries = append(r.Galleries, g)
				}
			}
			r.Attributes = Attributes{BirthYear: uint16(rng.IntN(3)) * 1000, Sex: uint8(rng.IntN(3)), Quality: uint8(rng.IntN(102)), Nationality: uint16(rng.IntN(3))}
			return r
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rng.IntN(5) {
			case 0, 1:
				rows := make([]Row, rng.IntN(40))
				for i := range rows {
					rows[i] = row()
					twin.rows[rows[i].Key] = rows[i]
				}
				if err := x.Append(rows...); err != nil {
					t.Fatal(err)
				}
			case 2:
				n := 0
				var keys []uint64
				for range rng.IntN(30) {
					k := rng.Uint64N(next)
					if _, ok := twin.rows[k]; ok {
						n++
						delete(twin.rows, k)
					}
					keys = append(keys, k)
				}
				if got := x.Delete(keys...); got != n {
					t.Fatalf("deleted %d, want %d", got, n)
				}
			case 3:
				old, r := rng.Uint64N(next), row()
				delete(twin.rows, old)
				twin.rows[r.Key] = r
				if err := x.Replace([]uint64{old}, r); err != nil {
					t.Fatal(err)
				}
			case 4:
				k, g, in := rng.Uint64N(next), Gallery(rng.IntN(3)), rng.IntN(2) == 0
				x.SetMember(g, in, k)
				if r, ok := twin.rows[k]; ok {
					r.Galleries = slices.DeleteFunc(slices.Clone(r.Galleries), func(x Gallery) bool { return x == g })
					if in {
						r.Galleries = append(r.Galleries, g)
					}
					twin.rows[k] = r
				}
			}
		}
		if x.Rows() != len(twin.rows) {
			t.Fatalf("%d rows, want %d", x.Rows(), len(twin.rows))
		}
		filters := []Filter{{}, {In: [][]Gallery{{0, 2}}}, {In: [][]Gallery{{0, 1}, {2}}}, {MinQuality: 50}, {Sex: 1}, {Nationalities: []uint16{2, 9}}, {BirthYears: [2]uint16{900, 1500}}, {Without: 3, HasWithout: true}, {In: [][]Gallery{{77}}}}
		var wg sync.WaitGroup
		for _, f := range filters {
			for _, mode := range []Mode{Exact, Fast} {
				probe := pool[rng.IntN(len(pool))]
				if rng.IntN(2) == 0 {
					probe = near(rng, probe, 0.5)
				}
				q := Query{Probe: mustProbe(t, probe), K: 1 + rng.IntN(50), Mode: mode, Filter: f}
				want := twin.search(q)
				wg.Add(1)
				go func() {
					defer wg.Done()
					got, err := x.Search(context.Background(), q)
					if err != nil {
						t.Errorf("%v", err)
					} else if !same(got, want) {
						t.Errorf("dim %d, %+v, %s, k %d:\ngot  %+v\nwant %+v", dim, f, mode, q.K, got, want)
					}
				}()
			}
		}
		wg.Wait()
	})
}

// TestFastEqualsTwin: fast mode scores as many rows as it says, ties included, alone
// and in company.
func TestFastEqualsTwin(t *testing.T) {
	const dim, n = 384, 3000
	rng := rand.New(rand.NewPCG(3, 3))
	x, twin := newIndex(t, dim, Options{SegmentRows: 2048}), newTwin(dim)
	var rows []Row
	for k := range uint64(n) {
		rows = append(rows, Row{Key: k, Person: k / 2, Vector: unit(rng, dim)})
		twin.rows[k] = rows[k]
	}
	if err := x.Append(rows...); err != nil {
		t.Fatal(err)
	}
	var queries []Query
	for i := range 40 {
		queries = append(queries, Query{Probe: mustProbe(t, near(rng, rows[i*70].Vector, 0.3)), K: 1 + i*30, Mode: Fast})
	}
	want := make([]Answer, len(queries))
	for i, q := range queries {
		want[i] = twin.search(q)
		if got, err := x.Search(context.Background(), q); err != nil || !same(got, want[i]) {
			t.Fatalf("alone, query %d: %v, answers differ", i, err)
		} else if got.Sure < 0.05 || got.Sure > 0.5 {
			t.Errorf("query %d: sure from %v on", i, got.Sure)
		}
	}
	mixed := slices.Clone(queries)
	for i := range mixed {
		if i%3 == 0 {
			mixed[i].Mode = Exact
		}
	}
	all, err := x.SearchAll(context.Background(), mixed)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range mixed {
		if q.Mode == Exact {
			want[i] = twin.search(q)
		}
		if !same(all[i], want[i]) {
			t.Errorf("together, query %d: answers differ", i)
		}
	}
	var wg sync.WaitGroup
	for i, q := range mixed {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if got, err := x.Search(context.Background(), q); err != nil || !same(got, want[i]) {
				t.Errorf("in company, query %d: %v, answers differ", i, err)
			}
		}()
	}
	wg.Wait()
}

// TestGuessTooHigh: a limit that was guessed above that of the last of depth rows is
// noticed, though rows that were read before the guess make up the number.
func TestGuessTooHigh(t *testing.T) {
	for limit, want := range map[int32]bool{7: true, 8: false} {
		x := newIndex(t, 384, Options{})
		v := unit(rand.New(rand.NewPCG(3, 4)), 384)
		if err := x.Append(Row{Vector: v}); err != nil {
			t.Fatal(err)
		}
		s := x.newSearch(context.Background(), Query{Probe: mustProbe(t, v), K: 1, Mode: Fast})
		s.answer.Rows, s.depth = 9, 3
		s.found = []kept{{0, 10}, {0, 9}, {0, 7}, {0, 2}}
		s.guessed.Store(true)
		s.limit.Store(limit)
		if got := (&pass{index: x, version: x.current.Load(), form: x.form, fast: true}).finish(s); got != want {
			t.Errorf("the third of the rows has 7, limit %d: finish says %v, want %v", limit, got, want)
		}
	}
}

// TestChangeDuringSearch: a row deleted before a search began never appears, one
// appended before always does, and rows of one step appear together.
func TestChangeDuringSearch(t *testing.T) {
	const dim = 32
	x := newIndex(t, dim, Options{SegmentRows: 256})
	fixed := unit(rand.New(rand.NewPCG(1, 2)), dim)
	if err := x.Append(Row{Key: 0, Person: 0, Vector: fixed}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		rng := rand.New(rand.NewPCG(3, 4))
		for key := uint64(2); ctx.Err() == nil; key += 2 {
			pair := []Row{{Key: key, Person: key, Vector: near(rng, fixed, 0.8)}, {Key: key + 1, Person: key + 1, Vector: near(rng, fixed, 0.8)}}
			var old []uint64
			if key > 100 {
				old = []uint64{key - 100, key - 99}
			}
			if err := x.Replace(old, pair...); err != nil {
				t.Error(err)
				return
			}
			if key%64 == 0 {
				runtime.Gosched()
			}
		}
	}()
	p := mustProbe(t, fixed)
	for i := range 1500 {
		a, err := x.Search(context.Background(), Query{Probe: p, K: 200})
		if err != nil || len(a.Candidates) == 0 || a.Candidates[0].Key != 0 {
			t.Errorf("search %d: %v, %v, want row 0 first", i, a, err)
			break
		}
		seen := map[uint64]bool{}
		for _, c := range a.Candidates[1:] {
			seen[c.Key] = true
		}
		for k := range seen {
			if !seen[k^1] {
				t.Errorf("search %d: row %d without its twin", i, k)
			}
		}
		if len(seen) > 100 {
			t.Errorf("search %d: %d rows, want at most 100", i, len(seen))
		}
	}
	cancel()
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	x := newIndex(t, 16, Options{})
	good := unit(rand.New(rand.NewPCG(1, 1)), 16)
	bad := func(i int, v float32) []float32 {
		w := slices.Clone(good)
		w[i] = v
		return w
	}
	var in *InputError
	for name, v := range map[string][]float32{
		"short": good[:15], "nan": bad(3, float32(math.NaN())), "inf": bad(5, float32(math.Inf(1))), "empty": nil,
		"zero": make([]float32, 16), "long": bad(0, 3),
	} {
		if err := x.Append(Row{Key: 9, Vector: good}, Row{Key: 1, Vector: v}); !errors.As(err, &in) {
			t.Errorf("append %s: %v, want an input error", name, err)
		}
		if _, err := NewProbe(v); !errors.As(err, &in) && name != "short" {
			t.Errorf("probe %s: %v, want an input error", name, err)
		}
	}
	if x.Rows() != 0 || x.Has(9) {
		t.Error("a refused append left rows behind")
	}
	if err := x.Append(Row{Key: 1, Vector: good}); err != nil {
		t.Fatal(err)
	}
	if err := x.Append(Row{Key: 1, Vector: good}); !errors.As(err, &in) {
		t.Errorf("used key: %v, want an input error", err)
	}
	if err := x.Append(Row{Key: 2, Vector: good}, Row{Key: 2, Vector: good}); !errors.As(err, &in) {
		t.Errorf("key twice: %v, want an input error", err)
	}
	p := mustProbe(t, good)
	for name, q := range map[string]Query{
		"no probe": {K: 1}, "no k": {Probe: p}, "much k": {Probe: p, K: MaxK + 1}, "mode": {Probe: p, K: 1, Mode: 9},
		"dimension": {Probe: mustProbe(t, unit(rand.New(rand.NewPCG(1, 1)), 17)), K: 1},
	} {
		if _, err := x.Search(context.Background(), q); !errors.As(err, &in) {
			t.Errorf("search %s: %v, want an input error", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Search(ctx, Query{Probe: p, K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled search: %v", err)
	}
	for _, dim := range []int{0, 15, 4097} {
		if _, err := New(dim, Options{}); err == nil {
			t.Errorf("dimension %d: no error", dim)
		}
	}
	for _, n := range []int{-64, 32, 100, 1 << 17} {
		if _, err := New(16, Options{SegmentRows: n}); err == nil {
			t.Errorf("segments of %d rows: no error", n)
		}
	}
}

// deletedRowsStayAway is the fault test of the drop-mask mutant.
func deletedRowsStayAway() error {
	x, err := New(16, Options{})
	if err != nil {
		return err
	}
	defer x.Close()
	v := unit(rand.New(rand.NewPCG(1, 1)), 16)
	if err := x.Append(Row{Key: 1, Vector: v}); err != nil {
		return err
	}
	x.Delete(1)
	p, err := NewProbe(v)
	if err != nil {
		return err
	}
	a, err := x.Search(context.Background(), Query{Probe: p, K: 1})
	if err != nil {
		return err
	}
	if len(a.Candidates) != 0 {
		return errors.New("a deleted row was found")
	}
	return nil
}

func TestDeletedRowsStayAway(t *testing.T) {
	if err := deletedRowsStayAway(); err != nil {
		t.Fatal(err)
	}
}

// TestCompaction deletes most rows and looks for every survivor, while searches run.
func TestCompaction(t *testing.T) {
	const dim, n, size = 64, 5000, 1024
	rng := rand.New(rand.NewPCG(7, 7))
	x := newIndex(t, dim, Options{SegmentRows: size})
	rows := map[uint64]Row{}
	for key := range uint64(n) {
		rows[key] = Row{Key: key, Person: key, Vector: unit(rng, dim), Galleries: []Gallery{Gallery(key % 3)}}
		if err := x.Append(rows[key]); err != nil {
			t.Fatal(err)
		}
	}
	before := x.Bytes()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(1)
	survivor := mustProbe(t, rows[100].Vector)
	go func() {
		defer wg.Done()
		for ctx.Err() == nil {
			if a, err := x.Search(context.Background(), Query{Probe: survivor, K: 1}); err != nil || a.Candidates[0].Key != 100 {
				t.Errorf("%+v, %v, want row 100", a, err)
				return
			}
		}
	}()
	for key := range uint64(n) {
		if key%10 != 0 {
			if x.Delete(key) != 1 {
				t.Fatalf("row %d was not there", key)
			}
			delete(rows, key)
		}
		if key%100 == 5 { // changes while rows are copied
			x.SetMember(9, true, key/200*100)
		}
	}
	x.tidied.Wait()
	cancel()
	wg.Wait()
	if x.Bytes() > before/2 {
		t.Errorf("%d bytes after %d of %d rows left, want at most half of %d", x.Bytes(), n-len(rows), n, before)
	}
	for key, r := range rows {
		p := mustProbe(t, r.Vector)
		if s, ok, err := x.Score(p, key); err != nil || !ok || s < 0.999 {
			t.Fatalf("row %d: %v %v, want itself", key, s, ok)
		}
		a, err := x.Search(context.Background(), Query{Probe: p, K: 1, Filter: Filter{In: [][]Gallery{{Gallery(key % 3)}}}})
		if err != nil || len(a.Candidates) != 1 || a.Candidates[0].Key != key {
			t.Fatalf("search for row %d: %+v, %v", key, a, err)
		}
	}
	for key := range rows {
		x.Delete(key)
	}
	x.tidied.Wait()
	if a, err := x.Search(context.Background(), Query{Probe: survivor, K: 5}); err != nil || a.Rows != 0 || len(a.Candidates) != 0 {
		t.Fatalf("search of nothing: %+v, %v", a, err)
	}
}

// TestOldSegmentsAreFreed: what no version has is unmapped, and only then.
func TestOldSegmentsAreFreed(t *testing.T) {
	const dim = 16
	rng := rand.New(rand.NewPCG(8, 7))
	budget := offheap.NewBudget(0)
	x := newIndex(t, dim, Options{SegmentRows: 64, Budget: budget})
	for key := range uint64(640) {
		if err := x.Append(Row{Key: key, Vector: unit(rng, dim)}); err != nil {
			t.Fatal(err)
		}
	}
	held := x.acquire()
	full := budget.Used()
	for key := range uint64(640) {
		x.Delete(key)
	}
	x.tidied.Wait()
	if got := budget.Used(); got < full {
		t.Errorf("%d bytes mapped while an old version is read, want %d at least", got, full)
	}
	for i := range held.views { // must not fault
		_ = held.views[i].row16(63)[0]
	}
	x.release(held)
	if got := budget.Used(); got > full/5 {
		t.Errorf("%d bytes mapped after the last reader has left, want few of %d", got, full)
	}
	x.Close()
	if got := budget.Used(); got != 0 {
		t.Errorf("%d bytes mapped after closing, want 0", got)
	}
}
