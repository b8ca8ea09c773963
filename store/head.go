package store

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Head is a signed statement: a ledger of this store with Size entries has this
// root. Whoever keeps one outside can prove later that nothing up to Size was
// changed or cut off.
type Head struct {
	// Note is the signed text: a C2SP tlog-checkpoint with one extension line,
	// "time " and the time of the newest entry in RFC 3339 with nanoseconds.
	Note []byte
	Size uint64
	Root tlog.Hash
	Time time.Time
}

// maxNote bounds a signed head in bytes; it has to fit into a slot of the anchor.
const maxNote = 2048

const timeLine = "time "

// origin is the name under which a store signs.
func origin(store ID) string { return "immis/" + store.String() }

func headText(store ID, size uint64, root tlog.Hash, at time.Time) string {
	return fmt.Sprintf("%s\n%d\n%s\n%s%s\n", origin(store), size,
		base64.StdEncoding.EncodeToString(root[:]), timeLine, at.UTC().Format(time.RFC3339Nano))
}

func signHead(signer note.Signer, store ID, size uint64, root tlog.Hash, at time.Time) (Head, error) {
	msg, err := note.Sign(&note.Note{Text: headText(store, size, root, at)}, signer)
	if err != nil {
		return Head{}, fmt.Errorf("sign head: %w", err)
	}
	if len(msg) > maxNote {
		return Head{}, fmt.Errorf("sign head: %d bytes, want at most %d", len(msg), maxNote)
	}
	return Head{Note: msg, Size: size, Root: root, Time: at}, nil
}

// OpenHead verifies a signed head with its verifier and reads it. The origin
// must be the verifier's name, and the text must be exactly what a store writes.
func OpenHead(msg []byte, verifier note.Verifier) (Head, error) {
	if len(msg) > maxNote {
		return Head{}, fmt.Errorf("open head: %d bytes, want at most %d", len(msg), maxNote)
	}
	n, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return Head{}, fmt.Errorf("open head: %w", err)
	}
	h := Head{Note: append([]byte(nil), msg...)}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return Head{}, fmt.Errorf("open head: %d lines, want 4", len(lines)-1)
	}
	if lines[0] != verifier.Name() {
		return Head{}, fmt.Errorf("open head: origin %q, want %q", lines[0], verifier.Name())
	}
	if h.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(h.Size, 10) != lines[1] {
		return Head{}, fmt.Errorf("open head: size %q, want a number", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Head{}, fmt.Errorf("open head: root %q, want %d bytes in base64", lines[2], tlog.HashSize)
	}
	copy(h.Root[:], root)
	text, ok := strings.CutPrefix(lines[3], timeLine)
	if !ok {
		return Head{}, fmt.Errorf("open head: line 4 %q, want %q and a time", lines[3], timeLine)
	}
	if h.Time, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return Head{}, fmt.Errorf("open head: %w", err)
	}
	if h.Time.UTC().Format(time.RFC3339Nano) != text {
		return Head{}, fmt.Errorf("open head: time %q, want UTC in its shortest form", text)
	}
	return h, nil
}

// headKeys makes signer and verifier of a store from an ed25519 seed.
func headKeys(store ID, seed []byte) (note.Signer, note.Verifier, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, nil, fmt.Errorf("head key: %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	key := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(origin(store), key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, nil, fmt.Errorf("head key: %w", err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, nil, fmt.Errorf("head key: %w", err)
	}
	return &headSigner{name: origin(store), hash: verifier.KeyHash(), key: key}, verifier, nil
}

type headSigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func (s *headSigner) Name() string                    { return s.name }
func (s *headSigner) KeyHash() uint32                 { return s.hash }
func (s *headSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// VerifierKey is the text that AuditVerify needs to check this store's heads: a
// public key, to be kept by the auditor.
func (s *Store) VerifierKey() string { return s.vkey }

// verifierKey is the text of a verifier, in the form of sumdb/note.
func verifierKey(store ID, seed []byte) (string, error) {
	key := ed25519.NewKeyFromSeed(seed)
	return note.NewEd25519VerifierKey(origin(store), key.Public().(ed25519.PublicKey))
}

// Head is the newest signed head; it covers every acknowledged entry.
func (s *Store) Head() Head {
	v, err := s.acquire()
	if err != nil {
		return Head{}
	}
	defer s.releaseView(v)
	return v.head
}

// crc is the checksum of small files: CRC-32C, big endian.
func appendCRC(b []byte) []byte { return binary.BigEndian.AppendUint32(b, crc32c(b)) }
