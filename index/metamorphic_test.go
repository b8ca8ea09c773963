package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"immis/internal/simd"
	"pgregory.net/rapid"
)

// deed is one step of a history: rows that come, keys that go, in one step, or rows that
// join or leave a gallery.
type deed struct {
	rows    []Row
	old     []uint64
	members []uint64
	gallery Gallery
	in      bool
}

// do does the same to a plain list of rows.
func (d *deed) do(rows map[uint64]Row) {
	for _, k := range d.old {
		delete(rows, k)
	}
	for _, r := range d.rows {
		rows[r.Key] = r
	}
	for _, k := range d.members {
		r, ok := rows[k]
		if !ok {
			continue
		}
		r.Galleries = slices.DeleteFunc(slices.Clone(r.Galleries), func(g Gallery) bool { return g == d.gallery })
		if d.in {
			r.Galleries = append(r.Galleries, d.gallery)
		}
		rows[k] = r
	}
}

// telling is one of the ways in which a history can be told. None of it may show.
type telling struct {
	segment, workers, processors int
	batch                        int    // rows and keys of a deed that go in at once
	write, read                  string // kernels
	restart                      int    // before this deed all rows are loaded anew, in another order; -1: never
	settle                       bool   // segments are rewritten before the searches, not meanwhile
	company                      string // of the searches
	more                         int    // candidates asked for beyond those that are compared
}

// tell tells a history and returns the answers to the queries.
func (w *telling) tell(deeds []deed, dim int, queries []Query) (answers []Answer, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(w.processors))
	undo, err := simd.Force(w.write)
	if err != nil {
		return nil, err
	}
	defer func() { undo() }()
	x, err := New(dim, Options{SegmentRows: w.segment, Workers: w.workers})
	if err != nil {
		return nil, err
	}
	defer func() { x.Close() }()
	rows := map[uint64]Row{}
	for i := range deeds {
		if i == w.restart {
			x.Close()
			if x, err = New(dim, Options{SegmentRows: w.segment, Workers: w.workers}); err != nil {
				return nil, err
			}
			for _, r := range rows { // in any order
				if err := x.Append(r); err != nil {
					return nil, err
				}
			}
		}
		d := &deeds[i]
		d.do(rows)
		old := d.old
		for part := range slices.Chunk(d.rows, w.batch) {
			if err := x.Replace(old, part...); err != nil {
				return nil, err
			}
			old = nil
		}
		for part := range slices.Chunk(old, w.batch) {
			x.Delete(part...)
		}
		for part := range slices.Chunk(d.members, w.batch) {
			x.SetMember(d.gallery, d.in, part...)
		}
	}
	if w.settle {
		x.tidied.Wait()
	}
	undo()
	if undo, err = simd.Force(w.read); err != nil {
		return nil, err
	}
	queries = slices.Clone(queries)
	for i := range queries {
		queries[i].K += w.more
	}
	answers = make([]Answer, len(queries))
	switch w.company {
	case "alone":
		for i, q := range queries {
			if answers[i], err = x.Search(context.Background(), q); err != nil {
				return nil, err
			}
		}
	case "batch":
		if answers, err = x.SearchAll(context.Background(), queries); err != nil {
			return nil, err
		}
	case "callers":
		var wg sync.WaitGroup
		errs := make([]error, len(queries))
		for i, q := range queries {
			wg.Go(func() { answers[i], errs[i] = x.Search(context.Background(), q) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
	}
	for i := range answers {
		c := answers[i].Candidates
		answers[i].Candidates = c[:min(len(c), queries[i].K-w.more)]
	}
	return answers, nil
}

// image is an answer byte for byte, without the number of the version.
func image(a *Answer) string {
	b := fmt.Appendf(nil, "%s %d rows, %d excluded, sure %08x:", a.Mode, a.Rows, a.Excluded, math.Float32bits(a.Sure))
	for _, c := range a.Candidates {
		b = binary.BigEndian.AppendUint64(b, c.Person)
		b = binary.BigEndian.AppendUint64(b, c.Key)
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(c.Score))
	}
	return string(b)
}

// kernels are the levels that this machine can run.
func kernels() []string {
	out := []string{"auto"}
	for _, l := range []simd.Level{simd.Portable, simd.AVX2, simd.AVX512, simd.AMX} {
		if undo, err := simd.Force(l.String()); err == nil {
			undo()
			out = append(out, l.String())
		}
	}
	return out
}

// TestNothingButTheRowsMatters tells one random history in several ways: other segments,
// workers, processors, batches, kernels, numbers of candidates, a restart in the
// middle. The answers are the same bytes, and those of the twin.
func TestNothingButTheRowsMatters(t *testing.T) {
	levels := kernels()
	dims := []int{16, 100, 128, 384, 512, 1000}
	wide := map[int][][]float32{}
	for _, dim := range dims {
		back := unrotate(dim)
		wide[dim] = [][]float32{back(untrusted(dim, 3)), back(saturated(dim, 5)), back(flat(dim, 2))}
	}
	sizes := []int{1, 20, 20, 20, 20, 250} // now and then more rows than fast mode scores
	if testing.Short() {
		sizes = sizes[:3]
	}
	told, used := 0, map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.SampledFrom(dims).Draw(t, "dim")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		deeds, queries := history(rng, dim, rapid.SampledFrom(sizes).Draw(t, "size"), rapid.IntRange(0, 12).Draw(t, "deeds"), wide[dim])
		twin := newTwin(dim)
		for i := range deeds {
			deeds[i].do(twin.rows)
		}
		var want []Answer
		for n := range 3 {
			w := telling{
				segment: rapid.SampledFrom([]int{64, 192, 1024, 1 << 16}).Draw(t, "segment"),
				workers: rapid.IntRange(1, 4).Draw(t, "workers"), processors: rapid.IntRange(1, 4).Draw(t, "processors"),
				batch: rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "batch"),
				write: rapid.SampledFrom(levels).Draw(t, "write"), read: rapid.SampledFrom(levels).Draw(t, "read"),
				restart: rapid.IntRange(-1, len(deeds)).Draw(t, "restart"), settle: rapid.Bool().Draw(t, "settle"),
				company: rapid.SampledFrom([]string{"alone", "batch", "callers"}).Draw(t, "company"), more: rapid.SampledFrom([]int{0, 1, 100}).Draw(t, "more"),
			}
			got, err := w.tell(deeds, dim, queries)
			if err != nil {
				t.Fatalf("%+v: %v", w, err)
			}
			told++
			used[w.read] = true
			for i, q := range queries {
				if n == 0 {
					want = append(want, twin.search(q))
				}
				if image(&got[i]) != image(&want[i]) {
					t.Errorf("dim %d, %+v, %s, k %d, filter %+v:\ngot  %+v\nwant %+v", dim, w, q.Mode, q.K, q.Filter, got[i], want[i])
				}
			}
		}
	})
	for _, l := range levels {
		if !used[l] && told > 100 {
			t.Errorf("kernel %s was not used in %d tellings", l, told)
		}
	}
}

// history makes deeds of up to size rows each, and queries: people of several rows,
// rows that are the same, resemble everybody, or are not trusted to their codes.
func history(rng *rand.Rand, dim, size, deeds int, wide [][]float32) ([]deed, []Query) {
	mean := unit(rng, dim)
	pool := append([][]float32{mean, negative(mean)}, wide...)
	for range 12 {
		pool = append(pool, near(rng, mean, 0.9), unit(rng, dim))
	}
	next, rows := uint64(1), map[uint64]Row{}
	row := func() Row {
		r := Row{Key: next, Person: rng.Uint64N(3 * uint64(size)), Vector: pool[rng.IntN(len(pool))]}
		next++
		switch rng.IntN(4) {
		case 0:
			r.Vector = unit(rng, dim)
		case 1:
			r.Vector = near(rng, mean, rng.Float64())
		}
		for g := range Gallery(3) {
			if rng.IntN(2) == 0 {
				r.Galleries = append(r.Galleries, g)
			}
		}
		r.Attributes = Attributes{BirthYear: uint16(rng.IntN(3)) * 1000, Sex: uint8(rng.IntN(3)), Quality: uint8(rng.IntN(102)), Nationality: uint16(rng.IntN(3))}
		return r
	}
	some := func() (keys []uint64) {
		there := slices.Sorted(maps.Keys(rows))
		for _, i := range rng.Perm(len(there))[:rng.IntN(len(there)+1)] {
			keys = append(keys, there[i])
		}
		return append(keys, 1<<40) // one that is not there
	}
	var out []deed
	for n := range deeds {
		var d deed
		switch kind := rng.IntN(6); {
		case kind < 3 || n < 3:
			for range rng.IntN(2*size) + 1 {
				d.rows = append(d.rows, row())
			}
		case kind == 3: // most at once, so that segments are rewritten
			d.old = some()
		case kind == 4:
			d.old, d.rows = some()[:1], []Row{row()}
			if rng.IntN(2) == 0 { // a key that comes back
				d.rows[0].Key = d.old[0]
			}
		default:
			d.members, d.gallery, d.in = some(), Gallery(rng.IntN(3)), rng.IntN(2) == 0
		}
		d.do(rows)
		out = append(out, d)
	}
	var queries []Query
	for i, f := range []Filter{{}, {}, {}, {In: [][]Gallery{{0, 2}, {1}}}, {MinQuality: 50, Sex: 1}, {Nationalities: []uint16{2}, BirthYears: [2]uint16{900, 1500}}, {Without: 3, HasWithout: true}, {In: [][]Gallery{{77}}}} {
		v := pool[rng.IntN(len(pool))]
		if i%2 == 0 {
			v = near(rng, v, 0.6)
		}
		p, err := NewProbe(v)
		if err != nil {
			panic(err) // a vector of our own making
		}
		queries = append(queries, Query{Probe: p, K: 1 + rng.IntN(40), Mode: Mode(rng.IntN(2)), Filter: f})
	}
	return out, queries
}
