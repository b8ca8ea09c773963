package client

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	immisv1 "immis/api/immis/v1"
)

// fake is a server whose answers a test decides.
type fake struct {
	immisv1.UnimplementedEnrollmentServiceServer
	immisv1.UnimplementedRecognitionServiceServer
	immisv1.UnimplementedAdminServiceServer

	mu      sync.Mutex
	asked   []proto.Message
	answers []error // of the next requests; afterwards nil
	slow    time.Duration
}

func (f *fake) answer(ctx context.Context, in proto.Message) error {
	f.mu.Lock()
	f.asked = append(f.asked, in)
	var err error
	if len(f.answers) > 0 {
		err, f.answers = f.answers[0], f.answers[1:]
	}
	slow := f.slow
	f.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
	}
	return err
}

func (f *fake) Enroll(ctx context.Context, in *immisv1.EnrollRequest) (*immisv1.EnrollResponse, error) {
	return &immisv1.EnrollResponse{SubjectId: in.GetSubjectId()}, f.answer(ctx, in)
}

func (f *fake) Identify(ctx context.Context, in *immisv1.IdentifyRequest) (*immisv1.IdentifyResponse, error) {
	return &immisv1.IdentifyResponse{}, f.answer(ctx, in)
}

func (f *fake) CreateCheckpoint(ctx context.Context, in *immisv1.CreateCheckpointRequest) (*immisv1.CreateCheckpointResponse, error) {
	return &immisv1.CreateCheckpointResponse{}, f.answer(ctx, in)
}

func (f *fake) IdentifyStream(s grpc.BidiStreamingServer[immisv1.IdentifyStreamRequest, immisv1.IdentifyStreamResponse]) error {
	in, err := s.Recv()
	if err != nil {
		return err
	}
	return f.answer(s.Context(), in)
}

// serve starts the fake on a listener; it is stopped with the test.
func serve(t *testing.T, f *fake, l net.Listener, serving bool) {
	t.Helper()
	g := grpc.NewServer()
	immisv1.RegisterEnrollmentServiceServer(g, f)
	immisv1.RegisterRecognitionServiceServer(g, f)
	immisv1.RegisterAdminServiceServer(g, f)
	h := health.NewServer()
	if serving {
		h.SetServingStatus(immisv1.RecognitionService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	} else {
		h.SetServingStatus(immisv1.RecognitionService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_NOT_SERVING)
	}
	healthpb.RegisterHealthServer(g, h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-done
	})
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func start(t *testing.T, f *fake, o Options) *Client {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	serve(t, f, l, true)
	o.Address = l.Addr().String()
	c, err := Dial(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// refuse is an error as the server makes it.
func refuse(code codes.Code, reason string, retry time.Duration, metadata map[string]string) error {
	details := []protoadapt.MessageV1{}
	if reason != "" {
		details = append(details, &errdetails.ErrorInfo{Reason: reason, Domain: "immis", Metadata: metadata})
	}
	if retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	}
	st, err := status.New(code, "refused").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What passes is repeated, with the same identifier; what does not is told at once.
func TestRepetitions(t *testing.T) {
	busy := refuse(codes.ResourceExhausted, "OVERLOADED", time.Millisecond, nil)
	broken := refuse(codes.Unavailable, "", 0, nil)
	for name, c := range map[string]struct {
		answers  []error
		retries  int
		call     func(*Client) error
		attempts int
		code     codes.Code
	}{
		"busy twice":                  {[]error{busy, busy}, 0, enroll, 3, codes.OK},
		"busy without end":            {[]error{busy, busy, busy, busy}, 2, enroll, 3, codes.ResourceExhausted},
		"not to be repeated":          {[]error{busy}, -1, enroll, 1, codes.ResourceExhausted},
		"disk full":                   {[]error{refuse(codes.ResourceExhausted, "DISK_FULL", 0, nil)}, 0, enroll, 1, codes.ResourceExhausted},
		"connection broke":            {[]error{broken}, 0, enroll, 2, codes.OK},
		"connection of a search":      {[]error{broken}, 0, identify, 2, codes.OK},
		"connection of a checkpoint":  {[]error{broken}, 0, checkpoint, 1, codes.Unavailable},
		"busy with a checkpoint":      {[]error{busy}, 0, checkpoint, 2, codes.OK},
		"not ready for a checkpoint":  {[]error{refuse(codes.Unavailable, "NOT_READY", time.Second, nil)}, -1, checkpoint, 2, codes.OK},
		"shutting down":               {[]error{refuse(codes.Unavailable, "SHUTTING_DOWN", time.Millisecond, nil)}, 0, enroll, 2, codes.OK},
		"broken index":                {[]error{refuse(codes.Unavailable, "INDEX_BROKEN", 0, nil)}, 0, enroll, 1, codes.Unavailable},
		"certificate that is refused": {[]error{status.Error(codes.Unavailable, "remote error: tls: bad certificate")}, 0, enroll, 1, codes.Unavailable},
		"bad input":                   {[]error{refuse(codes.InvalidArgument, "TRUNCATED", 0, nil)}, 0, enroll, 1, codes.InvalidArgument},
		"known already":               {[]error{refuse(codes.AlreadyExists, "ALREADY_EXISTS", 0, nil)}, 0, enroll, 1, codes.AlreadyExists},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: c.answers}
			cl := start(t, f, Options{Purpose: immisv1.Purpose_PURPOSE_TEST, Case: "C-1", Retries: c.retries})
			err := c.call(cl)
			if status.Code(err) != c.code || len(f.asked) != c.attempts {
				t.Errorf("%v after %d attempts, want %v after %d", err, len(f.asked), c.code, c.attempts)
			}
			var e *Error
			if errors.As(err, &e) && e.Attempts != c.attempts {
				t.Errorf("the error tells %d attempts, want %d", e.Attempts, c.attempts)
			}
			ids := map[string]bool{}
			for _, in := range f.asked {
				if m, ok := in.(*immisv1.EnrollRequest); ok {
					ids[m.GetRequestId()] = true
					if m.GetRequestId() == "" || m.GetContext().GetPurpose() != immisv1.Purpose_PURPOSE_TEST || m.GetContext().GetCaseReference() != "C-1" {
						t.Errorf("sent %v, want an identifier and the context", m)
					}
					if e != nil && e.RequestID != m.GetRequestId() {
						t.Errorf("the error tells %q, sent was %q", e.RequestID, m.GetRequestId())
					}
				}
			}
			if len(ids) > 1 {
				t.Errorf("%d identifiers for one request", len(ids))
			}
		})
	}
}

func enroll(c *Client) error {
	in := &immisv1.EnrollRequest{SubjectId: "S-1", Encounter: &immisv1.Encounter{Station: "desk"}}
	before := proto.Clone(in)
	out, err := c.Enroll(context.Background(), in)
	if !proto.Equal(in, before) {
		return errors.New("the caller's message was changed")
	}
	if err == nil && out.GetSubjectId() != "S-1" {
		return errors.New("the message did not come whole")
	}
	return err
}

func identify(c *Client) error {
	_, err := c.Identify(context.Background(), &immisv1.IdentifyRequest{})
	return err
}

func checkpoint(c *Client) error {
	_, err := c.CreateCheckpoint(context.Background(), &immisv1.CreateCheckpointRequest{Name: "c"})
	return err
}

// What a caller brings stays.
func TestGivenContextAndIdentifierStay(t *testing.T) {
	f := &fake{}
	c := start(t, f, Options{Purpose: immisv1.Purpose_PURPOSE_TEST})
	in := &immisv1.EnrollRequest{Context: &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_VISA}, RequestId: "mine"}
	if _, err := c.Enroll(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(f.asked[0], in) {
		t.Errorf("sent %v, want %v", f.asked[0], in)
	}
}

func TestErrors(t *testing.T) {
	f := &fake{answers: []error{refuse(codes.InvalidArgument, "TRUNCATED", 0, map[string]string{
		"field": "encounter.samples[0].data", "got": "10 bytes", "want": "24 bytes", "offset": "7",
	})}}
	c := start(t, f, Options{})
	err := enroll(c)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T, want *Error", err)
	}
	want := Error{Code: codes.InvalidArgument, Reason: "TRUNCATED", Field: "encounter.samples[0].data", Got: "10 bytes", Want: "24 bytes", Offset: 7, Message: "refused"}
	got := *e
	got.status, got.RequestID, got.Attempts = nil, "", 0
	if got != want || e.Error() != "InvalidArgument TRUNCATED: refused" {
		t.Errorf("%+v %q, want %+v", got, e, want)
	}
	if st, ok := status.FromError(err); !ok || len(st.Details()) != 1 {
		t.Errorf("status %v, want the server's with its details", st)
	}

	f.answers = []error{refuse(codes.InvalidArgument, "TOO_MANY", 0, nil)}
	s, err := c.IdentifyStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&immisv1.IdentifyStreamRequest{Tag: "x", Request: &immisv1.IdentifyRequest{}}); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Recv(); !errors.As(err, &e) || e.Reason != "TOO_MANY" || e.Offset != -1 {
		t.Errorf("stream: %v, want a typed error", err)
	}
	if s, err = c.IdentifyStream(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&immisv1.IdentifyStreamRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("end of a stream: %v, want io.EOF", err)
	}
}

func TestDeadlines(t *testing.T) {
	f := &fake{slow: 10 * time.Second}
	c := start(t, f, Options{Timeout: 100 * time.Millisecond})
	begun := time.Now()
	err := enroll(c)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v, want the deadline after 0.1 s", err, time.Since(begun))
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Enroll(ctx, &immisv1.EnrollRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
	// A repetition that the deadline would cut is not begun.
	f.mu.Lock()
	f.slow, f.answers = 0, []error{refuse(codes.ResourceExhausted, "OVERLOADED", 5*time.Second, nil)}
	f.mu.Unlock()
	if err := enroll(c); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want the refusal", err)
	}
}

// A client that is made before its server waits for it.
func TestWaiting(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	address := l.Addr().String()
	_ = l.Close()
	c, err := New(Options{Address: address, Wait: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	done := make(chan error, 1)
	go func() { done <- enroll(c) }()
	time.Sleep(300 * time.Millisecond)
	select {
	case err := <-done:
		t.Fatalf("%v before there was a server", err)
	default:
	}
	serve(t, &fake{answers: []error{refuse(codes.Unavailable, "NOT_READY", time.Second, nil)}}, listen(t, address), true)
	if err := <-done; err != nil {
		t.Error(err)
	}

	l = listen(t, "127.0.0.1:0")
	serve(t, &fake{}, l, false)
	var e *Error
	if _, err := Dial(context.Background(), Options{Address: l.Addr().String(), Wait: 200 * time.Millisecond}); !errors.As(err, &e) || e.Reason != "NOT_READY" || e.Attempts < 2 {
		t.Errorf("a server that never gets ready: %v, want NOT_READY", err)
	}
	nobody := listen(t, "127.0.0.1:0")
	_ = nobody.Close()
	if _, err := Dial(context.Background(), Options{Address: nobody.Addr().String(), Wait: -1, Retries: -1}); !errors.As(err, &e) || e.Attempts != 1 {
		t.Errorf("nobody there: %v, want one attempt", err)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no address accepted")
	}
}

func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.pem")
	text := filepath.Join(dir, "text.pem")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var file *os.PathError
	if _, err := (TLSFiles{CA: none}).Config(); !errors.As(err, &file) {
		t.Errorf("missing file: %v, want an error of the file system", err)
	}
	if _, err := (TLSFiles{CA: text}).Config(); err == nil || errors.As(err, &file) || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("a file of text: %v, want a refusal of its content", err)
	}
}

func TestPausesAreSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := spread(time.Second)
		if d < 500*time.Millisecond || d > 1500*time.Millisecond {
			t.Fatalf("%v, want 0.5 to 1.5 s", d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses of 100", len(seen))
	}
}
