// Package search measures the index by itself: scans against the limits of the
// machine measured in the same run, what the fast search loses against the exact one,
// changes, searches while rows come in, memory. Nothing goes over a wire and nothing
// is written to a ledger; bench/load does that.
//
// Rows come from generators that make any row again from its number, so that no run
// holds the vectors beside the index. Figures "per core" count the processor time of
// the whole process, with an index that searches in one goroutine; what other
// processes take does not count, though what they do to caches and memory does.
//
// The package refuses to call a loss on synthetic people an error rate of the system:
// it counts where two searches of the same rows differ. And it gives no verdict on a
// figure whose conditions were not those of the bar.
package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"immis/bench"
	"immis/index"
)

// Config chooses the run. The zero value of every field means its default.
type Config struct {
	// Rows is how many rows are searched, 1,000..20,000,000; default 1,000,000. A row of
	// 512 dimensions takes 1.6 KB.
	Rows int
	// Dim is the number of dimensions, 16..4,096; default 512. Synthetic faces have 128
	// or 512.
	Dim int
	// Workload is what speeds are measured on, and losses first; default plain. Its
	// dimensions are Dim.
	Workload Workload
	// Losses are what losses are measured on besides; default none. AllLosses are those
	// of the bars.
	Losses []Workload
	// Probes of each workload, 100..1,000,000; default 4,000, of which enough have a mate
	// that the exact search ranks first for the bar of 3,000, on the hardest workload too.
	Probes int
	// Seed picks rows and probes; default 1.
	Seed uint64
	// Duration of each timed part, 10 ms..10 min; default 2 s.
	Duration time.Duration
	// SliceProbes is how many searches are timed in the slices, idle and under inserts
	// together, 100..10,000,000; default 50,000, which the bar wants.
	SliceProbes int
	// SliceTime ends the slices sooner; default 20 s.
	SliceTime time.Duration
	// LFW is the folder with <network>-lfw.f16 and lfw-index.csv for the workload lfw;
	// default none, and the workload is skipped.
	LFW string
	// Faiss compares with a libfaiss of this machine, in a process of its own that reads
	// the rows from a temporary file (rows x dimensions x 4 bytes).
	Faiss bool
	// Disk leaves the rows themselves in files, in the folder for temporary files, and holds
	// codes and bits in memory: 0.6 KB for a row of 512 dimensions.
	Disk bool
	// Progress is told how far each phase is; default nobody.
	Progress bench.Progress
}

// Phases that Progress is told of.
const (
	PhaseFill    = "fill"
	PhaseScan    = "scan"
	PhaseChange  = "insert and delete"
	PhaseCompare = "exact and fast"
	PhaseSlices  = "search under inserts"
	PhaseFaiss   = "rows for libfaiss"
)

// WithDefaults returns c with defaults in place of zero values.
func (c Config) WithDefaults() Config {
	if c.Rows == 0 {
		c.Rows = 1_000_000
	}
	if c.Dim == 0 {
		c.Dim = 512
	}
	if c.Workload.Kind == "" {
		c.Workload.Kind = Plain
	}
	c.Workload.Dim = c.Dim
	c.Workload = c.Workload.withDefaults()
	for i := range c.Losses {
		c.Losses[i] = c.Losses[i].withDefaults()
	}
	if c.Probes == 0 {
		c.Probes = 4000
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Duration == 0 {
		c.Duration = 2 * time.Second
	}
	if c.SliceProbes == 0 {
		c.SliceProbes = wantSliceProbes
	}
	if c.SliceTime == 0 {
		c.SliceTime = 20 * time.Second
	}
	return c
}

// Validate says what is wrong with c, whose defaults are filled in.
func (c Config) Validate() error {
	switch {
	case c.Rows < 1000 || c.Rows > 20_000_000:
		return fmt.Errorf("bench index: %d rows, want 1,000..20,000,000", c.Rows)
	case c.Dim < index.MinDim || c.Dim > index.MaxDim:
		return fmt.Errorf("bench index: %d dimensions, want %d..%d", c.Dim, index.MinDim, index.MaxDim)
	case c.Probes < 100 || c.Probes > 1_000_000:
		return fmt.Errorf("bench index: %d probes, want 100..1,000,000", c.Probes)
	case c.Duration < 10*time.Millisecond || c.Duration > 10*time.Minute:
		return fmt.Errorf("bench index: duration %v, want 10ms..10m", c.Duration)
	case c.SliceProbes < 100 || c.SliceProbes > 10_000_000:
		return fmt.Errorf("bench index: %d probes in slices, want 100..10,000,000", c.SliceProbes)
	case c.SliceTime < 10*time.Millisecond || c.SliceTime > time.Hour:
		return fmt.Errorf("bench index: %v of slices, want 10ms..1h", c.SliceTime)
	}
	for _, w := range append([]Workload{c.Workload}, c.Losses...) {
		if err := w.validate(); err != nil {
			return fmt.Errorf("bench index: %w", err)
		}
	}
	return nil
}

// run is one run under way.
type run struct {
	Config
	res *Result
	// files are those of the index, before the answers that it gave when they were written.
	files  *index.Files
	before []index.Answer
	// mates holds for each probe of Config.Workload the row that the exact search ranks
	// first, if it is a mate; else -1.
	mates []int64
}

// Run measures.
func Run(ctx context.Context, cfg Config) (_ *Result, err error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &run{Config: cfg, res: &Result{
		Rows: cfg.Rows, Dim: cfg.Dim, Disk: cfg.Disk, Workload: cfg.Workload.String(), Seed: cfg.Seed,
		Kernels: kernels(), Workers: runtime.GOMAXPROCS(0), ProcessorTime: hasProcessorTime,
	}}
	machine, err := bench.DescribeMachine(ctx, "", 0)
	if err != nil {
		return nil, fmt.Errorf("bench index: %w", err)
	}
	r.res.Machine = machine
	src, err := r.open(cfg.Workload)
	if err != nil {
		return nil, fmt.Errorf("bench index: %w", err)
	}
	if r.files, err = r.newFiles(src); err != nil {
		return nil, fmt.Errorf("bench index: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.files.Dir)) }()
	// One index after the other: two of ten million rows would not fit into the memory
	// of the machines that one fits into.
	for _, part := range []struct {
		name string
		run  func(context.Context, source) error
	}{{"one core", r.oneCore}, {"all cores", r.allCores}, {"libfaiss", r.faiss}} {
		if err := part.run(ctx, src); err != nil {
			return nil, fmt.Errorf("bench index: %s: %w", part.name, err)
		}
	}
	for _, w := range cfg.Losses {
		if w == cfg.Workload {
			continue
		}
		if err := r.lossOn(ctx, w); err != nil {
			return nil, fmt.Errorf("bench index: loss on %s: %w", w, err)
		}
	}
	r.judge()
	return r.res, nil
}

// oneCore measures an index that searches in one goroutine.
func (r *run) oneCore(ctx context.Context, src source) error {
	before := residentAfterCollection()
	x, err := r.fill(ctx, src, 1, r.files, &r.res.Fill)
	if err != nil {
		return err
	}
	defer x.Close()
	r.measureMemory(x, before)
	if r.res.Limits, r.res.OneCore, err = r.scan(ctx, x, src, 1); err != nil {
		return err
	}
	if r.before, err = r.save(ctx, x, r.files, src); err != nil {
		return err
	}
	return r.change(ctx, x, src)
}

// allCores measures an index that searches in a goroutine for each core, started from
// the files of the first.
func (r *run) allCores(ctx context.Context, src source) error {
	x, err := r.start(ctx, r.files, src, r.before)
	if err != nil {
		return err
	}
	defer x.Close()
	if r.res.AllLimits, r.res.AllCores, err = r.scan(ctx, x, src, r.res.Workers); err != nil {
		return err
	}
	loss, mates, err := r.compare(ctx, x, r.Workload, src)
	if err != nil {
		return err
	}
	r.mates = mates
	r.res.Losses = append(r.res.Losses, loss)
	return r.slices(ctx, x, src)
}

// lossOn measures the losses on another workload. One whose files are not there is
// skipped, and says so.
func (r *run) lossOn(ctx context.Context, w Workload) error {
	src, err := r.open(w)
	if err != nil {
		if absent, ok := asAbsent(err); ok {
			r.res.Losses = append(r.res.Losses, Loss{Workload: w.String(), Skipped: absent.Error()})
			return nil
		}
		return err
	}
	x, err := r.fill(ctx, src, r.res.Workers, nil, nil)
	if err != nil {
		return err
	}
	defer x.Close()
	loss, _, err := r.compare(ctx, x, w, src)
	r.res.Losses = append(r.res.Losses, loss)
	return err
}
