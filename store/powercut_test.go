package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var powercuts = flag.Int("powercuts", 0, "number of simulated power cuts (default 60, with -short 15)")

// TestPowerCuts cuts the power at random moments of opening, enrolling, deleting,
// erasing, ending an epoch and making a checkpoint, and compares what is there
// afterwards with a model. It must catch the mutants no-sync and early-ack.
func TestPowerCuts(t *testing.T) {
	n := *powercuts
	if n == 0 {
		n = 60
		if testing.Short() {
			n = 15
		}
	}
	var during [3]int
	for seed := range n {
		where, err := powerCut(uint64(seed))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i := range during {
			during[i] += where[i]
		}
	}
	t.Logf("%d seeds: %d cuts while opening, %d under load, %d after it; 0 lost", n, during[0], during[1], during[2])
	if n >= 15 && (during[0] == 0 || during[1] == 0) {
		t.Errorf("cuts %v: every phase must be hit", during)
	}
}

// powerCut lives through three power cuts with one seed and then verifies all.
func powerCut(seed uint64) (where [3]int, err error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewCrashableMem()
	w := newWorld(9)
	for range 3 {
		next, phase, err := life(disk, w, rng)
		if err != nil {
			return where, err
		}
		where[phase]++
		disk, w = next.disk, next.model
	}
	r, err := start(testOptions(disk))
	if err != nil {
		return where, fmt.Errorf("open after power cuts: %w", err)
	}
	err = w.compare(r)
	return where, errors.Join(err, r.stop())
}

// after is what is left of a power cut.
type wreck struct {
	disk  *vfs.MemFS
	model *world
}

// life opens the store on disk, compares it with the model, puts it under load,
// and cuts the power before a random change of the disk.
func life(disk *vfs.MemFS, w *world, rng *rand.Rand) (wreck, int, error) {
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 70}[rng.IntN(3)], RNG: rand.New(rand.NewPCG(rng.Uint64(), 2))}
	at := int64(rng.IntN(450))
	if rng.IntN(3) == 0 {
		at = int64(rng.IntN(60))
	}
	var count atomic.Int64
	var phase atomic.Int64
	var once sync.Once
	var dead atomic.Bool
	var left wreck
	where := 2
	cut := func() {
		once.Do(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			left = wreck{model: w.copy(), disk: disk.CrashClone(cfg)}
			where = int(phase.Load())
			dead.Store(true)
		})
	}
	hooked := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && count.Add(1) == at {
			cut()
		}
		return nil
	}))
	o := testOptions(hooked)
	o.Batch = 1 + rng.IntN(8)
	r, err := start(o)
	if err != nil {
		return left, where, fmt.Errorf("open: %w", err)
	}
	if !dead.Load() {
		// The model is compared before the load changes it; the cut may fall here too.
		w.mu.Lock()
		seen := w.copy()
		w.mu.Unlock()
		if err := seen.compare(r); err != nil {
			return left, where, errors.Join(err, r.stop())
		}
		w.mu.Lock()
		w.slots = seen.slots
		w.mu.Unlock()
	}
	phase.Store(1)
	const workers = 3
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = w.run(r, own, i, workers, 12, dead.Load)
		}()
	}
	wg.Wait()
	phase.Store(2)
	cut()
	err = errors.Join(errs...)
	return left, where, errors.Join(err, r.stop())
}
