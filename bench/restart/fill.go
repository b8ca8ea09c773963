package restart

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"immis/bench"
	"immis/bench/synth"
	"immis/engine"
	"immis/templates"
)

// FillResult is what Fill did.
type FillResult struct {
	// Before and Rows are the people enrolled before and after.
	Before    int     `json:"before"`
	Rows      int     `json:"rows"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

// Fill enrolls people until Rows of them are in the ledger. After an interruption
// it goes on where it was. It fails when the folder holds more people than Rows.
func Fill(ctx context.Context, cfg Config) (res FillResult, err error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return res, err
	}
	world, err := synth.New(cfg.world())
	if err != nil {
		return res, err
	}
	o, err := open(ctx, cfg)
	if err != nil {
		return res, fmt.Errorf("bench restart: fill: %w", err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.load(ctx, cfg, nil); err != nil {
		return res, fmt.Errorf("bench restart: fill: %w", err)
	}
	if res.Before, err = o.subjects(ctx); err != nil {
		return res, fmt.Errorf("bench restart: fill: %w", err)
	}
	if res.Before > cfg.Rows {
		return res, fmt.Errorf("bench restart: %s holds %d people, want at most the %d rows asked for", cfg.Data, res.Before, cfg.Rows)
	}
	begun := time.Now()
	// Callers take numbers in turn, so after an interruption what is missing are
	// the numbers from the count on and the few that were under way. One of them
	// may have been slow and lie far below; then everything is looked at again.
	for _, from := range []int{max(0, res.Before-cfg.Callers), 0} {
		if res.Rows, err = o.subjects(ctx); err == nil && res.Rows < cfg.Rows {
			err = fillFrom(ctx, cfg, world, o.engine, from)
		}
		if err != nil {
			return res, fmt.Errorf("bench restart: fill: %w", err)
		}
	}
	if res.Rows, err = o.subjects(ctx); err != nil {
		return res, fmt.Errorf("bench restart: fill: %w", err)
	}
	if res.Rows != cfg.Rows {
		return res, fmt.Errorf("bench restart: %s holds %d people after the filling, want %d: it has people of another kind", cfg.Data, res.Rows, cfg.Rows)
	}
	res.Seconds = since(begun)
	res.PerSecond = float64(res.Rows-res.Before) / max(time.Since(begun).Seconds(), 1e-9)
	return res, nil
}

// fillFrom enrolls the people numbered from..Rows-1 who are not enrolled yet.
func fillFrom(ctx context.Context, cfg Config, world *synth.World, e *engine.Engine, from int) error {
	var done atomic.Int64
	return bench.Each(ctx, cfg.Callers, cfg.Rows-from, func(ctx context.Context, i int) error {
		person := from + i
		_, err := e.Enroll(ctx, engine.EnrollRequest{
			Caller: caller(), Subject: fmt.Sprintf("row-%08d", person),
			Encounter: engine.Encounter{ID: "1", Samples: []engine.Sample{{
				Modality: templates.ModalityFace, Format: templates.FormatFaceFloat32, Model: world.FaceModel(),
				Data: bench.EncodeVector(world.Face(person, 0)), Quality: templates.QualityUnknown,
				PresentationAttack: engine.PresentationAttack{Score: templates.QualityUnknown},
			}}},
		})
		if err != nil && !errors.Is(err, engine.ErrExists) {
			return fmt.Errorf("row %d: %w", person, err)
		}
		cfg.Progress.Tell(PhaseFill, from+int(done.Add(1)), cfg.Rows)
		return nil
	})
}
