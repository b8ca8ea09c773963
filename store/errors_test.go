package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestFailedWrites lets one write or sync fail, or all from some moment on:
// what was acknowledged survives, and a store that cannot know what is on disk
// takes no more writes while reads go on. It must catch the mutant swallow-error.
func TestFailedWrites(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 12
	}
	stopped := 0
	for seed := range n {
		s, err := failedWrite(uint64(seed))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if s {
			stopped++
		}
	}
	t.Logf("%d seeds, %d stopped the ledger", n, stopped)
	if stopped < n/4 {
		t.Errorf("only %d of %d failures stopped the ledger: the test does not reach the log", stopped, n)
	}
}

func failedWrite(seed uint64) (stopped bool, err error) {
	rng := rand.New(rand.NewPCG(seed, 7))
	disk := vfs.NewCrashableMem()
	r, err := start(testOptions(disk))
	if err != nil {
		return false, err
	}
	if err := r.stop(); err != nil {
		return false, err
	}
	at, forever := int64(1+rng.IntN(150)), rng.IntN(3) == 0
	var on atomic.Bool
	var count atomic.Int64
	faulty := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !on.Load() || op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
			return nil
		}
		if n := count.Add(1); n == at || (forever && n > at) {
			return fmt.Errorf("%v of %s: %w", op.Kind, op.Path, errorfs.ErrInjected)
		}
		return nil
	}))
	if r, err = start(testOptions(faulty)); err != nil {
		return false, err
	}
	w := newWorld(9)
	on.Store(true)
	var wg sync.WaitGroup
	for i := range 3 {
		own := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Add(1)
		go func() {
			defer wg.Done()
			// An error that is no stop is about a blob, an epoch or a checkpoint: those
			// may fail and leave the ledger as it is. The model knows what was promised.
			_ = w.run(r, own, i, 3, 12, func() bool { return false })
		}()
	}
	wg.Wait()
	stopped = r.Failed() != nil
	if stopped {
		err = afterFailure(r, w)
	}
	// What a power cut leaves right now, and what a restart finds.
	var left [2]*vfs.MemFS
	left[0] = disk.CrashClone(vfs.CrashCloneCfg{})
	on.Store(false)
	_ = r.stop() // reports the failure again
	left[1] = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
	for i, d := range left {
		again, oerr := start(testOptions(d))
		if oerr != nil {
			return stopped, errors.Join(err, fmt.Errorf("open %d after the failure: %w", i, oerr))
		}
		model := w.copy()
		if cerr := model.compare(again); cerr != nil {
			err = errors.Join(err, fmt.Errorf("state %d after the failure: %w", i, cerr))
		}
		err = errors.Join(err, again.stop())
	}
	return stopped, err
}

// afterFailure: writes are refused with ErrStopped, reads answer.
func afterFailure(r *running, w *world) error {
	if _, err := r.commit(mutation(id(1))); !errors.Is(err, ErrStopped) {
		return fmt.Errorf("commit on a stopped ledger: %v, want %v", err, ErrStopped)
	}
	for n, s := range w.slots {
		got, err := observe(r, id(1000+n))
		if errors.Is(err, ErrErased) {
			continue // its key was destroyed, its entry did not get through
		}
		if err != nil {
			return fmt.Errorf("read on a stopped ledger: subject %d: %w", n, err)
		}
		if got != s.acked.String() {
			return fmt.Errorf("stopped ledger shows subject %d as %s, want %s", n, got, s.acked.String())
		}
	}
	_, err := r.Entries(context.Background(), 0, 10)
	return err
}
