// Package demo tells a short story with synthetic people: thousands are
// enrolled, some come back under another name and are searched for, travellers
// are verified, a few enroll again, one asks to be erased. Everything goes over
// gRPC to a server that the caller has started; beside every answer stands that
// of an exact brute-force twin, which shares the comparison of two samples and
// the decision policy with the server, and nothing of its engine, index, store
// or API. Server and twin have to agree person by person.
//
// The package refuses to start servers, to touch a server that holds people, and
// to call its figures error rates: synthetic results show that the arithmetic is
// right, not how real people are told apart.
package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
	"immis/bench/synth"
)

// Config chooses the story. The zero value of every field but Seed means its
// default; equal values tell the same story.
type Config struct {
	// People are enrolled first, 10..1,000,000; default 2,400.
	People int
	// Returning of them come back under another name and are searched for,
	// 6..People; default a tenth of People.
	Returning int
	// Verified travellers claim to be somebody, 4..People; every fourth is an
	// impostor. Default a tenth of People.
	Verified int
	// Strangers were never enrolled and are searched for; default a tenth of
	// Returning, at least 1.
	Strangers int
	// Again are those who enroll again under another name and have a duplicate
	// check, beside one new person; 1..Verified/2, at most 100; default 5.
	Again int
	// Seed picks the people.
	Seed uint64
	// Difficulty of the faces, (0, 1], default 0.25; see synth.Config. At 1 some
	// are missed.
	Difficulty float64
	// Callers enroll at once; default 16.
	Callers int
	// Progress is told how far each Phase is; default nobody.
	Progress bench.Progress
}

// Phases that Progress is told of.
const (
	PhaseEnroll   = "enroll"
	PhaseIdentify = "identify"
	PhaseVerify   = "verify"
	PhaseChecks   = "duplicate checks"
	PhaseLedger   = "ledger"
)

// WithDefaults returns c with defaults in place of zero values.
func (c Config) WithDefaults() Config {
	fill := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&c.People, 2400)
	fill(&c.Returning, max(6, c.People/10))
	fill(&c.Verified, max(4, c.People/10))
	fill(&c.Strangers, max(1, c.Returning/10))
	fill(&c.Again, min(5, c.Verified/2))
	fill(&c.Callers, 16)
	if c.Difficulty == 0 {
		c.Difficulty = synth.DefaultFaceDifficulty
	}
	return c
}

// Validate says what is wrong with c, whose defaults are filled in.
func (c Config) Validate() error {
	for _, f := range []struct {
		name           string
		got, low, high int
	}{
		{"people", c.People, 10, 1_000_000},
		{"returning people", c.Returning, 6, c.People},
		{"verified travellers", c.Verified, 4, c.People},
		{"strangers", c.Strangers, 1, 100_000},
		{"people who enroll again", c.Again, 1, min(100, c.Verified/2)},
		{"callers", c.Callers, 1, 1024},
	} {
		if f.got < f.low || f.got > f.high {
			return fmt.Errorf("demo: %s %d, want %d..%d", f.name, f.got, f.low, f.high)
		}
	}
	return c.world().WithDefaults().Validate()
}

// world is the population: whoever comes back does so under another name.
func (c Config) world() synth.Config {
	return synth.Config{Seed: c.Seed, People: c.People, FaceDifficulty: c.Difficulty, AliasShare: 1}
}

// requestTimeout bounds every single request; a search of a large demo takes
// seconds.
const requestTimeout = 2 * time.Minute

// play is one run of the story.
type play struct {
	Config
	plan  plan
	world *synth.World
	twin  *Twin

	enrollment  immisv1.EnrollmentServiceClient
	galleries   immisv1.GalleryServiceClient
	recognition immisv1.RecognitionServiceClient
	ledger      immisv1.LedgerServiceClient
	admin       immisv1.AdminServiceClient
}

// purpose is that of every request of the demo.
func purpose(caseReference string) *immisv1.RequestContext {
	return &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_TEST, CaseReference: caseReference}
}

// Run tells the story to the server behind conn, which has to be empty. The
// Result is complete when there is no error; whether server and twin agree and
// the rest went as it should is told by Result.Faults.
func Run(ctx context.Context, cfg Config, conn grpc.ClientConnInterface) (*Result, error) {
	begun := time.Now()
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	world, err := synth.New(cfg.world())
	if err != nil {
		return nil, err
	}
	p := &play{
		Config: cfg, plan: newPlan(cfg), world: world,
		twin:       NewTwin(cfg.People, world.Config().FaceDims, probeFingers()),
		enrollment: immisv1.NewEnrollmentServiceClient(conn), galleries: immisv1.NewGalleryServiceClient(conn),
		recognition: immisv1.NewRecognitionServiceClient(conn), ledger: immisv1.NewLedgerServiceClient(conn),
		admin: immisv1.NewAdminServiceClient(conn),
	}
	res := &Result{
		Note: Note, People: cfg.People, Returning: cfg.Returning, Verified: cfg.Verified, Strangers: cfg.Strangers, Differences: []Difference{},
		Seed: cfg.Seed, Difficulty: cfg.Difficulty,
	}
	for _, act := range []struct {
		name string
		run  func(context.Context, *Result) error
	}{
		{"look at the server", p.checkEmpty},
		{"create galleries", p.createGalleries},
		{"enroll", p.enroll},
		{"identify", p.identify},
		{"verify", p.verify},
		{"read a record", p.readRecord},
		{"check duplicates", p.checkDuplicates},
		{"erase", p.erase},
		{"prove the ledger", p.proveLedger},
	} {
		if err := act.run(ctx, res); err != nil {
			return nil, fmt.Errorf("demo: %s: %w", act.name, err)
		}
	}
	if res.Machine, err = bench.DescribeMachine(ctx, "", 0); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	res.Seconds = bench.Seconds(time.Since(begun))
	return res, nil
}

// request bounds one request.
func request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}
