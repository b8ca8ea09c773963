package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestTableKeepsKeysOverReopening(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	if tab.StoreKey().Ref() != (Ref{0, 1}) {
		t.Fatalf("store key %v, want 0/1", tab.StoreKey().Ref())
	}
	keys := allocate(t, tab, 3*testBlock)
	seen := map[[KeySize]byte]Ref{tab.StoreKey().raw: {}}
	for i, k := range keys {
		if k.ref.Slot != uint32(i+1) {
			t.Fatalf("allocation %d has slot %d, want %d", i, k.ref.Slot, i+1)
		}
		if other, ok := seen[k.raw]; ok {
			t.Fatalf("keys %v and %v are equal", k.ref, other)
		}
		seen[k.raw] = k.ref
	}
	sealed := tab.StoreKey().Seal(Context{Store: testStore}, []byte("own"))
	gone := []Ref{keys[3].ref, keys[40].ref}
	if err := tab.Destroy(gone...); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for i, k := range keys {
			if i == 3 || i == 40 {
				wantErased(t, tab, k.ref)
			} else {
				wantLive(t, tab, k)
			}
		}
		if plain, err := tab.StoreKey().Open(Context{Store: testStore}, sealed); err != nil || string(plain) != "own" {
			t.Fatalf("store key after round %d: %q, %v", round, plain, err)
		}
		if round == 1 {
			rotate(t, tab)
		}
		if err := tab.Close(); err != nil {
			t.Fatal(err)
		}
		var report Report
		tab, report = p.open(t)
		if report.Found != 0 || report.Erased != 2 || report.Slots != 4*testBlock {
			t.Fatalf("report %+v", report)
		}
		tab.SetUsed(uint32(len(keys) + 1))
	}
	if k := allocate(t, tab, 1)[0]; k.ref.Slot != uint32(len(keys)+1) {
		t.Fatalf("after SetUsed got slot %d, want %d", k.ref.Slot, len(keys)+1)
	}
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Allocate(); !errors.Is(err, ErrClosed) {
		t.Fatalf("allocate on closed table: %v", err)
	}
	if err := tab.Destroy(keys[5].ref); !errors.Is(err, ErrClosed) {
		t.Fatalf("destroy on closed table: %v", err)
	}
	if _, err := tab.Key(keys[5].ref); !errors.Is(err, ErrClosed) {
		t.Fatalf("key on closed table: %v", err)
	}
}

func TestOpenWithoutSetUsedHandsOutNothingOld(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	last := allocate(t, tab, 5)[4]
	tab.Close()
	tab, _ = p.open(t)
	if k := allocate(t, tab, 1)[0]; k.ref.Slot < testBlock {
		t.Fatalf("slot %d handed out, but up to %v may be in use", k.ref.Slot, last.ref)
	}
}

func TestSetUsedBeyondTheTable(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	tab.SetUsed(3*testBlock + 5)
	for _, n := range []uint32{testBlock, 2 * testBlock, 3*testBlock + 4} {
		if _, err := tab.Key(Ref{n, 1}); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("lost slot %d: %v, want ErrCorrupt", n, err)
		}
	}
	if k := allocate(t, tab, 1)[0]; k.ref.Slot < 4*testBlock {
		t.Fatalf("slot %d of a lost block was minted again", k.ref.Slot)
	}
	rotate(t, tab)
	if _, err := tab.Key(Ref{2 * testBlock, 1}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("lost slot after rotation: %v, want ErrCorrupt", err)
	}
}

func TestDestroyRefuses(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	keys := allocate(t, tab, 3)
	for _, refs := range [][]Ref{
		{keys[0].ref, {0, 1}},
		{keys[0].ref, {testBlock, 1}},
		{keys[0].ref, {keys[1].ref.Slot, 2}},
		{keys[0].ref, {keys[1].ref.Slot, 0}},
	} {
		if err := tab.Destroy(refs...); err == nil {
			t.Fatalf("destroy %v succeeded", refs)
		}
		wantLive(t, tab, keys[0])
	}
	if _, err := tab.Key(Ref{keys[0].ref.Slot, 2}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("key of another generation: %v", err)
	}
	for range 2 { // idempotent, with repetition
		if err := tab.Destroy(keys[2].ref, keys[1].ref, keys[2].ref); err != nil {
			t.Fatal(err)
		}
	}
	wantErased(t, tab, keys[1].ref)
	wantErased(t, tab, keys[2].ref)
	wantLive(t, tab, keys[0])
}

// An erasure leaves no key bytes in either file. Catches mutant keep-key.
func TestDestroyLeavesNoWrappedKey(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	keys := allocate(t, tab, 20)
	if err := tab.Destroy(refsOf(keys[5:15])...); err != nil {
		t.Fatal(err)
	}
	checkMarkers(t, p, tab.Epoch(), refsOf(keys[5:15]))
}

// checkMarkers reads the slots of destroyed keys from both files.
func checkMarkers(t testing.TB, p place, epoch uint32, refs []Ref) {
	t.Helper()
	for _, which := range []byte{fileA, fileB} {
		file := readFile(t, p.fs, p.opts.Dir+"/"+fileName(which, epoch))
		for _, r := range refs {
			got := file[slotOffset(r.Slot):][:slotSize]
			if want := erasedMarker(r); !bytes.Equal(got, want[:]) {
				t.Fatalf("slot %v in file %c is not the erased marker: %x", r, which, got)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	p := newPlace(vfs.NewMem())
	if _, _, err := OpenTable(ctx, p.opts); !errors.Is(err, ErrNoTable) {
		t.Fatalf("no table: %v", err)
	}
	if ok, err := TableExists(p.fs, p.opts.Dir); ok || err != nil {
		t.Fatalf("exists %t, %v", ok, err)
	}
	p.create(t).Close()
	if ok, err := TableExists(p.fs, p.opts.Dir); !ok || err != nil {
		t.Fatalf("exists %t, %v", ok, err)
	}
	if _, err := CreateTable(ctx, p.opts); !errors.Is(err, ErrExists) {
		t.Fatalf("create over a table: %v", err)
	}
	elsewhere := p.opts
	elsewhere.Dir = "other"
	if _, err := CreateTable(ctx, elsewhere); !errors.Is(err, ErrExists) {
		t.Fatalf("create beside another table's key: %v", err)
	}
	p.open(t) // the key is still there
	foreign := p.opts
	foreign.Store = ID{1}
	if _, _, err := OpenTable(ctx, foreign); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "store") {
		t.Fatalf("table of another store: %v", err)
	}
	if err := p.keys.Destroy(ctx, kekName(1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenTable(ctx, p.opts); !errors.Is(err, ErrNoSecret) {
		t.Fatalf("no key: %v", err)
	}
	if err := p.keys.Put(ctx, kekName(1), bytes.Repeat([]byte{7}, KeySize)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenTable(ctx, p.opts); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("wrong key: %v", err)
	}
	if _, _, err := OpenTable(ctx, TableOptions{Copy: "x", Dir: "x"}); err == nil || strings.Count(err.Error(), "want") != 4 {
		t.Fatalf("options: %v, want every fault named", err)
	}
}

// A missing or beheaded file is made anew from the other.
func TestOpenRebuildsAFile(t *testing.T) {
	for _, which := range []byte{fileA, fileB} {
		for _, how := range []string{"missing", "header", "empty"} {
			t.Run(fmt.Sprintf("%c/%s", which, how), func(t *testing.T) {
				p := newPlace(vfs.NewMem())
				tab := p.create(t)
				keys := allocate(t, tab, 2*testBlock)
				if err := tab.Destroy(keys[1].ref); err != nil {
					t.Fatal(err)
				}
				tab.Close()
				path := p.opts.Dir + "/" + fileName(which, 1)
				content := readFile(t, p.fs, path)
				switch how {
				case "missing":
					if err := p.fs.Remove(path); err != nil {
						t.Fatal(err)
					}
				case "header":
					bad := bytes.Clone(content)
					bad[30] ^= 4
					writeFile(t, p.fs, path, bad)
				case "empty":
					writeFile(t, p.fs, path, nil)
				}
				tab, report := p.open(t)
				if report.Found == 0 || report.Lost != 0 || report.Found != report.Repaired {
					t.Fatalf("report %+v", report)
				}
				for i, k := range keys {
					if i != 1 {
						wantLive(t, tab, k)
					}
				}
				wantErased(t, tab, keys[1].ref)
				tab.Close()
				if got := readFile(t, p.fs, path); !bytes.Equal(got, content) {
					t.Fatal("the file is not what it was")
				}
				if _, report := p.open(t); report.Found != 0 {
					t.Fatalf("second open found %v", report.Findings)
				}
			})
		}
	}
}

// Keys of a store that shares the source by mistake are never destroyed.
func TestForeignKeysAreReportedNotTouched(t *testing.T) {
	ctx := context.Background()
	p := newPlace(vfs.NewMem())
	p.create(t).Close()
	for _, name := range []string{"kek-9", "head", "pseudonym", "kek-2"} {
		if err := p.keys.Put(ctx, name, bytes.Repeat([]byte{3}, KeySize)); err != nil {
			t.Fatal(err)
		}
	}
	tab, report := p.open(t)
	rotate(t, tab)
	left, err := p.keys.List(ctx)
	if want := []string{"head", "kek-2", "kek-9", "pseudonym"}; err != nil || !slices.Equal(left, want) {
		t.Fatalf("secrets left %v, %v, want %v", left, err, want)
	}
	if report.Found != 2 || report.Repaired != 1 {
		t.Fatalf("report %v", report.Findings)
	}
}

func TestKeyRepairsWhileRunning(t *testing.T) {
	p := newPlace(vfs.NewMem())
	var log bytes.Buffer
	p.opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	tab := p.create(t)
	k := allocate(t, tab, 1)[0]
	for _, f := range []vfs.File{tab.cur.a, tab.cur.b} {
		if _, err := f.WriteAt([]byte{0xff}, slotOffset(k.ref.Slot)+slotWrappedAt); err != nil {
			t.Fatal(err)
		}
		if f == tab.cur.a {
			wantLive(t, tab, k)
			if s := tab.Stats(); s.Repairs != 1 || !strings.Contains(log.String(), "repaired") {
				t.Fatalf("repairs %d, log %q", s.Repairs, log.String())
			}
			if _, err := tab.readFastKey(k.ref.Slot); err != nil {
				t.Fatalf("file A was not repaired: %v", err)
			}
			if _, err := f.WriteAt([]byte{0xff}, slotOffset(k.ref.Slot)+slotWrappedAt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := tab.Key(k.ref); !errors.Is(err, ErrCorrupt) || errors.Is(err, ErrErased) {
		t.Fatalf("damaged in both: %v, want ErrCorrupt", err)
	}
	if s := tab.Stats(); s.Damaged != 1 {
		t.Fatalf("damaged %d, want 1", s.Damaged)
	}
	var found []Finding
	if err := tab.Check(context.Background(), func(f Finding) { found = append(found, f) }); err != nil || len(found) != 1 || !found[0].Lost {
		t.Fatalf("check found %v, %v", found, err)
	}
	// A damaged slot can still be erased.
	if err := tab.Destroy(k.ref); err != nil {
		t.Fatal(err)
	}
	wantErased(t, tab, k.ref)
}

// readFastKey shows what file A alone says.
func (t *Table) readFastKey(n uint32) ([]byte, error) {
	_, raw, err := t.readFast(n)
	return raw, err
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	p := newPlace(vfs.NewMem())
	p.opts.Metrics = reg
	tab := p.create(t)
	if err := tab.Destroy(refsOf(allocate(t, tab, 2))...); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			got[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"immis_keytable_epoch": 1, "immis_keytable_slots": testBlock, "immis_keytable_free_slots": testBlock - 3,
		"immis_keytable_erased_slots": 2, "immis_keytable_repairs_total": 0, "immis_keytable_damaged_total": 0, "immis_keytable_rotations_total": 0,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("metrics %v, want %v", got, want)
	}
	tab.Close()
	p.open(t) // the names are free again
}
