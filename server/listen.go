package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"golang.org/x/net/netutil"
)

// errNotLoopback is an address that others could reach in plain text.
var errNotLoopback = errors.New("not a loopback address")

// loopback resolves host:port and returns the address to listen on if every
// address the host has is loopback. What is listened on is the address that was
// checked, not the name: a second look-up could answer something else. An empty
// host means all interfaces and is refused.
func loopback(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address %q, want host:port: %w", address, err)
	}
	if host == "" {
		return "", fmt.Errorf("address %q means every interface: %w", address, errNotLoopback)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", address, err)
	}
	pick := ""
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return "", fmt.Errorf("address %q is %s: %w", address, ip, errNotLoopback)
		}
		if pick == "" || ip.IP.To4() != nil {
			pick = ip.String()
		}
	}
	if pick == "" {
		return "", fmt.Errorf("address %q has no IP address", address)
	}
	return net.JoinHostPort(pick, port), nil
}

// listenAPI binds the address of the API.
func (s *Server) listenAPI(ctx context.Context) (net.Listener, error) {
	address := s.cfg.Listen
	if !s.cfg.TLS.set() {
		checked, err := loopback(ctx, address)
		if errors.Is(err, errNotLoopback) {
			return nil, fmt.Errorf("listen: %w; give a certificate, its key and a client CA to serve others, or use 127.0.0.1", err)
		}
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		address = checked
	}
	return s.bind(ctx, address, s.cfg.MaxConnections)
}

// adminConnections bounds the connections of the admin address: scrapers and
// a person or two.
const adminConnections = 32

// listenAdmin binds the admin address; nil without one. On loopback it is plain
// text, elsewhere TLS with the certificates of the API (certs; nil without).
func (s *Server) listenAdmin(ctx context.Context, certs *certificates) (net.Listener, error) {
	address := s.cfg.AdminListen
	if address == "" {
		return nil, nil
	}
	checked, err := loopback(ctx, address)
	switch {
	case err == nil:
		return s.bind(ctx, checked, adminConnections)
	case errors.Is(err, errNotLoopback) && certs != nil:
		l, err := s.bind(ctx, address, adminConnections)
		if err != nil {
			return nil, err
		}
		s.adminTLS = true
		return tls.NewListener(l, certs.config("http/1.1")), nil
	case errors.Is(err, errNotLoopback):
		return nil, fmt.Errorf("listen for admin: %w; give a certificate, its key and a client CA to serve others, or use 127.0.0.1", err)
	}
	return nil, fmt.Errorf("listen for admin: %w", err)
}

func (s *Server) bind(ctx context.Context, address string, connections int) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; another process may have it, choose another port", address, err)
	}
	return netutil.LimitListener(l, connections), nil
}

// inside tells whether path is dir or lies below it.
func inside(path, dir string) bool {
	p, err1 := filepath.Abs(path)
	d, err2 := filepath.Abs(dir)
	if err1 != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(d, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
