package segfile

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzOpen reads files whose bytes are anything, and files whose header and sections
// are anything but sealed with the right key. The first open only if they are the file
// that was written; neither may panic or take more memory than there are bytes.
func FuzzOpen(f *testing.F) {
	src, w := newSource(rand.New(rand.NewPCG(6, 1)), shape{dim: 16, rows: 5, bits: true}), newKeyring()
	fs := vfs.NewMem()
	mustWrite(f, fs, "a", src, w)
	whole, want := readFile(f, fs, "a"), twin(src)
	key := make([]byte, keySize)
	page := keyPage{sequence: 1}
	page.wrapped, _ = w.Wrap(key)
	s, _ := newSealer(key, page.id)
	h := src.header()

	f.Add(whole, uint16(0), h.encode())
	f.Add(whole, uint16(2*pageSize), h.encode())
	f.Add(whole[:100], uint16(7), []byte{})
	f.Fuzz(func(t *testing.T, b []byte, from uint16, header []byte) {
		if got, err := readAll(mem(t, "a", b), "a", src.Binding, w, NewCache(1<<20), 1); err == nil {
			same(t, got, want)
		} else if !typed(err) {
			t.Fatal(err)
		}
		// The file's own beginning with b behind a place of it.
		x := append(bytes.Clone(whole[:min(int(from), len(whole))]), b...)
		if got, err := readAll(mem(t, "a", x), "a", src.Binding, w, nil, 1); err == nil {
			same(t, got, want)
		} else if !typed(err) {
			t.Fatal(err)
		}
		if len(header) != headerSize {
			return
		}
		if h, err := decodeHeader(header); err == nil && !bytes.Equal(h.encode(), header) {
			t.Fatal("a header is not encoded as it was")
		}
		if _, err := readAll(mem(t, "a", sealedAnew(s, &page, header, b)), "a", src.Binding, w, nil, 1); err == nil || !typed(err) {
			t.Fatalf("sections that nobody sealed: %v", err)
		}
	})
}

// FuzzDecode decodes key pages and columns: what is accepted is encoded as it was.
func FuzzDecode(f *testing.F) {
	for i, s := range []shape{{dim: 1, rows: 1}, {dim: 1, rows: 70, dead: 0.5}} {
		src := newSource(rand.New(rand.NewPCG(6, uint64(i))), s)
		f.Add(src.encode(), uint8(s.rows))
	}
	page := keyPage{sequence: 9, wrapped: []byte("wrapped")}
	f.Add(page.encode(), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, rows uint8) {
		if len(b) >= pageSize {
			p := bytes.Clone(b[:pageSize])
			sum := castagnoli(p[:pageSum])
			p[pageSum], p[pageSum+1], p[pageSum+2], p[pageSum+3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
			if k, err := decodeKeyPage(p); err == nil && !bytes.Equal(k.encode(), p) {
				t.Fatal("a key page is not encoded as it was")
			}
		}
		n := columnBytes(int(rows))
		if rows == 0 || int64(len(b)) < n {
			return
		}
		if c, err := decodeColumns(b[:n], int(rows)); err == nil && !bytes.Equal(c.encode(), b[:n]) {
			t.Fatal("columns are not encoded as they were")
		}
	})
}
