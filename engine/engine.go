// Package engine holds the use cases: enroll, change, delete, identify, verify
// and the duplicate check that follows an enrolment. It is the only writer of
// references, builds the search index from the store at start, and hands every
// change and every read of a person to the ledger before it answers. It refuses
// to know transports, files or clocks other than those it is given, and no answer
// of it is by itself a decision with legal effect.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"immis/internal/offheap"
	"immis/matcher/decision"
	"immis/store"
)

// Options configures an Engine.
type Options struct {
	// Store is the ledger; required. Its committer must run while requests are served.
	Store *store.Store
	// Policy says when evidence is a match; the zero value means decision's default.
	Policy decision.Policy
	// Calibration turns scores into likelihood ratios. nil: decision.Provisional.
	Calibration *decision.Calibration
	// SearchWorkers is how many searches run at once. 0: one less than GOMAXPROCS,
	// at least 1, so that the transport keeps a core.
	SearchWorkers int
	// SearchQueue is how many more may wait for a worker; beyond it a search is
	// refused at once. 0: 64.
	SearchQueue int
	// IndexMemory bounds the bytes of the vector indexes; beyond it enrolments of face
	// vectors are refused and searches go on. 0: no bound.
	IndexMemory int64
	// Files is where copies of the indexes' rows are kept; the zero value: nowhere.
	Files Files
	// MaxPendingChecks bounds the duplicate checks that have not run yet; beyond it
	// enrolments that ask for one are refused. 0: 1,000,000.
	MaxPendingChecks int
	// Clock is asked for the time of encounters. nil: time.Now.
	Clock func() time.Time
	// Logger gets no personal or biometric data. nil: slog.Default.
	Logger *slog.Logger
	// Registerer gets the metrics. nil: none are registered.
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.SearchWorkers == 0 {
		o.SearchWorkers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.SearchQueue == 0 {
		o.SearchQueue = 64
	}
	if o.MaxPendingChecks == 0 {
		o.MaxPendingChecks = 1_000_000
	}
	if o.Calibration == nil {
		o.Calibration = decision.Provisional()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Decoding and preparing samples takes a core for milliseconds. Two pieces of work
// for each core keep all of them busy; as many may wait as the ledger's queue holds.
const (
	prepareWorkers = 2
	prepareQueue   = 1024
)

// Engine is safe for concurrent use.
type Engine struct {
	opts     Options
	store    *store.Store
	register *register
	admit    *admission // of searches, the decoding of their probes included
	// passes admits searches that only the index works for, which takes together those
	// that arrive together.
	passes *admission
	// preparing admits the decoding of samples elsewhere. No request holds both.
	preparing *admission
	checks    *checkQueue
	saving    sync.Mutex // held by who writes files of rows
	metrics   *metrics
	ready     atomic.Bool
	broken    atomic.Bool  // a committed record is not in the index; only a restart helps
	readyIn   atomic.Int64 // nanoseconds
}

// New returns an engine that answers ErrNotReady until Load has returned. It
// starts nothing.
func New(o Options) (*Engine, error) {
	if o.Store == nil {
		return nil, errors.New("engine: store is nil, want an open one")
	}
	if o.IndexMemory < 0 || o.SearchWorkers < 0 || o.SearchQueue < 0 || o.MaxPendingChecks < 0 {
		return nil, errors.New("engine: memory, workers, queue and pending checks must not be negative")
	}
	o = o.withDefaults()
	if o.Policy == (decision.Policy{}) {
		o.Policy = decision.DefaultPolicy()
	}
	if err := o.Policy.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{
		opts:      o,
		store:     o.Store,
		register:  newRegister(o.IndexMemory),
		admit:     newAdmission("search", o.SearchWorkers, o.SearchQueue),
		passes:    newAdmission("search by face", searchesPerPass, o.SearchQueue),
		preparing: newAdmission("preparation of samples", prepareWorkers*runtime.GOMAXPROCS(0), prepareQueue),
		checks:    newCheckQueue(),
	}
	m, err := newMetrics(o.Registerer, e)
	if err != nil {
		return nil, err
	}
	e.metrics = m
	e.register.files = e.newRowFiles()
	pages := offheap.HugePages()
	o.Logger.Info("memory of the indexes", "bound", o.IndexMemory, "huge_pages", pages, "huge_pages_given", pages.Given())
	return e, nil
}

// Close has rows copied to their files, for the next start, and frees the memory of the
// indexes. No request may be under way or follow.
func (e *Engine) Close() {
	if e.ready.Swap(false) {
		ctx, cancel := context.WithTimeout(context.Background(), saveAtEnd)
		defer cancel()
		_ = e.saveFiles(ctx, true) // it has said what failed
	}
	e.register.mu.Lock()
	defer e.register.mu.Unlock()
	for name, m := range e.register.models {
		m.index.Wait()
		m.index.Close()
		delete(e.register.models, name)
	}
}

// Ready tells whether the index stands and misses nothing. Once Load has returned,
// it ends only when a committed record could not be published, and for good.
func (e *Engine) Ready() bool { return e.ready.Load() }

// ReasonIndexBroken comes with ErrNotReady when waiting does not help.
const ReasonIndexBroken = "INDEX_BROKEN"

// notReady says why the engine is not ready.
func (e *Engine) notReady() error {
	if e.broken.Load() {
		return &Error{Reason: ReasonIndexBroken, Err: ErrNotReady, What: "index", Got: "a committed record that could not be published", Want: "a restart, which builds the index again"}
	}
	return &Error{Reason: ReasonNotReady, Err: ErrNotReady, What: "index", Got: "still being built", Want: "a ready service; watch its health"}
}

// Run carries out the duplicate checks, copies rows to files, and prepares references
// in idle moments, until ctx ends. It waits for Load.
func (e *Engine) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	beside.Go(func() { e.warm(ctx) })
	beside.Go(func() { e.keepFiles(ctx) })
	defer beside.Wait()
	return e.runChecks(ctx)
}
