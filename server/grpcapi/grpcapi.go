// Package grpcapi is the gRPC transport of immis.v1: it turns messages into the
// engine's values and back, checks the bounds that the messages promise, takes
// the principal from the transport and maps errors to codes in one file. It
// refuses to decide anything: no business rule, no storage, no listener, no TLS
// settings; those are above and below it.
package grpcapi

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/store"
)

// Engine is what this transport needs of the engine.
type Engine interface {
	Enroll(context.Context, engine.EnrollRequest) (engine.EnrollResult, error)
	AddEncounter(context.Context, engine.EnrollRequest) (engine.EnrollResult, error)
	GetSubject(ctx context.Context, c engine.Caller, ref engine.EncounterRef, includeSamples bool) (engine.SubjectView, error)
	ListSubjects(ctx context.Context, c engine.Caller, gallery string, size int, token string) ([]string, string, error)
	DeleteSubject(ctx context.Context, c engine.Caller, requestID, subject string) (uint64, error)
	EraseSubject(ctx context.Context, c engine.Caller, requestID, subject string) (uint64, error)
	DeleteEncounter(ctx context.Context, c engine.Caller, requestID string, ref engine.EncounterRef) (uint64, error)
	DuplicateCheck(context.Context, engine.Caller, engine.EncounterRef) (engine.DuplicateCheck, error)
	WatchDuplicateChecks(ctx context.Context, c engine.Caller, refs []engine.EncounterRef, found func(engine.DuplicateCheck) error) error

	CreateGallery(ctx context.Context, c engine.Caller, requestID string, g engine.Gallery) (uint64, error)
	ListGalleries(context.Context, engine.Caller) ([]engine.Gallery, error)
	PutInGallery(ctx context.Context, c engine.Caller, requestID, gallery, subject string) (uint64, error)
	TakeFromGallery(ctx context.Context, c engine.Caller, requestID, gallery, subject string) (uint64, error)

	Identify(context.Context, engine.IdentifyRequest) (engine.IdentifyResult, error)
	Verify(context.Context, engine.VerifyRequest) (engine.VerifyResult, error)

	Statistics(context.Context, engine.Caller) (engine.Statistics, error)
	LedgerEntries(ctx context.Context, c engine.Caller, from uint64, n int, subject string) ([]store.Entry, uint64, error)
	EndKeyEpoch(ctx context.Context, c engine.Caller) (epoch uint32, entry uint64, err error)
	Checkpoint(ctx context.Context, c engine.Caller, dir string) (size, entry uint64, err error)
}

// Ledger is what this transport needs of the store itself: what is public about it.
type Ledger interface {
	// Head is the newest signed head.
	Head() store.Head
	// VerifierKey is the text of the key that verifies the head's note.
	VerifierKey() string
	// Stats counts what it holds; the present key epoch is among it.
	Stats() (store.Stats, error)
}

// Options of the services.
type Options struct {
	// CheckpointDir is the folder below which CreateCheckpoint writes; empty: it is refused.
	CheckpointDir string
	// Version is told by GetStatistics.
	Version string
	// StreamConcurrency is how many requests of one IdentifyStream run at the same
	// time, 1-64; default 8. A stream that sends more is not read until one ends.
	StreamConcurrency int
	// RequestTimeout bounds each request of an IdentifyStream; default 30 s.
	RequestTimeout time.Duration
	// MaxAnswer bounds an answer of GetSubject about all encounters, in bytes; 0: 16 MiB.
	MaxAnswer int
	// Admit takes a place for one request of an IdentifyStream, or refuses it with
	// an *InFlightError; nil: there is always one.
	Admit func() (release func(), err error)
	// Rejected is called with the reason of every request that is not answered with
	// a result, for a counter; may be nil. Reasons are stable codes, never text of a caller.
	Rejected func(reason string)
	// Draining ends streams that would otherwise hold up a shutdown; nil: never.
	Draining <-chan struct{}
	// Logger gets the causes of internal errors; default: none.
	Logger *slog.Logger
	// InternalErrors is called once per internal error, for a counter; may be nil.
	InternalErrors func()
	// Panics is called once per recovered panic, for a counter; may be nil.
	Panics func()
}

func (o Options) withDefaults() Options {
	if o.StreamConcurrency <= 0 {
		o.StreamConcurrency = 8
	}
	o.StreamConcurrency = min(o.StreamConcurrency, 64)
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 16 << 20
	}
	if o.Admit == nil {
		o.Admit = func() (func(), error) { return func() {}, nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Services are the gRPC services of immis.v1. They exist before the engine
// does: until Attach every call is answered with ErrNotReady.
type Services struct {
	opt     Options
	backend atomic.Pointer[backend]
}

type backend struct {
	engine Engine
	ledger Ledger
}

// New makes the services; it starts nothing.
func New(o Options) *Services { return &Services{opt: o.withDefaults()} }

// Register registers all services of immis.v1 on a server.
func (s *Services) Register(r grpc.ServiceRegistrar) {
	immisv1.RegisterEnrollmentServiceServer(r, &enrollment{s: s})
	immisv1.RegisterGalleryServiceServer(r, &galleries{s: s})
	immisv1.RegisterRecognitionServiceServer(r, &recognition{s: s})
	immisv1.RegisterLedgerServiceServer(r, &ledger{s: s})
	immisv1.RegisterAdminServiceServer(r, &admin{s: s})
}

// ServiceNames are the full names of the services, for the health service.
func ServiceNames() []string {
	return []string{
		immisv1.EnrollmentService_ServiceDesc.ServiceName,
		immisv1.GalleryService_ServiceDesc.ServiceName,
		immisv1.RecognitionService_ServiceDesc.ServiceName,
		immisv1.LedgerService_ServiceDesc.ServiceName,
		immisv1.AdminService_ServiceDesc.ServiceName,
	}
}

// Attach opens the services: requests go to the engine from now on.
func (s *Services) Attach(e Engine, l Ledger) { s.backend.Store(&backend{engine: e, ledger: l}) }

// Detach closes them again: requests are answered with ErrNotReady.
func (s *Services) Detach() { s.backend.Store(nil) }

// begin is what every method does first: the engine must stand, and the caller
// must be known and say why.
func (s *Services) begin(ctx context.Context, rc *immisv1.RequestContext) (*backend, engine.Caller, error) {
	b := s.backend.Load()
	if b == nil {
		return nil, engine.Caller{}, errStarting
	}
	c, err := caller(ctx, rc)
	if err != nil {
		return nil, engine.Caller{}, err
	}
	return b, c, nil
}
