package search

import (
	"context"
	"fmt"
	"time"

	"immis/index"
)

// Changes is how fast rows came and went while nobody searched. Rates are the best of
// some rounds, by processor time.
type Changes struct {
	// Rows inserted in all rounds, Batch of them in each call.
	Rows  int `json:"rows"`
	Batch int `json:"batch"`
	// InsertPerCore is rows a second of processor time, in all their forms and searchable;
	// InsertPerSecond by the clock.
	InsertPerCore   float64 `json:"insert_per_core_second"`
	InsertPerSecond float64 `json:"insert_per_second"`
	// Deletions and changes of membership of one row a call.
	DeletePerCore float64 `json:"delete_per_core_second"`
	MemberPerCore float64 `json:"member_per_core_second"`
	// The same in an index of so many rows: what does not depend on the number of rows
	// takes there as long as here, but for caches. Growth is the ratio of the times.
	SmallRows    int     `json:"small_rows"`
	DeleteGrowth float64 `json:"delete_growth"`
	MemberGrowth float64 `json:"member_growth"`
}

const (
	insertBatch = 64
	// smallShare: the small index has the 16th part of the rows.
	smallShare = 16
	// mostSmall: it is there beside the large one.
	mostSmall = 62_500
	// leastChanged and mostChanged rows come and go in each round: enough to time, few
	// enough not to change the index.
	leastChanged, mostChanged = 2048, 32_768
)

// change measures insertions, deletions and memberships.
func (r *run) change(ctx context.Context, x *index.Index, src source) error {
	n := min(max(r.Rows/smallShare, leastChanged), mostChanged) / insertBatch * insertBatch
	pool := newBatch(n, x.Dim())
	pool.take(src, src.rows(), n)
	part := &first{source: src, n: min(max(src.rows()/smallShare, 64), mostSmall)}
	small, err := r.fill(ctx, part, 1, nil, nil)
	if err != nil {
		return err
	}
	defer small.Close()
	c := &r.res.Changes
	*c = Changes{Batch: insertBatch, SmallRows: part.n}
	var little Changes
	key := uint64(src.rows())
	for i := range rounds {
		for _, on := range []struct {
			x    *index.Index
			rows int
			into *Changes
		}{{x, src.rows(), c}, {small, part.n, &little}} {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := on.into.round(on.x, pool.rows, key, on.rows); err != nil {
				return err
			}
			key += uint64(n)
		}
		c.Rows += n
		r.Progress.Tell(PhaseChange, i+1, rounds)
	}
	c.DeleteGrowth, c.MemberGrowth = ratio(little.DeletePerCore, c.DeletePerCore), ratio(little.MemberPerCore, c.MemberPerCore)
	return nil
}

// first is a source cut after its first rows.
type first struct {
	source
	n int
}

func (f *first) rows() int { return f.n }

// changedGallery is the gallery that rows are put into.
const changedGallery index.Gallery = 1

// round inserts rows under new keys from key on, deletes them again, and puts as many
// of the first rows into a gallery and takes them out.
func (c *Changes) round(x *index.Index, rows []index.Row, key uint64, held int) error {
	for i := range rows {
		rows[i].Key, rows[i].Person = key+uint64(i), key+uint64(i)
	}
	spent, took, err := timed(func() error {
		for at := 0; at < len(rows); at += insertBatch {
			if err := x.Append(rows[at : at+insertBatch]...); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.InsertPerCore = max(c.InsertPerCore, rate(len(rows), spent))
	c.InsertPerSecond = max(c.InsertPerSecond, rate(len(rows), took))

	// In an order that the memory does not help with.
	spent, _, err = timed(func() error {
		for i := range rows {
			if k := key + uint64(scattered(i, len(rows))); x.Delete(k) != 1 {
				return fmt.Errorf("delete: key %d is not there", k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.DeletePerCore = max(c.DeletePerCore, rate(len(rows), spent))

	n := min(len(rows), held)
	spent, _, err = timed(func() error {
		for _, in := range []bool{true, false} {
			for i := range n {
				k := uint64(scattered(i, n)) * uint64(held/n)
				if x.SetMember(changedGallery, in, k) != 1 {
					return fmt.Errorf("membership: key %d did not change", k)
				}
			}
		}
		return nil
	})
	c.MemberPerCore = max(c.MemberPerCore, rate(2*n, spent))
	return err
}

// scattered is a permutation of 0..n-1: neighbors come far apart. The factor is a prime
// larger than any n here, so that it has no factor in common with n.
func scattered(i, n int) int {
	const prime = 1_000_000_007
	return int(uint64(i) * prime % uint64(n))
}

// timed is the processor time and the time on the clock of f.
func timed(f func() error) (spent, took time.Duration, err error) {
	cpu, begun := processorTime(), time.Now()
	err = f()
	return processorTime() - cpu, time.Since(begun), err
}

// rate is how many a second; 0 if there was no time to be seen.
func rate(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// ratio is a/b; 0 where there is no b.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
