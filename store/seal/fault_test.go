package seal

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errInjected = errors.New("injected failure")

// Every single change fails once, in turn: the failure is told or made good, what
// was acknowledged holds, in this process and after a power cut, and the table goes on.
func TestEveryWriteFailsOnce(t *testing.T) {
	told, total, seeds := 0, 0, uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		for n := 0; ; n++ {
			reached, failed := failOnce(t, seed, n)
			if !reached {
				break
			}
			total++
			if failed {
				told++
			}
		}
	}
	t.Logf("%d failures injected, %d told", total, told)
	if total < 100*int(seeds) || told < total/2 {
		t.Fatalf("%d failures injected, %d told: the faults do not bite", total, told)
	}
}

// failOnce lets the n-th change fail and tells whether there was one, and whether the
// caller got an error.
func failOnce(t *testing.T, seed uint64, n int) (reached, told bool) {
	t.Helper()
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(seed, 6))
	mem := vfs.NewCrashableMem()
	tapped := &tap{FS: mem}
	d := &desk{p: newPlace(tapped), m: newMemory(), rng: rng}
	d.p.opts.Copy = "copy"
	countdown := n
	var kind, path string
	tapped.set(func(c change) error {
		if countdown--; countdown == -1 {
			kind, path = c.kind, c.path
			return errInjected
		}
		return nil
	})
	try := func(what string, f func() error) {
		t.Helper()
		err := f()
		if err == nil {
			return
		}
		if !errors.Is(err, errInjected) {
			t.Fatalf("seed %d, failing %s %s: %s: %v", seed, kind, path, what, err)
		}
		told = true
	}
	start := func() error { _, err := d.start(ctx); return err }
	try("start", start)
	if d.tab == nil {
		try("start again", start)
	}
	for i := range 7 {
		try("act", func() error { return d.act(ctx) })
		if d.tab.closed {
			try("reopen", start)
		}
		if err := d.verify(); err != nil {
			t.Fatalf("seed %d, failing %s %s, action %d: %v", seed, kind, path, i, err)
		}
	}
	tapped.set(nil)
	after := func(when string, d *desk) {
		t.Helper()
		for _, step := range []func() error{
			d.verify,
			func() error { return d.allocate(testBlock) },
			func() error { _, err := d.tab.Rotate(ctx, nil); return err },
			d.verify, func() error { return d.verifyDisk(t) },
		} {
			if err := step(); err != nil {
				t.Fatalf("seed %d, failing %s %s: %s: %v", seed, kind, path, when, err)
			}
		}
	}
	// What a power cut leaves at this moment is opened first; then the process goes on.
	cut := &desk{p: newPlace(mem.CrashClone(vfs.CrashCloneCfg{})), m: d.m.clone(), rng: rng}
	if report, err := cut.start(ctx); err != nil || report.Lost != 0 {
		t.Fatalf("seed %d, failing %s %s: after a cut: %v, %v", seed, kind, path, err, report.Findings)
	}
	after("after a cut", cut)
	after("going on", d)
	return countdown < 0, told
}

// On a full disk keys are read, erasures work, new blocks are refused with the file
// system's error, and all recovers by itself.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	tab := p.create(t)
	keys := allocate(t, tab, 5)
	tapped.fill(true)
	keys = append(keys, allocate(t, tab, testBlock-6)...)
	for range 3 {
		if _, err := tab.Allocate(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("allocate on a full disk: %v, want ENOSPC", err)
		}
		if _, err := tab.Rotate(ctx, nil); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("rotate on a full disk: %v, want ENOSPC", err)
		}
	}
	if err := tab.Destroy(refsOf(keys[:10])...); err != nil {
		t.Fatalf("destroy on a full disk: %v", err)
	}
	checkMarkers(t, p, 1, refsOf(keys[:10]))
	tab.Close()
	tab, report := p.open(t)
	if report.Lost != 0 || report.Erased != 10 {
		t.Fatalf("report %+v", report)
	}
	tab.SetUsed(testBlock)
	for i, k := range keys {
		if i < 10 {
			wantErased(t, tab, k.ref)
		} else {
			wantLive(t, tab, k)
		}
	}
	if err := tab.Destroy(keys[10].ref); err != nil {
		t.Fatalf("destroy on a full disk after reopening: %v", err)
	}
	tapped.fill(false)
	if k := allocate(t, tab, 1)[0]; k.ref.Slot != testBlock {
		t.Fatalf("slot %d after recovery, want %d", k.ref.Slot, testBlock)
	}
	rotate(t, tab)
	wantLive(t, tab, keys[11])
}

// A block that only one file has, on a disk too full to repair it, is read but not
// handed out until it is in both.
func TestTailInOneFileIsNotHandedOut(t *testing.T) {
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	tab := p.create(t)
	allocate(t, tab, testBlock-1)
	fileBGrows := 0
	tapped.set(func(c change) error {
		if c.kind == "grow" && strings.Contains(c.path, "keys-b") {
			fileBGrows++
			return syscall.ENOSPC
		}
		return nil
	})
	if _, err := tab.Allocate(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("allocate: %v, want ENOSPC", err)
	}
	tab.Close()
	tapped.fill(true)
	tab, report := p.open(t)
	if report.Slots != 2*testBlock || report.Lost != 0 || report.Found == report.Repaired {
		t.Fatalf("report %+v", report)
	}
	tab.SetUsed(testBlock)
	if _, err := tab.Allocate(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("allocate from a block in one file: %v, want ENOSPC", err)
	}
	tapped.fill(false)
	tapped.set(nil)
	k := allocate(t, tab, 1)[0]
	if k.ref.Slot != testBlock {
		t.Fatalf("slot %d, want %d", k.ref.Slot, testBlock)
	}
	tab.Close()
	tab, report = p.open(t)
	if report.Found != 0 {
		t.Fatalf("report %+v", report)
	}
	wantLive(t, tab, k)
}

// A rotation whose new files got their names, but whose end is not certain, stays
// attached: changes go to both images, so that whichever a crash leaves is right.
func TestUncertainRotationKeepsBothImages(t *testing.T) {
	ctx := context.Background()
	mem := vfs.NewCrashableMem()
	tapped := &tap{FS: mem}
	d := &desk{p: newPlace(tapped), m: newMemory(), rng: rand.New(rand.NewPCG(1, 1))}
	if _, err := d.start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.allocate(testBlock + 5); err != nil {
		t.Fatal(err)
	}
	renamed := false
	tapped.set(func(c change) error {
		renamed = renamed || c.kind == "rename" && strings.Contains(c.path, "keys-b")
		if renamed && (c.path == d.p.opts.Dir || c.kind == "remove" || strings.Contains(c.path, "secrets")) {
			return errInjected
		}
		return nil
	})
	if epoch, err := d.tab.Rotate(ctx, nil); !errors.Is(err, errInjected) || epoch != 1 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if d.tab.next == nil {
		t.Fatal("the new image was let go, although a crash could choose it")
	}
	if err := errors.Join(d.destroy(7), d.allocate(2*testBlock)); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		cut := &desk{m: d.m.clone(), rng: d.rng,
			p: newPlace(mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed) * 5, RNG: rand.New(rand.NewPCG(seed, 1))}))}
		if _, err := cut.start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(cut.verify(), cut.verifyDisk(t)); err != nil {
			t.Fatalf("after a cut: %v", err)
		}
	}
	if _, err := d.tab.Rotate(ctx, nil); !errors.Is(err, errInjected) {
		t.Fatalf("second rotation while the disk still fails: %v", err)
	}
	tapped.set(nil)
	if epoch, err := d.tab.Rotate(ctx, nil); err != nil || epoch != 2 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if err := errors.Join(d.verify(), d.verifyDisk(t)); err != nil {
		t.Fatal(err)
	}
}

// An erasure that was cut between the files, on a disk that cannot be repaired at open:
// the key is erased all the same, and destroying it again completes the other file.
func TestHalfErasedIsCompletedLater(t *testing.T) {
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	tab := p.create(t)
	k := allocate(t, tab, 1)[0]
	failB := func(c change) error {
		if c.kind == "write" && strings.Contains(c.path, "keys-b") {
			return syscall.EIO
		}
		return nil
	}
	tapped.set(failB)
	if err := tab.Destroy(k.ref); !errors.Is(err, syscall.EIO) || tab.Erased(k.ref) {
		t.Fatalf("destroy: %v, erased %t", err, tab.Erased(k.ref))
	}
	tab.Close()
	tab, report := p.open(t)
	if len(report.RolledForward) != 1 || report.RolledForward[0] != k.ref || report.Repaired != 0 {
		t.Fatalf("report %+v", report)
	}
	wantErased(t, tab, k.ref)
	if err := tab.Destroy(k.ref); !errors.Is(err, syscall.EIO) {
		t.Fatalf("destroy again: %v, want the failure, not silence", err)
	}
	tapped.set(nil)
	if err := tab.Destroy(k.ref); err != nil {
		t.Fatal(err)
	}
	checkMarkers(t, p, 1, []Ref{k.ref})
}

// A table whose names were not synced when its creation failed is durable once it was
// opened.
func TestOpenMakesNamesDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	tapped := &tap{FS: mem}
	p := newPlace(tapped)
	renamed := false
	tapped.set(func(c change) error {
		renamed = renamed || c.kind == "rename" && strings.Contains(c.path, "keys-b")
		if renamed && c.kind == "sync" && c.path == p.opts.Dir {
			return errInjected
		}
		return nil
	})
	if _, err := CreateTable(context.Background(), p.opts); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	tapped.set(nil)
	tab, _ := p.open(t)
	tab.SetUsed(1)
	k := allocate(t, tab, 1)[0]
	back, _ := newPlace(mem.CrashClone(vfs.CrashCloneCfg{})).open(t)
	wantLive(t, back, k)
}
