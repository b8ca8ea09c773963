package segfile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// One flipped bit anywhere is an error that says so. In a key page it is none: the
// other page says the same, and what is read is what was written.
func TestEveryBitFlip(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many openings: in the long run only")
	}
	rng := rand.New(rand.NewPCG(2, 1))
	src, w := newSource(rng, shape{dim: 16, rows: 5, bits: true}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	whole, want := readFile(t, fs, "a"), twin(src)
	refused := 0
	for i := range whole {
		for bit := range 8 {
			if i < 2*pageSize && bit != i%8 {
				continue // one of each byte of the key pages, all of the others
			}
			damaged := bytes.Clone(whole)
			damaged[i] ^= 1 << bit
			got, err := readAll(mem(t, "a", damaged), "a", src.Binding, w, nil, 1)
			switch {
			case err == nil && i < 2*pageSize:
				same(t, got, want)
			case err == nil:
				t.Fatalf("bit %d of byte %d: not noticed", bit, i)
			case !errors.Is(err, ErrCorrupt) || !typed(err):
				t.Fatalf("bit %d of byte %d: %v, want ErrCorrupt", bit, i, err)
			default:
				refused++
			}
		}
	}
	if want := 8 * (len(whole) - 2*pageSize); refused != want {
		t.Errorf("%d flips refused, want %d", refused, want)
	}
	// A flip in each of the pages leaves no key.
	for range 1000 {
		damaged := bytes.Clone(whole)
		damaged[rng.IntN(pageSize)] ^= 1 << rng.IntN(8)
		damaged[pageSize+rng.IntN(pageSize)] ^= 1 << rng.IntN(8)
		if _, err := readAll(mem(t, "a", damaged), "a", src.Binding, w, nil, 1); !errors.Is(err, ErrCorrupt) || !typed(err) {
			t.Fatalf("both pages damaged: %v, want ErrCorrupt", err)
		}
	}
}

// A damaged key is not taken for another one, which would not be reported as damage.
func TestDamagedKeysAreCorrupt(t *testing.T) {
	src, w := newSource(rand.New(rand.NewPCG(2, 7)), shape{dim: 16, rows: 5}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	whole := readFile(t, fs, "a")
	for i := pageKey; i < pageKey+60; i++ {
		b := bytes.Clone(whole)
		b[i] ^= 1
		b[pageSize+i] ^= 1
		if _, err := Open(mem(t, "a", b), "a", src.Binding, w, nil); !errors.Is(err, ErrCorrupt) || errors.Is(err, ErrKey) {
			t.Fatalf("byte %d: %v, want ErrCorrupt", i, err)
		}
	}
}

func TestEveryLength(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many openings: in the long run only")
	}
	src, w := newSource(rand.New(rand.NewPCG(2, 2)), shape{dim: 16, rows: 5, bits: true}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	whole := readFile(t, fs, "a")
	for n := range len(whole) + 50 {
		b := append(bytes.Clone(whole), make([]byte, 50)...)[:n]
		_, err := Open(mem(t, "a", b), "a", src.Binding, w, nil)
		if n == len(whole) {
			if err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, ErrCorrupt) || !typed(err) {
			t.Fatalf("%d of %d bytes: %v, want ErrCorrupt", n, len(whole), err)
		}
	}
}

// TestMovedChunks moves whole chunks: inside a section, between sections, between files
// of the same rows, and parts of a file that was written before under the same name.
func TestMovedChunks(t *testing.T) {
	src, w := newSource(rand.New(rand.NewPCG(2, 3)), shape{dim: 512, rows: 64, bits: true}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	a := readFile(t, fs, "a")
	mustWrite(t, fs, "a", src, w)
	b := readFile(t, fs, "a")
	h := src.header()
	l := h.layout()
	chunk := func(file []byte, s section, n int) []byte {
		x := &l.extents[s]
		return file[x.at(n):][:x.length(n)+tagSize]
	}
	cases := map[string]func(x []byte){
		"chunks of half swapped": func(x []byte) {
			copy(chunk(x, sectionHalf, 0), chunk(b, sectionHalf, 1))
			copy(chunk(x, sectionHalf, 1), chunk(b, sectionHalf, 0))
		},
		"chunk of half twice":       func(x []byte) { copy(chunk(x, sectionHalf, 3), chunk(b, sectionHalf, 2)) },
		"int8 in the place of half": func(x []byte) { copy(chunk(x, sectionHalf, 0), chunk(b, sectionInt8, 0)) },
		"key pages of the other":    func(x []byte) { copy(x[:2*pageSize], a) },
		"all but the key pages":     func(x []byte) { copy(x[2*pageSize:], a[2*pageSize:]) },
	}
	for s := range sections {
		cases[fmt.Sprintf("%s of the other file", s)] = func(x []byte) { copy(chunk(x, s, 0), chunk(a, s, 0)) }
	}
	for name, move := range cases {
		x := bytes.Clone(b)
		move(x)
		if bytes.Equal(x, b) {
			t.Fatalf("%s: nothing was moved", name)
		}
		if _, err := readAll(mem(t, "a", x), "a", src.Binding, w, nil, 2); !errors.Is(err, ErrCorrupt) || !typed(err) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	// A chunk left out: the rest moves up, and the length is filled with what is there.
	x := bytes.Clone(b)
	half := &l.extents[sectionHalf]
	copy(x[half.at(1):], b[half.at(2):l.extents[sectionTrailer].offset])
	if _, err := readAll(mem(t, "a", x), "a", src.Binding, w, nil, 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a chunk left out: %v, want ErrCorrupt", err)
	}
	// One good key page is enough, whosever the other is.
	for _, page := range []int{0, pageSize} {
		x := bytes.Clone(b)
		copy(x[page:page+pageSize], a)
		got, err := readAll(mem(t, "a", x), "a", src.Binding, w, nil, 2)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, twin(src))
	}
}

func TestNewerVersion(t *testing.T) {
	src, w := newSource(rand.New(rand.NewPCG(2, 4)), shape{dim: 16, rows: 5}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(t, fs, "a", src, w)
	b := readFile(t, fs, "a")
	for page := 0; page < 2*pageSize; page += pageSize {
		p := b[page : page+pageSize]
		p[9] = 2
		sum := castagnoli(p[:pageSum])
		p[pageSum], p[pageSum+1], p[pageSum+2], p[pageSum+3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	}
	if _, err := Open(mem(t, "a", b), "a", src.Binding, w, nil); !errors.Is(err, ErrVersion) || !typed(err) {
		t.Fatalf("%v, want ErrVersion", err)
	}
}

// sealedAnew is a file with the right key and any sections.
func sealedAnew(s *sealer, page *keyPage, h []byte, rest []byte) []byte {
	var p place
	x := headerExtent()
	b := append(page.encode(), page.encode()...)
	b = s.seal(&p, b, h, &x, 0)
	return append(b, rest...)
}

// Headers out of bounds, sealed with the right key: refused before memory is made.
func TestBoundsOfHeaders(t *testing.T) {
	w := newKeyring()
	key := make([]byte, keySize)
	page := keyPage{sequence: 1}
	page.wrapped, _ = w.Wrap(key)
	s, _ := newSealer(key, page.id)
	src := newSource(rand.New(rand.NewPCG(2, 5)), shape{dim: 16, rows: 5})
	for name, change := range map[string]func(*header){
		"no change but no rows in the file": func(*header) {},
		"dimension 0":                       func(h *header) { h.dim = 0 },
		"dimension 4097":                    func(h *header) { h.dim = 4097 },
		"rows 0":                            func(h *header) { h.rows = 0 },
		"rows 2^32-1":                       func(h *header) { h.rows = -1 },
		"most rows":                         func(h *header) { h.rows = MaxRows },
	} {
		h := src.header()
		change(&h)
		b := sealedAnew(s, &page, h.encode(), make([]byte, 1000))
		if _, err := Open(mem(t, "a", b), "a", src.Binding, w, nil); !errors.Is(err, ErrCorrupt) || !typed(err) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		inBounds := name[:2] == "no" || name[:4] == "most"
		if _, err := decodeHeader(h.encode()); (err == nil) != inBounds {
			t.Errorf("%s: decode: %v", name, err)
		}
	}
	// A trailer of another length, sealed with the right key.
	h := src.header()
	l := h.layout()
	for i := range trailerSize {
		var p place
		trailer := l.trailer()
		trailer[i] ^= 1
		x := &l.extents[sectionTrailer]
		rest := make([]byte, x.offset-l.extents[sectionColumns].offset)
		rest = s.seal(&p, rest, trailer, x, 0)
		if _, err := Open(mem(t, "a", sealedAnew(s, &page, h.encode(), rest)), "a", src.Binding, w, nil); !errors.Is(err, ErrCorrupt) || !typed(err) {
			t.Errorf("byte %d of the trailer: %v, want ErrCorrupt", i, err)
		}
	}
	for _, i := range []int{0, 2, 3} {
		h := src.header()
		b := h.encode()
		b[i] |= 2
		if _, err := decodeHeader(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("reserved byte %d: %v, want ErrCorrupt", i, err)
		}
	}
}

func TestColumnsThatDoNotFit(t *testing.T) {
	src := newSource(rand.New(rand.NewPCG(2, 6)), shape{dim: 16, rows: 70, dead: 0.3})
	whole := src.encode()
	if _, err := decodeColumns(whole, 70); err != nil {
		t.Fatal(err)
	}
	dead := 0
	for !has(src.Dead, dead) {
		dead++
	}
	masks := 16 * 70
	for name, i := range map[string]int{
		"key of a dead row": 8*dead + 7, "origin of a dead row": 8*(70+dead) + 7, "bits behind the last row": masks + 8, "wide": masks + 16 + 8,
	} {
		b := bytes.Clone(whole)
		b[i] ^= 0xff
		if _, err := decodeColumns(b, 70); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
