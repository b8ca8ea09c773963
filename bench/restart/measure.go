package restart

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"time"

	"immis/bench"
	"immis/bench/synth"
	"immis/engine"
	"immis/templates"
)

// Phase is one part of the start.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Names of the phases, in their order.
const (
	PhaseOpen   = "open the store and verify the ledger"
	PhaseVerify = "verify the state, load galleries"
	PhaseRows   = "open records and build the index"
)

// Result is a measured start.
type Result struct {
	Rows      int    `json:"rows"`
	Dim       int    `json:"dim"`
	Entries   uint64 `json:"ledger_entries"`
	DiskBytes uint64 `json:"disk_bytes"`
	// ReadySeconds is the time until searches are answered; Phases add up to it.
	ReadySeconds float64 `json:"ready_seconds"`
	Phases       []Phase `json:"phases"`
	// Memory is that of the process right after the start, before a collection of
	// garbage; HeapLiveBytes what was left after one.
	Memory        bench.Memory `json:"memory"`
	HeapLiveBytes uint64       `json:"heap_live_bytes"`
	// VectorBytes is what the vectors alone need: rows x dimensions x 4.
	VectorBytes uint64 `json:"vector_bytes"`
	// FirstSearchMS is the time of the first exact search by face, which has to put
	// the person first whose vector it is.
	FirstSearchMS float64 `json:"first_search_ms"`
	// Filled tells how the folder was filled, when that was part of the run.
	Filled  *FillResult   `json:"filled,omitempty"`
	Machine bench.Machine `json:"machine"`
}

// Measure starts the ledger and measures it. Data must have been filled with the
// same Config; the page cache is as it is, warm right after a filling.
func Measure(ctx context.Context, cfg Config) (res *Result, err error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	begun := time.Now()
	o, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	opened := time.Now()
	var first time.Time
	var firstRows uint64
	if err := o.load(ctx, cfg, func(rows uint64) { first, firstRows = time.Now(), rows }); err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	ready := time.Now()
	res = &Result{Dim: cfg.Dim, Entries: o.store.Head().Size, ReadySeconds: bench.Seconds(ready.Sub(begun)), Memory: bench.ReadMemory()}
	if res.Rows, err = o.subjects(ctx); err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	if res.Rows != cfg.Rows {
		return nil, fmt.Errorf("bench restart: %s holds %d people, want %d: fill it first", cfg.Data, res.Rows, cfg.Rows)
	}
	res.Phases = phases(begun, opened, first, ready, firstRows, uint64(res.Rows))
	res.VectorBytes = uint64(res.Rows) * uint64(cfg.Dim) * 4
	debug.FreeOSMemory()
	res.HeapLiveBytes = bench.ReadMemory().HeapBytes
	if res.FirstSearchMS, err = firstSearch(ctx, cfg, o.engine); err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	if res.DiskBytes, err = folderBytes(cfg.Data); err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	if res.Machine, err = bench.DescribeMachine(ctx, filepath.Dir(cfg.Data), time.Second); err != nil {
		return nil, fmt.Errorf("bench restart: measure: %w", err)
	}
	return res, nil
}

// phases splits the start. The engine first tells of progress when firstRows are
// in; what those took is taken off by the rate of the rest.
func phases(begun, opened, first, ready time.Time, firstRows, rows uint64) []Phase {
	p := []Phase{{PhaseOpen, bench.Seconds(opened.Sub(begun))}}
	load := ready.Sub(opened)
	if firstRows >= rows {
		return append(p, Phase{PhaseVerify + "; " + PhaseRows, bench.Seconds(load)})
	}
	share := float64(rows) / float64(rows-firstRows)
	building := min(load, time.Duration(float64(ready.Sub(first))*share))
	return append(p, Phase{PhaseVerify, bench.Seconds(load - building)}, Phase{PhaseRows, bench.Seconds(building)})
}

// firstSearch searches for the person in the middle with the vector that was
// enrolled: who comes first is known.
func firstSearch(ctx context.Context, cfg Config, e *engine.Engine) (float64, error) {
	world, err := synth.New(cfg.world())
	if err != nil {
		return 0, err
	}
	person := cfg.Rows / 2
	begun := time.Now()
	res, err := e.Identify(ctx, engine.IdentifyRequest{Caller: caller(), Mode: engine.ModeExact, MaxCandidates: 1, Probe: engine.ProbeSource{Samples: []engine.Sample{{
		Modality: templates.ModalityFace, Format: templates.FormatFaceFloat32, Model: world.FaceModel(),
		Data: bench.EncodeVector(world.Face(person, 0)), Quality: templates.QualityUnknown,
		PresentationAttack: engine.PresentationAttack{Score: templates.QualityUnknown},
	}}}})
	took := time.Since(begun)
	if err != nil {
		return 0, fmt.Errorf("first search: %w", err)
	}
	want := fmt.Sprintf("row-%08d", person)
	if len(res.Candidates) == 0 || res.Candidates[0].Subject != want {
		return 0, fmt.Errorf("first search: the first of %d candidates is not %s", len(res.Candidates), want)
	}
	return bench.Milliseconds(took), nil
}

// folderBytes is the size of all files below dir.
func folderBytes(dir string) (uint64, error) {
	var n uint64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Pebble deletes files while it runs
		}
		if err == nil {
			n += uint64(max(0, info.Size()))
		}
		return err
	})
	return n, err
}
