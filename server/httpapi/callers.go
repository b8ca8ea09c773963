package httpapi

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
)

// How a principal crosses the process. The HTTP server verifies the client's
// certificate with the same settings as the gRPC server. What it verified stays in
// this process, in a table under a random ticket; the ticket travels with the gRPC
// request; Tap looks it up and makes the HTTP client the peer of the request. So
// everything behind takes the principal from a verified certificate, as ever.
//
// A client cannot forge it: tickets count only on the connection inside the process,
// which is told from others by its Go type and not by anything sent over it; no
// header of a client becomes metadata; and a ticket is 128 random bits that exist
// while one request is under way.

// ticketKey is the name of the metadata.
const ticketKey = "immis-ticket"

// callers holds the clients of the requests under way.
type callers struct {
	mu    sync.Mutex
	peers map[string]*peer.Peer
}

// enter registers the client of a request until leave is called.
func (c *callers) enter(r *http.Request) (ticket string, leave func()) {
	p := &peer.Peer{Addr: address(r.RemoteAddr)}
	if r.TLS != nil {
		p.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	ticket = rand.Text()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers == nil {
		c.peers = map[string]*peer.Peer{}
	}
	c.peers[ticket] = p
	return ticket, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.peers, ticket)
	}
}

func (c *callers) find(tickets []string) *peer.Peer {
	if len(tickets) != 1 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers[tickets[0]]
}

// address is the remote address of a HTTP client, as net/http writes it.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// inside marks the connection of this package to the gRPC server.
type inside struct{ credentials.CommonAuthInfo }

// AuthType implements credentials.AuthInfo.
func (inside) AuthType() string { return "immis-http" }

// pipe is a connection of Listener, and of nothing else.
type pipe struct{ net.Conn }

type pipeListener struct{ net.Listener }

func (l pipeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return pipe{c}, nil
}

// Listener is where the gRPC server takes the connection of this package.
func (a *API) Listener() net.Listener { return pipeListener{a.listener} }

// Credentials are those of the gRPC server: a connection of Listener needs none,
// because it never leaves the process; every other one goes through next.
func (a *API) Credentials(next credentials.TransportCredentials) credentials.TransportCredentials {
	return doorman{next}
}

type doorman struct {
	credentials.TransportCredentials
}

func (d doorman) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if _, ok := c.(pipe); ok {
		return c, inside{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
	}
	return d.TransportCredentials.ServerHandshake(c)
}

func (d doorman) Clone() credentials.TransportCredentials {
	return doorman{d.TransportCredentials.Clone()}
}

// Tap puts the HTTP client in the place of this package as the peer of a request,
// then asks next. A request of this package without a ticket is refused: it would
// be one without a principal.
func (a *API) Tap(next tap.ServerInHandle) tap.ServerInHandle {
	return func(ctx context.Context, i *tap.Info) (context.Context, error) {
		if p, ok := peer.FromContext(ctx); ok {
			if _, ours := p.AuthInfo.(inside); ours {
				client := a.callers.find(i.Header[ticketKey])
				if client == nil {
					return ctx, errNoClient()
				}
				ctx = peer.NewContext(ctx, client)
			}
		}
		return next(ctx, i)
	}
}
