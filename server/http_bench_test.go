package server

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	immisv1 "immis/api/immis/v1"
)

// What JSON over HTTP costs above gRPC: the same verification of one face, by one
// caller, its ledger entry included.
func BenchmarkVerify(b *testing.B) {
	f := start(b, overHTTP)
	f.enroll("S-1", face(1, 0))
	in := &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(1, 1)), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: "S-1"}}
	b.Run("over=grpc", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.rec.Verify(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("over=http", func(b *testing.B) {
		text, err := io.ReadAll(asJSON(b, in))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			r, err := http.Post(f.s.HTTPURL()+"/v1/verify", "application/json", bytes.NewReader(text))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if _ = r.Body.Close(); r.StatusCode != http.StatusOK {
				b.Fatal(r.Status)
			}
		}
	})
}
