package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
	"immis/store"
	"immis/store/seal"
)

func memServer(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	fs := vfs.NewMem()
	cfg := Config{Listen: "127.0.0.1:0", Data: "data", KeyEpoch: -1}
	change(&cfg)
	s, err := New(cfg, Dependencies{FS: fs, Keys: seal.KeyDir(fs, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// contextStream is a grpc.ServerStream that only has a context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s contextStream) Context() context.Context { return s.ctx }

func streamOf(ctx context.Context) grpc.ServerStream { return contextStream{ctx: ctx} }

// gate holds back the secrets, and with them the opening of the store.
type gate struct {
	seal.KeySource
	open chan struct{}
}

func (g *gate) List(ctx context.Context) ([]string, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.KeySource.List(ctx)
}

func (g *gate) Get(ctx context.Context, name string) ([]byte, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.KeySource.Get(ctx, name)
}

func (g *gate) Put(ctx context.Context, name string, secret []byte) error {
	if err := g.wait(ctx); err != nil {
		return err
	}
	return g.KeySource.Put(ctx, name, secret)
}

func (g *gate) wait(ctx context.Context) error {
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Until the index stands the server answers, and says that it cannot answer yet.
func TestNotServingUntilReady(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	f := start(t, func(u *setup) {
		g.KeySource = u.dep.Keys
		u.dep.Keys, u.early = g, true
	})
	h := healthpb.NewHealthClient(f.conn)
	watch, err := h.Watch(f.ctx(), &healthpb.HealthCheckRequest{Service: "immis.v1.RecognitionService"})
	if err != nil {
		t.Fatal(err)
	}
	next := func() healthpb.HealthCheckResponse_ServingStatus {
		t.Helper()
		r, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return r.GetStatus()
	}
	if s := next(); s != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health before the index stands: %v, want NOT_SERVING", s)
	}
	_, err = f.enr.Enroll(f.ctx(), enrollment("a", face(1, 0)))
	if r := must(t, err, codes.Unavailable, "NOT_READY"); !r.retry {
		t.Error("refusal does not say when to retry")
	}
	close(g.open)
	if s := next(); s != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health after: %v, want SERVING", s)
	}
	f.enroll("a", face(1, 0))
}

// A shutdown while the store is still being opened ends at once and cleanly.
func TestShutdownDuringStart(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	g := &gate{open: make(chan struct{})}
	f := start(t, func(u *setup) {
		g.KeySource = u.dep.Keys
		u.dep.Keys, u.early = g, true
	})
	begun := time.Now()
	if err := f.stop(); err != nil {
		t.Errorf("ended with %v, want nil", err)
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("took %v, want less than 3 s", d)
	}
}

// At a shutdown, what was begun is answered, streams are told, and nothing is
// left: no goroutine, no lock, no acknowledged record missing.
func TestGracefulShutdown(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := start(t, func(u *setup) { u.cfg.AdminListen = "127.0.0.1:0" })
	f.enroll("S-0", face(0, 0))
	stream, err := f.rec.IdentifyStream(f.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&immisv1.IdentifyStreamRequest{Tag: "1", Request: &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(0, 1))}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	conn := f.dial(insecureCreds())
	enr := immisv1.NewEnrollmentServiceClient(conn)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for i := 0; ; i++ {
				id := fmt.Sprintf("c%d-%d", c, i)
				_, err := enr.Enroll(f.ctx(), enrollment(id, face(uint64(1000*c+i), 0)))
				if err != nil {
					if code := status.Code(err); code != codes.Unavailable {
						t.Errorf("enrolment during the shutdown: %v, want an answer or UNAVAILABLE", err)
					}
					return
				}
				mu.Lock()
				acknowledged[id] = true
				mu.Unlock()
			}
		}()
	}
	time.Sleep(300 * time.Millisecond)
	ended := make(chan error, 1)
	go func() {
		_, err := stream.Recv()
		ended <- err
	}()
	watchConn := f.conn
	f.conn = nil // keep the stream's connection while stopping
	if err := f.stop(); err != nil {
		t.Fatalf("server ended with %v, want nil", err)
	}
	must(t, <-ended, codes.Unavailable, "SHUTTING_DOWN")
	callers.Wait()
	_ = watchConn.Close()
	_ = conn.Close()

	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged before the shutdown")
	}
	again := start(t, func(u *setup) { u.dep.FS, u.dep.Keys = f.fs, seal.KeyDir(f.fs, "keys") })
	for id := range acknowledged {
		if _, err := again.enr.GetSubject(again.ctx(), &immisv1.GetSubjectRequest{Context: rc(), SubjectId: id}); err != nil {
			t.Errorf("acknowledged %s after the restart: %v", id, err)
		}
	}
	if err := again.stop(); err != nil {
		t.Error(err)
	}
}

// A data folder in use is refused, with the addresses given back.
func TestLockedDataFolder(t *testing.T) {
	f := start(t)
	s, err := New(Config{Listen: "127.0.0.1:0", Data: "data"}, Dependencies{FS: f.fs, Keys: seal.KeyDir(f.fs, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second server on one folder: %v, want %v", err, store.ErrLocked)
	}
	if err := s.Run(context.Background()); err == nil {
		t.Error("a server ran twice")
	}
	f.enroll("still", face(1, 0))
}

// The log tells method, code and sizes, and nothing about people.
func TestLogHoldsNoPerson(t *testing.T) {
	var mu sync.Mutex
	var b bytes.Buffer
	f := start(t, func(u *setup) {
		u.dep.Logger = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return b.Write(p)
		}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	in := enrollment("person-42", face(1, 0))
	in.Context.CaseReference = "CASE-77"
	in.Encounter.EncounterId, in.Encounter.Station, in.Encounter.Operator = "enc-42", "station-42", "operator-42"
	in.Encounter.BiographicData = &immisv1.BiographicData{Names: []*immisv1.PersonName{{Surname: "Шевченко", GivenNames: "Taras"}}, BirthDate: "1999-12-13"}
	if _, err := f.enr.Enroll(f.ctx(), in); err != nil {
		t.Fatal(err)
	}
	_, _ = f.enr.GetSubject(f.ctx(), &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "person-43"})
	_, _ = f.enr.Enroll(f.ctx(), in)
	if _, err := f.enr.EraseSubject(f.ctx(), &immisv1.EraseSubjectRequest{Context: rc(), SubjectId: "person-42"}); err != nil {
		t.Fatal(err)
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	log := b.String()
	for _, want := range []string{"method=immis.v1.EnrollmentService/Enroll code=OK", "code=AlreadyExists", "code=NotFound", "caller=local", "received_bytes="} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q", want)
		}
	}
	for _, bad := range []string{"person-4", "enc-42", "station-42", "operator-42", "Шевченко", "Taras", "1999", "CASE-77"} {
		if strings.Contains(log, bad) {
			t.Errorf("log holds %q", bad)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A key epoch ends by the clock, also when the time passed while the server was down.
func TestKeyEpochEndsByTheClock(t *testing.T) {
	fs := vfs.NewMem()
	var mu sync.Mutex
	ahead := time.Duration(0)
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}
	change := func(u *setup) {
		u.cfg.KeyEpoch = time.Hour
		u.dep.FS, u.dep.Keys, u.dep.Clock = fs, seal.KeyDir(fs, "keys"), clock
	}
	f := start(t, change)
	epoch := func(f *fixture) uint32 {
		s, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
		if err != nil {
			t.Fatal(err)
		}
		return s.GetKeyEpoch()
	}
	first := epoch(f)
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	ahead = 61 * time.Minute
	mu.Unlock()
	f = start(t, change)
	for end := time.Now().Add(10 * time.Second); epoch(f) != first+1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("epoch %d after 61 minutes, want %d", epoch(f), first+1)
		}
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	f = start(t, change) // the epoch began just now: a restart must not end it again
	time.Sleep(200 * time.Millisecond)
	if got := epoch(f); got != first+1 {
		t.Errorf("epoch %d after a restart, want %d", got, first+1)
	}
}
