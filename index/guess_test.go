package index

import (
	"context"
	"math/rand/v2"
	"testing"
)

// TestGuessWithRowsBelowIt: rows that one worker kept before another guessed a limit
// above them do not stand in for the rows that the guess threw away.
func TestGuessWithRowsBelowIt(t *testing.T) {
	const dim = 384
	rng := rand.New(rand.NewPCG(5, 11))
	mean := unit(rng, dim)
	x, twin := newIndex(t, dim, Options{Workers: 2}), newTwin(dim)
	// A small segment of strangers, a page of those who resemble the probe, some pages of
	// strangers again: the limit is foretold from the second.
	for _, part := range []struct {
		rows   int
		cosine float64
	}{{320, 0}, {pageRows, 0.5}, {2 * pageRows, 0}} {
		rows := make([]Row, part.rows)
		for i := range rows {
			k := uint64(len(twin.rows))
			rows[i] = Row{Key: k, Person: k, Vector: near(rng, mean, part.cosine)}
			twin.rows[k] = rows[i]
		}
		if err := x.Append(rows...); err != nil {
			t.Fatal(err)
		}
	}
	q := Query{Probe: mustProbe(t, mean), K: 512, Mode: Fast}
	want := twin.search(q)
	bad := 0
	for range 20 {
		got, err := x.Search(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if !same(got, want) {
			bad++
		}
	}
	if bad > 0 {
		t.Errorf("%d of 20 searches by two workers lost rows that one worker scores", bad)
	}
}

// TestSureOfSmallGalleries: who leaves rows out says so, also where the rows left over
// are just those to be scored.
func TestSureOfSmallGalleries(t *testing.T) {
	const dim = 384
	rng := rand.New(rand.NewPCG(5, 12))
	for _, n := range []int{leastDepth - 1, leastDepth, leastDepth + 1, 2000} {
		x, twin := newIndex(t, dim, Options{}), newTwin(dim)
		rows := make([]Row, n)
		for i := range rows {
			rows[i] = Row{Key: uint64(i), Person: uint64(i), Vector: unit(rng, dim)}
			twin.rows[uint64(i)] = rows[i]
		}
		if err := x.Append(rows...); err != nil {
			t.Fatal(err)
		}
		q := Query{Probe: mustProbe(t, unit(rng, dim)), K: 5, Mode: Fast}
		got, err := x.Search(context.Background(), q)
		if want := twin.search(q); err != nil || !same(got, want) {
			t.Errorf("%d rows: sure from %v on, want %v (%v)", n, got.Sure, want.Sure, err)
		}
	}
}
