// Package restart measures how long a ledger of many people takes to start: it
// fills a data folder through the engine, and measures, phase by phase, the time
// from opening the store until searches are answered, and the memory held then.
//
// Fill and Measure belong into different processes: the memory of a process that
// has just enrolled a million people tells little. Filling is resumable: people
// are numbered, and those who are enrolled already are passed over.
//
// The package refuses to hold anything but synthetic face vectors: fingers cost a
// multiple to make and to prepare, and say nothing more about the ledger.
package restart

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/bench"
	"immis/bench/synth"
	"immis/engine"
	"immis/store"
	"immis/store/seal"
)

// Config chooses the ledger. The zero value of every field but Data and Keys
// means its default.
type Config struct {
	// Data is the folder of the ledger, Keys that of its secrets, outside of Data.
	Data, Keys string
	// Rows is how many people are enrolled with a face each, 1..20,000,000;
	// default 1,000,000.
	Rows int
	// Dim is the length of a face vector, 128 or 512; default 512.
	Dim int
	// Seed picks the people.
	Seed uint64
	// Callers enroll at once; default 512, so that commits are full.
	Callers int
	// Progress is told how far Fill or Measure is; default nobody.
	Progress bench.Progress
}

// Phases that Progress is told of.
const (
	PhaseFill = "fill"
	PhaseLoad = "load the index"
)

// WithDefaults returns c with defaults in place of zero values.
func (c Config) WithDefaults() Config {
	if c.Rows == 0 {
		c.Rows = 1_000_000
	}
	if c.Dim == 0 {
		c.Dim = 512
	}
	if c.Callers == 0 {
		c.Callers = 512
	}
	return c
}

// Validate says what is wrong with c, whose defaults are filled in.
func (c Config) Validate() error {
	switch {
	case c.Data == "" || c.Keys == "":
		return errors.New("bench restart: no data or key folder, want both")
	case c.Rows < 1 || c.Rows > 20_000_000:
		return fmt.Errorf("bench restart: %d rows, want 1..20,000,000", c.Rows)
	case c.Dim != 128 && c.Dim != 512:
		return fmt.Errorf("bench restart: %d dimensions, want 128 or 512", c.Dim)
	case c.Callers < 1 || c.Callers > 1024:
		return fmt.Errorf("bench restart: %d callers, want 1..1,024", c.Callers)
	}
	return nil
}

func (c Config) world() synth.Config {
	return synth.Config{Seed: c.Seed, People: c.Rows, FaceDims: c.Dim}
}

// caller is on whose behalf everything is done.
func caller() engine.Caller { return engine.Caller{Principal: "bench", Purpose: engine.PurposeTest} }

// opened is a store and its engine, with the committer running.
type opened struct {
	store  *store.Store
	engine *engine.Engine
	stop   context.CancelFunc
	ended  chan error
}

// open opens the store and starts its committer; the index is not loaded.
func open(ctx context.Context, cfg Config) (*opened, error) {
	st, err := store.Open(ctx, store.Options{Dir: cfg.Data, Keys: seal.KeyDir(vfs.Default, cfg.Keys)})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.Data, err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &opened{store: st, stop: stop, ended: make(chan error, 1)}
	go func() { o.ended <- st.Run(run) }()
	o.engine, err = engine.New(engine.Options{Store: st, Files: engine.Files{Dir: filepath.Join(cfg.Data, "index")}})
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// close ends the committer, waits for it, and closes the store.
func (o *opened) close() error {
	if o.engine != nil {
		o.engine.Close()
	}
	o.stop()
	return errors.Join(<-o.ended, o.store.Close())
}

// load builds the index and tells progress.
func (o *opened) load(ctx context.Context, cfg Config, first func(rows uint64)) error {
	return o.engine.Load(ctx, func(done, total uint64) {
		if first != nil {
			first(done)
			first = nil
		}
		cfg.Progress.Tell(PhaseLoad, int(done), int(total))
	})
}

// subjects is how many people are enrolled.
func (o *opened) subjects(ctx context.Context) (int, error) {
	s, err := o.engine.Statistics(ctx, caller())
	return int(s.Subjects), err
}

// since is a duration in seconds with three decimals.
func since(t time.Time) float64 { return bench.Seconds(time.Since(t)) }
