package demo

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	immisv1 "immis/api/immis/v1"
)

// TestTreeRoot compares the recursion of RFC 6962 with the library's own tree.
func TestTreeRoot(t *testing.T) {
	var stored, leaves []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, k := range at {
			out[i] = stored[k]
		}
		return out, nil
	})
	for n := range int64(130) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := treeRoot(leaves); got != want {
			t.Fatalf("root of %d leaves is %v, want %v", n, got, want)
		}
		data := fmt.Appendf(nil, "entry %d", n)
		hashes, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored, leaves = append(stored, hashes...), append(leaves, tlog.RecordHash(data))
	}
}

func TestOpenHead(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "immis/test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	root := tlog.RecordHash([]byte("root"))
	text := fmt.Sprintf("immis/test\n7\n%s\n", base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	got, gotRoot, err := openHead(&immisv1.GetHeadResponse{Note: signed, Size: 7, VerifierKey: public})
	if err != nil || got != text || gotRoot != root {
		t.Errorf("head %q with root %v (%v), want what was signed", got, gotRoot, err)
	}
	forged := []byte(strings.Replace(string(signed), "\n7\n", "\n8\n", 1))
	if got, _, err = openHead(&immisv1.GetHeadResponse{Note: forged, Size: 8, VerifierKey: public}); err != nil || got != "" {
		t.Errorf("forged head %q (%v), want no text: its signature is not good", got, err)
	}
	_, other, err := note.GenerateKey(rand.Reader, "immis/test")
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err = openHead(&immisv1.GetHeadResponse{Note: signed, Size: 7, VerifierKey: other}); err != nil || got != "" {
		t.Errorf("head of another key %q (%v), want no text", got, err)
	}
	for name, h := range map[string]*immisv1.GetHeadResponse{
		"size":  {Note: signed, Size: 8, VerifierKey: public},
		"key":   {Note: signed, Size: 7, VerifierKey: "x"},
		"empty": {Size: 7, VerifierKey: public},
	} {
		if _, _, err := openHead(h); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
