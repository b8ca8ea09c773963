package seal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testKey makes a data key from a number.
func testKey(t testing.TB, r Ref, n byte) *Key {
	t.Helper()
	k, err := newKey(r, bytes.Repeat([]byte{n}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testContext() Context {
	return Context{Store: testStore, Subject: ID{1, 2, 3}, Key: ID{4, 5}, Table: 7, Version: 2}
}

func TestEnvelopeLayout(t *testing.T) {
	k := testKey(t, Ref{0x01020304, 0x05060708}, 1)
	sealed := k.Seal(testContext(), []byte("plain"))
	if len(sealed) != len("plain")+Overhead {
		t.Fatalf("length %d, want %d", len(sealed), 5+Overhead)
	}
	if want := []byte{'I', 'S', 1, 1, 1, 2, 3, 4, 5, 6, 7, 8}; !bytes.Equal(sealed[:12], want) {
		t.Fatalf("head %x, want %x", sealed[:12], want)
	}
	if bytes.Contains(sealed, []byte("plain")) {
		t.Fatal("plaintext in the envelope")
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ref := Ref{rapid.Uint32().Draw(r, "slot"), rapid.Uint32Range(1, 1<<32-1).Draw(r, "generation")}
		k := testKey(t, ref, rapid.Byte().Draw(r, "key"))
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "plain")
		c := Context{Table: rapid.Byte().Draw(r, "table"), Version: rapid.Byte().Draw(r, "version")}
		copy(c.Subject[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "subject"))
		sealed := k.Seal(c, plain)
		if got, err := SealedRef(sealed); err != nil || got != ref {
			r.Fatalf("ref %v, %v", got, err)
		}
		got, err := k.Open(c, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			r.Fatalf("open: %v", err)
		}
		bit := rapid.IntRange(0, len(sealed)*8-1).Draw(r, "bit")
		sealed[bit/8] ^= 1 << (bit % 8)
		if _, err := k.Open(c, sealed); !errors.Is(err, ErrCorrupt) {
			r.Fatalf("flipped bit %d: %v, want ErrCorrupt", bit, err)
		}
	})
}

func TestEnvelopeIsBoundToItsContext(t *testing.T) {
	k, c := testKey(t, Ref{5, 1}, 1), testContext()
	sealed := k.Seal(c, []byte("x"))
	moved := []Context{c, c, c, c, c}
	moved[0].Store[15]++
	moved[1].Subject[0]++
	moved[2].Key[3]++
	moved[3].Table++
	moved[4].Version++
	for i, m := range moved {
		if _, err := k.Open(m, sealed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("context %d: %v, want ErrCorrupt", i, err)
		}
	}
	for _, other := range []*Key{testKey(t, Ref{5, 1}, 2), testKey(t, Ref{6, 1}, 1), testKey(t, Ref{5, 2}, 1)} {
		if _, err := other.Open(c, sealed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v: %v, want ErrCorrupt", other, err)
		}
	}
	// Slot and generation are bound too, not only compared.
	for at := 4; at < 12; at++ {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		r, err := SealedRef(bad)
		if err != nil {
			continue // generation 0
		}
		if _, err := testKey(t, r, 1).Open(c, bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("renamed to %v: %v, want ErrCorrupt", r, err)
		}
	}
	// An envelope is no stream, under the same key.
	if _, _, err := StreamRef(bytes.NewReader(sealed)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("envelope as stream: %v", err)
	}
}

func TestEnvelopeErrorsSayWhatWasFound(t *testing.T) {
	k, c := testKey(t, Ref{5, 1}, 1), testContext()
	good := k.Seal(c, []byte("plain"))
	with := func(at int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[at] = b
		return bad
	}
	for _, x := range []struct {
		sealed []byte
		want   string
	}{
		{nil, "length 0, want >= 40 bytes"},
		{good[:39], "length 39, want >= 40 bytes"},
		{with(0, 'X'), "magic 0x5853, want 0x4953"},
		{with(2, 9), "version 9, want 1"},
		{with(3, 8), "algorithm 8, want 1"},
		{with(11, 0), "generation 0, want >= 1"},
		{with(7, 6), "sealed under key 6/1, want 5/1"},
		{append(bytes.Clone(good), 0), "tag does not match"},
		{good[:len(good)-1], "tag does not match"},
	} {
		_, err := k.Open(c, x.sealed)
		var typed *CorruptError
		if !errors.As(err, &typed) || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("got %v, want a CorruptError with %q", err, x.want)
		}
	}
}

// repeatedNonce seals many times under one key and tells whether a nonce came twice.
func repeatedNonce() error {
	k, err := newKey(Ref{1, 1}, make([]byte, KeySize))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range 20000 {
		nonce := string(k.Seal(Context{}, nil)[refSize:envelopeHeader])
		if seen[nonce] {
			return fmt.Errorf("seal %d: nonce %x came before", i, nonce)
		}
		seen[nonce] = true
	}
	for i := range 100 {
		var b bytes.Buffer
		if _, err := k.SealStream(Context{}, &b, strings.NewReader("")); err != nil {
			return err
		}
		salt := string(b.Bytes()[refSize:streamHeader])
		if seen[salt] {
			return fmt.Errorf("stream %d: salt and prefix came before", i)
		}
		seen[salt] = true
	}
	return nil
}

// All nonces of many seals under one key differ. Catches mutant reuse-nonce.
func TestNoncesDiffer(t *testing.T) {
	if err := repeatedNonce(); err != nil {
		t.Fatal(err)
	}
}

func TestKeysDoNotShowThemselves(t *testing.T) {
	k := testKey(t, Ref{5, 1}, 'S')
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%q", k)} {
		if strings.Contains(s, "SSS") || strings.Contains(s, "83, 83") || strings.Contains(s, "0x53") {
			t.Errorf("key shown: %s", s)
		}
	}
}

// seedEnvelopes are the fuzz targets' seeds that are made in code.
func seedEnvelopes(t testing.TB) [][]byte {
	k := testKey(t, Ref{5, 1}, 1)
	good := k.Seal(testContext(), []byte("plain text"))
	return [][]byte{nil, []byte("IS"), good, good[:Overhead], good[:len(good)-1], append(bytes.Clone(good), 0), k.Seal(testContext(), nil)}
}

// Open never panics, and opens nothing but what was sealed.
func FuzzEnvelopeOpen(f *testing.F) {
	for _, b := range seedEnvelopes(f) {
		f.Add(b)
	}
	k := testKey(f, Ref{5, 1}, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, refErr := SealedRef(b)
		plain, err := k.Open(testContext(), b)
		if err == nil {
			// Nobody else has the key, so only a seed of any run can open; it names the key.
			if refErr != nil || r != k.ref || len(plain)+Overhead != len(b) {
				t.Fatalf("opened %x", b)
			}
			return
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%v, want ErrCorrupt", err)
		}
	})
}

// Fuzz targets that run on nothing find nothing.
func TestFuzzSeedsAreThere(t *testing.T) {
	if n := len(seedEnvelopes(t)); n < 7 {
		t.Errorf("%d envelope seeds, want >= 7", n)
	}
	if n := len(seedStreams(t)); n < 6 {
		t.Errorf("%d stream seeds, want >= 6", n)
	}
	if n := len(seedSlots(t)); n < 6 {
		t.Errorf("%d slot seeds, want >= 6", n)
	}
	for _, target := range []string{"FuzzEnvelopeOpen", "FuzzStreamOpen", "FuzzSlotDecode", "FuzzHeaderDecode"} {
		files, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*"))
		if err != nil || len(files) == 0 {
			t.Errorf("no seed files of %s: %v", target, err)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err != nil || !bytes.HasPrefix(b, []byte("go test fuzz v1\n")) {
				t.Errorf("seed %s: %v", f, err)
			}
		}
	}
}
