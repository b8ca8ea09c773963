package segfile

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Wrapper seals the keys of files under a key that the caller keeps. Destroying that
// key destroys every file whose key was wrapped with it, wherever copies of the file
// may be. Implementations are safe for concurrent use.
type Wrapper interface {
	// Wrap seals a key of 32 bytes into 1..MaxWrapped bytes.
	Wrap(key []byte) ([]byte, error)
	// Unwrap opens what Wrap made, authenticated: any other bytes are an error.
	Unwrap(wrapped []byte) ([]byte, error)
}

// MaxWrapped is the most bytes that Wrap may return.
const MaxWrapped = 2048

// Key page, integers big endian:
//
//	0     `IMMISSEG`
//	8     version, u16: 1
//	10    length of the wrapped key, u16: 1..2,048
//	12    zeros, 4 bytes
//	16    identifier of the file, 16 random bytes
//	32    sequence, u64, from 1
//	40    wrapped key, then zeros
//	4092  CRC-32C of bytes 0..4091
//
// Both pages hold the same after Write and after Rewrap. Rewrap writes first one, then
// the other, each synced, so that a crash leaves at least one that opens. The checksum
// only tells a torn page from a whole one: what a page says is believed when the header
// opens with it.
const (
	pageSize    = 4096
	pageKey     = 40
	pageSum     = pageSize - 4
	fileVersion = 1
	magic       = "IMMISSEG"
)

type keyPage struct {
	id       [16]byte
	sequence uint64
	wrapped  []byte
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (k *keyPage) encode() []byte {
	b, be := make([]byte, pageSize), binary.BigEndian
	copy(b, magic)
	be.PutUint16(b[8:], fileVersion)
	be.PutUint16(b[10:], uint16(len(k.wrapped)))
	copy(b[16:], k.id[:])
	be.PutUint64(b[32:], k.sequence)
	copy(b[pageKey:], k.wrapped)
	be.PutUint32(b[pageSum:], castagnoli(b[:pageSum]))
	return b
}

// decodeKeyPage reads a page of pageSize bytes.
func decodeKeyPage(b []byte) (keyPage, error) {
	be := binary.BigEndian
	if got := string(b[:8]); got != magic {
		return keyPage{}, bad(ErrCorrupt, "key page: beginning", fmt.Sprintf("%q", got), fmt.Sprintf("%q", magic))
	}
	if got, want := castagnoli(b[:pageSum]), be.Uint32(b[pageSum:]); got != want {
		return keyPage{}, bad(ErrCorrupt, "key page: checksum", fmt.Sprintf("%08x", got), fmt.Sprintf("%08x", want))
	}
	if v := be.Uint16(b[8:]); v != fileVersion {
		return keyPage{}, bad(ErrVersion, "version", v, fileVersion)
	}
	n := int(be.Uint16(b[10:]))
	if n < 1 || n > MaxWrapped {
		return keyPage{}, bad(ErrCorrupt, "key page: length of the wrapped key", n, fmt.Sprintf("1..%d", MaxWrapped))
	}
	k := keyPage{id: [16]byte(b[16:32]), sequence: be.Uint64(b[32:]), wrapped: slices.Clone(b[pageKey : pageKey+n])}
	if !slices.Equal(k.encode(), b) {
		return keyPage{}, bad(ErrCorrupt, "key page: reserved bytes", "not zero", "zeros")
	}
	return k, nil
}

// wrap seals a file's key.
func wrap(w Wrapper, key []byte) ([]byte, error) {
	wrapped, err := w.Wrap(slices.Clone(key))
	if err != nil {
		return nil, fmt.Errorf("wrap file key: %w", err)
	}
	if len(wrapped) < 1 || len(wrapped) > MaxWrapped {
		return nil, fmt.Errorf("wrap file key: %d bytes, want 1..%d", len(wrapped), MaxWrapped)
	}
	return wrapped, nil
}

// unlocked is a file whose header has opened.
type unlocked struct {
	page keyPage
	key  []byte
	*sealer
	header
}

// unlock reads the key pages and the header. Of two pages that differ, which a Rewrap
// that was cut leaves, the one counts that w opens.
func unlock(f io.ReaderAt, w Wrapper) (*unlocked, error) {
	x := headerExtent()
	b := make([]byte, x.offset+x.sealed())
	if err := readFull(f, b, 0); err != nil {
		return nil, err
	}
	var pages []keyPage
	var errs []error
	for i := range 2 {
		k, err := decodeKeyPage(b[i*pageSize : (i+1)*pageSize])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		pages = append(pages, k)
	}
	if len(pages) == 0 {
		return nil, errs[0]
	}
	slices.SortStableFunc(pages, func(a, b keyPage) int { return cmp.Compare(b.sequence, a.sequence) })
	errs = errs[:0]
	for _, k := range pages {
		u, err := k.unlock(w, b[x.offset:], &x)
		if err == nil {
			return u, nil
		}
		errs = append(errs, err)
	}
	// That a header does not open says more than that a key does not.
	if i := slices.IndexFunc(errs, func(err error) bool { return !errors.Is(err, ErrKey) }); i >= 0 {
		return nil, errs[i]
	}
	return nil, errs[0]
}

func (k *keyPage) unlock(w Wrapper, sealed []byte, x *extent) (*unlocked, error) {
	key, err := w.Unwrap(slices.Clone(k.wrapped))
	if err != nil {
		return nil, fmt.Errorf("unwrap file key: %w: %w", ErrKey, err)
	}
	s, err := newSealer(key, k.id)
	if err != nil {
		return nil, fmt.Errorf("unwrap file key: %w: %w", ErrKey, err)
	}
	var p place
	plain := make([]byte, headerSize)
	if err := s.open(&p, plain, sealed, x, 0); err != nil {
		return nil, err
	}
	h, err := decodeHeader(plain)
	if err != nil {
		return nil, err
	}
	return &unlocked{page: *k, key: key, sealer: s, header: h}, nil
}

// readFull fills b from a place of the file; a file that ends before is damaged.
func readFull(f io.ReaderAt, b []byte, offset int64) error {
	n, err := f.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF) || err == nil:
		return bad(ErrCorrupt, fmt.Sprintf("bytes at %d", offset), n, len(b))
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(b), offset, err)
}

// Rewrap opens the key of a file with from and seals it with to, in the file: one small
// write, done twice. Afterwards the file opens with to, and no longer with from. It is for
// files all of whose rows may stay; one that has rows to be forgotten is written anew.
//
// When it fails or is cut, the file opens with at least one of the two, or was damaged
// before. A file may be read meanwhile; no two calls may write one file at a time.
func Rewrap(fs vfs.FS, path string, from, to Wrapper) error {
	f, err := openExisting(fs, path)
	if err != nil {
		return at(path, err)
	}
	return at(path, errors.Join(rewrap(f, from, to), f.Close()))
}

// openExisting opens a file for writing; vfs would make one that is not there.
func openExisting(fs vfs.FS, path string) (vfs.File, error) {
	if _, err := fs.Stat(path); err != nil {
		return nil, err
	}
	return fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
}

func rewrap(f vfs.File, from, to Wrapper) error {
	u, err := unlock(f, from)
	if errors.Is(err, ErrKey) {
		// A call that was cut after its first write is repeated.
		if v, again := unlock(f, to); again == nil {
			u, err = v, nil
		}
	}
	if err != nil {
		return err
	}
	defer clear(u.key)
	next := keyPage{id: u.page.id, sequence: u.page.sequence + 1}
	if next.wrapped, err = wrap(to, u.key); err != nil {
		return err
	}
	// The first write goes over the page that was not used just now.
	first, err := otherPage(f, &u.page)
	if err != nil {
		return err
	}
	for _, page := range []int64{first, 1 - first} {
		if _, err := f.WriteAt(next.encode(), page*pageSize); err != nil {
			return fmt.Errorf("write key page %d: %w", page, err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("sync key page %d: %w", page, err)
		}
	}
	return nil
}

// otherPage is the page of a file that may be lost: not the only one that has k.
func otherPage(f io.ReaderAt, k *keyPage) (int64, error) {
	b := make([]byte, pageSize)
	if err := readFull(f, b, 0); err != nil {
		return 0, err
	}
	if slices.Equal(b, k.encode()) {
		return 1, nil
	}
	return 0, nil
}
