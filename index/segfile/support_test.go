package segfile

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/simd"
)

// keyring wraps keys with AES-256-GCM, as a caller would.
type keyring struct{ aead cipher.AEAD }

func newKeyring() *keyring {
	key := make([]byte, 32)
	rand.Read(key)
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCM(block)
	return &keyring{aead}
}

func (k *keyring) Wrap(key []byte) ([]byte, error) {
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return k.aead.Seal(nonce, nonce, key, nil), nil
}

func (k *keyring) Unwrap(b []byte) ([]byte, error) {
	if len(b) < 12 {
		return nil, errors.New("too short")
	}
	return k.aead.Open(nil, b[:12], b[12:], nil)
}

// shape says how large a source is.
type shape struct {
	dim, rows int
	bits      bool
	dead      float64 // share of rows
}

// newSource makes random rows, with random bytes behind the last one.
func newSource(rng *mrand.Rand, s shape) *Source {
	src := &Source{
		Binding: Binding{Model: "model", Dim: s.dim, Form: 7},
	}
	src.Store[3] = 3
	for range s.rows {
		src.Keys = append(src.Keys, rng.Uint64())
		src.Origins = append(src.Origins, rng.Uint64())
	}
	src.Dead = newMask(rng, s.rows, s.dead)
	src.Wide = newMask(rng, s.rows, 0.1)
	plane := func(p Plane) []byte {
		b := make([]byte, PlaneBytes(p, s.dim, s.rows)+rng.IntN(100))
		for i := range b {
			b[i] = byte(rng.Uint32()) | 1 // never 0
		}
		return b
	}
	src.Int8, src.Half = plane(Int8), plane(Half)
	if s.bits {
		src.Bits = plane(Bits)
	}
	return src
}

func newMask(rng *mrand.Rand, rows int, share float64) []uint64 {
	if share == 0 {
		return nil
	}
	m := make([]uint64, maskWords(rows))
	for r := range rows {
		if rng.Float64() < share {
			m[r/64] |= 1 << (r % 64)
		}
	}
	return m
}

// twin says, byte by byte and row by row, what a file of a source has to hold.
func twin(s *Source) *Source {
	t := &Source{Binding: s.Binding}
	clean := func(m []uint64) []uint64 {
		var out []uint64
		for r := range s.Keys {
			if m != nil && m[r/64]>>(r%64)&1 == 1 && !has(s.Dead, r) {
				if out == nil {
					out = make([]uint64, len(m))
				}
				out[r/64] |= 1 << (r % 64)
			}
		}
		return out
	}
	for r := range s.Keys {
		if has(s.Dead, r) {
			t.Dead = s.Dead
			t.Keys, t.Origins = append(t.Keys, 0), append(t.Origins, 0)
			continue
		}
		t.Keys, t.Origins = append(t.Keys, s.Keys[r]), append(t.Origins, s.Origins[r])
	}
	t.Wide = clean(s.Wide)
	block := func(p Plane, n int) []byte {
		src := s.plane(p)
		if src == nil {
			return nil
		}
		out := make([]byte, PlaneBytes(p, s.Dim, len(s.Keys)))
		for i := range out {
			if r := i/n*16 + i%64/4; r < len(s.Keys) && !has(s.Dead, r) {
				out[i] = src[i]
			}
		}
		return out
	}
	t.Bits, t.Int8 = block(Bits, simd.BitBlockBytes(s.Dim)), block(Int8, simd.Int8BlockBytes(s.Dim))
	t.Half = make([]byte, 2*s.Dim*len(s.Keys))
	for i := range t.Half {
		if r := i / (2 * s.Dim); !has(s.Dead, r) {
			t.Half[i] = s.Half[i]
		}
	}
	return t
}

// readAll reads everything that a file can be asked for, each way.
func readAll(fs vfs.FS, path string, b Binding, w Wrapper, cache *Cache, workers int) (*Source, error) {
	ctx := context.Background()
	f, err := Open(fs, path, b, w, cache)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &Source{Binding: f.Binding()}
	c, err := f.ReadColumns(ctx)
	if err != nil {
		return nil, err
	}
	s.Columns = *c
	for p, to := range map[Plane]*[]byte{Bits: &s.Bits, Int8: &s.Int8, Half: &s.Half} {
		if !f.Has(p) {
			continue
		}
		*to = make([]byte, f.PlaneBytes(p))
		if err := f.ReadPlane(ctx, p, *to, workers); err != nil {
			for _, x := range *to {
				if x != 0 && len(*to) < 1000 {
					return nil, fmt.Errorf("bytes of a damaged chunk were handed out: %v", err)
				}
			}
			return nil, err
		}
	}
	for range 2 {
		for r := range f.Rows() {
			row := make([]simd.F16, f.Binding().Dim)
			if err := f.ReadRow(r, row); err != nil {
				return nil, err
			}
			for i, v := range row {
				if at := 2 * (r*len(row) + i); s.Half[at] != byte(v) || s.Half[at+1] != byte(v>>8) {
					return nil, fmt.Errorf("row %d: ReadRow and ReadPlane differ", r)
				}
			}
		}
	}
	return s, f.Verify(ctx, workers)
}

// same compares what was read with the twin.
func same(t interface{ Fatalf(string, ...any) }, got, want *Source) {
	if !reflect.DeepEqual(got.Binding, want.Binding) {
		t.Fatalf("got %v, want %v", got.Binding, want.Binding)
	}
	if !reflect.DeepEqual(got.Columns, want.Columns) {
		t.Fatalf("columns differ:\n%+v\n%+v", got.Columns, want.Columns)
	}
	for _, p := range []Plane{Bits, Int8, Half} {
		if !bytes.Equal(got.plane(p), want.plane(p)) {
			t.Fatalf("plane %s differs", p)
		}
	}
}

func mustWrite(t testing.TB, fs vfs.FS, path string, s *Source, w Wrapper) {
	t.Helper()
	if err := Write(context.Background(), fs, path, s, w); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mem is a file system with one file.
func mem(t testing.TB, path string, content []byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Clone(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// typed tells whether an error is one that says that a file is of no use.
func typed(err error) bool {
	var e *Error
	return errors.Is(err, ErrKey) || errors.As(err, &e) && e.Path != ""
}
