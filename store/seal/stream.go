package seal

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"immis/internal/mutant"
)

// Stream, byte by byte:
//
//	0   'I' 'S', version 1, algorithm 2
//	4   slot, u32 big endian
//	8   generation, u32 big endian
//	12  salt, 32 random bytes
//	44  nonce prefix, 7 random bytes
//	51  parts: ciphertext of 262,144 bytes and tag of 16; the last may be shorter
//
// The parts follow STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online
// Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015): the nonce of
// part i is prefix | i (u32 big endian) | 1 for the last part, else 0. So a part that is
// missing, doubled, moved or cut off does not open. Each stream has a key of its own,
// HKDF-SHA256 of the data key and the salt: seven bytes of prefix alone would let two
// of many streams under the store's key meet.
const (
	// StreamPart is the plaintext length of every part but the last, in bytes.
	StreamPart = 256 << 10

	saltSize     = 32
	prefixSize   = 7
	streamHeader = refSize + saltSize + prefixSize
)

// StreamSize is the length of a sealed stream of plain bytes of plaintext.
func StreamSize(plain int64) int64 {
	parts := max(1, (plain+StreamPart-1)/StreamPart)
	return streamHeader + plain + parts*tagSize
}

// SealStream seals r up to its end into w, bound to c, in constant memory of two
// parts, and returns the number of plaintext bytes. After an error what was written to
// w is not a stream and does not open.
func (k *Key) SealStream(c Context, w io.Writer, r io.Reader) (int64, error) {
	header := make([]byte, streamHeader)
	putRef(header, algorithmStream, k.ref)
	if !mutant.On(mutant.ReuseNonce) {
		fillRandom(header[refSize:])
	}
	aead, err := k.streamAEAD(header)
	if err != nil {
		return 0, fmt.Errorf("seal stream: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return 0, fmt.Errorf("seal stream: write header: %w", err)
	}
	in := bufio.NewReaderSize(r, 4096)
	part := make([]byte, StreamPart, StreamPart+tagSize)
	nonce := newStreamNonce(header)
	aad := c.additional(domainStream, k.ref)
	var total int64
	for {
		n, last, err := readPart(in, part[:StreamPart])
		if err != nil {
			return total, fmt.Errorf("seal stream: read after %d bytes: %w", total, err)
		}
		nonce.last(last)
		// The ciphertext takes the plaintext's place, the tag the spare capacity.
		if _, err := w.Write(aead.Seal(part[:0], nonce[:], part[:n], aad)); err != nil {
			return total, fmt.Errorf("seal stream: write part %d: %w", nonce.count(), err)
		}
		total += int64(n)
		if last {
			return total, nil
		}
		if err := nonce.next(); err != nil {
			return total, fmt.Errorf("seal stream: %w", err)
		}
	}
}

// OpenStream returns the plaintext of what SealStream made under the same key and
// context, part by part, in constant memory of one part. It hands out authenticated
// bytes only; but that the stream is whole is known only at io.EOF: until then what
// was read is a true beginning. Every failure of the content wraps ErrCorrupt, a
// failure of r is passed on. The reader is not safe for concurrent use.
func (k *Key) OpenStream(c Context, r io.Reader) io.Reader {
	return &streamReader{key: k, aad: c.additional(domainStream, k.ref), in: bufio.NewReaderSize(r, 4096)}
}

// StreamRef reads the name of the key from the beginning of a stream and returns a
// reader that still has the whole stream. The name is authenticated only by
// OpenStream. An error of the content wraps ErrCorrupt.
func StreamRef(r io.Reader) (Ref, io.Reader, error) {
	head := make([]byte, refSize)
	if n, err := io.ReadFull(r, head); err != nil {
		return Ref{}, nil, headerError(n, err)
	}
	ref, err := readRef("open stream", head, algorithmStream)
	if err != nil {
		return Ref{}, nil, err
	}
	return ref, io.MultiReader(bytes.NewReader(head), r), nil
}

// streamAEAD is the cipher of one stream: key by HKDF-SHA256 (RFC 5869).
func (k *Key) streamAEAD(header []byte) (cipher.AEAD, error) {
	raw, err := hkdf.Key(sha256.New, k.raw[:], header[refSize:refSize+saltSize], domainStream, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive stream key: %w", err)
	}
	return newGCM(raw)
}

type streamReader struct {
	key   *Key
	aad   []byte
	in    *bufio.Reader
	aead  cipher.AEAD // nil until the header was read
	nonce streamNonce
	part  []byte // the part's buffer: ciphertext, then plaintext
	rest  []byte // plaintext not handed out yet
	err   error  // sticky, given after rest is empty
}

func (s *streamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.err = s.fill()
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// fill opens the next part. io.EOF means that it was the last one.
func (s *streamReader) fill() error {
	if s.aead == nil {
		if err := s.start(); err != nil {
			return err
		}
	}
	n, last, err := readPart(s.in, s.part)
	if err != nil {
		return fmt.Errorf("open stream: read part %d: %w", s.nonce.count(), err)
	}
	if n < tagSize || (n == tagSize && s.nonce.count() > 0) {
		// An empty part is the whole of an empty stream, and nothing else.
		return corrupt(fmt.Sprintf("open stream: part %d: length", s.nonce.count()), n, fmt.Sprintf("> %d bytes", tagSize))
	}
	s.nonce.last(last)
	plain, err := s.aead.Open(s.part[:0], s.nonce[:], s.part[:n], s.aad)
	if err != nil {
		return corrupt(fmt.Sprintf("open stream under key %v: part %d (last: %t): tag", s.key.ref, s.nonce.count(), last),
			"does not match", "the seal of these bytes at this place")
	}
	s.rest = plain
	if last {
		return io.EOF
	}
	return s.nonce.next()
}

// start reads the header.
func (s *streamReader) start() error {
	header := make([]byte, streamHeader)
	if n, err := io.ReadFull(s.in, header); err != nil {
		return headerError(n, err)
	}
	r, err := readRef("open stream", header, algorithmStream)
	if err != nil {
		return err
	}
	if r != s.key.ref {
		return corrupt("open stream: sealed under key", r, s.key.ref)
	}
	if s.aead, err = s.key.streamAEAD(header); err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	s.nonce = newStreamNonce(header)
	s.part = make([]byte, StreamPart+tagSize)
	return nil
}

// headerError tells a stream that is too short from a reader that fails.
func headerError(n int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("open stream: header of", fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d", streamHeader))
	}
	return fmt.Errorf("open stream: read header: %w", err)
}

// readPart fills b from r as far as r goes, and tells whether r ends there. Only
// io.EOF is an end: io.ReadFull would also take for one the io.ErrUnexpectedEOF of a
// network body that was cut, and a cut image would be sealed as a whole one.
func readPart(r *bufio.Reader, b []byte) (n int, last bool, err error) {
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	if _, err = r.Peek(1); err == io.EOF {
		return n, true, nil
	}
	return n, false, err
}

// streamNonce is prefix (7) | counter (4, big endian) | last (1).
type streamNonce [nonceSize]byte

func newStreamNonce(header []byte) (n streamNonce) {
	copy(n[:prefixSize], header[refSize+saltSize:streamHeader])
	return n
}

func (n *streamNonce) count() uint32 { return binary.BigEndian.Uint32(n[prefixSize:]) }

func (n *streamNonce) last(is bool) {
	n[nonceSize-1] = 0
	if is {
		n[nonceSize-1] = 1
	}
}

func (n *streamNonce) next() error {
	if n.count() == math.MaxUint32 {
		return fmt.Errorf("stream of more than %d parts of %d bytes", uint64(math.MaxUint32)+1, StreamPart)
	}
	binary.BigEndian.PutUint32(n[prefixSize:], n.count()+1)
	return nil
}
