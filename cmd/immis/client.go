package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	immisclient "immis/api/immis/client"
	immisv1 "immis/api/immis/v1"
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

// open makes the connection to the server. The caller closes it.
func (c *client) open() (*immisclient.Client, error) {
	o := immisclient.Options{Address: c.Server, Timeout: c.Timeout, Wait: c.WaitServer, MaxAnswer: maxAnswer}
	if o.Wait == 0 {
		o.Wait = -1 // the flag's 0 is "not at all"
	}
	if c.TLSCA != "" || c.TLSCert != "" || c.TLSKey != "" {
		var err error
		if o.TLS, err = c.tls(); err != nil {
			return nil, err
		}
	}
	out, err := immisclient.New(o)
	if err != nil {
		return nil, usage("%v", err)
	}
	return out, nil
}

func (c *client) tls() (*tls.Config, error) {
	if c.TLSCA == "" || c.TLSCert == "" || c.TLSKey == "" {
		return nil, usage("TLS needs all of --tls-ca, --tls-cert and --tls-key")
	}
	t, err := immisclient.TLSFiles{CA: c.TLSCA, Cert: c.TLSCert, Key: c.TLSKey, ServerName: c.TLSServerName}.Config()
	var file *fs.PathError
	if err != nil && !errors.As(err, &file) {
		return nil, usage("%v", err)
	}
	return t, err
}

// call opens a connection, runs fn with the request context, closes again.
func (c *client) call(a *app, fn func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error) error {
	rc, err := c.context()
	if err != nil {
		return err
	}
	conn, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return fn(a.ctx, conn.Conn(), rc)
}

// one is call for a single request: its context ends after --timeout.
func (c *client) one(a *app, fn func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error) error {
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		return fn(ctx, conn, rc)
	})
}
