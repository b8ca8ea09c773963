package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"immis/internal/config"
)

// maxPEM bounds each PEM file in bytes; a national list of authorities is far smaller.
const maxPEM = 4 << 20

// reloadEvery is how often, at most, the files are looked at for a change.
const reloadEvery = time.Second

// certificates holds the TLS settings made from files and makes them again when
// a file changes, so that renewed certificates need no restart. Files that do
// not load leave the old settings in force and are reported.
type certificates struct {
	files  TLSFiles
	log    *slog.Logger
	result func(ok bool) // counts reloads
	now    func() time.Time

	mu      sync.Mutex
	current *tls.Config
	stamp   [3]stamp
	looked  time.Time
}

type stamp struct {
	size int64
	time time.Time
}

func newCertificates(f TLSFiles, log *slog.Logger, result func(bool)) (*certificates, error) {
	c := &certificates{files: f, log: log, result: result, now: time.Now}
	var err error
	if c.stamp, err = c.look(); err != nil {
		return nil, err
	}
	if c.current, err = c.load(); err != nil {
		return nil, err
	}
	c.looked = c.now()
	return c, nil
}

// config is the configuration of a listener that speaks protocol; each handshake
// asks for the present one.
func (c *certificates) config(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{protocol},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			present := c.get().Clone()
			present.NextProtos = []string{protocol}
			return present, nil
		},
	}
}

func (c *certificates) get() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= reloadEvery {
		c.looked = now
		c.reload()
	}
	return c.current
}

func (c *certificates) reload() {
	seen, err := c.look()
	if err == nil && seen == c.stamp {
		return
	}
	if err == nil {
		c.stamp = seen
		var fresh *tls.Config
		if fresh, err = c.load(); err == nil {
			c.current = fresh
			c.log.Info("certificates were read again")
			c.result(true)
			return
		}
	}
	c.log.Error("certificates cannot be read again, the old ones stay", "error", err)
	c.result(false)
}

func (c *certificates) look() (out [3]stamp, err error) {
	for i, path := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		info, err := os.Stat(path)
		if err != nil {
			return out, fmt.Errorf("look at certificates: %w", err)
		}
		out[i] = stamp{info.Size(), info.ModTime()}
	}
	return out, nil
}

func (c *certificates) load() (*tls.Config, error) {
	cert, err1 := config.ReadFile(c.files.Cert, maxPEM)
	key, err2 := config.ReadFile(c.files.Key, maxPEM)
	ca, err3 := config.ReadFile(c.files.ClientCA, maxPEM)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", c.files.Cert, c.files.Key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("client CA %s holds no certificate, want PEM", c.files.ClientCA)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		// A resumed session would carry yesterday's certificate past today's CA list.
		SessionTicketsDisabled: true,
	}, nil
}
