package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"immis/store/seal"
)

// sampleEnvelope has the form of a sealed value; it opens with no key.
func sampleEnvelope(ref Ref, n int) []byte {
	b := []byte{'I', 'S', 1, 1}
	b = appendRef(b, ref)
	return append(b, make([]byte, seal.Overhead-12+n)...)
}

func sampleEntries() []Entry {
	at := time.Unix(1_800_000_000, 123).UTC()
	return []Entry{
		{Number: 0, Time: at, Kind: KindCreated, Principal: "immis"},
		{Number: 1<<64 - 1, Time: at, Kind: 255, Purpose: 255, Result: 255, Object: id(3), Principal: strings.Repeat("p", MaxPrincipal),
			Case: strings.Repeat("c", MaxCase), BodyHash: [32]byte{1}, BodySize: 1<<32 - 1, State: Digest{2}},
	}
}

func sampleMutations() []Mutation {
	ref := Ref{Slot: 7, Generation: 2}
	row := Row{Table: 1, Subject: id(1), Key: id(2)}
	return []Mutation{
		{},
		{Ops: []Op{NewSubject(id(1), ref), Put(row, ref, sampleEnvelope(ref, 5), Absent, BlobID(id(9)), BlobID(id(8))), Delete(row, Present)}},
		{Ops: []Op{DropSubject(id(1), true), DropSubject(id(2), false)}, Detail: sampleEnvelope(Ref{Slot: 0, Generation: 1}, 3)},
		{Request: &Request{ID: id(4), Value: [32]byte{1, 2}, Subject: id(1), Answer: sampleEnvelope(ref, 1)}},
		{Request: &Request{ID: id(4)}, Ops: []Op{Put(Row{Table: MaxTable}, Ref{Slot: 0, Generation: 1}, nil, Any)}},
	}
}

func FuzzDecodeEntry(f *testing.F) {
	seeds := 0
	for _, e := range sampleEntries() {
		f.Add(e.encode())
		f.Add(e.encode()[:entryFixed])
		seeds += 2
	}
	if seeds != 4 {
		f.Fatalf("%d seeds, want 4", seeds)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEntry(b)
		if err == nil && !bytes.Equal(e.encode(), b) {
			t.Fatalf("decoded %x, encodes to %x", b, e.encode())
		}
	})
}

func FuzzDecodeBody(f *testing.F) {
	seeds := 0
	for _, m := range sampleMutations() {
		f.Add(encodeBody(&m))
		seeds++
	}
	if seeds != 5 {
		f.Fatalf("%d seeds, want 5", seeds)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeBody(b)
		if err != nil {
			return
		}
		again := encodeBody(&Mutation{Request: d.request, Ops: d.ops, Detail: d.detail})
		if !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encodes to %x", b, again)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	s := subjectRow{Subject: Subject{Ref: Ref{Slot: 1, Generation: 2}, Status: SubjectLive, Entries: 3, First: 4, Last: 5}, tables: []tableCount{{1, 2}, {9, 1}}}
	m := newMeta()
	m.count, m.rows[3], m.rows[200] = 9, 4, 1
	seeds := [][]byte{
		append([]byte{prefixSubject}, s.encode()...),
		append([]byte{prefixRow}, (&rowValue{ref: Ref{Slot: 1, Generation: 2}, blobs: []BlobID{{1}}, sealed: []byte("sealed")}).encode()...),
		append([]byte{prefixRequest}, (&requestValue{number: 3, time: time.Unix(0, 5), answer: []byte("a")}).encode()...),
		append([]byte{prefixBlob}, (&blobValue{subject: id(1), uses: 2}).encode()...),
		append([]byte{prefixMeta}, m.encode()...),
	}
	if len(seeds) != 5 {
		f.Fatalf("%d seeds, want 5", len(seeds))
	}
	for _, b := range seeds {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		b := in[1:]
		var again []byte
		var err error
		switch in[0] {
		case prefixSubject:
			var v subjectRow
			v, err = decodeSubject(b)
			again = v.encode()
		case prefixRow:
			var v rowValue
			v, err = decodeRow(b)
			again = v.encode()
		case prefixRequest:
			var v requestValue
			v, err = decodeRequest(b)
			again = v.encode()
		case prefixBlob:
			var v blobValue
			v, err = decodeBlob(b)
			again = v.encode()
		case prefixMeta:
			var v meta
			v, err = decodeMeta(b)
			again = v.encode()
		default:
			return
		}
		if err == nil && !bytes.Equal(again, b) {
			t.Fatalf("%q: decoded %x, encodes to %x", in[0], b, again)
		}
	})
}

func FuzzFiles(f *testing.F) {
	store := id(5)
	signer, verifier, err := headKeys(store, bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	head, err := signHead(signer, store, 77, tlog.Hash{3}, time.Unix(1_800_000_000, 5))
	if err != nil {
		f.Fatal(err)
	}
	s := mustStart(f, testOptions(vfs.NewMem()))
	var export bytes.Buffer
	if _, err := s.ExportEntries(context.Background(), &export); err != nil {
		f.Fatal(err)
	}
	mustStop(f, s)
	seeds := [][]byte{head.Note, encodeFormat(store), encodeAnchorSlot(1, head.Note), encodeAnchorSlot(0, nil), export.Bytes()}
	if len(seeds) != 5 {
		f.Fatalf("%d seeds, want 5", len(seeds))
	}
	for _, b := range seeds {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := OpenHead(b, verifier); err == nil && headText(store, h.Size, h.Root, h.Time) != textOf(t, b, verifier) {
			t.Fatalf("head %q reads as %+v", b, h)
		}
		if id, err := decodeFormat(b); err == nil && !bytes.Equal(encodeFormat(id), b) {
			t.Fatalf("format %q encodes to %q", b, encodeFormat(id))
		}
		for i := range 2 {
			if seq, h, err := decodeAnchorSlot(i, b, verifier); err == nil && !bytes.Equal(encodeAnchorSlot(seq, h.Note), b) {
				t.Fatalf("slot %x encodes to %x", b, encodeAnchorSlot(seq, h.Note))
			}
		}
		_, _ = readExport(bytes.NewReader(b), func(raw []byte) error {
			_, err := DecodeEntry(raw)
			return err
		})
	})
}

func textOf(t *testing.T, msg []byte, v note.Verifier) string {
	t.Helper()
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	return n.Text
}

// TestEntryBytes pins the layout: a change here breaks every ledger there is.
func TestEntryBytes(t *testing.T) {
	e := sampleEntries()[0]
	e.Principal, e.Case, e.BodySize = "ab", "c", 258
	want := "01" + "0000000000000000" + "18fae27693b4007b" + "010000" + strings.Repeat("00", 48) + "00000102" + strings.Repeat("00", 32) + "026162" + "0163"
	if got := hex.EncodeToString(e.encode()); got != want {
		t.Fatalf("entry\n%s, want\n%s", got, want)
	}
}

func TestDecodersRefuse(t *testing.T) {
	e := sampleEntries()[1]
	good := e.encode()
	change := func(i int, v byte) []byte {
		b := bytes.Clone(good)
		b[i] = v
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":           {nil, "0 bytes, want at least 106"},
		"version":         {change(0, 2), "version 2, want 1"},
		"trailing":        {append(bytes.Clone(sampleEntriesFirst()), 0), "1 trailing bytes"},
		"long principal":  {change(104, 129), "129 bytes, want at most 128"},
		"space":           {change(105, ' '), "printable ASCII"},
		"too long at all": {make([]byte, maxEntryBytes+1), "want at most 298"},
		"cut":             {good[:len(good)-1], "63 of 64 bytes"},
	} {
		if _, err := DecodeEntry(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	body := encodeBody(&sampleMutations()[1])
	for i := range body {
		if _, err := decodeBody(body[:i]); err == nil {
			t.Errorf("a body cut at %d of %d bytes is accepted", i, len(body))
		}
	}
	if _, err := decodeBody(append(body, 0)); err == nil {
		t.Error("a trailing byte is accepted")
	}
	// A count far beyond the bytes must not allocate.
	if _, err := decodeBody([]byte{1, 0, 0x0f, 0xff, 1}); err == nil || !strings.Contains(err.Error(), "4095 operations in 1 bytes") {
		t.Errorf("error %v", err)
	}
}

func sampleEntriesFirst() []byte { return sampleEntries()[0].encode() }

// TestFrontier compares the tree with tlog, which reads its hashes back.
func TestFrontier(t *testing.T) {
	var f frontier
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, n := range ix {
			out[i] = stored[n]
		}
		return out, nil
	})
	for n := range int64(300) {
		root, err := tlog.TreeHash(n, reader)
		noError(t, err)
		if f.root() != root {
			t.Fatalf("root of %d leaves is %v, tlog says %v", n, f.root(), root)
		}
		leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
		want, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		noError(t, err)
		var got []tlog.Hash
		f.push(leaf, func(h tlog.Hash) { got = append(got, h) })
		if len(got) != len(want) {
			t.Fatalf("leaf %d stores %d hashes, tlog %d", n, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("leaf %d: stored hash %d differs from tlog", n, i)
			}
		}
		stored = append(stored, got...)
		if storedCount(f.size) != uint64(len(stored)) || tlog.StoredHashCount(n+1) != int64(len(stored)) {
			t.Fatalf("%d stored hashes after %d leaves, want %d", storedCount(f.size), n+1, len(stored))
		}
	}
}

// TestDigest: order does not matter, removal undoes, and the carries run through.
func TestDigest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var pairs [][2][]byte
	for i := range 200 {
		pairs = append(pairs, [2][]byte{{byte(i)}, {byte(rng.Uint32())}})
	}
	var a, b Digest
	for _, p := range pairs {
		a.add(pairHash(p[0], p[1]))
	}
	for _, i := range rng.Perm(len(pairs)) {
		b.add(pairHash(pairs[i][0], pairs[i][1]))
	}
	if a != b || a == (Digest{}) {
		t.Fatalf("digests %v and %v", a, b)
	}
	for _, p := range pairs {
		a.sub(pairHash(p[0], p[1]))
	}
	if a != (Digest{}) {
		t.Fatalf("digest of nothing is %v", a)
	}
	one, all := Digest{31: 1}, Digest{}
	all.sub(one)
	if all != Digest(bytes.Repeat([]byte{0xff}, 32)) {
		t.Fatalf("0 - 1 = %v", all)
	}
	all.add(one)
	if all != (Digest{}) {
		t.Fatalf("-1 + 1 = %v", all)
	}
}

// TestKeyedHashes pins the pseudonyms: another value would orphan every row.
func TestKeyedHashes(t *testing.T) {
	m, err := newMACs(bytes.Repeat([]byte{9}, 32))
	noError(t, err)
	s := &Store{macs: m}
	if a, b := s.Pseudonym('s', "x"), s.Pseudonym('e', "x"); a == b {
		t.Error("classes share pseudonyms")
	}
	if s.ValueMAC([]byte("ab"), []byte("c")) == s.ValueMAC([]byte("a"), []byte("bc")) {
		t.Error("parts of a value run together")
	}
	// HMAC-SHA256 computed by another implementation.
	const want = "c4a900cc46fdf034b47bdc25d7d87581"
	if got := s.Pseudonym('s', "UA-123").String(); got != want {
		t.Errorf("pseudonym %s, want %s", got, want)
	}
	if _, err := newMACs(nil); err == nil {
		t.Error("an empty secret is accepted")
	}
}
