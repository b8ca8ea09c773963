// Package server assembles the service: it opens the store, builds the engine,
// puts the transports in front and takes everything down in order. It refuses
// to hold business rules, to listen in plain text on anything but loopback, and
// to answer before the index stands.
package server

import (
	"errors"
	"fmt"
	"time"

	"immis/server/grpcapi"
)

// Config is everything an operator can choose. Fill it, let New validate it,
// and never change it afterwards. A zero duration, count or size means the
// default named with the field.
type Config struct {
	// Listen is the address of the API, host:port; default 127.0.0.1:7301. Without
	// TLS only loopback addresses are accepted.
	Listen string
	// TLS is required for any address that is not loopback.
	TLS TLSFiles

	// HTTPListen is the address of JSON over HTTP; default "": none. What holds for
	// Listen holds for it: plain text on loopback without TLS, else TLS with client
	// certificates. The limits of this Config bound it too: a body by MaxMessage, its
	// time by MessageTimeout, headers by MaxHeader, connections by MaxConnections (of
	// its own), requests under way by a quarter of MaxInFlight, streams by a sixteenth.
	// Each holds at worst three times MaxMessage beside what its gRPC request holds.
	HTTPListen string

	// AdminListen is the address of metrics, health and profiles over HTTP; default
	// "": none. On loopback it is plain text; any other address demands TLS and a
	// client certificate, as the API does: a profile shows what the process holds.
	AdminListen string

	// Data is the folder of the ledger; Keys that of its secrets, which must not be
	// inside Data. KeyCommand replaces Keys by a command and its arguments.
	Data       string
	Keys       string
	KeyCommand []string
	// KeyCopy is the folder for the confirmed copy of the key table; "": none.
	KeyCopy string
	// KeyEpoch is how often a key epoch ends by itself, at least 1 min; default
	// 24 h, negative: never. Erased people become unreadable at its end.
	KeyEpoch time.Duration
	// Checkpoints is the folder below which the API may write checkpoints; "": it may not.
	Checkpoints string
	// KeepBodies keeps the bodies of ledger entries after a verified checkpoint.
	KeepBodies bool

	// SearchWorkers and SearchQueue are those of engine.Options.
	SearchWorkers int
	SearchQueue   int
	// IndexMemory is that of engine.Options; default 0, no bound.
	IndexMemory int64
	// RowsOnDisk and RowCache are OnDisk and Cache of engine.Files, whose folder is
	// Data/index; RowCache 0: 256 MiB.
	RowsOnDisk bool
	RowCache   int64

	// MaxMessage bounds a request in bytes, 64 KiB to 256 MiB; default 16 MiB.
	MaxMessage int
	// MaxConnections bounds open connections; further ones wait in the kernel's
	// queue; default 1,024.
	MaxConnections int
	// MaxStreams bounds requests under way on one connection; default 256.
	MaxStreams uint32
	// MaxInFlight bounds requests under way on all connections, those whose message
	// is still being read among them; the next one is refused at once. Streams have
	// a quarter of that number of places of their own. With MaxMessage it bounds the
	// memory that callers can fill: at worst 2.5 times their product, because a
	// message is held as received and as decoded. Default 256.
	MaxInFlight int
	// MaxHeader bounds the headers of a request in bytes; default 16 KiB.
	MaxHeader uint32
	// HandshakeTimeout bounds a connection from its accept until it can carry
	// requests, the TLS handshake included; default 10 s.
	HandshakeTimeout time.Duration
	// IdleTimeout closes a connection without requests; default 15 min.
	IdleTimeout time.Duration
	// ConnectionAge closes a connection gracefully, so that load spreads and
	// revoked certificates leave; default 2 h. What runs on it gets ConnectionGrace
	// to end; default 1 min.
	ConnectionAge   time.Duration
	ConnectionGrace time.Duration
	// MessageTimeout cuts a request whose message has not come, streams excepted;
	// default 30 s.
	MessageTimeout time.Duration
	// DefaultDeadline is that of a request that has none; default 30 s.
	DefaultDeadline time.Duration
	// MaxDeadline cuts longer deadlines; default 15 min (a key epoch or a checkpoint
	// of a large store takes minutes).
	MaxDeadline time.Duration
	// MaxStreamTime bounds a stream; default 2 h.
	MaxStreamTime time.Duration
	// StreamConcurrency is how many requests of one IdentifyStream run at once,
	// 1-64; default 8.
	StreamConcurrency int

	// DrainDelay is how long the health services say NOT_SERVING before the shutdown
	// goes on, so that load balancers notice; default 0.
	DrainDelay time.Duration
	// ShutdownTimeout bounds the wait for requests under way at a shutdown; then
	// they are cut; default 20 s.
	ShutdownTimeout time.Duration

	// Version is told by GetStatistics and the metrics.
	Version string
}

// TLSFiles are PEM files. They are read again when they change.
type TLSFiles struct {
	// Cert is the server's certificate chain, Key its private key.
	Cert, Key string
	// ClientCA holds the authorities that client certificates must come from.
	ClientCA string
}

// set tells whether TLS is asked for.
func (f TLSFiles) set() bool { return f != TLSFiles{} }

func fill[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// withDefaults returns a copy with every default filled in.
func (c Config) withDefaults() Config {
	fill(&c.Listen, "127.0.0.1:7301")
	fill(&c.KeyEpoch, 24*time.Hour)
	fill(&c.MaxMessage, 16<<20)
	fill(&c.MaxConnections, 1024)
	fill(&c.MaxStreams, 256)
	fill(&c.MaxInFlight, 256)
	fill(&c.MaxHeader, 16<<10)
	fill(&c.HandshakeTimeout, 10*time.Second)
	fill(&c.IdleTimeout, 15*time.Minute)
	fill(&c.ConnectionAge, 2*time.Hour)
	fill(&c.ConnectionGrace, time.Minute)
	fill(&c.MessageTimeout, 30*time.Second)
	fill(&c.DefaultDeadline, 30*time.Second)
	fill(&c.MaxDeadline, 15*time.Minute)
	fill(&c.MaxStreamTime, 2*time.Hour)
	fill(&c.StreamConcurrency, 8)
	fill(&c.ShutdownTimeout, 20*time.Second)
	fill(&c.Version, "devel")
	return c
}

// Validate names everything that is wrong, not only the first.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Data == "" {
		bad("data folder is not given")
	}
	switch {
	case c.Keys == "" && len(c.KeyCommand) == 0:
		bad("neither a key folder nor a key command is given, want one of them")
	case c.Keys != "" && len(c.KeyCommand) != 0:
		bad("both a key folder and a key command are given, want one of them")
	}
	for _, f := range [][2]string{{"key folder", c.Keys}, {"folder of the key table's copy", c.KeyCopy}, {"checkpoint folder", c.Checkpoints}} {
		if f[1] != "" && c.Data != "" && inside(f[1], c.Data) {
			bad("%s %s is inside the data folder %s, want it outside: a backup of the data must not hold it", f[0], f[1], c.Data)
		}
	}
	if t := c.TLS; t.set() && (t.Cert == "" || t.Key == "" || t.ClientCA == "") {
		bad("TLS has certificate %q, key %q, client CA %q; want all three or none", t.Cert, t.Key, t.ClientCA)
	}
	if c.KeyEpoch > 0 && c.KeyEpoch < time.Minute {
		bad("key epoch %v, want at least 1m, or negative for never", c.KeyEpoch)
	}
	if c.MaxMessage < 64<<10 || c.MaxMessage > 256<<20 {
		bad("largest message %d bytes, want %d to %d", c.MaxMessage, 64<<10, 256<<20)
	}
	if c.MaxConnections < 1 {
		bad("connections %d, want at least 1", c.MaxConnections)
	}
	if c.MaxInFlight < 1 {
		bad("requests in flight %d, want at least 1", c.MaxInFlight)
	}
	if c.StreamConcurrency < 1 || c.StreamConcurrency > 64 {
		bad("requests of a stream at once %d, want 1 to 64", c.StreamConcurrency)
	}
	if c.RowCache < 0 {
		bad("row cache of %d bytes, want 0 (the default) or more", c.RowCache)
	}
	if c.IndexMemory < 0 {
		bad("index memory %d bytes, want 0 (no bound) or more", c.IndexMemory)
	}
	if c.SearchWorkers < 0 || c.SearchQueue < 0 {
		bad("search workers %d, queue %d, want none negative", c.SearchWorkers, c.SearchQueue)
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"handshake timeout", c.HandshakeTimeout}, {"idle timeout", c.IdleTimeout}, {"connection age", c.ConnectionAge},
		{"connection grace", c.ConnectionGrace}, {"message timeout", c.MessageTimeout}, {"default deadline", c.DefaultDeadline}, {"largest deadline", c.MaxDeadline},
		{"largest stream time", c.MaxStreamTime}, {"drain delay", c.DrainDelay}, {"shutdown timeout", c.ShutdownTimeout},
	} {
		if d.v < 0 {
			bad("%s %v, want none negative", d.name, d.v)
		}
	}
	if c.DefaultDeadline > c.MaxDeadline {
		bad("default deadline %v, want <= the largest deadline %v", c.DefaultDeadline, c.MaxDeadline)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("server configuration: %w", err)
	}
	return nil
}

// LocalPrincipal is who acts on the server's own machine: over a plain-text
// connection, or offline on the data directory.
const LocalPrincipal = grpcapi.LocalPrincipal
