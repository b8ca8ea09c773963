package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"immis/server/grpcapi"
)

// metric reads a value of the registry; label is the value of its only label, or "".
func (f *fixture) metric(name, label string) float64 {
	f.t.Helper()
	families, err := f.s.dep.Registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (label == "" || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	f.t.Fatalf("no metric %s %s", name, label)
	return 0
}

func (f *fixture) health(service string) healthpb.HealthCheckResponse_ServingStatus {
	f.t.Helper()
	r, err := healthpb.NewHealthClient(f.conn).Check(f.ctx(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		f.t.Fatal(err)
	}
	return r.GetStatus()
}

func (f *fixture) outOfUse(state string) {
	f.t.Helper()
	for _, service := range append([]string{""}, grpcapi.ServiceNames()...) {
		eventually(f.t, "health of "+service, func() bool { return f.health(service) == healthpb.HealthCheckResponse_NOT_SERVING })
	}
	r, err := http.Get(f.s.AdminURL() + "/readyz")
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusServiceUnavailable || strings.TrimSpace(string(b)) != state {
		f.t.Errorf("/readyz: %d %q %v, want 503 %q", r.StatusCode, b, err, state)
	}
}

// A ledger whose disk failed answers nothing any more, and health says so.
func TestFailedLedgerIsNotServing(t *testing.T) {
	var broken atomic.Bool
	f := start(t, func(u *setup) {
		u.cfg.AdminListen = "127.0.0.1:0"
		u.dep.FS = errorfs.Wrap(u.dep.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".log") {
				return errors.New("input/output error")
			}
			return nil
		}))
	})
	f.fails = true
	f.enroll("S-1", face(1, 0))
	if n := f.metric("immis_ledger_length", ""); n != 2 {
		t.Errorf("ledger of %v entries, want 2", n)
	}
	if f.health("") != healthpb.HealthCheckResponse_SERVING || f.metric("immis_ledger_failed", "") != 0 {
		t.Fatal("not healthy before the failure")
	}
	broken.Store(true)
	_, err := f.enr.Enroll(f.ctx(), enrollment("S-2", face(2, 0)))
	must(t, err, codes.Unavailable, "LEDGER_STOPPED")
	f.outOfUse(stateLedgerFailed)
	if n := f.metric("immis_ledger_failed", ""); n != 1 {
		t.Errorf("immis_ledger_failed is %v, want 1", n)
	}
	broken.Store(false)
	_, err = f.enr.Enroll(f.ctx(), enrollment("S-2", face(2, 0)))
	must(t, err, codes.Unavailable, "LEDGER_STOPPED")
}

type sound struct{ ready atomic.Bool }

func (*sound) Failed() error { return nil }
func (s *sound) Ready() bool { return s.ready.Load() }

// An index that misses a record answers nothing any more either.
func TestBrokenIndexIsNotServing(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.AdminListen = "127.0.0.1:0" })
	parts := &sound{}
	parts.ready.Store(true)
	r := &running{failed: make(chan error, 1)}
	ctx := f.ctx()
	f.s.watch(ctx, r, parts, parts)
	if f.health("") != healthpb.HealthCheckResponse_SERVING {
		t.Fatal("not healthy before the failure")
	}
	parts.ready.Store(false)
	f.outOfUse(stateIndexBroken)
	<-r.workDone[0]
}
