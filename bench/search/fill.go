package search

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"immis/bench"
	"immis/index"
)

// fillBatch is how many rows a filling appends at once.
const fillBatch = 1024

// Fill is how an index was filled: rows made and appended by all cores at once.
type Fill struct {
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"rows_per_second"`
}

// fill makes an index of all rows of a source. Rows are made by all cores, a batch
// each, and so appended in an order that differs from run to run; no answer depends on
// it. With files whose rows are read from disk, what is full is written on the way.
func (r *run) fill(ctx context.Context, src source, workers int, files *index.Files, told *Fill) (*index.Index, error) {
	dim := len(src.probe(0).vector)
	x, err := index.New(dim, index.Options{Workers: workers, Files: files})
	if err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	batches := (src.rows() + fillBatch - 1) / fillBatch
	free := make(chan *batch, runtime.GOMAXPROCS(0))
	for range cap(free) {
		free <- newBatch(fillBatch, dim)
	}
	var done atomic.Int64
	begun := time.Now()
	err = bench.Each(ctx, cap(free), batches, func(ctx context.Context, i int) error {
		b := <-free
		defer func() { free <- b }()
		first := i * fillBatch
		rows := b.take(src, first, min(fillBatch, src.rows()-first))
		if err := x.Append(rows...); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		if files != nil && files.Cache != nil && (i%saveEvery == saveEvery-1 || i == batches-1) {
			if _, err := x.Save(ctx, false); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
		}
		r.Progress.Tell(PhaseFill, int(done.Add(int64(len(rows)))), src.rows())
		return nil
	})
	if err != nil {
		x.Close()
		return nil, err
	}
	if told != nil {
		took := time.Since(begun)
		*told = Fill{Seconds: bench.Seconds(took), PerSecond: float64(src.rows()) / took.Seconds()}
	}
	return x, nil
}

// batch is memory for rows on their way into an index.
type batch struct {
	rows []index.Row
}

func newBatch(n, dim int) *batch {
	b := &batch{rows: make([]index.Row, n)}
	values := make([]float32, n*dim)
	for i := range b.rows {
		b.rows[i].Vector = values[i*dim : (i+1)*dim]
	}
	return b
}

// take makes n rows of src from first on.
func (b *batch) take(src source, first, n int) []index.Row {
	for i := range n {
		row := &b.rows[i]
		src.fill(row.Vector, first+i)
		row.Key, row.Person, row.Origin = uint64(first+i), uint64(first+i), originOf(uint64(first+i))
	}
	return b.rows[:n]
}
