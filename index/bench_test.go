package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkSearch measures searches a second, alone and in company, with one worker.
// "immis bench index" does so beside the limits of the machine, with the loss.
func BenchmarkSearch(b *testing.B) {
	const dim, n = 512, 200_000
	rng := rand.New(rand.NewPCG(1, 1))
	x := newIndex(b, dim, Options{Workers: 1})
	rows := make([]Row, 1000)
	for k := uint64(0); k < n; k += uint64(len(rows)) {
		for i := range rows {
			rows[i] = Row{Key: k + uint64(i), Person: k + uint64(i), Vector: unit(rng, dim)}
		}
		if err := x.Append(rows...); err != nil {
			b.Fatal(err)
		}
	}
	probes := make([]*Probe, 32)
	for i := range probes {
		probes[i] = mustProbe(b, unit(rng, dim))
	}
	for _, mode := range []Mode{Exact, Fast} {
		for _, batch := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/probes=%d", mode, batch), func(b *testing.B) {
				for b.Loop() {
					queries := make([]Query, batch)
					for i := range queries {
						queries[i] = Query{Probe: probes[i], K: 10, Mode: mode}
					}
					if _, err := x.SearchAll(context.Background(), queries); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(batch)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}

// BenchmarkAppend measures rows a second in batches of 64.
func BenchmarkAppend(b *testing.B) {
	const dim, batch = 512, 64
	rng := rand.New(rand.NewPCG(1, 1))
	x := newIndex(b, dim, Options{})
	rows := make([]Row, batch)
	for i := range rows {
		rows[i].Vector = unit(rng, dim)
	}
	key := uint64(0)
	var keys []uint64
	for b.Loop() {
		if len(keys) >= 200_000 {
			b.StopTimer()
			x.Delete(keys...)
			keys = keys[:0]
			b.StartTimer()
		}
		for i := range rows {
			key++
			rows[i].Key = key
			keys = append(keys, key)
		}
		if err := x.Append(rows...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
