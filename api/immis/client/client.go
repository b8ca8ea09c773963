// Package client is how Go programs talk to an IMMIS server: the services of
// immis.v1 over one connection, with what every caller needs around them. Requests
// have a deadline, name their purpose, wait for a server that is starting, and are
// repeated where that cannot do a thing twice; errors say what is wrong in fields.
// It refuses to hide messages behind types of its own, to read flags or environment,
// and to repeat a stream.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	immisv1 "immis/api/immis/v1"
)

// Options of a client. The zero value of a field means its default.
type Options struct {
	// Address of the server, host:port. Required.
	Address string
	// TLS is how to reach a server on another machine: its authorities and the
	// certificate whose SAN is the principal (see TLSFiles); nil: plain text, which
	// servers offer on loopback only.
	TLS *tls.Config
	// Purpose and Case fill the context of requests that have none; default: requests
	// bring theirs.
	Purpose immisv1.Purpose
	Case    string
	// Timeout is the deadline of a request that has none, its repetitions included;
	// default 30 s, negative: none. Streams have no deadline but their caller's.
	Timeout time.Duration
	// Wait is how long, from New on, requests wait for a server that does not listen
	// or is not ready yet; default 5 s, negative: not at all.
	Wait time.Duration
	// Retries is how often a request is repeated that the server was too busy for or
	// whose connection broke; default 4, negative: never.
	Retries int
	// MaxAnswer bounds an answer in bytes; default 64 MiB.
	MaxAnswer int
	// Dial are further options of the connection, e.g. for tracing.
	Dial []grpc.DialOption
}

func (o Options) withDefaults() Options {
	fill := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
		*v = max(*v, 0)
	}
	fill(&o.Timeout, 30*time.Second)
	fill(&o.Wait, 5*time.Second)
	if o.Retries == 0 {
		o.Retries = 4
	}
	o.Retries = max(o.Retries, 0)
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 64 << 20
	}
	return o
}

// Client holds a connection. Its methods are those of the services; they may be
// called by many goroutines. Errors are of type *Error.
type Client struct {
	immisv1.EnrollmentServiceClient
	immisv1.GalleryServiceClient
	immisv1.RecognitionServiceClient
	immisv1.LedgerServiceClient
	immisv1.AdminServiceClient

	conn *grpc.ClientConn
}

// New makes a client that connects with its first request. The caller closes it.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	if o.Address == "" {
		return nil, errors.New("server address is missing, want host:port")
	}
	creds := insecure.NewCredentials()
	if o.TLS != nil {
		creds = credentials.NewTLS(o.TLS)
	}
	c := &caller{opt: o, waitUntil: time.Now().Add(o.Wait)}
	conn, err := grpc.NewClient(o.Address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(o.MaxAnswer)),
		// Repetitions are decided here, where reasons are known.
		grpc.WithDisableServiceConfig(),
	}, o.Dial...)...)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w", o.Address, err)
	}
	return &Client{
		EnrollmentServiceClient:  immisv1.NewEnrollmentServiceClient(conn),
		GalleryServiceClient:     immisv1.NewGalleryServiceClient(conn),
		RecognitionServiceClient: immisv1.NewRecognitionServiceClient(conn),
		LedgerServiceClient:      immisv1.NewLedgerServiceClient(conn),
		AdminServiceClient:       immisv1.NewAdminServiceClient(conn),
		conn:                     conn,
	}, nil
}

// Dial is New, and returns when the server answers requests. It fails when ctx ends
// or Wait has passed before, with the reason of the last attempt, and at once when
// waiting cannot help, e.g. for a certificate that the server does not take.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := c.Ready(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Ready returns when the server answers requests (see Dial).
func (c *Client) Ready(ctx context.Context) error {
	_, err := healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: immisv1.RecognitionService_ServiceDesc.ServiceName})
	return err
}

// Conn is the connection, for services that are not of immis.v1. Requests over it
// are treated as those of the client.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close ends the connection. Requests under way fail.
func (c *Client) Close() error { return c.conn.Close() }
