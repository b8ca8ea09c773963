package seal

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// powerCuts is how many cuts TestPowerCuts makes; -short makes a tenth.
var powerCuts = flag.Int("cuts", 1200, "simulated power cuts")

// memory is what the world outside the table knows: what it was told, and when.
type memory struct {
	created  bool
	live     map[Ref][KeySize]byte // handed out, no erasure begun
	doubtful map[Ref][KeySize]byte // erasure begun, not acknowledged
	erased   map[Ref]bool          // erasure acknowledged
	all      map[[KeySize]byte]Ref // every key ever handed out
}

func newMemory() *memory {
	return &memory{live: map[Ref][KeySize]byte{}, doubtful: map[Ref][KeySize]byte{}, erased: map[Ref]bool{}, all: map[[KeySize]byte]Ref{}}
}

func (m *memory) clone() *memory {
	return &memory{m.created, maps.Clone(m.live), maps.Clone(m.doubtful), maps.Clone(m.erased), maps.Clone(m.all)}
}

// used is the first slot that nobody was given.
func (m *memory) used() uint32 {
	next := uint32(1)
	for _, r := range m.all {
		next = max(next, r.Slot+1)
	}
	return next
}

// some draws n live references in a fixed order.
func (m *memory) some(rng *rand.Rand, n int) []Ref {
	refs := slices.SortedFunc(maps.Keys(m.live), func(a, b Ref) int { return int(a.Slot) - int(b.Slot) })
	rng.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
	return refs[:min(n, len(refs))]
}

// desk works with a table as a store would and keeps the memory. Errors of the table
// are returned; they are expected only where faults are injected.
type desk struct {
	p   place
	tab *Table
	m   *memory
	rng *rand.Rand
}

func (d *desk) start(ctx context.Context) (Report, error) {
	exists, err := TableExists(d.p.fs, d.p.opts.Dir)
	if err != nil {
		return Report{}, err
	}
	if !exists {
		if d.m.created {
			return Report{}, errors.New("the table is gone")
		}
		if d.tab, err = CreateTable(ctx, d.p.opts); err != nil {
			return Report{}, err
		}
		d.m.created = true
		return Report{}, nil
	}
	tab, report, err := OpenTable(ctx, d.p.opts)
	if err != nil {
		return Report{}, err
	}
	d.tab, d.m.created = tab, true
	tab.SetUsed(d.m.used())
	return report, nil
}

func (d *desk) allocate(n int) error {
	for range n {
		k, err := d.tab.Allocate()
		if err != nil {
			return err
		}
		if other, ok := d.m.all[k.raw]; ok {
			return fmt.Errorf("key %v is key %v, handed out before", k.ref, other)
		}
		d.m.all[k.raw] = k.ref
		d.m.live[k.ref] = k.raw
	}
	return nil
}

func (d *desk) destroy(n int) error {
	refs := d.m.some(d.rng, n)
	for _, r := range refs {
		d.m.doubtful[r] = d.m.live[r]
		delete(d.m.live, r)
	}
	if err := d.tab.Destroy(refs...); err != nil {
		return err
	}
	for _, r := range refs {
		delete(d.m.doubtful, r)
		d.m.erased[r] = true
	}
	return nil
}

// act does one random thing. Other things happen in the middle of rotations.
func (d *desk) act(ctx context.Context) error {
	switch x := d.rng.IntN(10); {
	case x < 3:
		return d.allocate(1 + d.rng.IntN(testBlock))
	case x < 6:
		return d.destroy(1 + d.rng.IntN(4))
	case x < 9:
		var inner error
		_, err := d.tab.Rotate(ctx, func(int, int) {
			if inner == nil && d.rng.IntN(3) == 0 {
				inner = d.allocate(1 + d.rng.IntN(testBlock))
			}
			if inner == nil && d.rng.IntN(3) == 0 {
				inner = d.destroy(1 + d.rng.IntN(3))
			}
		})
		return errors.Join(err, inner)
	default:
		if err := d.tab.Close(); err != nil {
			return err
		}
		_, err := d.start(ctx)
		return err
	}
}

// verify compares the table with the memory.
func (d *desk) verify() error {
	for r, raw := range d.m.live {
		k, err := d.tab.Key(r)
		if err != nil {
			return fmt.Errorf("live key %v: %w", r, err)
		}
		if k.raw != raw {
			return fmt.Errorf("live key %v is another key", r)
		}
	}
	for r := range d.m.erased {
		if _, err := d.tab.Key(r); !errors.Is(err, ErrErased) || !d.tab.Erased(r) {
			return fmt.Errorf("erased key %v: got %v, want ErrErased", r, err)
		}
	}
	for r, raw := range d.m.doubtful {
		k, err := d.tab.Key(r)
		if err == nil && k.raw != raw {
			return fmt.Errorf("half-erased key %v is another key", r)
		}
		if err != nil && !errors.Is(err, ErrErased) {
			return fmt.Errorf("half-erased key %v: %w", r, err)
		}
	}
	return nil
}

// verifyDisk looks at what is on the disk after an open: two files of one epoch, the one
// key that fits, markers and nothing else in destroyed slots.
func (d *desk) verifyDisk(t testing.TB) error {
	epoch := d.tab.Epoch()
	if got, want := names(t, d.p.fs, d.p.opts.Dir), []string{fileName(fileA, epoch), fileName(fileB, epoch)}; !slices.Equal(got, want) {
		return fmt.Errorf("files %v, want %v", got, want)
	}
	if left := secretsLeft(t, d.p.keys); len(left) != 1 || left[epoch] == nil {
		return fmt.Errorf("%d key-encryption keys left, want that of epoch %d", len(left), epoch)
	}
	a := readFile(t, d.p.fs, d.p.opts.Dir+"/"+fileName(fileA, epoch))
	b := readFile(t, d.p.fs, d.p.opts.Dir+"/"+fileName(fileB, epoch))
	for r := range d.m.erased {
		for _, file := range [][]byte{a, b} {
			if m := erasedMarker(r); !bytes.Equal(file[slotOffset(r.Slot):][:slotSize], m[:]) {
				return fmt.Errorf("slot %v is erased but not marked", r)
			}
		}
	}
	for n := range d.tab.size() {
		if x := a[slotOffset(n):][:slotSize]; !bytes.Equal(x, b[slotOffset(n):][:slotSize]) {
			return fmt.Errorf("slot %d differs between the files", n)
		}
	}
	return nil
}

// Power is cut at random moments of creation, minting, erasing, key epochs and the
// recovery from earlier cuts, and what was not synced is lost in part. Catches mutant
// keep-key.
func TestPowerCuts(t *testing.T) {
	cuts := *powerCuts
	if testing.Short() {
		cuts /= 10
	}
	var during, halves int
	for seed := 0; seed < cuts; {
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		disk, m := vfs.NewCrashableMem(), newMemory()
		for depth := 0; depth < 4 && seed < cuts; depth++ {
			var known *memory
			var cut bool
			disk, known, cut = runUntilCut(t, disk, m, rng, seed)
			seed++
			if cut {
				during++
			}
			d := &desk{p: newPlace(disk), m: known, rng: rng}
			if rng.IntN(2) == 0 {
				// Next round: the recovery itself is cut.
				m = known
				continue
			}
			report, err := d.start(context.Background())
			if err != nil {
				t.Fatalf("seed %d: open after a cut: %v", seed, err)
			}
			halves += len(report.RolledForward)
			if report.Lost != 0 || report.Found != report.Repaired {
				t.Fatalf("seed %d: report %v", seed, report.Findings)
			}
			for _, r := range report.RolledForward {
				if _, ok := known.doubtful[r]; !ok {
					t.Fatalf("seed %d: key %v was rolled forward, but no erasure was under way", seed, r)
				}
			}
			for _, step := range []func() error{
				d.verify, func() error { return d.verifyDisk(t) },
				func() error { return d.allocate(testBlock + 1) },
				func() error { _, err := d.tab.Rotate(context.Background(), nil); return err },
				d.verify, func() error { return d.verifyDisk(t) },
			} {
				if err := step(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			d.tab.Close()
			m = known
		}
	}
	t.Logf("%d cuts, %d in the middle of work, %d erasures rolled forward", cuts, during, halves)
	if during < cuts/2 || halves == 0 {
		t.Fatalf("the cuts do not bite: %d of %d in the middle of work, %d rolled forward", during, cuts, halves)
	}
}

// runUntilCut works on a disk until the power goes before a random change, and returns
// what is left of the disk and what the world knew at that moment.
func runUntilCut(t *testing.T, disk *vfs.MemFS, m *memory, rng *rand.Rand, seed int) (*vfs.MemFS, *memory, bool) {
	t.Helper()
	tapped := &tap{FS: disk}
	d := &desk{p: newPlace(tapped), m: m.clone(), rng: rng}
	countdown := rng.IntN(250)
	if rng.IntN(3) == 0 {
		countdown = rng.IntN(30) // creation and recovery are short
	}
	lossy := vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rand.New(rand.NewPCG(uint64(seed), 3))}
	var left *vfs.MemFS
	var known *memory
	tapped.set(func(change) error {
		if countdown--; countdown == -1 {
			left, known = disk.CrashClone(lossy), d.m.clone()
		}
		return nil
	})
	if _, err := d.start(context.Background()); err != nil {
		t.Fatalf("seed %d: start: %v", seed, err)
	}
	for i := 0; i < 10 && left == nil; i++ {
		if err := d.act(context.Background()); err != nil {
			t.Fatalf("seed %d: action %d: %v", seed, i, err)
		}
	}
	if err := d.verify(); err != nil {
		t.Fatalf("seed %d: before the cut: %v", seed, err)
	}
	d.tab.Close()
	if left == nil {
		return disk.CrashClone(lossy), d.m, false
	}
	return left, known, true
}
