package search

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"immis/bench"
	"immis/index"
)

// Slices is how long searches took while rows came in, beside how long they took in the
// same minute while none did: slices of the one and of the other alternate. One caller
// searches, one search after the other, over all cores; a search that the writer or
// the collector of garbage holds up delays the next, so no latency hides behind another.
type Slices struct {
	Mode    string  `json:"mode"`
	SliceMS float64 `json:"slice_ms"`
	Idle    Slice   `json:"idle"`
	Loaded  Slice   `json:"loaded"`
	// Asked and Inserted are rows a second in the loaded slices; as many are deleted, so
	// the number of rows stays.
	Asked    float64 `json:"asked_inserts_per_second"`
	Inserted float64 `json:"inserts_per_second"`
	// Ratio is the p99 under load to that at rest.
	Ratio float64 `json:"p99_ratio"`
	// Collections of garbage during all slices, and how long they stopped the program:
	// in all, and the longest of the last 256.
	Collections   int64   `json:"gc_collections"`
	GCPauseMS     float64 `json:"gc_pause_ms"`
	LongestGCStop float64 `json:"gc_longest_pause_ms"`
}

// Slice is the latencies of one kind of slices, in milliseconds.
type Slice struct {
	Count  int     `json:"count"`
	P50MS  float64 `json:"p50_ms"`
	P90MS  float64 `json:"p90_ms"`
	P99MS  float64 `json:"p99_ms"`
	P999MS float64 `json:"p999_ms"`
	MaxMS  float64 `json:"max_ms"`
}

const (
	sliceLength = 500 * time.Millisecond
	// insertRate is rows a second, in batches of insertBatch.
	insertRate = 5000
	// wantSliceProbes of both kinds together are what the bar wants.
	wantSliceProbes = 50_000
	// poolRows are inserted again and again, under new keys.
	poolRows = 4096
)

// slices measures latencies.
func (r *run) slices(ctx context.Context, x *index.Index, src source) error {
	probes, err := prepare(src, preparedProbes)
	if err != nil {
		return err
	}
	w := &writer{index: x, pool: newBatch(poolRows, x.Dim()), next: uint64(src.rows())}
	w.pool.take(src, src.rows(), poolRows)
	length := min(sliceLength, r.SliceTime/4)
	var idle, loaded bench.Latencies
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	begun := time.Now()
	for n := 0; n < 2 || (idle.Len()+loaded.Len() < r.SliceProbes && time.Since(begun) < r.SliceTime) || n%2 == 1; n++ {
		into := &idle
		stop := func() error { return nil }
		if n%2 == 1 {
			into, stop = &loaded, w.start()
		}
		err := searchFor(ctx, x, probes, n, length, into)
		if err := errors.Join(err, stop()); err != nil {
			return err
		}
		r.Progress.Tell(PhaseSlices, idle.Len()+loaded.Len(), r.SliceProbes)
	}
	debug.ReadGCStats(&after)
	s := &r.res.Slices
	*s = Slices{Mode: index.Fast.String(), SliceMS: bench.Milliseconds(length), Idle: describe(&idle), Loaded: describe(&loaded), Asked: insertRate, Inserted: rate(w.inserted, w.took)}
	s.Collections, s.GCPauseMS = after.NumGC-before.NumGC, bench.Milliseconds(after.PauseTotal-before.PauseTotal)
	for i := range min(int(s.Collections), len(after.Pause)) {
		s.LongestGCStop = max(s.LongestGCStop, bench.Milliseconds(after.Pause[i]))
	}
	s.Ratio = ratio(s.Loaded.P99MS, s.Idle.P99MS)
	if speed(r.res.AllCores, s.Mode, 1).Searches == 0 {
		s.Mode = index.Exact.String() // which fast is here
	}
	return nil
}

// searchFor searches for a while, at least once.
func searchFor(ctx context.Context, x *index.Index, probes []*index.Probe, from int, d time.Duration, l *bench.Latencies) error {
	begun := time.Now()
	for i := from; i == from || time.Since(begun) < d; i++ {
		err := l.Time(func() error {
			_, err := x.Search(ctx, index.Query{Probe: probes[i%len(probes)], K: 10, Mode: index.Fast})
			return err
		})
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
	}
	return nil
}

func describe(l *bench.Latencies) Slice {
	at := func(p float64) float64 { return bench.Milliseconds(l.Percentile(p)) }
	return Slice{Count: l.Len(), P50MS: at(0.5), P90MS: at(0.9), P99MS: at(0.99), P999MS: at(0.999), MaxMS: at(1)}
}

// writer inserts rows at a fixed rate and deletes as many.
type writer struct {
	index    *index.Index
	pool     *batch
	at       int      // in the pool
	next     uint64   // key
	old      []uint64 // keys of the batch before
	inserted int
	took     time.Duration
}

// start inserts until stop is called, which waits for the writer and returns its error. A batch is due at a fixed time, however long
// the one before took.
func (w *writer) start() (stop func() error) {
	end := make(chan struct{})
	var group sync.WaitGroup
	var failed error
	group.Go(func() {
		begun := time.Now()
		timer := time.NewTimer(0)
		defer timer.Stop()
		batches := 0
		defer func() {
			w.inserted += batches * insertBatch
			w.took += time.Since(begun)
		}()
		for {
			select {
			case <-end:
				return
			case <-timer.C:
			}
			if failed = w.replace(); failed != nil {
				return
			}
			batches++
			due := begun.Add(time.Duration(batches) * insertBatch * time.Second / insertRate)
			timer.Reset(time.Until(due))
		}
	})
	return func() error {
		close(end)
		group.Wait()
		return failed
	}
}

// replace inserts a batch and deletes the one before it.
func (w *writer) replace() error {
	rows := w.pool.rows[w.at : w.at+insertBatch]
	w.at = (w.at + insertBatch) % poolRows
	keys := make([]uint64, insertBatch)
	for i := range rows {
		keys[i] = w.next
		rows[i].Key, rows[i].Person = w.next, w.next
		w.next++
	}
	if err := w.index.Append(rows...); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if n := w.index.Delete(w.old...); n != len(w.old) {
		return fmt.Errorf("delete: %d of %d rows were there", n, len(w.old))
	}
	w.old = keys
	return nil
}
