package server

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
	"immis/internal/telemetry"
	"immis/store/seal"
	"immis/templates/imaging"
)

// fixture is a running server with its real store and engine, on a file system
// in memory and a loopback port.
type fixture struct {
	t     testing.TB
	s     *Server
	fs    vfs.FS
	conn  *grpc.ClientConn
	stop  func() error
	fails bool // the server ends with an error, as it should
	enr   immisv1.EnrollmentServiceClient
	gal   immisv1.GalleryServiceClient
	rec   immisv1.RecognitionServiceClient
	led   immisv1.LedgerServiceClient
	admin immisv1.AdminServiceClient
}

type setup struct {
	cfg   Config
	dep   Dependencies
	creds credentials.TransportCredentials
	// early returns when the server listens, not when it serves.
	early bool
}

func start(t testing.TB, change ...func(*setup)) *fixture {
	t.Helper()
	fs := vfs.NewMem()
	u := setup{
		cfg:   Config{Listen: "127.0.0.1:0", Data: "data", Checkpoints: "checkpoints", KeyEpoch: -1, ShutdownTimeout: 5 * time.Second, Version: "test"},
		dep:   Dependencies{FS: fs, Keys: seal.KeyDir(fs, "keys"), Registry: telemetry.NewRegistry("test")},
		creds: insecure.NewCredentials(),
	}
	for _, c := range change {
		c(&u)
	}
	s, err := New(u.cfg, u.dep)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	f := &fixture{t: t, s: s, fs: fs}
	f.stop = sync.OnceValue(func() error {
		if f.conn != nil {
			_ = f.conn.Close()
		}
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			t.Error("server did not stop within 30 s")
			return nil
		}
	})
	t.Cleanup(func() {
		if err := f.stop(); err != nil && !f.fails {
			t.Errorf("server ended with %v, want nil", err)
		}
	})
	up := s.Serving()
	if u.early {
		up = s.Listening()
	}
	select {
	case <-up:
	case err := <-done:
		done <- nil
		t.Fatalf("server ended at once: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("server is not up after 30 s")
	}
	f.conn = f.dial(u.creds)
	f.enr = immisv1.NewEnrollmentServiceClient(f.conn)
	f.gal = immisv1.NewGalleryServiceClient(f.conn)
	f.rec = immisv1.NewRecognitionServiceClient(f.conn)
	f.led = immisv1.NewLedgerServiceClient(f.conn)
	f.admin = immisv1.NewAdminServiceClient(f.conn)
	return f
}

func (f *fixture) dial(creds credentials.TransportCredentials, options ...grpc.DialOption) *grpc.ClientConn {
	f.t.Helper()
	conn, err := grpc.NewClient(f.s.Addr().String(), append(options, grpc.WithTransportCredentials(creds))...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	f.t.Cleanup(cancel)
	return ctx
}

func rc() *immisv1.RequestContext {
	return &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_TEST}
}

const model, dims = "synthetic/1", 64

// vector is a face vector of a person; variant 0 is the reference, others are
// the same person again.
func vector(person, variant uint64) []byte {
	base := rand.New(rand.NewPCG(person, 1))
	noise := rand.New(rand.NewPCG(person, 100+variant))
	out := make([]byte, 0, 4*dims)
	for range dims {
		v := base.NormFloat64()
		if variant > 0 {
			v += 0.15 * noise.NormFloat64()
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
	}
	return out
}

// unit is the vector at length 1, as templates makes it.
func unit(raw []byte) []byte {
	sum := 0.0
	for i := 0; i < len(raw); i += 4 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		sum += float64(v * v)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i += 4 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v/math.Sqrt(sum))))
	}
	return out
}

func face(person, variant uint64) *immisv1.Sample {
	return &immisv1.Sample{
		Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_FACE_FLOAT32, Model: model, Data: vector(person, variant),
	}
}

func probe(samples ...*immisv1.Sample) *immisv1.Probe { return &immisv1.Probe{Samples: samples} }

func enrollment(subject string, samples ...*immisv1.Sample) *immisv1.EnrollRequest {
	return &immisv1.EnrollRequest{Context: rc(), SubjectId: subject, Encounter: &immisv1.Encounter{Samples: samples}}
}

func (f *fixture) enroll(subject string, samples ...*immisv1.Sample) *immisv1.EnrollResponse {
	f.t.Helper()
	out, err := f.enr.Enroll(f.ctx(), enrollment(subject, samples...))
	if err != nil {
		f.t.Fatalf("enroll %s: %v", subject, err)
	}
	return out
}

// refusal is what a caller learns from an error.
type refusal struct {
	code          codes.Code
	reason, field string
	got, want     string
	violation     string
	text          string
	retry         bool
}

func refusalOf(err error) refusal {
	st := status.Convert(err)
	r := refusal{code: st.Code(), text: st.Message()}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			r.reason, r.field, r.got, r.want = d.GetReason(), d.GetMetadata()["field"], d.GetMetadata()["got"], d.GetMetadata()["want"]
			if d.GetDomain() != "immis" {
				r.reason = "domain " + d.GetDomain()
			}
		case *errdetails.BadRequest:
			r.violation = d.GetFieldViolations()[0].GetField()
		case *errdetails.RetryInfo:
			r.retry = true
		}
	}
	return r
}

// must fails the test unless err has this code and reason.
func must(t *testing.T, err error, code codes.Code, reason string) refusal {
	t.Helper()
	r := refusalOf(err)
	if r.code != code || r.reason != reason {
		t.Errorf("got %v %q (%v), want %v %q", r.code, r.reason, err, code, reason)
	}
	return r
}

func insecureCreds() credentials.TransportCredentials { return insecure.NewCredentials() }

// picture is a PNG of noise, of n bytes or a little more.
func picture(t testing.TB, n int) []byte {
	t.Helper()
	m := &imaging.Image{Width: 256, Height: n/256 + 1, PPI: 500}
	noise := rand.New(rand.NewPCG(uint64(n), 1))
	for range m.Width * m.Height {
		m.Pix = append(m.Pix, byte(noise.Uint32()))
	}
	data, err := imaging.EncodePNG(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
