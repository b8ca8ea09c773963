package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
)

// TLSFiles are PEM files of a connection to another machine.
type TLSFiles struct {
	// CA holds the authorities of the server's certificate.
	CA string
	// Cert is the client's certificate chain, whose SAN is the principal; Key its
	// private key.
	Cert, Key string
	// ServerName is the name that the server's certificate must have; default: the
	// host of the address.
	ServerName string
}

// maxPEM bounds each file, in bytes.
const maxPEM = 4 << 20

// Config reads the files. An error of the file system is a *fs.PathError in the
// chain; any other says what is wrong with the content.
func (f TLSFiles) Config() (*tls.Config, error) {
	ca, err := read("authorities of the server", f.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("authorities of the server: %s holds no certificate, want PEM", f.CA)
	}
	cert, err := read("client certificate", f.Cert)
	if err != nil {
		return nil, err
	}
	key, err := read("key of the client certificate", f.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: f.ServerName}, nil
}

func read(what, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(b) > maxPEM {
		return nil, fmt.Errorf("%s: %s has more than %d bytes, want <= %d", what, path, maxPEM, maxPEM)
	}
	return b, nil
}
