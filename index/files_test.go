package index

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/index/segfile"
)

// keyring seals keys of files with a key of its own.
type keyring struct{ aead cipher.AEAD }

func newKeyring(seed byte) keyring {
	block, _ := aes.NewCipher(slices.Repeat([]byte{seed}, 32))
	aead, _ := cipher.NewGCM(block)
	return keyring{aead}
}

func (k keyring) Wrap(key []byte) ([]byte, error) {
	return k.aead.Seal(nil, make([]byte, 12), key, nil), nil // one nonce will do for a test
}

func (k keyring) Unwrap(b []byte) ([]byte, error) {
	return k.aead.Open(nil, make([]byte, 12), b, nil)
}

func memFiles(fs vfs.FS, disk bool) *Files {
	f := &Files{FS: fs, Dir: "rows", Model: "m", Keys: newKeyring(1)}
	if disk {
		f.Cache = segfile.NewCache(1 << 20)
	}
	return f
}

// claimAll starts an index from its files and a register of rows; it returns how many
// rows came from files.
func claimAll(t testing.TB, x *Index, rows map[uint64]Row) int {
	t.Helper()
	if _, err := x.Restore(context.Background()); err != nil {
		t.Fatal(err)
	}
	var all []Row
	for _, r := range rows {
		r.Vector = nil // files alone must do
		all = append(all, r)
	}
	missing := x.Claim(all...)
	for _, i := range missing {
		if err := x.Append(rows[all[i].Key]); err != nil {
			t.Fatal(err)
		}
	}
	x.Settle()
	if x.Rows() != len(rows) {
		t.Fatalf("%d rows, want %d", x.Rows(), len(rows))
	}
	return len(rows) - len(missing)
}

func names(t testing.TB, fs vfs.FS) []string {
	t.Helper()
	all, err := fs.List("rows")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func readAll(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestFilesChangeNoAnswer: whatever happens to files and rows between saving and the
// next start, searches find what the register has and nothing else.
func TestFilesChangeNoAnswer(t *testing.T) {
	for _, c := range []struct {
		dim  int
		disk bool
	}{{40, false}, {40, true}, {400, false}, {400, true}} {
		t.Run(fmt.Sprintf("dim=%d/disk=%v", c.dim, c.disk), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(c.dim), 91))
			fs := vfs.NewMem()
			if err := fs.MkdirAll("rows", 0o700); err != nil {
				t.Fatal(err)
			}
			tw := newTwin(c.dim)
			options := Options{SegmentRows: 128, Workers: 2, Files: memFiles(fs, c.disk)}
			options.Files.Vector = func(key uint64) ([]float32, error) { return tw.rows[key].Vector, nil }
			x := newIndex(t, c.dim, options)
			key, origin, given := uint64(0), uint64(0), 0
			older := map[string][]byte{}
			for round := range 12 {
				for range 3 {
					var rows []Row
					for range rng.IntN(90) {
						key++
						origin++
						rows = append(rows, Row{Key: key, Person: key % 50, Vector: unit(rng, c.dim), Origin: origin, Galleries: []Gallery{Gallery(key % 3)}})
					}
					if err := x.Append(rows...); err != nil {
						t.Fatal(err)
					}
					for _, r := range rows {
						tw.rows[r.Key] = r
					}
					if _, err := x.Save(context.Background(), rng.IntN(2) == 0); err != nil {
						t.Fatal(err)
					}
					for k := range tw.rows {
						if rng.IntN(6) == 0 {
							delete(tw.rows, k)
							x.Delete(k)
						}
					}
				}
				compareTwin(t, rng, x, tw)
				// The end of the process. What the register has changes while the files do not.
				x.Close()
				for k, r := range tw.rows {
					switch rng.IntN(12) {
					case 0:
						delete(tw.rows, k)
					case 1: // the key was given to somebody else
						origin++
						r.Vector, r.Origin, r.Person = unit(rng, c.dim), origin, r.Person+1000
						tw.rows[k] = r
					case 2:
						r.Galleries = []Gallery{7}
						tw.rows[k] = r
					}
				}
				all := names(t, fs)
				for _, name := range all {
					path := fs.PathJoin("rows", name)
					switch rng.IntN(8) {
					case 0:
						if err := fs.Remove(path); err != nil {
							t.Fatal(err)
						}
					case 1:
						b := readAll(t, fs, path)
						b[rng.IntN(len(b))] ^= 1
						writeAll(t, fs, path, b)
					case 2:
						older[path] = readAll(t, fs, path)
					}
				}
				for path, b := range older { // an older copy comes back
					if rng.IntN(4) == 0 {
						writeAll(t, fs, path, b)
					}
				}
				if round%5 == 4 {
					options.Files = memFiles(fs, c.disk)
					options.Files.Model = "another" // whose files are not these
					if round%2 == 0 {
						options.Files.Model = "m"
					}
				}
				options.Files.Vector = func(key uint64) ([]float32, error) { return tw.rows[key].Vector, nil }
				x = newIndex(t, c.dim, options)
				given += claimAll(t, x, tw.rows)
				compareTwin(t, rng, x, tw)
			}
			if given < 500 {
				t.Errorf("files gave %d rows: they save no work", given)
			}
			t.Logf("%d rows from files, %d rows at last", given, x.Rows())
		})
	}
}

func compareTwin(t *testing.T, rng *rand.Rand, x *Index, tw *twin) {
	t.Helper()
	for _, mode := range []Mode{Exact, Fast} {
		q := Query{Probe: mustProbe(t, unit(rng, x.Dim())), K: 1 + rng.IntN(20), Mode: mode}
		if rng.IntN(2) == 0 {
			q.Filter.In = [][]Gallery{{0, 7}}
		}
		got, err := x.Search(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		want := tw.search(q)
		want.Version = got.Version
		if !same(got, want) {
			t.Fatalf("%s: got %+v, want %+v", mode, got, want)
		}
	}
}

// TestDamageDuringSearch: a row in a file that has gone bad is made again from its
// record, or the search says that it has no answer.
func TestDamageDuringSearch(t *testing.T) {
	const dim = 64
	rng := rand.New(rand.NewPCG(2, 92))
	fs := vfs.NewMem()
	if err := fs.MkdirAll("rows", 0o700); err != nil {
		t.Fatal(err)
	}
	tw := newTwin(dim)
	files := memFiles(fs, true)
	files.Cache = segfile.NewCache(0)
	x := newIndex(t, dim, Options{SegmentRows: 64, Files: files})
	for key := range uint64(64) {
		r := Row{Key: key, Person: key, Vector: unit(rng, dim), Origin: key + 1}
		tw.rows[key] = r
		if err := x.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	before := x.Bytes()
	if n, err := x.Save(context.Background(), false); n != 1 || err != nil {
		t.Fatalf("%d files, %v", n, err)
	}
	if after := x.Bytes(); after >= before {
		t.Errorf("%d bytes with rows on disk, %d without", after, before)
	}
	compareTwin(t, rng, x, tw)
	path := fs.PathJoin("rows", names(t, fs)[0])
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := readAll(t, fs, path)
	for i := len(b) / 2; i < len(b); i++ { // the rows are behind the codes
		b[i] ^= 1
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	var row *RowError
	_, err = x.Search(context.Background(), Query{Probe: mustProbe(t, unit(rng, dim)), K: 5})
	if !errors.As(err, &row) || !errors.Is(err, segfile.ErrCorrupt) {
		t.Errorf("search that needs a damaged row: %v", err)
	}
	if _, ok, err := x.Score(mustProbe(t, unit(rng, dim)), 5); ok || !errors.As(err, &row) {
		t.Errorf("score of a damaged row: %v, %v", ok, err)
	}
	files.Vector = func(key uint64) ([]float32, error) { return tw.rows[key].Vector, nil }
	compareTwin(t, rng, x, tw)
	if err := x.Rekey(context.Background(), newKeyring(2)); err != nil {
		t.Fatal(err)
	}
	x.Delete(3) // so that the file is written anew
	delete(tw.rows, 3)
	if err := x.Rekey(context.Background(), newKeyring(3)); err != nil {
		t.Fatal(err)
	}
	files.Vector = nil
	compareTwin(t, rng, x, tw)
}

// TestRekey: after it no file opens with the old keys, and no file has a row that was
// withdrawn.
func TestRekey(t *testing.T) {
	for _, disk := range []bool{false, true} {
		const dim = 100
		rng := rand.New(rand.NewPCG(3, 93))
		fs := vfs.NewMem()
		if err := fs.MkdirAll("rows", 0o700); err != nil {
			t.Fatal(err)
		}
		files := memFiles(fs, disk)
		old := files.Keys
		x := newIndex(t, dim, Options{SegmentRows: 64, Files: files})
		tw := newTwin(dim)
		for key := range uint64(200) {
			r := Row{Key: key, Person: key, Vector: unit(rng, dim), Origin: key + 1}
			tw.rows[key] = r
			if err := x.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := x.Save(context.Background(), true); n < 3 || err != nil {
			t.Fatalf("%d files, %v", n, err)
		}
		// One goes from a full segment, one from that being filled, to which one comes.
		x.Delete(70, 195)
		delete(tw.rows, 70)
		delete(tw.rows, 195)
		late := Row{Key: 1000, Person: 1000, Vector: unit(rng, dim), Origin: 7}
		tw.rows[1000] = late
		if err := x.Append(late); err != nil {
			t.Fatal(err)
		}
		if err := x.Rekey(context.Background(), newKeyring(9)); err != nil {
			t.Fatal(err)
		}
		compareTwin(t, rng, x, tw)
		for _, name := range names(t, fs) {
			path := fs.PathJoin("rows", name)
			if !strings.HasSuffix(name, suffix) {
				t.Errorf("%s is left", name)
			}
			if _, err := segfile.Open(fs, path, x.binding(), old, nil); !errors.Is(err, segfile.ErrKey) {
				t.Errorf("%s with the old keys: %v", name, err)
			}
			f, err := segfile.Open(fs, path, x.binding(), newKeyring(9), nil)
			if err != nil {
				t.Fatal(err)
			}
			c, err := f.ReadColumns(context.Background())
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(c.Keys, 70) || slices.Contains(c.Keys, 195) {
				t.Errorf("%s has a row that was withdrawn", name)
			}
		}
		// Rows appended after it are saved under the new keys, and all come back.
		x.Close()
		files = memFiles(fs, disk)
		files.Keys = newKeyring(9)
		x = newIndex(t, dim, Options{SegmentRows: 64, Files: files})
		if n := claimAll(t, x, tw.rows); n != len(tw.rows) {
			t.Errorf("%d rows from files, want %d", n, len(tw.rows))
		}
		compareTwin(t, rng, x, tw)
	}
}
