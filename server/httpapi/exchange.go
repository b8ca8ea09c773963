package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
)

// exchange is what is known of one request under way.
type exchange struct {
	begun   time.Time
	id      string // of the request: X-Request-Id, instance of a problem
	route   string // as the description names it
	op      *operation
	ticket  string
	params  map[string]string // identifiers of the path
	out     *answer
	control *http.ResponseController
	reason  string // of the problem that was answered

	mu  sync.Mutex
	err error
}

type exchangeKey struct{}

// exchangeOf is the exchange of a request; an empty one for a stranger's context.
func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

// note keeps the first error of an exchange: reader and writer of a stream are
// two goroutines, and the gateway hands on texts only.
func (e *exchange) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

func (e *exchange) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// metadata goes with the gRPC request: the ticket and nothing else.
func (e *exchange) metadata() metadata.MD { return metadata.Pairs(ticketKey, e.ticket) }
