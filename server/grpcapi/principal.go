package grpcapi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/store"
	"immis/templates"
)

// SystemPrincipal is who the service itself acts as: in erasures resumed after a
// crash and in key epochs that end by the clock.
const SystemPrincipal = "immis"

// LocalPrincipal is who asks over plain text. The server offers plain text on
// loopback addresses only, so this is whoever is logged in on the machine.
const LocalPrincipal = "local"

// Reasons of this package. Those of templates and engine travel unchanged, and
// what both this package and the engine check has the engine's reason.
const (
	ReasonRequired  templates.Reason = "REQUIRED"
	ReasonEnum      templates.Reason = "UNKNOWN_VALUE"
	ReasonTooMany   templates.Reason = "TOO_MANY"
	ReasonMalformed templates.Reason = "MALFORMED_MESSAGE"
)

// errPrincipal is a connection whose certificate names nobody.
var errPrincipal = errors.New("client certificate names no principal")

// Principal is the authenticated name of the peer: the first URI, else DNS
// name, else e-mail address in the SAN of the verified client certificate; on a
// plain-text connection LocalPrincipal. The subject's common name is not used:
// nothing checks it for uniqueness.
func Principal(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", fmt.Errorf("request without a connection: %w", errPrincipal)
	}
	tls, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return LocalPrincipal, nil
	}
	if len(tls.State.VerifiedChains) == 0 || len(tls.State.VerifiedChains[0]) == 0 {
		return "", fmt.Errorf("connection without a verified client certificate: %w", errPrincipal)
	}
	return principalOf(tls.State.VerifiedChains[0][0])
}

func principalOf(cert *x509.Certificate) (string, error) {
	var name string
	switch {
	case len(cert.URIs) > 0:
		name = cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		name = cert.DNSNames[0]
	case len(cert.EmailAddresses) > 0:
		name = cert.EmailAddresses[0]
	default:
		return "", fmt.Errorf("no URI, DNS name or e-mail address in its SAN: %w", errPrincipal)
	}
	if len(name) > store.MaxPrincipal {
		return "", fmt.Errorf("SAN of %d bytes, want <= %d: %w", len(name), store.MaxPrincipal, errPrincipal)
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return "", fmt.Errorf("SAN with byte %#02x at %d, want printable ASCII: %w", name[i], i, errPrincipal)
		}
	}
	if name == LocalPrincipal || name == SystemPrincipal {
		return "", fmt.Errorf("SAN is %q, which the service keeps for itself: %w", name, errPrincipal)
	}
	return name, nil
}

// caller joins the principal of the transport with purpose and case of the request.
func caller(ctx context.Context, rc *immisv1.RequestContext) (engine.Caller, error) {
	name, err := Principal(ctx)
	if err != nil {
		return engine.Caller{}, err
	}
	p := rc.GetPurpose()
	if p == immisv1.Purpose_PURPOSE_UNSPECIFIED {
		return engine.Caller{}, templates.Bad(engine.ReasonPurpose, "context.purpose", "is missing", "one of the purposes of immis.v1.Purpose")
	}
	if _, known := immisv1.Purpose_name[int32(p)]; !known {
		return engine.Caller{}, templates.Bad(engine.ReasonPurpose, "context.purpose", int32(p), "one of the purposes of immis.v1.Purpose")
	}
	ref := rc.GetCaseReference()
	if err := token("context.case_reference", ref, 0, store.MaxCase, engine.ReasonCase); err != nil {
		return engine.Caller{}, err
	}
	if ref == "" && (p == immisv1.Purpose_PURPOSE_LAW_ENFORCEMENT || p == immisv1.Purpose_PURPOSE_DATA_SUBJECT_REQUEST) {
		return engine.Caller{}, templates.Bad(engine.ReasonCase, "context.case_reference", "is missing", "a case reference, which purpose "+p.String()+" demands")
	}
	return engine.Caller{Principal: name, Purpose: engine.Purpose(p), Case: ref}, nil
}
