package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/tap"

	"immis/server/grpcapi"
)

// inFlight bounds what callers can make the server hold in memory. A request is
// counted when its headers have come and its message has not been read: a bound
// behind the read would let every stream of every connection fill a buffer of
// the largest message first.
//
// There are three pools, so that none can starve another. Requests with one
// answer have MaxInFlight places. Streams (watches, IdentifyStream, reflection,
// the watch of the health service) stay for hours; they have a quarter of that
// number, of their own. Health checks have a few, so that a full server is not
// taken for a dead one. The one message a stream may have read counts with the
// stream; what it has under way takes places like any other request.
type inFlight struct {
	requests, streams, probes pool

	services  *grpcapi.Services
	streaming map[string]bool // full names of methods, with the slash in front
	deadline  time.Duration   // for the message of a request to come
}

// probePlaces is for health checks: a load balancer's every few seconds.
const probePlaces = 16

const healthCheck = "/grpc.health.v1.Health/Check"

// pool is a number of places.
type pool struct {
	what  string
	limit int64
	taken atomic.Int64
}

func (p *pool) take() error {
	if p.taken.Add(1) > p.limit {
		p.taken.Add(-1)
		return &grpcapi.InFlightError{What: p.what, Limit: p.limit}
	}
	return nil
}

func (p *pool) give() { p.taken.Add(-1) }

func newInFlight(c Config) *inFlight {
	return &inFlight{
		requests:  pool{what: "requests", limit: int64(c.MaxInFlight)},
		streams:   pool{what: "streams", limit: int64(max(1, c.MaxInFlight/4))},
		probes:    pool{what: "health checks", limit: probePlaces},
		streaming: map[string]bool{},
		deadline:  c.MessageTimeout,
	}
}

// admit takes a place for one message of a stream.
func (f *inFlight) admit() (release func(), err error) {
	if err := f.requests.take(); err != nil {
		return nil, err
	}
	return sync.OnceFunc(f.requests.give), nil
}

type placeKey struct{}

// place is the one that a request holds. It is given back when its handler has
// ended, and not already when the caller has gone: a handler keeps its message
// until then. A request that never gets a handler has only its context to tell.
type place struct {
	pool   *pool
	cancel context.CancelFunc
	late   *time.Timer // cuts a message that does not come; nil for streams
	mu     sync.Mutex
	begun  bool
	held   bool
}

func (p *place) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	if !p.held { // the caller was gone before the handler began
		p.held = true
		p.pool.taken.Add(1)
	}
}

func (p *place) gone() {
	p.read()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun && p.held {
		p.held = false
		p.pool.give()
	}
}

func (p *place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held {
		p.held = false
		p.pool.give()
	}
	p.read()
	p.cancel()
}

// read is called when the message is there.
func (p *place) read() {
	if p.late != nil {
		p.late.Stop()
	}
}

// tap is asked when the headers of a request have come.
func (f *inFlight) tap(ctx context.Context, i *tap.Info) (context.Context, error) {
	p := &place{pool: &f.requests, held: true}
	switch {
	case i.FullMethodName == healthCheck:
		p.pool = &f.probes
	case f.streaming[i.FullMethodName]:
		p.pool = &f.streams
	}
	if err := p.pool.take(); err != nil {
		return ctx, f.services.Status(ctx, err)
	}
	ctx, p.cancel = context.WithCancel(ctx)
	if p.pool != &f.streams {
		// The handler's deadline begins when the message has been read. Who sends it
		// byte by byte would hold a place for as long as the connection lives.
		p.late = time.AfterFunc(f.deadline, p.cancel)
	}
	context.AfterFunc(ctx, p.gone)
	return context.WithValue(ctx, placeKey{}, p), nil
}

// TagRPC implements stats.Handler.
func (f *inFlight) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (f *inFlight) HandleRPC(ctx context.Context, s stats.RPCStats) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok {
		return
	}
	switch s.(type) {
	case *stats.Begin:
		p.begin()
	case *stats.InPayload:
		p.read()
	case *stats.End:
		p.end()
	}
}

// TagConn implements stats.Handler.
func (f *inFlight) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (f *inFlight) HandleConn(context.Context, stats.ConnStats) {}
