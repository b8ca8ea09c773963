package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	immisv1 "immis/api/immis/v1"
	"immis/internal/config"
)

// client are the flags of every command that asks a server.
type client struct {
	Server        string        `default:"127.0.0.1:7301" group:"Connection:" placeholder:"HOST:PORT" help:"Address of the server (default ${default})."`
	TLSCA         string        `name:"tls-ca" env:"IMMIS_CLIENT_TLS_CA" group:"Connection:" placeholder:"FILE" help:"PEM authorities of the server's certificate; turns TLS on."`
	TLSCert       string        `name:"tls-cert" env:"IMMIS_CLIENT_TLS_CERT" group:"Connection:" placeholder:"FILE" help:"PEM client certificate; its SAN is who you are."`
	TLSKey        string        `name:"tls-key" env:"IMMIS_CLIENT_TLS_KEY" group:"Connection:" placeholder:"FILE" help:"PEM key of the client certificate."`
	TLSServerName string        `name:"tls-server-name" env:"IMMIS_CLIENT_TLS_SERVER_NAME" group:"Connection:" placeholder:"NAME" help:"Name the server's certificate must have (default: host of --server)."`
	WaitServer    time.Duration `default:"5s" group:"Connection:" help:"How long to wait for a server that does not listen or is not ready yet (default ${default}); 0: not at all."`
	Timeout       time.Duration `default:"30s" group:"Connection:" help:"Bound of each request (default ${default})."`
	Purpose       string        `default:"${purpose=}" group:"Connection:" placeholder:"PURPOSE" help:"Why: border-control, asylum, permit, visa, identification, test and others; an unknown one lists them all."`
	Case          string        `group:"Connection:" placeholder:"REF" help:"Case reference; purposes law-enforcement and data-subject-request demand one."`
}

// maxAnswer bounds what the client takes from the server, in bytes: a subject
// with all its samples.
const maxAnswer = 1 << 30

// maxPEM bounds each PEM file, in bytes.
const maxPEM = 4 << 20

// purposeName is a purpose as it stands on the command line.
func purposeName(p immisv1.Purpose) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(p.String(), "PURPOSE_")), "_", "-")
}

// context is the request context that the flags say.
func (c *client) context() (*immisv1.RequestContext, error) {
	var names []string
	for n := range immisv1.Purpose_name {
		p := immisv1.Purpose(n)
		if p == immisv1.Purpose_PURPOSE_UNSPECIFIED {
			continue
		}
		if purposeName(p) == c.Purpose {
			return &immisv1.RequestContext{Purpose: p, CaseReference: c.Case}, nil
		}
		names = append(names, purposeName(p))
	}
	slices.Sort(names)
	if c.Purpose == "" {
		return nil, usage("purpose is missing: give --purpose, one of %s", strings.Join(names, ", "))
	}
	return nil, usage("purpose %q, want one of %s", c.Purpose, strings.Join(names, ", "))
}

// dial opens a connection to the server. The caller closes it.
func (c *client) dial() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if c.TLSCA != "" || c.TLSCert != "" || c.TLSKey != "" {
		t, err := c.tls()
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(t)
	}
	conn, err := grpc.NewClient(c.Server, grpc.WithTransportCredentials(creds),
		grpc.WithUnaryInterceptor(c.waiting()), grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: retryEvery, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}, MinConnectTimeout: 5 * time.Second,
		}), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, usage("server %q: %v", c.Server, err)
	}
	return conn, nil
}

// retryEvery is the pause between attempts to reach a server that is starting.
const retryEvery = 100 * time.Millisecond

// waiting repeats what a starting server refuses, until --wait-server has passed since
// the command began. Only refusals that leave no doubt are repeated: nobody
// listened, or the server said that it is not ready. A connection that broke may
// have carried the request out. Streams are not repeated: every command that
// opens one has had an answer before.
func (c *client) waiting() grpc.UnaryClientInterceptor {
	end := time.Now().Add(c.WaitServer)
	return func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		for {
			err := invoke(ctx, method, in, out, conn, options...)
			if err == nil || !starting(err) || !time.Now().Before(end) {
				return err
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(retryEvery):
			}
		}
	}
}

// starting tells whether an error is that of a server that is not up yet.
func starting(err error) bool {
	r := explain(err)
	return r.Code == codes.Unavailable.String() &&
		(r.Reason == "NOT_READY" || r.Reason == "" && strings.Contains(r.Message, syscall.ECONNREFUSED.Error()))
}

func (c *client) tls() (*tls.Config, error) {
	if c.TLSCA == "" || c.TLSCert == "" || c.TLSKey == "" {
		return nil, usage("TLS needs all of --tls-ca, --tls-cert and --tls-key")
	}
	ca, err := config.ReadFile(c.TLSCA, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("read --tls-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, usage("--tls-ca %s holds no certificate, want PEM", c.TLSCA)
	}
	cert, err := config.ReadFile(c.TLSCert, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("read --tls-cert: %w", err)
	}
	key, err := config.ReadFile(c.TLSKey, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("read --tls-key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, usage("--tls-cert with --tls-key: %v", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: c.TLSServerName}, nil
}

// call opens a connection, runs fn with the request context, closes again.
func (c *client) call(a *app, fn func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error) error {
	rc, err := c.context()
	if err != nil {
		return err
	}
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return fn(a.ctx, conn, rc)
}

// one is call for a single request: its context ends after --timeout.
func (c *client) one(a *app, fn func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error) error {
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		return fn(ctx, conn, rc)
	})
}
