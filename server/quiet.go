package server

import (
	"context"
	"log"
	"log/slog"
)

// quiet is where net/http tells of handshakes that failed and connections that
// broke: anybody can cause them, so they are for who looks closely.
func quiet(l *slog.Logger) *log.Logger { return slog.NewLogLogger(debug{l.Handler()}, slog.LevelDebug) }

type debug struct{ slog.Handler }

func (d debug) Handle(ctx context.Context, r slog.Record) error {
	r.Message = "http server: " + r.Message
	return d.Handler.Handle(ctx, r)
}
