// Package load measures a server under load over gRPC: durable enrolments by many
// callers at once, verifications at half of the rate the server can do, searches
// one after the other. Figures stand beside the number of syncs a second that the
// same disk managed in the same run.
//
// Client and server may share the machine; then the figures are lower than those
// of the server alone, never higher. Samples are made before anything is timed.
//
// The package refuses to load a server that holds other people, because its
// figures depend on how many are searched.
package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
	"immis/bench/synth"
	"immis/templates"
)

// Config chooses the load. The zero value of every field means its default.
type Config struct {
	// Callers send at once, 1..1,024; default 64.
	Callers int
	// People are made and enrolled, 10..1,000,000; default 20,000. Enrolling ends
	// with the last of them, or with Duration, whichever comes first.
	People int
	// Duration of each of the timed parts; default 10 s. Percentiles of less are
	// percentiles of few.
	Duration time.Duration
	// Fingers of each enrolment beside the face, 0..10; default 2. Probes hold the
	// face and the first two of them.
	Fingers int
	// Seed picks the people.
	Seed uint64
	// Folder is where syncs are measured: on the disk of the server's ledger. "":
	// they are not.
	Folder string
	// Progress is told how far each phase is; default nobody.
	Progress bench.Progress
}

// Phases that Progress is told of.
const (
	PhasePrepare  = "make samples"
	PhaseEnroll   = "enroll"
	PhaseCapacity = "verify at capacity"
	PhaseVerify   = "verify at half capacity"
	PhaseIdentify = "identify"
)

// noFingers is how a Config says that there are none, since 0 is the default.
const noFingers = -1

// WithDefaults returns c with defaults in place of zero values.
func (c Config) WithDefaults() Config {
	if c.Callers == 0 {
		c.Callers = 64
	}
	if c.People == 0 {
		c.People = 20_000
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Fingers == 0 {
		c.Fingers = 2
	}
	return c
}

// Validate says what is wrong with c, whose defaults are filled in.
func (c Config) Validate() error {
	switch {
	case c.Callers < 1 || c.Callers > 1024:
		return fmt.Errorf("bench load: %d callers, want 1..1,024", c.Callers)
	case c.People < 10 || c.People > 1_000_000:
		return fmt.Errorf("bench load: %d people, want 10..1,000,000", c.People)
	case c.Duration < 100*time.Millisecond || c.Duration > time.Hour:
		return fmt.Errorf("bench load: duration %v, want 100ms..1h", c.Duration)
	case c.Fingers != noFingers && (c.Fingers < 1 || c.Fingers > 10):
		return fmt.Errorf("bench load: %d fingers, want 1..10, or -1 for none", c.Fingers)
	}
	return nil
}

// positions are the fingers of an enrolment, index fingers first.
func (c Config) positions() []templates.Position {
	order := []templates.Position{
		templates.RightIndex, templates.LeftIndex, templates.RightMiddle, templates.LeftMiddle, templates.RightThumb,
		templates.LeftThumb, templates.RightRing, templates.LeftRing, templates.RightLittle, templates.LeftLittle,
	}
	return order[:max(0, c.Fingers)]
}

// probePositions are the fingers of a probe.
func (c Config) probePositions() []templates.Position {
	p := c.positions()
	return p[:min(2, len(p))]
}

// Result is what was measured. Ratios are without unit.
type Result struct {
	Callers int `json:"callers"`
	Fingers int `json:"fingers"`

	Enrolled        int           `json:"enrolled"`
	EnrollSeconds   float64       `json:"enroll_seconds"`
	EnrollPerSecond float64       `json:"enroll_per_second"`
	Enroll          bench.Summary `json:"enroll"`
	// EnrollPerSync is enrolments for each sync the disk can do: above 1 only
	// because commits are grouped.
	EnrollPerSync float64 `json:"enroll_per_sync,omitempty"`

	// VerifyCapacity is verifications a second by all callers, each with its ledger
	// entry. VerifyRate is the rate asked for, half of it; latencies count from when
	// a verification was due, so a stall of the server is not hidden.
	VerifyCapacity float64       `json:"verify_capacity_per_second"`
	VerifyRate     float64       `json:"verify_rate_per_second"`
	Verify         bench.Summary `json:"verify"`
	VerifyPerSync  float64       `json:"verify_per_sync,omitempty"`
	// Unlike counts verifications, all of mated samples, whose outcome was not a
	// match: arithmetic gone wrong would show here.
	Unlike int `json:"verify_not_matched"`

	// Searches, one after the other: exact by face; fast by face and fingers.
	IdentifyFace bench.Summary `json:"identify_face"`
	IdentifyFast bench.Summary `json:"identify_fast"`

	Machine bench.Machine `json:"machine"`
}

// run is one run under way.
type run struct {
	Config
	world       *synth.World
	enrollment  immisv1.EnrollmentServiceClient
	recognition immisv1.RecognitionServiceClient
	// enrollments are all requests, probes those of as many people as are verified.
	enrollments []*immisv1.EnrollRequest
	probes      []*immisv1.Probe
}

// maxProbes bounds the prepared probes; they are used in turn.
const maxProbes = 2000

// Run measures the server behind conn, which has to be empty.
func Run(ctx context.Context, cfg Config, conn grpc.ClientConnInterface) (*Result, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	world, err := synth.New(synth.Config{Seed: cfg.Seed, People: cfg.People})
	if err != nil {
		return nil, err
	}
	stats, err := immisv1.NewAdminServiceClient(conn).GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: purpose()})
	if err != nil {
		return nil, fmt.Errorf("bench load: look at the server: %w", err)
	}
	if stats.GetSubjects() != 0 {
		return nil, fmt.Errorf("bench load: the server holds %d subjects, want an empty one: give another data folder", stats.GetSubjects())
	}
	r := &run{Config: cfg, world: world, enrollment: immisv1.NewEnrollmentServiceClient(conn), recognition: immisv1.NewRecognitionServiceClient(conn)}
	res := &Result{Callers: cfg.Callers, Fingers: max(0, cfg.Fingers)}
	if res.Machine, err = bench.DescribeMachine(ctx, cfg.Folder, min(cfg.Duration, 3*time.Second)); err != nil {
		return nil, fmt.Errorf("bench load: %w", err)
	}
	for _, part := range []struct {
		name string
		run  func(context.Context, *Result) error
	}{{"make samples", r.prepare}, {"enroll", r.enroll}, {"verify", r.verify}, {"identify", r.identify}} {
		if err := part.run(ctx, res); err != nil {
			return nil, fmt.Errorf("bench load: %s: %w", part.name, err)
		}
	}
	if s := res.Machine.SyncsPerSecond; s > 0 {
		res.EnrollPerSync, res.VerifyPerSync = res.EnrollPerSecond/s, res.VerifyCapacity/s
	}
	return res, nil
}

func purpose() *immisv1.RequestContext {
	return &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_TEST}
}

func subjectID(person int) string { return fmt.Sprintf("load-%07d", person) }

// errDone ends callers when the time is over.
var errDone = errors.New("time is over")
