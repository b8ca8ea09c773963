package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/mutant"
)

// Keys are handed out, read and destroyed by several callers while epochs end.
func TestRotateBesideEverything(t *testing.T) {
	ctx := context.Background()
	p := newPlace(vfs.NewMem())
	p.opts.Copy = "copy"
	tab := p.create(t)
	base := allocate(t, tab, 4*testBlock)
	done := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	live, gone := map[Ref]*Key{}, map[Ref]*Key{}
	for worker := range 3 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 7))
			var mine []*Key
			for i := 0; ; i++ {
				select {
				case <-done:
					mu.Lock()
					for _, k := range mine {
						live[k.ref] = k
					}
					mu.Unlock()
					return
				default:
				}
				k, err := tab.Allocate()
				if err != nil {
					t.Error(err)
					return
				}
				mine = append(mine, k)
				if b := base[rng.IntN(len(base))]; true {
					if got, err := tab.Key(b.ref); err != nil || got.raw != b.raw {
						t.Errorf("key %v: %v", b.ref, err)
						return
					}
				}
				if i%3 == 0 {
					victim := rng.IntN(len(mine))
					k := mine[victim]
					mine = slices.Delete(mine, victim, victim+1)
					if err := tab.Destroy(k.ref); err != nil {
						t.Error(err)
						return
					}
					if _, err := tab.Key(k.ref); !errors.Is(err, ErrErased) {
						t.Errorf("destroyed key %v: %v", k.ref, err)
						return
					}
					mu.Lock()
					gone[k.ref] = k
					mu.Unlock()
				}
			}
		})
	}
	for want := uint32(2); want <= 7; want++ {
		calls := 0
		if e, err := tab.Rotate(ctx, func(done, total int) {
			calls++
			if done > total {
				t.Errorf("progress %d of %d", done, total)
			}
		}); err != nil || e != want {
			t.Fatalf("epoch %d, %v, want %d", e, err, want)
		}
		if calls < 1 {
			t.Fatalf("progress was told %d times", calls)
		}
		if err := tab.Check(ctx, func(f Finding) { t.Errorf("check: %v", f) }); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if t.Failed() {
		return
	}
	for round := range 2 {
		for _, k := range live {
			wantLive(t, tab, k)
		}
		for r := range gone {
			wantErased(t, tab, r)
		}
		if round == 0 {
			tab.Close()
			var report Report
			if tab, report = p.open(t); report.Found != 0 {
				t.Fatalf("report %v", report.Findings)
			}
		}
	}
	if len(gone) == 0 || len(live) == 0 {
		t.Fatal("nothing happened")
	}
}

func TestOneRotationAtATime(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	var inner error
	if _, err := tab.Rotate(context.Background(), func(int, int) {
		_, inner = tab.Rotate(context.Background(), nil)
	}); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inner, ErrRotating) {
		t.Fatalf("second rotation: %v, want ErrRotating", inner)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if epoch, err := tab.Rotate(ctx, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) || epoch != 2 {
		t.Fatalf("canceled rotation: epoch %d, %v", epoch, err)
	}
	if got := names(t, p.fs, p.opts.Dir); len(got) != 2 || len(secretsLeft(t, p.keys)) != 1 {
		t.Fatalf("a canceled rotation left %v", got)
	}
	rotate(t, tab)
}

// recorded is what a file system kept of everything ever written to the table's files.
type recorded struct{ blocks [][]byte }

func (r *recorded) watch(c change) error {
	if strings.HasPrefix(c.path, "data/keys") || strings.HasPrefix(c.path, "copy") {
		for at := 0; at+slotSize <= len(c.data); at += slotSize {
			r.blocks = append(r.blocks, c.data[at:at+slotSize])
		}
	}
	return nil
}

// opens lists the keys that any recorded slot gives under any of the secrets, by any
// epoch's name.
func (r *recorded) opens(t *testing.T, secrets map[uint32][]byte) map[[KeySize]byte]bool {
	t.Helper()
	out := map[[KeySize]byte]bool{}
	for _, secret := range secrets {
		kek, err := newGCM(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range r.blocks {
			for epoch := uint32(1); epoch <= 4; epoch++ {
				var s slot
				copy(s.nonce[:], b[slotNonceAt:])
				copy(s.wrapped[:], b[slotWrappedAt:])
				s.state = slotMinted
				s.ref = Ref{Slot: be32(b), Generation: be32(b[4:])}
				if raw, err := s.unwrap(kek, testStore, epoch); err == nil {
					out[[KeySize]byte(raw)] = true
				}
			}
		}
	}
	return out
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// After Destroy and the end of the epoch, no byte string that was ever written to the
// table's files, or to the copy, opens a destroyed key with any key left; the control
// without the end of the epoch opens all. A rotation that failed in between leaves nothing
// either.
func TestErasureIsFinalAfterTheEpoch(t *testing.T) {
	ctx := context.Background()
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	p.opts.Copy = "copy"
	var history recorded
	tapped.set(history.watch)
	tab := p.create(t)
	keys := allocate(t, tab, 10*testBlock)
	rotate(t, tab)
	stop, cancel := context.WithCancel(ctx)
	if _, err := tab.Rotate(stop, func(done, total int) {
		if done == total {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("rotation to be given up: %v", err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	gone, live := keys[:200], keys[200:]
	for _, k := range gone {
		if err := tab.Destroy(k.ref); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want []*Key) (n int) {
		open := history.opens(t, secretsLeft(t, p.keys))
		for _, k := range want {
			if open[k.raw] {
				n++
			}
		}
		return n
	}
	if n := count(gone); n != len(gone) {
		t.Fatalf("control: before the epoch ends %d of %d destroyed keys open, want all: the test sees nothing", n, len(gone))
	}
	rotate(t, tab)
	if n := count(gone); n != 0 {
		t.Fatalf("after the epoch %d of %d destroyed keys open, want 0", n, len(gone))
	}
	if n := count(live); n != len(live) {
		t.Fatalf("%d of %d live keys open", n, len(live))
	}
	all := bytes.Join(history.blocks, nil)
	for _, k := range keys {
		if bytes.Contains(all, k.raw[:8]) {
			t.Fatalf("key %v was written in the clear", k.ref)
		}
	}
}

// The epoch does not end without its copy, and the table stays as it was.
func TestEpochEndsOnlyWithItsCopy(t *testing.T) {
	ctx := context.Background()
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	p.opts.Copy = "copy"
	tab := p.create(t)
	keys := allocate(t, tab, 2*testBlock)
	rotate(t, tab)
	for _, kind := range []string{"create", "grow", "sync", "rename"} {
		tapped.set(func(c change) error {
			if strings.HasPrefix(c.path, "copy") && c.kind == kind {
				return errInjected
			}
			return nil
		})
		epoch, err := tab.Rotate(ctx, nil)
		if !errors.Is(err, ErrCopyNotConfirmed) || !errors.Is(err, errInjected) || epoch != 2 {
			t.Fatalf("failing %s of the copy: epoch %d, %v", kind, epoch, err)
		}
	}
	// A copy that is read back as something else is no copy.
	tapped.set(func(c change) error {
		if c.kind == "rename" && strings.HasPrefix(c.path, "copy") {
			t.Errorf("a spoiled copy got its name")
		}
		if c.kind == "sync" && strings.HasPrefix(c.path, "copy/keys-b") {
			f, err := tapped.FS.OpenReadWrite(c.path, vfs.WriteCategoryUnspecified)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{0xee, 0xee}, 5000)
			return err
		}
		return nil
	})
	if _, err := tab.Rotate(ctx, nil); !errors.Is(err, ErrCopyNotConfirmed) || !errors.Is(err, ErrCorrupt) {
		t.Fatalf("spoiled copy: %v", err)
	}
	tapped.set(nil)
	if err := tab.Destroy(keys[0].ref); err != nil {
		t.Fatal(err)
	}
	rotate(t, tab)
	if got, want := names(t, p.fs, "copy"), []string{fileName(fileA, 3), fileName(fileB, 3)}; !slices.Equal(got, want) {
		t.Fatalf("copy holds %v, want %v", got, want)
	}
	// The copy is a table.
	restored := p
	restored.opts.Dir, restored.opts.Copy = "copy", ""
	back, report := restored.open(t)
	if report.Found != 0 {
		t.Fatalf("report of the copy: %v", report.Findings)
	}
	for _, k := range keys[1:] {
		wantLive(t, back, k)
	}
	wantErased(t, back, keys[0].ref)
}

func TestCopyTo(t *testing.T) {
	p := newPlace(vfs.NewMem())
	tab := p.create(t)
	other := vfs.NewMem()
	keys := allocate(t, tab, testBlock)
	for round := range 3 {
		if err := tab.Destroy(keys[round].ref); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, allocate(t, tab, testBlock)...)
		if err := tab.CopyTo(other, "a/b"); err != nil {
			t.Fatal(err)
		}
		rotate(t, tab)
		if err := tab.CopyTo(other, "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.CopyTo(p.fs, p.opts.Dir); err == nil {
		t.Fatal("copied over itself")
	}
	restored := place{fs: other, keys: p.keys, opts: p.opts}
	restored.opts.FS, restored.opts.Dir = other, "a/b"
	back, report := restored.open(t)
	if report.Found != 0 || report.Erased != 3 || back.Epoch() != 4 {
		t.Fatalf("report %+v", report)
	}
	for _, k := range keys[3:] {
		wantLive(t, back, k)
	}
}

// The old key that cannot be destroyed is told; the next epoch insists.
func TestOldKeyThatStays(t *testing.T) {
	ctx := context.Background()
	tapped := &tap{FS: vfs.NewMem()}
	p := newPlace(tapped)
	tab := p.create(t)
	k := allocate(t, tab, 1)[0]
	tapped.set(func(c change) error {
		if c.path == "secrets/kek-1" {
			return errInjected
		}
		return nil
	})
	if epoch, err := tab.Rotate(ctx, nil); !errors.Is(err, ErrKeyNotDestroyed) || epoch != 2 {
		t.Fatalf("epoch %d, %v, want 2 and ErrKeyNotDestroyed", epoch, err)
	}
	wantLive(t, tab, k)
	if epoch, err := tab.Rotate(ctx, nil); !errors.Is(err, errInjected) || epoch != 2 {
		t.Fatalf("epoch %d, %v: ended beside a key that stays", epoch, err)
	}
	tapped.set(nil)
	rotate(t, tab)
	if left := secretsLeft(t, p.keys); len(left) != 1 || left[3] == nil {
		t.Fatalf("%d keys left", len(left))
	}
}

// Seeded faults are caught by the tests that name them; the same checks pass without.
func TestSeededFaults(t *testing.T) {
	if !mutant.Enabled {
		t.Skip("this build carries no seeded faults (build tag mutants)")
	}
	for name, check := range map[mutant.Name]func() error{
		mutant.ReuseNonce: repeatedNonce,
		mutant.KeepKey: func() error {
			p := newPlace(vfs.NewMem())
			tab := p.create(t)
			k := allocate(t, tab, 1)[0]
			if err := tab.Destroy(k.ref); err != nil {
				return err
			}
			b := readFile(t, p.fs, p.opts.Dir+"/"+fileName(fileB, 1))[slotOffset(k.ref.Slot):][:slotSize]
			if _, raw, err := tab.cur.open(b, k.ref.Slot); err == nil && raw != nil {
				return fmt.Errorf("file B still opens key %v", k.ref)
			}
			return nil
		},
	} {
		if err := check(); err != nil {
			t.Errorf("%s: caught without the fault: %v", name, err)
		}
		undo := activate(name)
		err := check()
		undo()
		if err == nil {
			t.Errorf("%s: not caught", name)
		}
	}
}

// A rotation ends although the table grows by three blocks for each one it carries.
func TestRotationEndsBesideGrowth(t *testing.T) {
	p := newPlace(vfs.NewMem())
	p.opts.Copy = "copy"
	tab := p.create(t)
	keys := allocate(t, tab, 10*testBlock)
	calls := 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := tab.Rotate(ctx, func(done, total int) {
		if calls++; calls > 100 {
			cancel()
			return
		}
		keys = append(keys, allocate(t, tab, 3*testBlock)...)
	}); err != nil {
		t.Fatalf("after %d calls: %v", calls, err)
	}
	for _, k := range keys {
		wantLive(t, tab, k)
	}
}
