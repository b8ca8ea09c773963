package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
)

const statistics = "/immis.v1.AdminService/GetStatistics"

// silent begins a request of a method and sends no message.
func (f *fixture) silent(ctx context.Context, method string) grpc.ClientStream {
	f.t.Helper()
	s, err := f.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// eventually waits for a condition that the other side of a connection brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after 10 s", what)
		}
	}
}

// Requests are counted before their messages are read, are refused at once when
// the places are taken, and give their places back however they end.
func TestRequestsInFlightAreBounded(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.MaxInFlight = 4 })
	ask := func() error {
		_, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
		return err
	}
	taken := func(n int64) func() bool { return func() bool { return f.s.inFlight.requests.taken.Load() == n } }
	ctx, cancel := context.WithCancel(f.ctx())
	for range 4 {
		f.silent(ctx, statistics)
	}
	eventually(t, "4 places taken", taken(4))
	begun := time.Now()
	r := must(t, ask(), codes.ResourceExhausted, "TOO_MANY_IN_FLIGHT")
	if d := time.Since(begun); d > 2*time.Second || !r.retry || r.got != "4" || r.want != "fewer" {
		t.Errorf("refused after %v with got %q, want %q, retry %v; want at once, 4, fewer, true", d, r.got, r.want, r.retry)
	}
	if _, err := healthpb.NewHealthClient(f.conn).Check(f.ctx(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health of a full server: %v, want an answer", err)
	}
	stream, err := f.rec.IdentifyStream(f.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&immisv1.IdentifyStreamRequest{Tag: "x", Request: &immisv1.IdentifyRequest{Context: rc()}}); err != nil {
		t.Fatal(err)
	}
	out, err := stream.Recv()
	if err != nil || out.GetTag() != "x" || out.GetError().GetReason() != "TOO_MANY_IN_FLIGHT" {
		t.Errorf("request of a stream: %v, %v; want its refusal", out, err)
	}
	cancel()
	eventually(t, "places given back", taken(0))
	if err := ask(); err != nil {
		t.Errorf("after the others have gone: %v, want an answer", err)
	}
	for _, method := range []string{"/immis.v1.AdminService/Nothing", "/nothing.Service/Nothing"} {
		for range 8 {
			if err := f.conn.Invoke(f.ctx(), method, &immisv1.GetHeadRequest{}, &immisv1.GetHeadResponse{}); status.Code(err) != codes.Unimplemented {
				t.Fatalf("unknown method: %v, want UNIMPLEMENTED", err)
			}
		}
	}
	eventually(t, "places of unknown methods given back", taken(0))
	if n := f.metric("immis_rejections_total", "TOO_MANY_IN_FLIGHT"); n != 2 {
		t.Errorf("%v refusals counted, want 2", n)
	}
}

// Streams that stay for hours have places of their own.
func TestStreamsInFlightAreBounded(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.MaxInFlight = 8 })
	ctx, cancel := context.WithCancel(f.ctx())
	var last grpc.ClientStream
	for range 3 {
		s, err := healthpb.NewHealthClient(f.conn).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		last = s
	}
	must(t, last.RecvMsg(&healthpb.HealthCheckResponse{}), codes.ResourceExhausted, "TOO_MANY_IN_FLIGHT")
	if _, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()}); err != nil {
		t.Errorf("request beside full streams: %v, want an answer", err)
	}
	cancel()
	eventually(t, "places given back", func() bool { return f.s.inFlight.streams.taken.Load() == 0 })
}

// Who sends a message byte by byte is cut.
func TestSlowSendersAreCut(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.MessageTimeout = 200 * time.Millisecond })
	s := f.silent(context.Background(), statistics)
	begun := time.Now()
	if err := s.RecvMsg(&immisv1.GetStatisticsResponse{}); status.Code(err) != codes.Canceled || time.Since(begun) > 5*time.Second {
		t.Errorf("silent request ended with %v after %v, want CANCELED after 200 ms", err, time.Since(begun))
	}
	eventually(t, "place given back", func() bool { return f.s.inFlight.requests.taken.Load() == 0 })
}

// An answer about all encounters is bounded; one encounter at a time always works.
func TestOversizedAnswers(t *testing.T) {
	f := start(t, func(u *setup) { u.cfg.MaxMessage = 64 << 10 })
	for i := range 3 {
		image := &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_PNG, Data: picture(t, 30<<10)}
		e := &immisv1.Encounter{EncounterId: string(rune('a' + i)), KeepImages: true, Samples: []*immisv1.Sample{face(1, uint64(i)), image}}
		var err error
		if i == 0 {
			_, err = f.enr.Enroll(f.ctx(), &immisv1.EnrollRequest{Context: rc(), SubjectId: "S-1", Encounter: e})
		} else {
			_, err = f.enr.AddEncounter(f.ctx(), &immisv1.AddEncounterRequest{Context: rc(), SubjectId: "S-1", Encounter: e})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	get := &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "S-1", IncludeSamples: true}
	_, err := f.enr.GetSubject(f.ctx(), get)
	if r := must(t, err, codes.FailedPrecondition, "OVERSIZED"); r.want != "<= 65536" || !strings.Contains(r.text, "encounter_id") {
		t.Errorf("want %q, text %q; want the bound and what to do", r.want, r.text)
	}
	get.EncounterId = "b"
	if _, err := f.enr.GetSubject(f.ctx(), get); err != nil {
		t.Errorf("one encounter: %v, want an answer", err)
	}
	get.EncounterId, get.IncludeSamples = "", false
	if _, err := f.enr.GetSubject(f.ctx(), get); err != nil {
		t.Errorf("without samples: %v, want an answer", err)
	}
}
