package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"immis/engine"
	"immis/internal/telemetry"
	"immis/server/grpcapi"
	"immis/server/httpapi"
	"immis/store"
	"immis/store/seal"
)

// Dependencies are what the process hands in. The zero value of a field means
// its default.
type Dependencies struct {
	// Logger; default none.
	Logger *slog.Logger
	// Registry of metrics; default a new one.
	Registry *prometheus.Registry
	// FS holds the ledger; default the operating system's.
	FS vfs.FS
	// Keys holds the secrets; default the folder or the command of the Config.
	Keys seal.KeySource
	// Clock; default time.Now.
	Clock func() time.Time
	// Progress is called while the index is loaded, from one goroutine; default none.
	Progress func(done, total uint64)
}

// States of the service, as /readyz tells them.
const (
	stateOpening  = "opening the store"
	stateLoading  = "loading the index"
	stateServing  = "serving"
	stateStopping = "shutting down"
)

// Server is one service. New starts nothing; Run owns everything it starts.
type Server struct {
	cfg Config
	dep Dependencies
	log *slog.Logger

	services *grpcapi.Services
	inFlight *inFlight
	metrics  *metrics
	health   *health.Server
	draining chan struct{} // closed when a shutdown begins

	phase     atomic.Value // string
	listening chan struct{}
	serving   chan struct{}
	addr      net.Addr
	adminAddr net.Addr
	adminTLS  bool
	httpAddr  net.Addr
	ran       atomic.Bool
}

// New checks the configuration and makes a server that is not running.
func New(cfg Config, dep Dependencies) (*Server, error) {
	cfg = cfg.withDefaults()
	if dep.Keys != nil && cfg.Keys == "" && len(cfg.KeyCommand) == 0 {
		cfg.Keys = "(given)"
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if dep.Logger == nil {
		dep.Logger = slog.New(slog.DiscardHandler)
	}
	if dep.Registry == nil {
		dep.Registry = telemetry.NewRegistry(cfg.Version)
	}
	if dep.FS == nil {
		dep.FS = vfs.Default
	}
	if dep.Clock == nil {
		dep.Clock = time.Now
	}
	if dep.Keys == nil {
		if len(cfg.KeyCommand) > 0 {
			dep.Keys = seal.KeyCommand(cfg.KeyCommand)
		} else {
			dep.Keys = seal.KeyDir(dep.FS, cfg.Keys)
		}
	}
	m, err := newMetrics(dep.Registry)
	if err != nil {
		return nil, fmt.Errorf("server metrics: %w", err)
	}
	s := &Server{
		cfg: cfg, dep: dep, log: dep.Logger, metrics: m,
		inFlight: newInFlight(cfg),
		draining: make(chan struct{}), listening: make(chan struct{}), serving: make(chan struct{}),
	}
	s.phase.Store(stateOpening)
	s.services = grpcapi.New(grpcapi.Options{
		CheckpointDir: cfg.Checkpoints, Version: cfg.Version,
		StreamConcurrency: cfg.StreamConcurrency, RequestTimeout: cfg.DefaultDeadline,
		Draining: s.draining, Logger: dep.Logger,
		InternalErrors: m.internal.Inc, Panics: m.panics.Inc,
		Rejected: func(reason string) { m.rejections.WithLabelValues(reason).Inc() },
		Admit:    s.inFlight.admit, MaxAnswer: cfg.MaxMessage,
	})
	s.inFlight.services = s.services
	return s, nil
}

// Listening is closed when the addresses are bound and answer NOT_SERVING.
func (s *Server) Listening() <-chan struct{} { return s.listening }

// Serving is closed when requests are answered.
func (s *Server) Serving() <-chan struct{} { return s.serving }

// Addr is the address of the API; valid once Listening is closed.
func (s *Server) Addr() net.Addr { return s.addr }

// AdminAddr is the admin address, nil without one; valid once Listening is closed.
func (s *Server) AdminAddr() net.Addr { return s.adminAddr }

// AdminURL is where the admin address answers, "" without one; valid once
// Listening is closed.
func (s *Server) AdminURL() string {
	switch {
	case s.adminAddr == nil:
		return ""
	case s.adminTLS:
		return "https://" + s.adminAddr.String()
	}
	return "http://" + s.adminAddr.String()
}

func (s *Server) state() string { return s.phase.Load().(string) }

// running is what has been started, so that stop can end it in order.
type running struct {
	grpc      *grpc.Server
	http      *http.Server
	bridge    *httpapi.API // between http and grpc
	admin     *http.Server
	store     *store.Store
	engine    *engine.Engine
	stopStore context.CancelFunc
	storeDone chan error
	stopWork  context.CancelFunc
	workDone  []chan struct{}
	failed    chan error // a part that ended by itself
}

// Run serves until ctx ends and then shuts down in order (see stop). It returns
// nil after a shutdown, else what kept it from starting or made it end. It can
// run once.
func (s *Server) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("run server: it runs already or has run")
	}
	r := &running{failed: make(chan error, 8)}
	err := s.start(ctx, r)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-r.failed:
		}
	}
	err = errors.Join(err, s.stop(r))
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		// A shutdown during the start is a shutdown, not a failure.
		return nil
	}
	return err
}

// start brings the parts up: addresses first, so that whoever asks is told to
// wait, then store and engine, then the answer SERVING.
func (s *Server) start(ctx context.Context, r *running) error {
	if err := s.startTransports(ctx, r); err != nil {
		return err
	}
	close(s.listening)
	begun := s.dep.Clock()

	st, err := store.Open(ctx, store.Options{
		FS: s.dep.FS, Dir: s.cfg.Data, Keys: s.dep.Keys, KeyCopy: s.cfg.KeyCopy, Now: s.dep.Clock,
		Logger: s.log, Registerer: s.dep.Registry, KeepBodies: s.cfg.KeepBodies,
	})
	if err != nil {
		return fmt.Errorf("open store %s: %w", s.cfg.Data, err)
	}
	r.store = st
	// The store outlives ctx: requests under way at a shutdown still commit.
	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	r.stopStore, r.storeDone = stopStore, make(chan error, 1)
	go func() { r.storeDone <- st.Run(storeCtx) }()
	s.log.Info("store is open", "entries", st.Report().Entries, "created", st.Report().Created, "took", s.dep.Clock().Sub(begun))

	e, err := engine.New(engine.Options{
		Store: st, SearchWorkers: s.cfg.SearchWorkers, SearchQueue: s.cfg.SearchQueue, IndexMemory: s.cfg.IndexMemory,
		Files: engine.Files{FS: s.dep.FS, Dir: filepath.Join(s.cfg.Data, "index"), OnDisk: s.cfg.RowsOnDisk, Cache: s.cfg.RowCache},
		Clock: s.dep.Clock, Logger: s.log, Registerer: s.dep.Registry,
	})
	if err != nil {
		return fmt.Errorf("make engine: %w", err)
	}
	r.engine = e
	s.phase.Store(stateLoading)
	if err := e.Load(ctx, s.progress()); err != nil {
		return fmt.Errorf("load index: %w", err)
	}
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	r.stopWork = stopWork
	r.work(workCtx, "duplicate checks", e.Run)
	s.watch(workCtx, r, st, e)
	r.work(workCtx, "key epochs", (&epochs{engine: e, store: st, every: s.cfg.KeyEpoch, now: s.dep.Clock, log: s.log}).run)

	s.services.Attach(e, st)
	s.health.Resume()
	s.phase.Store(stateServing)
	close(s.serving)
	s.log.Info("serving", "address", s.addr.String(), "tls", s.cfg.TLS.set(), "ready_in", s.dep.Clock().Sub(begun))
	return nil
}

// startTransports binds the addresses and begins to answer NOT_SERVING.
func (s *Server) startTransports(ctx context.Context, r *running) (err error) {
	options, creds, tap := s.grpcOptions(), insecure.NewCredentials(), s.inFlight.tap
	var certs *certificates
	if s.cfg.TLS.set() {
		if certs, err = newCertificates(s.cfg.TLS, s.log, s.metrics.reloaded); err != nil {
			return err
		}
		creds = credentials.NewTLS(certs.config("h2"))
	}
	if s.cfg.HTTPListen != "" {
		if r.bridge, err = s.newHTTP(); err != nil {
			return err
		}
		creds, tap = r.bridge.Credentials(creds), r.bridge.Tap(tap)
	}
	observer := newObserver(s.metrics, s.log)
	options = append(options, grpc.Creds(creds), grpc.StatsHandler(observer), grpc.StatsHandler(s.inFlight), grpc.InTapHandle(tap))
	api, err := s.listenAPI(ctx)
	if err != nil {
		return err
	}
	httpListener, err := s.listenHTTP(ctx)
	if err != nil {
		return errors.Join(err, api.Close())
	}
	adminListener, err := s.listenAdmin(ctx, certs)
	if err != nil {
		err = errors.Join(err, api.Close())
		if httpListener != nil {
			err = errors.Join(err, httpListener.Close())
		}
		return err
	}
	r.grpc = grpc.NewServer(options...)
	s.services.Register(r.grpc)
	s.health = health.NewServer()
	for _, name := range append([]string{""}, grpcapi.ServiceNames()...) {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	s.health.Shutdown() // NOT_SERVING for all, until Resume
	healthpb.RegisterHealthServer(r.grpc, s.health)
	reflection.Register(r.grpc)
	for service, info := range r.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			name := "/" + service + "/" + m.Name
			observer.methods[name] = true
			if m.IsClientStream || m.IsServerStream {
				s.inFlight.streaming[name] = true
			}
		}
	}
	s.addr = api.Addr()
	go func() {
		if err := r.grpc.Serve(api); err != nil {
			r.fail(fmt.Errorf("serve the API: %w", err))
		}
	}()
	if httpListener != nil {
		s.serveHTTP(r, certs, httpListener)
	}
	if adminListener != nil {
		s.adminAddr = adminListener.Addr()
		r.admin = s.adminServer()
		go func() {
			if err := r.admin.Serve(adminListener); !errors.Is(err, http.ErrServerClosed) {
				r.fail(fmt.Errorf("serve admin: %w", err))
			}
		}()
		s.log.Info("admin is up", "address", s.adminAddr.String())
	}
	return nil
}

func (s *Server) grpcOptions() []grpc.ServerOption {
	g := &guard{services: s.services, deadline: s.cfg.DefaultDeadline, maxDeadline: s.cfg.MaxDeadline, maxStream: s.cfg.MaxStreamTime}
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(s.cfg.MaxMessage),
		grpc.MaxConcurrentStreams(s.cfg.MaxStreams),
		grpc.MaxHeaderListSize(s.cfg.MaxHeader),
		grpc.ConnectionTimeout(s.cfg.HandshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: s.cfg.IdleTimeout, MaxConnectionAge: s.cfg.ConnectionAge, MaxConnectionAgeGrace: s.cfg.ConnectionGrace,
			Time: 2 * time.Minute, Timeout: 20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}),
		grpc.ForceServerCodecV2(grpcapi.Codec()),
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		grpc.WaitForHandlers(true),
	}
}

// work runs a part of the engine until its context ends.
func (r *running) work(ctx context.Context, name string, run func(context.Context) error) {
	done := make(chan struct{})
	r.workDone = append(r.workDone, done)
	go func() {
		defer close(done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			r.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// fail reports that a part ended by itself; the first report ends the server.
func (r *running) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

// progress writes the loading of the index into the log, at most once a second.
func (s *Server) progress() func(done, total uint64) {
	last := s.dep.Clock()
	return func(done, total uint64) {
		if s.dep.Progress != nil {
			s.dep.Progress(done, total)
		}
		if now := s.dep.Clock(); now.Sub(last) >= time.Second {
			last = now
			s.log.Info("loading the index", "done", done, "total", total)
		}
	}
}
