package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"immis/server/grpcapi"
)

// metrics are those of the transport. Labels are methods of the API and codes of
// gRPC, never anything a caller chooses.
type metrics struct {
	duration    *prometheus.HistogramVec
	inFlight    *prometheus.GaugeVec
	received    *prometheus.CounterVec
	sent        *prometheus.CounterVec
	connections prometheus.Gauge
	panics      prometheus.Counter
	internal    prometheus.Counter
	reloads     *prometheus.CounterVec
	rejections  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "immis_grpc_request_duration_seconds", Help: "Time from the first byte of a request to its status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"method", "code"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "immis_grpc_requests_in_flight", Help: "Requests under way.",
		}, []string{"method"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "immis_grpc_received_bytes_total", Help: "Bytes of messages received, as on the wire.",
		}, []string{"method"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "immis_grpc_sent_bytes_total", Help: "Bytes of messages sent, as on the wire.",
		}, []string{"method"}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "immis_grpc_connections", Help: "Open connections of the API.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "immis_grpc_panics_total", Help: "Panics of handlers that were caught.",
		}),
		internal: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "immis_grpc_internal_errors_total", Help: "Answers with code INTERNAL.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "immis_tls_reloads_total", Help: "Changed certificate files that were read again, by result.",
		}, []string{"result"}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "immis_rejections_total", Help: "Requests that were not answered with a result, by stable reason code.",
		}, []string{"reason"}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.inFlight, m.received, m.sent, m.connections, m.panics, m.internal, m.reloads, m.rejections} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) reloaded(ok bool) {
	if ok {
		m.reloads.WithLabelValues("ok").Inc()
	} else {
		m.reloads.WithLabelValues("failed").Inc()
	}
}

// observer measures and logs every request. It is a stats.Handler and not an
// interceptor, because that also sees requests that fail before a handler runs.
type observer struct {
	m       *metrics
	log     *slog.Logger
	methods map[string]bool // full names with the slash in front
	secret  [32]byte        // of this process, for hashing principals
}

func newObserver(m *metrics, log *slog.Logger) *observer {
	o := &observer{m: m, log: log, methods: map[string]bool{}}
	_, _ = rand.Read(o.secret[:]) // crypto/rand.Read never fails
	return o
}

type requestKey struct{}

// request is what is known of a request under way. The fields are touched by
// the goroutines of the transport and of the handler.
type request struct {
	method            string
	received, sent    atomic.Int64
	messages, answers atomic.Int64
}

// TagRPC implements stats.Handler.
func (o *observer) TagRPC(ctx context.Context, i *stats.RPCTagInfo) context.Context {
	method := "unknown" // a caller's invention must not become a label
	if o.methods[i.FullMethodName] {
		method = strings.TrimPrefix(i.FullMethodName, "/")
	}
	return context.WithValue(ctx, requestKey{}, &request{method: method})
}

// HandleRPC implements stats.Handler.
func (o *observer) HandleRPC(ctx context.Context, s stats.RPCStats) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		o.m.inFlight.WithLabelValues(r.method).Inc()
	case *stats.InPayload:
		r.received.Add(int64(s.WireLength))
		r.messages.Add(1)
	case *stats.OutPayload:
		r.sent.Add(int64(s.WireLength))
		r.answers.Add(1)
	case *stats.End:
		o.m.inFlight.WithLabelValues(r.method).Dec()
		o.end(ctx, r, s)
	}
}

func (o *observer) end(ctx context.Context, r *request, s *stats.End) {
	code := status.Code(s.Error)
	took := s.EndTime.Sub(s.BeginTime)
	o.m.duration.WithLabelValues(r.method, code.String()).Observe(took.Seconds())
	o.m.received.WithLabelValues(r.method).Add(float64(r.received.Load()))
	o.m.sent.WithLabelValues(r.method).Add(float64(r.sent.Load()))
	o.log.LogAttrs(ctx, level(r.method, code), "request",
		slog.String("method", r.method),
		slog.String("code", code.String()),
		slog.Duration("duration", took.Round(time.Microsecond)),
		slog.String("caller", o.caller(ctx)),
		slog.Int64("received_bytes", r.received.Load()),
		slog.Int64("sent_bytes", r.sent.Load()),
		slog.Int64("messages", r.messages.Load()),
		slog.Int64("answers", r.answers.Load()),
	)
}

// level keeps probes of load balancers out of the log and shows faults of ours.
func level(method string, code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.OK:
		if strings.HasPrefix(method, "grpc.") {
			return slog.LevelDebug
		}
	}
	return slog.LevelInfo
}

// caller is a name for the principal that is the same within one run of the
// process and tells nobody else who it is: a certificate may name a person.
func (o *observer) caller(ctx context.Context) string {
	name, err := grpcapi.Principal(ctx)
	if err != nil {
		return "none"
	}
	if name == grpcapi.LocalPrincipal {
		return name
	}
	h := hmac.New(sha256.New, o.secret[:])
	h.Write([]byte(name))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// TagConn implements stats.Handler.
func (o *observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (o *observer) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		o.m.connections.Inc()
	case *stats.ConnEnd:
		o.m.connections.Dec()
	}
}
