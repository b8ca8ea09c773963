package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// authority makes certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key, a.pem, _ = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	return a
}

func (a *authority) make(tmpl, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl.SerialNumber, tmpl.NotBefore, tmpl.NotAfter = serial, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// server writes the three files of a server into dir.
func (a *authority) server(dir string) TLSFiles {
	a.t.Helper()
	_, _, cert, key := a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, a.key)
	f := TLSFiles{Cert: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"), ClientCA: filepath.Join(dir, "ca.pem")}
	for path, b := range map[string][]byte{f.Cert: cert, f.Key: key, f.ClientCA: a.pem} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return f
}

// client are the settings of a client with these names in its certificate.
func (a *authority) client(change func(*x509.Certificate)) *tls.Config {
	a.t.Helper()
	tmpl := &x509.Certificate{Subject: pkix.Name{CommonName: "a name that does not count"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(tmpl)
	_, _, cert, key := a.make(tmpl, a.cert, a.key)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.pool(), Certificates: []tls.Certificate{pair}}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func uri(s string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		u, err := url.Parse(s)
		if err != nil {
			panic(err)
		}
		c.URIs = []*url.URL{u}
	}
}

func secured(a *authority, dir string, listen string, c *tls.Config) func(*setup) {
	return func(u *setup) {
		u.cfg.TLS, u.cfg.Listen, u.creds = a.server(dir), listen, credentials.NewTLS(c)
	}
}

// The admin address serves others only as the API does: TLS 1.3, a client certificate.
func TestAdminBeyondLoopbackDemandsTLS(t *testing.T) {
	a := newAuthority(t)
	good := a.client(uri("spiffe://immis/monitor"))
	all := secured(a, t.TempDir(), "127.0.0.1:0", good)
	f := start(t, all, func(u *setup) { u.cfg.AdminListen = "0.0.0.0:0" })
	_, port, err := net.SplitHostPort(f.s.AdminAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	url := "https://127.0.0.1:" + port + "/metrics"
	get := func(url string, c *tls.Config) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c}, Timeout: 10 * time.Second}
		defer client.CloseIdleConnections()
		r, err := client.Get(url)
		if err != nil {
			return err
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return errors.New(r.Status)
		}
		return nil
	}
	if err := get(url, good); err != nil {
		t.Errorf("with a client certificate: %v, want an answer", err)
	}
	if err := get(url, &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS13}); err == nil {
		t.Error("answered without a client certificate")
	}
	if err := get(url, &tls.Config{RootCAs: a.pool(), Certificates: good.Certificates, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("answered over TLS 1.2")
	}
	if err := get("http://127.0.0.1:"+port+"/metrics", nil); err == nil {
		t.Error("answered in plain text")
	}
	if !strings.HasPrefix(f.s.AdminURL(), "https://") {
		t.Errorf("URL %s, want https", f.s.AdminURL())
	}
}

// The first URI, else DNS name, else address of the certificate is who acted.
func TestPrincipalIsTheSAN(t *testing.T) {
	a := newAuthority(t)
	f := start(t, secured(a, t.TempDir(), "127.0.0.1:0", a.client(uri("spiffe://immis/desk-1"))))
	f.enroll("S-1", face(1, 0))
	for want, change := range map[string]func(*x509.Certificate){
		"spiffe://immis/desk-2": func(c *x509.Certificate) { uri("spiffe://immis/desk-2")(c); c.DNSNames = []string{"other"} },
		"desk3.example": func(c *x509.Certificate) {
			c.DNSNames = []string{"desk3.example"}
			c.EmailAddresses = []string{"x@example"}
		},
		"desk4@example": func(c *x509.Certificate) { c.EmailAddresses = []string{"desk4@example"} },
	} {
		conn := f.dial(credentials.NewTLS(a.client(change)))
		if _, err := immisv1.NewEnrollmentServiceClient(conn).GetSubject(f.ctx(), &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "S-1"}); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		page, err := f.led.ListEntries(f.ctx(), &immisv1.ListEntriesRequest{Context: rc(), PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		last := page.GetEntries()[len(page.GetEntries())-1]
		if last.GetPrincipal() != want || last.GetKind() != "get-subject" {
			t.Errorf("ledger has %s by %q, want get-subject by %q", last.GetKind(), last.GetPrincipal(), want)
		}
	}
	for name, change := range map[string]func(*x509.Certificate){
		"no SAN":         func(*x509.Certificate) {},
		"local":          func(c *x509.Certificate) { c.DNSNames = []string{"local"} },
		"immis":          func(c *x509.Certificate) { c.DNSNames = []string{"immis"} },
		"over 128 bytes": uri("spiffe://immis/" + strings.Repeat("x", 128)),
	} {
		conn := f.dial(credentials.NewTLS(a.client(change)))
		_, err := immisv1.NewAdminServiceClient(conn).GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
		if r := refusalOf(err); r.code != codes.Unauthenticated || r.reason != "BAD_PRINCIPAL" {
			t.Errorf("certificate with %s: %v %s, want UNAUTHENTICATED BAD_PRINCIPAL", name, r.code, r.reason)
		}
	}
}

func TestTLSRefusals(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	// All interfaces: allowed because of TLS.
	f := start(t, secured(a, t.TempDir(), "0.0.0.0:0", a.client(uri("spiffe://immis/desk-1"))))
	_, port, err := net.SplitHostPort(f.s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", port)
	good := a.client(uri("spiffe://immis/desk-1"))

	for name, c := range map[string]*tls.Config{
		"TLS 1.2":               {RootCAs: a.pool(), Certificates: good.Certificates, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}},
		"no client certificate": {RootCAs: a.pool(), MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}},
		"another authority":     {RootCAs: a.pool(), MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, Certificates: stranger.client(uri("spiffe://immis/desk-1")).Certificates},
	} {
		if err := handshake(address, c); err == nil {
			t.Errorf("%s: handshake went through, want a refusal", name)
		}
	}
	good.NextProtos, good.MinVersion = []string{"h2"}, tls.VersionTLS13
	if err := handshake(address, good); err != nil {
		t.Errorf("the control was refused: %v", err)
	}
	// Plain text to a TLS port.
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecureCreds()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = immisv1.NewAdminServiceClient(conn).GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("plain text to a TLS port: %v, want UNAVAILABLE", err)
	}
}

// handshake also reads: with TLS 1.3 a server refuses a client certificate only
// after the client believes the handshake is over.
func handshake(address string, c *tls.Config) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // the server's SETTINGS
	return err
}

// What is unknown and what is forbidden must look the same to the last byte.
func TestUnknownAndForbiddenAreTheSame(t *testing.T) {
	a := newAuthority(t)
	f := start(t, secured(a, t.TempDir(), "127.0.0.1:0", a.client(uri("spiffe://immis/secret"))))
	if _, err := f.gal.CreateGallery(f.ctx(), &immisv1.CreateGalleryRequest{Context: rc(), Gallery: &immisv1.Gallery{GalleryId: "secret", Readers: []string{"spiffe://immis/secret"}}}); err != nil {
		t.Fatal(err)
	}
	in := enrollment("hidden", face(1, 0))
	in.Encounter.EncounterId, in.Encounter.Galleries = "E", []string{"secret"}
	in.CheckDuplicates = true
	if _, err := f.enr.Enroll(f.ctx(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := f.enr.GetSubject(f.ctx(), &immisv1.GetSubjectRequest{Context: rc(), SubjectId: "hidden"}); err != nil {
		t.Fatalf("the reader cannot read: %v", err)
	}
	conn := f.dial(credentials.NewTLS(a.client(uri("spiffe://immis/outsider"))))
	enr, rec, gal := immisv1.NewEnrollmentServiceClient(conn), immisv1.NewRecognitionServiceClient(conn), immisv1.NewGalleryServiceClient(conn)
	for name, ask := range map[string]func(ctx context.Context, id string) error{
		"get": func(ctx context.Context, id string) error {
			_, err := enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: id})
			return err
		},
		"get encounter": func(ctx context.Context, id string) error {
			_, err := enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: id, EncounterId: "E"})
			return err
		},
		"delete": func(ctx context.Context, id string) error {
			_, err := enr.DeleteSubject(ctx, &immisv1.DeleteSubjectRequest{Context: rc(), SubjectId: id})
			return err
		},
		"delete encounter": func(ctx context.Context, id string) error {
			_, err := enr.DeleteEncounter(ctx, &immisv1.DeleteEncounterRequest{Context: rc(), SubjectId: id, EncounterId: "E"})
			return err
		},
		"erase": func(ctx context.Context, id string) error {
			_, err := enr.EraseSubject(ctx, &immisv1.EraseSubjectRequest{Context: rc(), SubjectId: id})
			return err
		},
		"add": func(ctx context.Context, id string) error {
			_, err := enr.AddEncounter(ctx, &immisv1.AddEncounterRequest{Context: rc(), SubjectId: id, Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{face(1, 1)}}})
			return err
		},
		"duplicate check": func(ctx context.Context, id string) error {
			_, err := enr.GetDuplicateCheck(ctx, &immisv1.GetDuplicateCheckRequest{Context: rc(), SubjectId: id, EncounterId: "E"})
			return err
		},
		"identify": func(ctx context.Context, id string) error {
			_, err := rec.Identify(ctx, &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_SubjectId{SubjectId: id}})
			return err
		},
		"verify": func(ctx context.Context, id string) error {
			_, err := rec.Verify(ctx, &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(1, 1)), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: id}})
			return err
		},
		"put": func(ctx context.Context, id string) error {
			_, err := gal.PutInGallery(ctx, &immisv1.PutInGalleryRequest{Context: rc(), GalleryId: "secret", SubjectId: id})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			hidden, unknown := wire(t, ask(f.ctx(), "hidden")), wire(t, ask(f.ctx(), "nobody"))
			if status.Code(ask(f.ctx(), "nobody")) != codes.NotFound {
				t.Errorf("unknown subject: %v, want NOT_FOUND", ask(f.ctx(), "nobody"))
			}
			if !bytes.Equal(hidden, unknown) {
				t.Errorf("forbidden %q, unknown %q; want the same bytes", hidden, unknown)
			}
		})
	}
	out, err := rec.Identify(f.ctx(), &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 1))}})
	if err == nil && len(out.GetCandidates()) != 0 {
		t.Errorf("an outsider's search found %v", out.GetCandidates())
	}
}

func wire(t *testing.T, err error) []byte {
	t.Helper()
	b, merr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
	if merr != nil {
		t.Fatal(merr)
	}
	return b
}

// Renewed certificates are used without a restart; broken ones leave the old.
func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t)
	f := start(t, secured(a, dir, "127.0.0.1:0", a.client(uri("spiffe://immis/desk-1"))))
	serial := func() string {
		c := a.client(uri("spiffe://immis/desk-1"))
		c.NextProtos = []string{"h2"}
		conn, err := tls.Dial("tcp", f.s.Addr().String(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	time.Sleep(reloadEvery + 50*time.Millisecond)
	if err := os.WriteFile(filepath.Join(dir, "server.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != first {
		t.Errorf("certificate %s after a broken file, want the old one %s", got, first)
	}
	time.Sleep(reloadEvery + 50*time.Millisecond)
	a.server(dir)
	if got := serial(); got == first {
		t.Error("the renewed certificate is not used")
	}
}
