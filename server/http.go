package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"immis/server/httpapi"
)

// httpShare is the share of MaxInFlight that HTTP has places for: a request in JSON
// is held three times (as received, decoded, and on its way to the gRPC server)
// before it counts there, so it gets a quarter.
const httpShare = 4

// httpPlaces bounds requests over HTTP before their bodies are read. Each takes a
// place of the gRPC server too, once it is read, so HTTP cannot starve gRPC.
type httpPlaces struct{ requests, streams pool }

func newHTTPPlaces(c Config) *httpPlaces {
	return &httpPlaces{
		requests: pool{what: "requests over HTTP", limit: int64(max(1, c.MaxInFlight/httpShare))},
		streams:  pool{what: "streams over HTTP", limit: int64(max(1, c.MaxInFlight/httpShare/httpShare))},
	}
}

func (p *httpPlaces) admit(stream bool) (release func(), err error) {
	from := &p.requests
	if stream {
		from = &p.streams
	}
	if err := from.take(); err != nil {
		return nil, err
	}
	return from.give, nil
}

// newHTTP makes the transport over HTTP; it starts nothing.
func (s *Server) newHTTP() (*httpapi.API, error) {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "immis_http_request_duration_seconds", Help: "Time from the headers of a request over HTTP to the end of its answer.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
	}, []string{"route", "status"})
	if err := s.dep.Registry.Register(duration); err != nil {
		return nil, fmt.Errorf("server metrics: %w", err)
	}
	return httpapi.New(httpapi.Options{
		MaxBody: int64(s.cfg.MaxMessage), MessageTimeout: s.cfg.MessageTimeout, Version: s.cfg.Version,
		Admit: newHTTPPlaces(s.cfg).admit, Status: s.services.Status, Recovered: s.services.Recovered,
		Rejected: func(reason string) { s.metrics.rejections.WithLabelValues(reason).Inc() },
		Observe: func(route string, status int, took time.Duration) {
			duration.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
		},
		Logger: s.log,
	})
}

// listenHTTP binds the address of JSON over HTTP; nil without one. The rules are
// those of the API: plain text on loopback, elsewhere TLS with client certificates.
// With TLS files it is TLS on loopback too, as the API is.
func (s *Server) listenHTTP(ctx context.Context) (net.Listener, error) {
	address := s.cfg.HTTPListen
	if address == "" {
		return nil, nil
	}
	if !s.cfg.TLS.set() {
		checked, err := loopback(ctx, address)
		if errors.Is(err, errNotLoopback) {
			return nil, fmt.Errorf("listen for HTTP: %w; give a certificate, its key and a client CA to serve others, or use 127.0.0.1", err)
		}
		if err != nil {
			return nil, fmt.Errorf("listen for HTTP: %w", err)
		}
		address = checked
	}
	return s.bind(ctx, address, s.cfg.MaxConnections)
}

// httpServer is the server of JSON over HTTP. Bodies and answers have deadlines of
// their own (see httpapi); here are those of what comes before.
func (s *Server) httpServer(api *httpapi.API, certs *certificates) *http.Server {
	out := &http.Server{
		Handler:           api,
		ReadHeaderTimeout: s.cfg.HandshakeTimeout, // bounds the TLS handshake too
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    int(s.cfg.MaxHeader),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: int(s.cfg.MaxStreams)},
		ErrorLog:          quiet(s.log),
	}
	if certs != nil {
		both := certs.config("http/1.1")
		fresh := both.GetConfigForClient
		both.NextProtos = []string{"h2", "http/1.1"}
		both.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			present, err := fresh(hello)
			if err == nil {
				present.NextProtos = both.NextProtos
			}
			return present, err
		}
		out.TLSConfig = both
	}
	return out
}

// serveHTTP begins to answer on l, and inside the process on the bridge.
func (s *Server) serveHTTP(r *running, certs *certificates, l net.Listener) {
	s.httpAddr, r.http = l.Addr(), s.httpServer(r.bridge, certs)
	go func() {
		if err := r.grpc.Serve(r.bridge.Listener()); err != nil {
			r.fail(fmt.Errorf("serve the API to HTTP: %w", err))
		}
	}()
	go func() {
		serve := func() error { return r.http.Serve(l) }
		if certs != nil {
			serve = func() error { return r.http.ServeTLS(l, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			r.fail(fmt.Errorf("serve HTTP: %w", err))
		}
	}()
	s.log.Info("JSON over HTTP is up", "address", s.httpAddr.String(), "tls", certs != nil)
}

// HTTPAddr is the address of JSON over HTTP, nil without one; valid once Listening
// is closed.
func (s *Server) HTTPAddr() net.Addr { return s.httpAddr }

// HTTPURL is where JSON over HTTP answers, "" without one; valid once Listening is
// closed.
func (s *Server) HTTPURL() string {
	switch {
	case s.httpAddr == nil:
		return ""
	case s.cfg.TLS.set():
		return "https://" + s.httpAddr.String()
	}
	return "http://" + s.httpAddr.String()
}

// stopHTTP waits for requests over HTTP until end; what is left is cut. It comes
// before the end of gRPC, which answers them.
func (s *Server) stopHTTP(r *running, end time.Time) (err error) {
	if r.http != nil {
		ctx, cancel := context.WithDeadline(context.Background(), end)
		defer cancel()
		if err = r.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			s.log.Warn("requests over HTTP under way are cut", "after", s.cfg.ShutdownTimeout)
			err = r.http.Close()
		}
	}
	if r.bridge != nil {
		err = errors.Join(err, r.bridge.Close())
	}
	return err
}
