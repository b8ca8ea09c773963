package seal

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// One flipped bit anywhere in the table or its key: refused, or repaired and
// reported, and every key is what it was. 0 silent.
func TestBitFlips(t *testing.T) {
	const flips = 1000
	ctx := context.Background()
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	keys := allocate(t, tab, 3*testBlock)
	rotate(t, tab)
	keys = append(keys, allocate(t, tab, 10)...)
	gone := map[Ref]bool{}
	for i, k := range keys {
		if i%7 == 0 {
			gone[k.ref] = true
			if err := tab.Destroy(k.ref); err != nil {
				t.Fatal(err)
			}
		}
	}
	tab.Close()
	files := map[string][]byte{}
	for _, path := range []string{"data/keys/" + fileName(fileA, 2), "data/keys/" + fileName(fileB, 2), "secrets/kek-2"} {
		files[path] = readFile(t, p.fs, path)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	counts := map[string]int{}
	for flip := range flips {
		path := "data/keys/" + fileName([]byte{fileA, fileB}[flip%2], 2)
		if flip%10 == 9 {
			path = "secrets/kek-2"
		}
		bad := bytes.Clone(files[path])
		bit := rng.IntN(len(bad) * 8)
		if path != "secrets/kek-2" && flip%3 == 0 {
			bit = rng.IntN(headerSize * 8)
		}
		bad[bit/8] ^= 1 << (bit % 8)
		q := newPlace(vfs.NewMem())
		for _, dir := range []string{"data/keys", "secrets"} {
			if err := makeDir(q.fs, dir); err != nil {
				t.Fatal(err)
			}
		}
		for name, content := range files {
			if name == path {
				content = bad
			}
			writeFile(t, q.fs, name, content)
		}
		tab, report, err := OpenTable(ctx, q.opts)
		if err != nil {
			if path != "secrets/kek-2" {
				t.Fatalf("%s bit %d: not repaired: %v", path, bit, err)
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s bit %d: %v, want ErrCorrupt", path, bit, err)
			}
			counts["refused"]++
			continue
		}
		if report.Found == 0 || report.Lost != 0 || report.Repaired != report.Found {
			t.Fatalf("%s bit %d: silent: report %+v", path, bit, report)
		}
		counts["repaired"]++
		for _, k := range keys {
			if gone[k.ref] {
				wantErased(t, tab, k.ref)
			} else {
				wantLive(t, tab, k)
			}
		}
		tab.Close()
		if got := readFile(t, q.fs, path); !bytes.Equal(got, files[path]) {
			t.Fatalf("%s bit %d: repaired to something else", path, bit)
		}
	}
	t.Logf("%d flips: %v, 0 silent", flips, counts)
	if counts["refused"] == 0 || counts["repaired"] < flips/2 {
		t.Fatalf("counts %v: the flips do not reach everything", counts)
	}
}

// The same while the table is open: what one file lost comes from the other, what both
// lost is ErrCorrupt, and never a wrong key, never erased.
func TestBitFlipsWhileOpen(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	keys := allocate(t, tab, testBlock-1)
	rng := rand.New(rand.NewPCG(5, 5))
	lost := map[Ref]bool{}
	for range 500 {
		k := keys[rng.IntN(len(keys))]
		both := rng.IntN(20) == 0
		for i, f := range []vfs.File{tab.cur.a, tab.cur.b} {
			if !both && i == 1 {
				continue
			}
			at := slotOffset(k.ref.Slot) + int64(rng.IntN(slotSize))
			var b [1]byte
			if _, err := f.ReadAt(b[:], at); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 1 << rng.IntN(8)
			if _, err := f.WriteAt(b[:], at); err != nil {
				t.Fatal(err)
			}
		}
		lost[k.ref] = lost[k.ref] || both
		if !lost[k.ref] {
			wantLive(t, tab, k)
			continue
		}
		// A second flip can undo the first one: then the key is right again.
		if got, err := tab.Key(k.ref); err == nil && got.raw != k.raw {
			t.Fatalf("key %v is another key", k.ref)
		} else if err != nil && (!errors.Is(err, ErrCorrupt) || errors.Is(err, ErrErased)) {
			t.Fatalf("key %v: %v, want ErrCorrupt", k.ref, err)
		}
	}
	if s := tab.Stats(); s.Repairs == 0 || s.Damaged == 0 || len(lost) == 0 {
		t.Fatalf("repairs %d, damaged %d", s.Repairs, s.Damaged)
	}
}

// Damage of a whole block in one file is made good and told in one finding.
func TestManyDamagedSlots(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	keys := allocate(t, tab, 3*testBlock)
	tab.Close()
	path := p.opts.Dir + "/" + fileName(fileA, 1)
	content := readFile(t, p.fs, path)
	bad := bytes.Clone(content)
	clear(bad[slotOffset(testBlock):slotOffset(2*testBlock)])
	writeFile(t, p.fs, path, bad)
	tab, report := p.open(t)
	if report.Found != 1 || report.Repaired != 1 || report.Slots != 4*testBlock {
		t.Fatalf("report %+v", report)
	}
	for _, k := range keys {
		wantLive(t, tab, k)
	}
	if got := readFile(t, p.fs, path); !bytes.Equal(got, content) {
		t.Fatal("file A is not what it was")
	}
}
