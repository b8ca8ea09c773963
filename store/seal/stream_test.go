package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// noise is n bytes from a seed.
func noise(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 9))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func sealStream(t testing.TB, k *Key, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := k.SealStream(testContext(), &b, bytes.NewReader(plain))
	if err != nil || n != int64(len(plain)) {
		t.Fatalf("seal %d bytes: %d, %v", len(plain), n, err)
	}
	if got, want := int64(b.Len()), StreamSize(int64(len(plain))); got != want {
		t.Fatalf("sealed size %d, StreamSize says %d", got, want)
	}
	return b.Bytes()
}

func openStream(k *Key, sealed []byte) ([]byte, error) {
	return io.ReadAll(k.OpenStream(testContext(), bytes.NewReader(sealed)))
}

func TestStreamRoundTrip(t *testing.T) {
	k := testKey(t, Ref{3, 2}, 1)
	for _, n := range []int{0, 1, StreamPart - 1, StreamPart, StreamPart + 1, 3 * StreamPart, 3*StreamPart + 5} {
		plain := noise(n, 1)
		sealed := sealStream(t, k, plain)
		got, err := openStream(k, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		r, rest, err := StreamRef(iotest.OneByteReader(bytes.NewReader(sealed)))
		if err != nil || r != k.ref {
			t.Fatalf("ref %v, %v", r, err)
		}
		got, err = io.ReadAll(k.OpenStream(testContext(), rest))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes after StreamRef: %v", n, err)
		}
		if err := iotest.TestReader(k.OpenStream(testContext(), bytes.NewReader(sealed)), plain); n < 2 && err != nil {
			t.Fatal(err)
		}
		other := testContext()
		other.Key[0]++
		if _, err := io.ReadAll(k.OpenStream(other, bytes.NewReader(sealed))); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("another context: %v", err)
		}
	}
}

// Parts that are cut off, left out, doubled or swapped, of this stream or another.
func TestStreamDetectsEveryRearrangement(t *testing.T) {
	k := testKey(t, Ref{3, 2}, 1)
	plain := noise(3*StreamPart+100, 2)
	sealed := sealStream(t, k, plain)
	again := sealStream(t, k, plain)
	part := func(s []byte, i int) []byte {
		from := streamHeader + i*(StreamPart+tagSize)
		return s[from:min(len(s), from+StreamPart+tagSize)]
	}
	join := func(head []byte, parts ...[]byte) []byte {
		return append(bytes.Clone(head[:streamHeader]), bytes.Join(parts, nil)...)
	}
	p := [][]byte{part(sealed, 0), part(sealed, 1), part(sealed, 2), part(sealed, 3)}
	exact := sealStream(t, k, noise(2*StreamPart, 3))
	for name, bad := range map[string][]byte{
		"empty":                  {},
		"half a header":          sealed[:20],
		"header only":            sealed[:streamHeader],
		"last part gone":         join(sealed, p[0], p[1], p[2]),
		"all but one gone":       join(sealed, p[0]),
		"one byte gone":          sealed[:len(sealed)-1],
		"one byte more":          append(bytes.Clone(sealed), 0),
		"first gone":             join(sealed, p[1], p[2], p[3]),
		"middle gone":            join(sealed, p[0], p[2], p[3]),
		"doubled":                join(sealed, p[0], p[1], p[1], p[2], p[3]),
		"swapped":                join(sealed, p[1], p[0], p[2], p[3]),
		"last in front":          join(sealed, p[3]),
		"followed by a stream":   append(bytes.Clone(sealed), again...),
		"part of another stream": join(sealed, p[0], part(again, 1), p[2], p[3]),
		"header of another":      join(again, p...),
		"cut at a full part":     exact[:streamHeader+StreamPart+tagSize],
		"less than a tag more":   append(bytes.Clone(exact), 1, 2, 3),
	} {
		got, err := openStream(k, bad)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		if !bytes.HasPrefix(plain, got) && !bytes.HasPrefix(noise(2*StreamPart, 3), got) {
			t.Errorf("%s: gave out bytes that were never sealed", name)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	small := sealStream(t, k, noise(StreamPart+50, 4))
	for range 60 {
		bad := bytes.Clone(small)
		bit := rng.IntN(len(bad) * 8)
		if rng.IntN(2) == 0 {
			bit = rng.IntN(streamHeader * 8)
		}
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := openStream(k, bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v, want ErrCorrupt", bit, err)
		}
	}
}

// A source that breaks off is not the end of a stream.
func TestStreamPassesErrorsOn(t *testing.T) {
	k := testKey(t, Ref{3, 2}, 1)
	for _, cause := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe} {
		for _, n := range []int{0, 100, StreamPart, StreamPart + 1} {
			broken := io.MultiReader(bytes.NewReader(noise(n, 1)), iotest.ErrReader(cause))
			if _, err := k.SealStream(testContext(), io.Discard, broken); !errors.Is(err, cause) {
				t.Errorf("seal after %d bytes: %v, want %v", n, err, cause)
			}
		}
		sealed := sealStream(t, k, noise(2*StreamPart, 1))
		for _, n := range []int{streamHeader + 5, streamHeader + StreamPart + tagSize, len(sealed)} {
			broken := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(cause))
			_, err := io.ReadAll(k.OpenStream(testContext(), broken))
			if !errors.Is(err, cause) || errors.Is(err, ErrCorrupt) {
				t.Errorf("open after %d bytes: %v, want %v", n, err, cause)
			}
		}
	}
	full := errors.New("no space")
	for _, n := range []int{0, streamHeader, streamHeader + StreamPart + tagSize} {
		if _, err := k.SealStream(testContext(), &limited{n, full}, bytes.NewReader(noise(2*StreamPart, 1))); !errors.Is(err, full) {
			t.Errorf("writer full after %d: %v", n, err)
		}
	}
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, l.err
	}
	l.left -= len(p)
	return len(p), nil
}

// Memory does not grow with the stream.
func TestStreamMemory(t *testing.T) {
	k := testKey(t, Ref{3, 2}, 1)
	const size = 64 << 20
	r, w := io.Pipe()
	go func() {
		_, err := k.SealStream(testContext(), w, io.LimitReader(zeros{}, size))
		w.CloseWithError(err)
	}()
	bytesUsed := testing.Benchmark(func(b *testing.B) {
		if b.N > 1 {
			return
		}
		b.ReportAllocs()
		if n, err := io.Copy(io.Discard, k.OpenStream(testContext(), r)); err != nil || n != size {
			b.Fatal(fmt.Errorf("%d bytes, %w", n, err))
		}
	}).MemBytes
	if bytesUsed > 8<<20 {
		t.Fatalf("%d bytes allocated for a stream of %d", bytesUsed, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestStreamCounterEnds(t *testing.T) {
	var n streamNonce
	for i := prefixSize; i < prefixSize+4; i++ {
		n[i] = 0xff
	}
	if err := n.next(); err == nil {
		t.Fatal("the counter went around")
	}
}

func seedStreams(t testing.TB) [][]byte {
	k := testKey(t, Ref{5, 1}, 1)
	good := sealStream(t, k, []byte("a small image"))
	return [][]byte{nil, []byte("IS\x01\x02"), sealStream(t, k, nil), good, good[:len(good)-1], append(bytes.Clone(good), good...)}
}

func FuzzStreamOpen(f *testing.F) {
	for _, b := range seedStreams(f) {
		f.Add(b)
	}
	k := testKey(f, Ref{5, 1}, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := openStream(k, b)
		if err == nil && StreamSize(int64(len(plain))) != int64(len(b)) {
			t.Fatalf("opened %d bytes of %d", len(plain), len(b))
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%v, want ErrCorrupt", err)
		}
	})
}
