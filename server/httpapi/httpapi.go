// Package httpapi is JSON over HTTP: the methods of immis.v1 as resources below
// /v1, for stations that do not speak gRPC. It translates and nothing else: every
// request goes through the gRPC server of the same process, so that its limits, its
// principal, its deadlines and its ledger entries are the same. It refuses to hold
// a business rule, to take a principal from anything but the client's certificate,
// to listen, and to talk to pages of other origins.
//
// Bodies are protobuf's JSON: fields by their names in the .proto files
// (snake_case), enumerations by name, bytes in base64, 64-bit numbers as strings,
// times as RFC 3339, fields without a value left out. Unknown fields are refused.
// Streams are lines of JSON. Samples may be uploaded as parts of a multipart form.
// Errors are problem documents (RFC 9457). GET /openapi.json describes all of it.
package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	immisv1 "immis/api/immis/v1"
)

// Options of the transport. Status, Admit and Recovered are required.
type Options struct {
	// MaxBody bounds the body of a request in bytes, and each message of a stream.
	MaxBody int64
	// MessageTimeout bounds the time for the body of a request to come, and for each
	// write of an answer to leave.
	MessageTimeout time.Duration
	// Version is that of the server, for the description.
	Version string
	// Admit takes a place for a request, or refuses it with an error that Status
	// knows. It is asked before the body is read; stream tells requests that stay.
	Admit func(stream bool) (release func(), err error)
	// Status maps an error of the domain to a gRPC status, and counts it.
	Status func(context.Context, error) error
	// Recovered makes the error for the caller out of a panic, and logs it.
	Recovered func(context.Context, any) error
	// Rejected counts what this package refuses itself, by its reason; may be nil.
	Rejected func(reason string)
	// Observe is told of every answer: the path as the description names it ("none"
	// for an unknown one), the HTTP status, the duration; may be nil.
	Observe func(route string, status int, took time.Duration)
	// Logger; default none.
	Logger *slog.Logger
}

// API answers requests over HTTP. It is a http.Handler, and the means to join it
// with the gRPC server: Listener, Credentials and Tap.
type API struct {
	opt      Options
	mux      *runtime.ServeMux
	routes   *routes
	document []byte // the OpenAPI description
	callers  callers
	listener *bufconn.Listener
	conn     *grpc.ClientConn
}

// pipeBuffer is how much of a message is under way inside the process, in bytes.
const pipeBuffer = 1 << 20

// New makes the API. It starts nothing; the gRPC server must serve Listener.
// The caller closes it.
func New(o Options) (*API, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rejected == nil {
		o.Rejected = func(string) {}
	}
	if o.Observe == nil {
		o.Observe = func(string, int, time.Duration) {}
	}
	d, err := describe(immisv1.Description(), o.Version)
	if err != nil {
		return nil, fmt.Errorf("describe the API over HTTP: %w", err)
	}
	a := &API{opt: o, routes: d.routes, document: d.document, listener: bufconn.Listen(pipeBuffer)}
	a.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler()),
		runtime.WithMiddlewares(identifiers),
		// No header of a client becomes metadata, none of the server's leaves.
		runtime.WithIncomingHeaderMatcher(no), runtime.WithOutgoingHeaderMatcher(no), runtime.WithOutgoingTrailerMatcher(no),
		runtime.WithMetadata(func(ctx context.Context, _ *http.Request) metadata.MD { return exchangeOf(ctx).metadata() }),
		runtime.WithErrorHandler(a.fail),
		runtime.WithStreamErrorHandler(failStream),
		runtime.WithRoutingErrorHandler(func(ctx context.Context, m *runtime.ServeMux, j runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ int) {
			a.fail(ctx, m, j, w, r, errUnknownPath)
		}),
		runtime.WithWriteContentLength(), runtime.WithDisableChunkedEncoding(),
		runtime.WithDisableHTTPMethodOverride(), runtime.WithDisablePathLengthFallback(),
	)
	a.conn, err = grpc.NewClient("passthrough:///immis",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return a.listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// The server bounds what it sends; here it comes out of the same process.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
	if err != nil {
		return nil, fmt.Errorf("connect to the gRPC server of this process: %w", err)
	}
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		immisv1.RegisterEnrollmentServiceHandler, immisv1.RegisterGalleryServiceHandler, immisv1.RegisterRecognitionServiceHandler,
		immisv1.RegisterLedgerServiceHandler, immisv1.RegisterAdminServiceHandler,
	} {
		// The context only ends a connection that the function opened itself.
		if err := register(context.Background(), a.mux, a.conn); err != nil {
			return nil, errors.Join(fmt.Errorf("register the API over HTTP: %w", err), a.conn.Close())
		}
	}
	return a, nil
}

func no(string) (string, bool) { return "", false }

// Close closes the connection to the gRPC server. Requests under way fail. The
// listener is closed by the gRPC server, as its other listeners are.
func (a *API) Close() error { return a.conn.Close() }

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{begun: time.Now(), id: rand.Text(), route: "none"}
	out := &answer{ResponseWriter: w, timeout: a.opt.MessageTimeout}
	ctx := context.WithValue(r.Context(), exchangeKey{}, e)
	h := out.Header()
	h.Set("X-Request-Id", e.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // it is about people
	defer func() {
		if v := recover(); v != nil {
			a.problem(ctx, out, a.opt.Recovered(ctx, v))
		}
		a.end(ctx, e, out)
	}()
	a.serve(out, r.WithContext(ctx), e)
}

func (a *API) serve(w *answer, r *http.Request, e *exchange) {
	ctx := r.Context()
	e.control = http.NewResponseController(w.ResponseWriter)
	if r.ContentLength != 0 {
		// It also bounds the reading of a body that is refused.
		_ = e.control.SetReadDeadline(time.Now().Add(a.opt.MessageTimeout))
	}
	if r.URL.Path == "/openapi.json" {
		a.describe(w, r, e)
		return
	}
	in, err := a.check(r, e)
	if err != nil {
		a.problem(ctx, w, err)
		return
	}
	release, err := a.opt.Admit(e.op.stream)
	if err != nil {
		a.problem(ctx, w, a.opt.Status(ctx, err))
		return
	}
	defer release()
	ticket, leave := a.callers.enter(r)
	defer leave()
	e.ticket = ticket
	if e.op.streamIn {
		// Answers go out while requests still come in, for as long as gRPC lets a
		// stream stay.
		_ = e.control.EnableFullDuplex()
		_ = e.control.SetReadDeadline(time.Time{})
	}
	a.mux.ServeHTTP(w, in)
	if err := e.failure(); err != nil && (e.op.stream || !w.wrote) {
		w.cut.Store(false)
		if !w.wrote {
			a.problem(ctx, w, a.known(ctx, err))
		} else {
			a.problemLine(ctx, w, a.known(ctx, err))
		}
	}
}

// fail is the gateway's way to say that a request failed. What went wrong while
// the body was read is known better than its text.
func (a *API) fail(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	if own := exchangeOf(ctx).failure(); own != nil {
		err = a.known(ctx, own)
	}
	if out, ok := w.(*answer); ok {
		a.problem(ctx, out, err)
	}
}

// describe answers GET /openapi.json.
func (a *API) describe(w *answer, r *http.Request, e *exchange) {
	e.route = "/openapi.json"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		a.problem(r.Context(), w, errMethod(r.Method, "GET, HEAD"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	if r.Method == http.MethodGet {
		_, _ = w.Write(a.document)
	}
}

// end tells metrics and log of an answer. The caller's identifiers stay out of
// both: the route is that of the description.
func (a *API) end(ctx context.Context, e *exchange, w *answer) {
	took := time.Since(e.begun)
	code := w.status
	if code == 0 {
		code = http.StatusOK
	}
	a.opt.Observe(e.route, code, took)
	level := slog.LevelDebug // the gRPC request behind it has its own line
	switch {
	case code >= http.StatusInternalServerError:
		level = slog.LevelWarn
	case e.reason != "":
		level = slog.LevelInfo
	}
	a.opt.Logger.LogAttrs(ctx, level, "http request",
		slog.String("id", e.id), slog.String("route", e.route), slog.Int("status", code), slog.String("reason", e.reason),
		slog.Duration("duration", took.Round(time.Microsecond)), slog.Int64("sent_bytes", w.sent))
}

// identifiers puts the slashes back into the identifiers of a path (see route).
func identifiers(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		for k, v := range params {
			params[k] = strings.ReplaceAll(v, slash, "/")
		}
		e := exchangeOf(r.Context())
		e.params = params
		e.out, _ = w.(*answer)
		next(w, r, params)
	}
}

// answer is the writer of one answer. A write that does not leave in time ends
// the connection: who reads byte by byte would hold a place for ever.
type answer struct {
	http.ResponseWriter
	timeout time.Duration
	status  int
	wrote   bool
	sent    int64
	// cut swallows what the gateway writes about the end of a stream.
	cut atomic.Bool
}

// Unwrap is for http.ResponseController.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answer) WriteHeader(code int) {
	if w.cut.Load() || w.wrote {
		return
	}
	w.status, w.wrote = code, true
	w.ResponseWriter.WriteHeader(code)
}

func (w *answer) Write(b []byte) (int, error) {
	if w.cut.Load() {
		return len(b), nil
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}
