package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"immis/internal/gcpace"
	"immis/internal/telemetry"
	"immis/server"
)

// local is a server inside this process, with a connection to it, for demo and
// benches: the same server as that of immis serve, on loopback.
type local struct {
	server    *server.Server
	conn      *grpc.ClientConn
	data      string
	temporary string // folder to remove at the end, "" for none
	stop      context.CancelFunc
	ended     chan struct{}
	err       error // of the server, once ended is closed
}

// startLocal starts a server and waits until it serves. Without folders it makes
// temporary ones, which close removes.
func (a *app) startLocal(data, keys, prefix string, cfg server.Config) (_ *local, err error) {
	l := &local{ended: make(chan struct{})}
	switch {
	case (data == "") != (keys == ""):
		return nil, usage("--data %q and --keys %q, want both or none: data without its keys is unreadable", data, keys)
	case data == "":
		if l.temporary, err = os.MkdirTemp("", prefix); err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		data, keys = filepath.Join(l.temporary, "data"), filepath.Join(l.temporary, "keys")
	}
	started := false
	defer func() {
		if !started {
			err = errors.Join(err, l.removeTemporary())
		}
	}()
	log, err := telemetry.NewLogger(a.err, "text", "warn")
	if err != nil {
		return nil, err
	}
	cfg.Data, cfg.Keys, cfg.Version = data, keys, telemetry.Version()
	if cfg.AdminListen == "-" {
		cfg.AdminListen = ""
	}
	l.data = data
	if l.server, err = server.New(cfg, server.Dependencies{Logger: log}); err != nil {
		return nil, usage("%v", err)
	}
	// The server outlives an interrupt until its client has stopped.
	ctx, stop := context.WithCancel(context.WithoutCancel(a.ctx))
	l.stop = stop
	go gcpace.Run(ctx, gcpace.Config{})
	go func() {
		defer close(l.ended)
		l.err = l.server.Run(ctx)
	}()
	select {
	case <-l.server.Serving():
	case <-l.ended:
		stop()
		return nil, l.err
	case <-a.ctx.Done():
		stop()
		<-l.ended
		return nil, a.ctx.Err()
	}
	l.conn, err = grpc.NewClient(l.server.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		stop()
		<-l.ended
		return nil, fmt.Errorf("connect to the server in this process: %w", err)
	}
	started = true
	return l, nil
}

// whileUp ends when ctx ends or the server does.
func (l *local) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// blame names the cause of an error: an interrupt, or the end of the server.
func (l *local) blame(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-l.ended:
		if l.err != nil {
			return fmt.Errorf("the server in this process ended: %w", l.err)
		}
	default:
	}
	return err
}

// close takes connection, server and temporary folder down, in this order.
func (l *local) close() error {
	err := l.conn.Close()
	l.stop()
	<-l.ended
	return errors.Join(err, l.err, l.removeTemporary())
}

func (l *local) removeTemporary() error {
	if l.temporary == "" {
		return nil
	}
	if err := os.RemoveAll(l.temporary); err != nil {
		return fmt.Errorf("remove the temporary folder: %w", err)
	}
	return nil
}
