package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// TestReplay: the same operations with other batch sizes and restarts in other
// places give a state that a replay of the bodies makes again, byte by byte, also
// over erased subjects, and a ledger with exactly one entry for each answer. It
// must catch the mutants apply-twice and forget-entry.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := replayRun(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 64).Draw(t, "batch"),
			rapid.SliceOfN(rapid.IntRange(1, 12), 1, 3).Draw(t, "operations per life")); err != nil {
			t.Fatal(err)
		}
	})
}

// replayRun makes len(lives) lives of one store, with so many operations each.
func replayRun(seed uint64, batch int, lives []int) error {
	rng := rand.New(rand.NewPCG(seed, 3))
	disk := vfs.NewMem()
	w := newWorld(6)
	for _, ops := range lives {
		o := testOptions(disk)
		o.Batch, o.KeepBodies = batch, true
		r, err := start(o)
		if err != nil {
			return err
		}
		for range ops {
			if err := w.step(r, rng, rng.IntN(len(w.slots))); err != nil {
				return errors.Join(err, r.stop())
			}
		}
		err = errors.Join(w.gapless(r), w.compare(r))
		if err == nil {
			err = replayedWhole(r)
		}
		if err := errors.Join(err, r.stop()); err != nil {
			return err
		}
	}
	return nil
}

// gapless: each acknowledged mutation has an entry of its own, and there is none
// beyond them but the store's own and those of compare.
func (w *world) gapless(r *running) error {
	seen := map[uint64]bool{}
	for _, s := range w.slots {
		for _, rec := range s.receipts {
			if seen[rec.Number] {
				return fmt.Errorf("two mutations were acknowledged as entry %d", rec.Number)
			}
			seen[rec.Number] = true
		}
	}
	entries, err := r.Entries(context.Background(), 0, maxEntries)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if e.Number != uint64(i) {
			return fmt.Errorf("entry %d has number %d", i, e.Number)
		}
		if e.Kind >= KindEngine && e.Principal == "load" && !seen[e.Number] {
			return fmt.Errorf("entry %d was acknowledged to nobody", e.Number)
		}
		delete(seen, e.Number)
	}
	if len(seen) > 0 {
		return fmt.Errorf("%d acknowledged entries are not in the ledger", len(seen))
	}
	return nil
}

func replayedWhole(r *running) error {
	var first error
	res, err := r.Check(context.Background(), nil, func(f Finding) {
		if first == nil {
			first = fmt.Errorf("%s: %s", f.Where, f.What)
		}
	})
	if err == nil {
		err = first
	}
	if err == nil && (res.Replayed != res.Entries || res.Bodies != res.Entries) {
		err = fmt.Errorf("replayed %d of %d entries, %d bodies", res.Replayed, res.Entries, res.Bodies)
	}
	return err
}

// TestReplayNoticesAChangedState: the check has teeth without any mutant.
func TestReplayNoticesAChangedState(t *testing.T) {
	r := mustStart(t, testOptions(vfs.NewMem()))
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	mustStopLater := func() { _ = r.stop() }
	defer mustStopLater()
	// A row that no entry wrote, with a digest and counters that fit it.
	row := Row{Table: 3, Key: id(7)}
	v := rowValue{ref: r.StoreKey().Ref(), sealed: r.StoreKey().Seal(r.Context(row), []byte("forged"))}
	err = r.exec(context.Background(), func() error {
		m := r.meta
		m.state.add(pairHash(rowKey(row), v.encode()))
		m.rows[3]++
		b := r.db.NewBatch()
		defer b.Close()
		if err := errors.Join(b.Set(rowKey(row), v.encode(), nil), b.Set([]byte{prefixMeta}, m.encode(), nil), b.Commit(nil)); err != nil {
			return err
		}
		r.meta = m
		r.publishView(r.anchor.head)
		return nil
	})
	noError(t, err)
	noError(t, r.VerifyState(context.Background(), nil)) // fits the forged counters
	if err := replayedWhole(r); err == nil {
		t.Fatal("a forged row was not noticed")
	}
	_, err = replayCompare(context.Background(), r.db, r.meta.count, r.opt.FS, "scratch")
	wantError(t, err, ErrDamaged)
}
