package segfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"immis/internal/simd"
)

func TestReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shape{
			dim:  rapid.SampledFrom([]int{1, 16, 33, 128, 384, 400, 512, 1000, 4096}).Draw(t, "dim"),
			rows: rapid.OneOf(rapid.IntRange(1, 40), rapid.SampledFrom([]int{63, 64, 65, 128, 300})).Draw(t, "rows"),
			bits: rapid.Bool().Draw(t, "bits"),
			dead: rapid.SampledFrom([]float64{0, 0.1, 1}).Draw(t, "dead"),
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		src, fs, w := newSource(rng, s), vfs.NewMem(), newKeyring()
		if err := Write(context.Background(), fs, "a", src, w); err != nil {
			t.Fatal(err)
		}
		cache := NewCache(rapid.SampledFrom([]int64{0, 40_000, 10 << 20}).Draw(t, "cache"))
		got, err := readAll(fs, "a", src.Binding, w, cache, rapid.IntRange(1, 3).Draw(t, "workers"))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, twin(src))
		if n := cache.Stats().Bytes; n != 0 {
			t.Fatalf("%d bytes in the cache after Close, want 0", n)
		}
	})
}

// Sections of several chunks and groups, of lengths that do not divide a chunk.
func TestManyChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []shape{{dim: 400, rows: 6001, bits: true, dead: 0.2}, {dim: 3000, rows: 1501, bits: true}, {dim: 16, rows: 70_000, dead: 0.01}} {
		src, fs, w := newSource(rng, s), vfs.NewMem(), newKeyring()
		mustWrite(t, fs, "a", src, w)
		got, err := readAll(fs, "a", src.Binding, w, NewCache(1<<20), 4)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, twin(src))
	}
}

// The file has no byte of a row, and nothing of a dead one even when opened: the twin
// of TestReadsWhatWasWritten shows the second, this the first.
func TestNoPlaintextOnDisk(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	src, fs, w := newSource(rng, shape{dim: 64, rows: 100, bits: true}), vfs.NewMem(), newKeyring()
	src.Model = "a model of this name"
	mustWrite(t, fs, "a", src, w)
	b := readFile(t, fs, "a")
	secrets := [][]byte{[]byte(src.Model)}
	columns := src.encode()
	for i := 0; i+8 <= 800; i += 8 {
		secrets = append(secrets, src.Int8[i:i+8], src.Half[i:i+8], src.Bits[i:i+8], columns[i:i+8])
	}
	for _, x := range secrets {
		if bytes.Contains(b, x) {
			t.Fatalf("%x is in the file", x)
		}
	}
}

// noncesMeet says which nonce would serve for two chunks of a file.
func noncesMeet() error {
	h := newSource(rand.New(rand.NewPCG(1, 4)), shape{dim: 512, rows: 4000, bits: true}).header()
	l, s, p := h.layout(), &sealer{}, place{}
	seen := map[[nonceSize]byte]string{}
	for i := range l.extents {
		x := &l.extents[i]
		for number := range x.chunks {
			s.placeAt(&p, x, number)
			at := fmt.Sprintf("chunk %d of the %s", number, x.section)
			if other := seen[p.nonce]; other != "" {
				return fmt.Errorf("%s has the nonce of %s", at, other)
			}
			seen[p.nonce] = at
		}
	}
	if len(seen) != l.chunks || l.chunks < 200 {
		return fmt.Errorf("%d nonces, want %d", len(seen), l.chunks)
	}
	return nil
}

func TestEveryChunkHasItsNonce(t *testing.T) {
	if err := noncesMeet(); err != nil {
		t.Fatal(err)
	}
}

// Two files of the same rows have neither identifier nor key in common.
func TestEveryFileHasItsKey(t *testing.T) {
	src, w := newSource(rand.New(rand.NewPCG(1, 10)), shape{dim: 16, rows: 10}), newKeyring()
	ids, keys := map[[16]byte]bool{{}: true}, map[string]bool{}
	for i := range 5 {
		fs := vfs.NewMem()
		mustWrite(t, fs, "a", src, w)
		f, err := fs.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		u, err := unlock(f, w)
		if err != nil {
			t.Fatal(err)
		}
		if ids[u.page.id] || keys[string(u.key)] {
			t.Fatalf("file %d has the identifier or the key of another one", i)
		}
		ids[u.page.id], keys[string(u.key)] = true, true
		f.Close()
	}
}

// Rows may be appended to planes while the rows before them are written; the race
// detector sees it if Write looks at them.
func TestWriteBesideAppends(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	src := newSource(rng, shape{dim: 32, rows: 64, bits: true})
	want := newSource(rng, shape{dim: 32, rows: 37, bits: true, dead: 0.1})
	want.Bits, want.Int8, want.Half = src.Bits, src.Int8, src.Half
	expected := twin(want)
	fs, w := vfs.NewMem(), newKeyring()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20 {
			for r := 37; r < 64; r++ {
				block := r / 16
				simd.PackInt8(src.Int8[block*simd.Int8BlockBytes(32):][:simd.Int8BlockBytes(32)], r%16, make([]int8, 32))
				simd.PackBits(src.Bits[block*simd.BitBlockBytes(32):][:simd.BitBlockBytes(32)], r%16, 32, []uint32{uint32(r)})
				clear(src.Half[r*64 : (r+1)*64])
			}
		}
	})
	for range 20 {
		mustWrite(t, fs, "a", want, w)
	}
	wg.Wait()
	got, err := readAll(fs, "a", want.Binding, w, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, expected)
}

func TestWriteRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Source){
		"no rows":           func(s *Source) { s.Columns = Columns{} },
		"dimension 0":       func(s *Source) { s.Dim = 0 },
		"dimension 4097":    func(s *Source) { s.Dim = simd.MaxDim + 1 },
		"origins":           func(s *Source) { s.Origins = append(s.Origins, 1) },
		"mask length":       func(s *Source) { s.Dead = make([]uint64, 3) },
		"mask bits":         func(s *Source) { s.Wide = []uint64{0, 1 << 40} },
		"int8 short":        func(s *Source) { s.Int8 = s.Int8[:100] },
		"int8 missing":      func(s *Source) { s.Int8 = nil },
		"half short":        func(s *Source) { s.Half = s.Half[:2*16*100-1] },
		"bits short":        func(s *Source) { s.Bits = []byte{} },
		"more rows than 1M": func(s *Source) { s.Keys = make([]uint64, MaxRows+1) },
	} {
		t.Run(name, func(t *testing.T) {
			src, fs := newSource(rand.New(rand.NewPCG(1, 6)), shape{dim: 16, rows: 100, bits: true}), vfs.NewMem()
			spoil(src)
			if err := Write(context.Background(), fs, "a", src, newKeyring()); err == nil {
				t.Fatal("written")
			}
			if names, _ := fs.List(""); len(names) > 0 {
				t.Fatalf("left %v", names)
			}
		})
	}
}

// badWrapper returns what it is told to.
type badWrapper struct {
	wrapped, key []byte
	err          error
}

func (b badWrapper) Wrap([]byte) ([]byte, error)   { return b.wrapped, b.err }
func (b badWrapper) Unwrap([]byte) ([]byte, error) { return b.key, b.err }

func TestBadWrappers(t *testing.T) {
	src, fs := newSource(rand.New(rand.NewPCG(1, 7)), shape{dim: 16, rows: 10}), vfs.NewMem()
	cause := errors.New("no answer")
	for _, w := range []badWrapper{{err: cause}, {wrapped: nil}, {wrapped: make([]byte, MaxWrapped+1)}} {
		if err := Write(context.Background(), fs, "a", src, w); err == nil || w.err != nil && !errors.Is(err, cause) {
			t.Fatalf("write: %v", err)
		}
	}
	good := newKeyring()
	mustWrite(t, fs, "a", src, good)
	for _, w := range []badWrapper{{err: cause}, {key: nil}, {key: make([]byte, 31)}} {
		_, err := Open(fs, "a", src.Binding, w, nil)
		if !errors.Is(err, ErrKey) || w.err != nil && !errors.Is(err, cause) {
			t.Fatalf("open: %v, want ErrKey and the cause", err)
		}
	}
	if _, err := Open(fs, "a", src.Binding, badWrapper{key: make([]byte, 32)}, nil); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("open with a wrong key: %v, want ErrCorrupt", err)
	}
}

func TestOtherBindings(t *testing.T) {
	src, fs, w := newSource(rand.New(rand.NewPCG(1, 8)), shape{dim: 16, rows: 10}), vfs.NewMem(), newKeyring()
	mustWrite(t, fs, "a", src, w)
	for name, change := range map[string]func(*Binding){
		"store": func(b *Binding) { b.Store[0] ^= 1 },
		"model": func(b *Binding) { b.Model += "2" },
		"dim":   func(b *Binding) { b.Dim++ },
		"form":  func(b *Binding) { b.Form++ },
	} {
		b := src.Binding
		change(&b)
		if _, err := Open(fs, "a", b, w, nil); !errors.Is(err, ErrOther) || !typed(err) {
			t.Errorf("%s: %v, want ErrOther", name, err)
		}
	}
	if _, err := Open(fs, "b", src.Binding, w, nil); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	if _, err := Open(fs, "a", src.Binding, newKeyring(), nil); !errors.Is(err, ErrKey) {
		t.Errorf("other wrapper: %v, want ErrKey", err)
	}
}

func TestBadCalls(t *testing.T) {
	src, fs, w := newSource(rand.New(rand.NewPCG(1, 9)), shape{dim: 16, rows: 10}), vfs.NewMem(), newKeyring()
	mustWrite(t, fs, "a", src, w)
	f, err := Open(fs, "a", src.Binding, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	row := make([]simd.F16, 16)
	for i, err := range []error{
		f.ReadRow(-1, row), f.ReadRow(10, row), f.ReadRow(0, row[1:]), f.ReadRow(0, append(row, 0)),
		f.ReadPlane(ctx, Bits, nil, 1), f.ReadPlane(ctx, Plane(9), nil, 1),
		f.ReadPlane(ctx, Half, make([]byte, 319), 1), f.ReadPlane(ctx, Half, make([]byte, 321), 1),
	} {
		if err == nil || typed(err) {
			t.Errorf("call %d: %v, want an error of the call", i, err)
		}
	}
	cancel()
	if err := f.ReadPlane(ctx, Half, make([]byte, 320), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if err := Write(ctx, fs, "b", src, w); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if names, _ := fs.List(""); !slices.Equal(names, []string{"a"}) {
		t.Errorf("files %v, want a", names)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if err := f.ReadRow(0, row); !errors.Is(err, ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if _, err := f.ReadColumns(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}
