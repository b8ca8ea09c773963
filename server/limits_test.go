package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
	"immis/server/grpcapi"
)

func TestPlainTextOnlyOnLoopback(t *testing.T) {
	for _, c := range []struct {
		address string
		ok      bool
	}{
		{"127.0.0.1:0", true}, {"127.8.9.1:0", true}, {"[::1]:0", true}, {"localhost:0", true},
		{"0.0.0.0:0", false}, {":0", false}, {"[::]:0", false}, {"192.0.2.1:0", false}, {"8.8.8.8:7301", false},
	} {
		got, err := loopback(context.Background(), c.address)
		if c.ok && err != nil || !c.ok && !errors.Is(err, errNotLoopback) {
			t.Errorf("%s: %q, %v; want accepted %v", c.address, got, err, c.ok)
		}
		if c.ok {
			if host, _, err := net.SplitHostPort(got); err != nil || !net.ParseIP(host).IsLoopback() {
				t.Errorf("%s becomes %s, want an address that is loopback", c.address, got)
			}
		}
	}
	for _, bad := range []string{"", "127.0.0.1", "no such host.invalid:1"} {
		if _, err := loopback(context.Background(), bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	for name, change := range map[string]func(*Config){
		"API":   func(c *Config) { c.Listen = "0.0.0.0:0" },
		"admin": func(c *Config) { c.AdminListen = "0.0.0.0:0" },
	} {
		s := memServer(t, change)
		if err := s.Run(context.Background()); err == nil || !errors.Is(err, errNotLoopback) {
			t.Errorf("%s on every interface: %v, want a refusal", name, err)
		}
	}
}

func TestAdminAddress(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.AdminListen = "127.0.0.1:0" })
	f.enroll("S-1", face(1, 0))
	get := func(path string) (int, string) {
		t.Helper()
		r, err := http.Get(f.s.AdminURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	for path, want := range map[string]string{
		"/healthz": "alive", "/readyz": "serving", "/debug/pprof/goroutine?debug=1": "goroutine",
		"/metrics": `immis_grpc_request_duration_seconds_count{code="OK",method="immis.v1.EnrollmentService/Enroll"} 1`,
	} {
		if code, text := get(path); code != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d, want 200 and %q", path, code, want)
		}
	}
	if _, text := get("/metrics"); strings.Contains(text, "S-1") {
		t.Error("metrics hold an identifier of a person")
	}
	if code, _ := get("/nothing"); code != 404 {
		t.Errorf("unknown path: %d, want 404", code)
	}
}

func TestMessageAndHeaderLimits(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.MaxMessage, u.cfg.MaxHeader = 64<<10, 8<<10 })
	big := face(1, 0)
	big.Data = make([]byte, 100<<10)
	_, err := f.enr.Enroll(f.ctx(), enrollment("a", big))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("message over the limit: %v, want RESOURCE_EXHAUSTED", err)
	}
	ctx := metadata.AppendToOutgoingContext(f.ctx(), "x-long", strings.Repeat("y", 20<<10))
	if _, err := f.admin.GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: rc()}); err == nil {
		t.Error("headers over the limit went through")
	}
	if _, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()}); err != nil {
		t.Errorf("after refusals: %v, want an answer", err)
	}
}

// A connection that never speaks is closed, and connections over the bound wait.
func TestConnectionLimits(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.HandshakeTimeout, u.cfg.MaxConnections = 300*time.Millisecond, 3 })
	var silent []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", f.s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		silent = append(silent, c)
	}
	begun := time.Now()
	if _, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()}, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("request behind silent connections: %v", err)
	}
	if d := time.Since(begun); d < 100*time.Millisecond {
		t.Errorf("answered after %v although all connections were taken", d)
	}
	for i, c := range silent {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Errorf("silent connection %d is still open after 5 s", i)
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestConfigNamesEverythingThatIsWrong(t *testing.T) {
	c := Config{
		Keys: "k", KeyCommand: []string{"x"}, TLS: TLSFiles{Cert: "c"}, KeyEpoch: time.Second, MaxMessage: 1, MaxConnections: -1,
		StreamConcurrency: 65, SearchQueue: -1, IdleTimeout: -1, DefaultDeadline: time.Hour, MaxDeadline: time.Minute,
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"data folder", "both a key folder", "TLS", "key epoch", "largest message", "connections", "at once 65", "queue -1", "idle timeout", "default deadline"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q: %v", want, err)
		}
	}
	for name, c := range map[string]Config{
		"keys inside data":        {Data: "d", Keys: "d/k"},
		"copy inside data":        {Data: "d", Keys: "k", KeyCopy: "d/../d/x"},
		"checkpoints inside data": {Data: "d", Keys: "k", Checkpoints: "d"},
		"no keys":                 {Data: "d"},
	} {
		if c.Validate() == nil {
			t.Errorf("%s accepted", name)
		}
	}
	if err := (Config{Data: "d", Keys: "dk"}).Validate(); err != nil {
		t.Errorf("defaults refused: %v", err)
	}
}

// A panic of a handler costs one request: INTERNAL with an opaque text.
func TestPanicsAreCaught(t *testing.T) {
	panics, internals := 0, 0
	services := grpcapi.New(grpcapi.Options{Panics: func() { panics++ }, InternalErrors: func() { internals++ }})
	g := &guard{services: services, deadline: time.Second, maxDeadline: time.Second, maxStream: time.Second}
	_, err := g.unary(context.Background(), &immisv1.EnrollRequest{}, nil, func(context.Context, any) (any, error) { panic("Шевченко") })
	r := must(t, err, codes.Internal, "INTERNAL")
	if strings.Contains(r.text, "Шевченко") || !strings.Contains(r.text, "reference") {
		t.Errorf("text %q, want a reference and nothing of the panic", r.text)
	}
	err = g.stream(nil, streamOf(context.Background()), nil, func(any, grpc.ServerStream) error { panic(1) })
	must(t, err, codes.Internal, "INTERNAL")
	if panics != 2 || internals != 2 {
		t.Errorf("%d panics and %d internal errors counted, want 2 and 2", panics, internals)
	}
}
