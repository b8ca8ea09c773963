package index

import (
	"context"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"immis/internal/offheap"
)

// TestWithoutHugePages: where the system gives none, answers are the same.
func TestWithoutHugePages(t *testing.T) {
	const dim, n = 512, 2_500 // more than 2 MiB of 16-bit rows
	rng := rand.New(rand.NewPCG(2, 2))
	rows, twin := make([]Row, n), newTwin(dim)
	for i := range rows {
		rows[i] = Row{Key: uint64(i), Person: uint64(i / 2), Vector: unit(rng, dim)}
		twin.rows[uint64(i)] = rows[i]
	}
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
		t.Skipf("huge pages cannot be switched off here: %v", err)
	}
	defer func() {
		if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 0, 0, 0, 0); err != nil {
			t.Error(err)
		}
	}()
	if s := offheap.HugePages(); s.Given() {
		t.Fatalf("huge pages are switched off, and the system says %s", s)
	}
	x := newIndex(t, dim, Options{})
	if err := x.Append(rows...); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Exact, Fast} {
		q := Query{Probe: mustProbe(t, near(rng, rows[7].Vector, 0.5)), K: 20, Mode: mode}
		if got, err := x.Search(context.Background(), q); err != nil || !same(got, twin.search(q)) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", mode, err, got, twin.search(q))
		}
	}
}
