package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"immis/internal/gcpace"
	"immis/internal/telemetry"
	"immis/server"
)

// serveCmd are the flags of the server; each is a field of server.Config.
type serveCmd struct {
	Listen      string `default:"127.0.0.1:7301" placeholder:"HOST:PORT" help:"Address of the API (default ${default}). Plain text on loopback only."`
	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"PEM certificate chain of the server."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"PEM key of the certificate."`
	TLSClientCA string `name:"tls-client-ca" placeholder:"FILE" help:"PEM authorities that clients' certificates must come from. All three are read again when they change."`

	HTTP string `name:"http" placeholder:"HOST:PORT" help:"Address of JSON over HTTP (default: loopback, the port of --listen plus 2: 127.0.0.1:7303); - for none. Elsewhere than on loopback it needs the TLS files above, and with them it is TLS everywhere. GET /openapi.json describes it."`

	Admin string `default:"127.0.0.1:7302" placeholder:"HOST:PORT" help:"Address of metrics, health and profiles over HTTP (default ${default}); - for none. Plain text on loopback only; elsewhere with the TLS files above and client certificates."`

	Data       string        `default:"immis-data" placeholder:"DIR" help:"Folder of the ledger (default ${default})."`
	Keys       string        `default:"immis-keys" placeholder:"DIR" help:"Folder of the secrets, outside --data (default ${default})."`
	KeyCommand []string      `sep:" " placeholder:"ARGV" help:"Command that keeps the secrets instead of --keys: ARGV get|put|destroy|list [NAME]."`
	KeyCopy    string        `placeholder:"DIR" help:"Folder for the confirmed copy of the key table."`
	KeyEpoch   time.Duration `default:"24h" help:"How often a key epoch ends by itself (default ${default}); negative: never."`

	Checkpoints string `placeholder:"DIR" help:"Folder below which the API may write checkpoints."`
	KeepBodies  bool   `help:"Keep the bodies of ledger entries after a checkpoint."`

	SearchWorkers int    `default:"0" help:"Searches that run at once; 0: one less than the cores."`
	IndexMemory   int64  `default:"0" placeholder:"BYTES" help:"Most memory of the vector indexes, outside the Go heap; beyond it enrolments of face vectors are refused and searches go on. 0: no bound."`
	Rows          string `default:"memory" enum:"memory,disk" help:"Where the rows of face vectors are, memory or disk (default ${default}). On disk memory has only their codes, about a third; searches read the rows that matter from sealed files, which are written in any case, below --data, for the next start."`
	RowCache      int64  `default:"268435456" placeholder:"BYTES" help:"Memory for rows that are read from disk (default ${default})."`
	SearchQueue   int    `default:"64" help:"Searches that may wait; further ones are refused at once (default ${default})."`

	MaxMessage        int           `default:"16777216" help:"Largest request in bytes (default ${default})."`
	MaxConnections    int           `default:"1024" help:"Open connections (default ${default})."`
	MaxStreams        uint32        `default:"256" help:"Requests under way on one connection (default ${default})."`
	MaxInFlight       int           `default:"256" help:"Requests under way on all connections (default ${default}); further ones are refused at once. Streams have a quarter of that number of their own. What callers can fill is at worst 2.5 times this times --max-message: 10 GiB with the defaults."`
	MaxHeader         uint32        `default:"16384" help:"Largest request headers in bytes (default ${default})."`
	HandshakeTimeout  time.Duration `default:"10s" help:"Bound of connection set-up (default ${default})."`
	IdleTimeout       time.Duration `default:"15m" help:"Close idle connections after (default ${default})."`
	ConnectionAge     time.Duration `default:"2h" help:"Close connections gracefully after (default ${default})."`
	MessageTimeout    time.Duration `default:"30s" help:"Cut a request whose message has not come after (default ${default})."`
	DefaultDeadline   time.Duration `default:"30s" help:"Deadline of requests without one (default ${default})."`
	MaxDeadline       time.Duration `default:"15m" help:"Longest deadline of a request (default ${default})."`
	StreamConcurrency int           `default:"8" help:"Requests of one identify stream that run at once (default ${default})."`
	DrainDelay        time.Duration `default:"0s" help:"How long health says NOT_SERVING before a shutdown goes on (default ${default})."`
	ShutdownTimeout   time.Duration `default:"20s" help:"Wait for requests under way at a shutdown (default ${default})."`

	LogFormat string `default:"text" enum:"text,json" help:"text or json (default ${default})."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error (default ${default})."`
}

// Help implements kong.HelpProvider.
func (*serveCmd) Help() string {
	return `Runs until it gets SIGINT or SIGTERM. The first start makes --data and --keys. Until the index stands, health says NOT_SERVING and requests get UNAVAILABLE.

Examples:
  immis serve
  immis serve --listen 0.0.0.0:7301 --http 0.0.0.0:7303 --tls-cert server.pem --tls-key server.key --tls-client-ca stations.pem`
}

func (c *serveCmd) config() server.Config {
	cfg := server.Config{
		Listen: c.Listen, TLS: server.TLSFiles{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA},
		HTTPListen: c.HTTP, AdminListen: c.Admin,
		Data: c.Data, Keys: c.Keys, KeyCommand: c.KeyCommand, KeyCopy: c.KeyCopy, KeyEpoch: c.KeyEpoch,
		Checkpoints: c.Checkpoints, KeepBodies: c.KeepBodies,
		SearchWorkers: c.SearchWorkers, SearchQueue: c.SearchQueue, IndexMemory: c.IndexMemory, RowsOnDisk: c.Rows == "disk", RowCache: c.RowCache,
		MaxMessage: c.MaxMessage, MaxConnections: c.MaxConnections, MaxStreams: c.MaxStreams, MaxInFlight: c.MaxInFlight, MaxHeader: c.MaxHeader,
		HandshakeTimeout: c.HandshakeTimeout, IdleTimeout: c.IdleTimeout, ConnectionAge: c.ConnectionAge,
		MessageTimeout: c.MessageTimeout, DefaultDeadline: c.DefaultDeadline, MaxDeadline: c.MaxDeadline, StreamConcurrency: c.StreamConcurrency,
		DrainDelay: c.DrainDelay, ShutdownTimeout: c.ShutdownTimeout,
		Version: telemetry.Version(),
	}
	if c.Admin == "-" {
		cfg.AdminListen = ""
	}
	switch c.HTTP {
	case "":
		cfg.HTTPListen = besides(c.Listen)
	case "-":
		cfg.HTTPListen = ""
	}
	if len(c.KeyCommand) > 0 {
		cfg.Keys = ""
	}
	return cfg
}

// besides is the address of JSON over HTTP where none is given: on loopback, the
// port two above that of the API, so that two servers on one machine need only two
// ports of the API. A free port beside a free port. "" for an address that is none:
// the API refuses it.
func besides(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	if n > 0 {
		n = (n + 2) % (1 << 16)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10))
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(a *app) error {
	log, err := telemetry.NewLogger(a.err, c.LogFormat, c.LogLevel)
	if err != nil {
		return usage("%v", err)
	}
	cfg := c.config()
	p := a.progress("loading the index")
	s, err := server.New(cfg, server.Dependencies{Logger: log, Registry: telemetry.NewRegistry(cfg.Version), Progress: p.update})
	if err != nil {
		return usage("%v", err)
	}
	served := make(chan struct{})
	told := make(chan error, 1)
	go func() {
		select {
		case <-s.Serving():
			p.end()
			told <- c.announce(a, s)
		case <-served:
			told <- nil
		}
	}()
	go gcpace.Run(a.ctx, gcpace.Config{})
	err = s.Run(a.ctx)
	close(served)
	return errors.Join(err, <-told)
}

// announce tells on standard output where the server answers: whoever started
// it with port 0 learns the port, and that requests are served.
func (c *serveCmd) announce(a *app, s *server.Server) error {
	admin := ""
	if s.AdminAddr() != nil {
		admin = s.AdminAddr().String()
	}
	if a.json {
		return a.printValue(map[string]string{"serving": s.Addr().String(), "http": s.HTTPURL(), "admin": admin})
	}
	text := fmt.Sprintf("serving on %s", s.Addr())
	if u := s.HTTPURL(); u != "" {
		text += fmt.Sprintf(", JSON on %s/v1", u)
	}
	if admin != "" {
		text += fmt.Sprintf(", metrics on %s/metrics", s.AdminURL())
	}
	a.printf("%s\n", text)
	return nil
}
