package search

import (
	"context"
	"fmt"
	"time"

	"immis/bench"
	"immis/index"
	"immis/internal/simd"
)

// Speed is how fast searches of one kind were: the best of some rounds.
type Speed struct {
	Mode string `json:"mode"`
	// Probes share each pass, 1 to 32.
	Probes int `json:"probes"`
	// Searches of all rounds.
	Searches int `json:"searches"`
	// PerCore is searches a second of processor time, PerSecond on the clock.
	PerCore   float64 `json:"per_core_second"`
	PerSecond float64 `json:"per_second"`
	P50MS     float64 `json:"p50_ms"`
	P99MS     float64 `json:"p99_ms"`
	// OfRead is the share of the read bandwidth at which a single caller's searches read
	// the small form of the rows; OfVNNI, of exact searches, the share of the peak of
	// products. One core is set against its limits by processor time, several by the clock.
	OfRead float64 `json:"of_read,omitempty"`
	OfVNNI float64 `json:"of_vnni,omitempty"`

	mode index.Mode
}

const (
	// rounds of each kind, in turn with the others and, for each mode, with the limits.
	rounds = 5
	// preparedProbes are searched for in turn.
	preparedProbes = 256
	// fullCallers keep passes full.
	fullCallers = 2 * simd.MaxProbes
)

// batches are how many probes share a pass in the measurements.
func batches() []int { return []int{1, 8, simd.MaxProbes} }

// scan measures searches with an index that has so many workers.
func (r *run) scan(ctx context.Context, x *index.Index, src source, workers int) (Limits, []Speed, error) {
	probes, err := prepare(src, preparedProbes)
	if err != nil {
		return Limits{}, nil, err
	}
	l, err := newLimiter(workers, planeBytes(x, index.Exact))
	if err != nil {
		return Limits{}, nil, err
	}
	defer l.close()
	var out []Speed
	var latencies []*bench.Latencies
	modes := []index.Mode{index.Exact}
	answer, err := x.Search(ctx, index.Query{Probe: probes[0], K: 1, Mode: index.Fast})
	if err != nil {
		return Limits{}, nil, err
	}
	if answer.Mode == index.Fast {
		modes = append(modes, index.Fast) // else fast is exact, as for short vectors
	}
	for _, mode := range modes {
		for _, probes := range batches() {
			out = append(out, Speed{Mode: mode.String(), Probes: probes, mode: mode})
			latencies = append(latencies, &bench.Latencies{})
		}
	}
	for n := range rounds {
		for i := range out {
			if i%len(batches()) == 0 {
				l.measure()
			}
			if err := out[i].round(ctx, x, probes, r.Duration/rounds, latencies[i]); err != nil {
				return Limits{}, nil, fmt.Errorf("%s search by %d: %w", out[i].Mode, out[i].Probes, err)
			}
			r.Progress.Tell(PhaseScan, n*len(out)+i+1, rounds*len(out))
		}
	}
	for i := range out {
		s := &out[i]
		summary := latencies[i].Summary()
		s.P50MS, s.P99MS = summary.P50MS, summary.P99MS
		rate := s.PerSecond
		if workers == 1 {
			rate = s.PerCore
		}
		if s.Probes == 1 && l.best.ReadBytesPerSecond > 0 {
			s.OfRead = rate * float64(planeBytes(x, s.mode)) / l.best.ReadBytesPerSecond
		}
		if l.best.VNNIPerSecond > 0 && s.mode == index.Exact {
			s.OfVNNI = rate * float64(x.Rows()) * float64(x.Dim()) / l.best.VNNIPerSecond
		}
	}
	return l.best, out, nil
}

// prepare makes the first n probes of a source, or as many as there are.
func prepare(src source, n int) ([]*index.Probe, error) {
	out := make([]*index.Probe, min(n, src.probes()))
	for i := range out {
		var err error
		// From all over the rows.
		if out[i], err = index.NewProbe(src.probe(spread(i, len(out), src.probes())).vector); err != nil {
			return nil, fmt.Errorf("probe %d: %w", i, err)
		}
	}
	return out, nil
}

// round searches for a while, a batch at least.
func (s *Speed) round(ctx context.Context, x *index.Index, probes []*index.Probe, d time.Duration, l *bench.Latencies) error {
	queries, n := make([]index.Query, s.Probes), 0
	cpu, begun := processorTime(), time.Now()
	for n == 0 || time.Since(begun) < d {
		for i := range queries {
			queries[i] = index.Query{Probe: probes[(n+i)%len(probes)], K: 10, Mode: s.mode}
		}
		err := l.Time(func() (err error) {
			if s.Probes == 1 {
				_, err = x.Search(ctx, queries[0])
			} else {
				_, err = x.SearchAll(ctx, queries)
			}
			return err
		})
		if err != nil {
			return err
		}
		n += s.Probes
	}
	took, spent := time.Since(begun), processorTime()-cpu
	s.Searches += n
	s.PerSecond = max(s.PerSecond, float64(n)/took.Seconds())
	if spent > 0 {
		s.PerCore = max(s.PerCore, float64(n)/spent.Seconds())
	}
	return nil
}

// planeBytes is how many bytes of the small form a search of a mode reads.
func planeBytes(x *index.Index, mode index.Mode) int {
	blocks := simd.Blocks(x.Rows())
	if mode == index.Fast {
		return blocks * simd.BitBlockBytes(x.Dim())
	}
	return blocks * simd.Int8BlockBytes(x.Dim())
}
