package seal

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/internal/mutant"
)

// Destroy overwrites the keys with erased markers, in file A, synced, then in file B,
// synced; nothing grows, so it works on a full disk. When it returns nil the keys are
// unreadable by this table, also after a power cut; that no copy of the old blocks opens
// is true after the next Rotate. Keys that are destroyed already are no error. After an
// error each key may be destroyed or not; call again. It refuses slot 0, a slot beyond
// the table, and another generation, before it writes anything.
func (t *Table) Destroy(refs ...Ref) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	todo, err := t.destroyable(refs)
	if err != nil || len(todo) == 0 {
		return err
	}
	err = t.overwrite(todo)
	for _, r := range todo {
		if err != nil {
			t.unsure[r.Slot] = struct{}{}
			continue
		}
		delete(t.unsure, r.Slot)
		t.erased.set(r.Slot)
	}
	if err != nil {
		return fmt.Errorf("destroy %d keys: %w", len(todo), err)
	}
	return nil
}

// destroyable checks refs and leaves out what is done, in the order of the slots.
func (t *Table) destroyable(refs []Ref) ([]Ref, error) {
	size := t.size()
	var todo []Ref
	for _, r := range refs {
		if r.Slot == 0 {
			return nil, fmt.Errorf("destroy key %v: it is the store's own, want slot >= 1", r)
		}
		if r.Slot >= size || r.Generation == 0 {
			return nil, fmt.Errorf("destroy key %v: %w", r, corrupt("key table: slots", size, "more, and a generation >= 1"))
		}
		if _, half := t.unsure[r.Slot]; t.erased.has(r.Slot) && !half {
			continue
		}
		// A slot that nobody can read is destroyed as named.
		if v, _ := t.judge(r.Slot); v.best != nil && v.slot.ref != r {
			return nil, fmt.Errorf("destroy key %v: %w", r, corrupt("slot: generation", v.slot.ref.Generation, r.Generation))
		}
		todo = append(todo, r)
	}
	slices.SortFunc(todo, func(a, b Ref) int { return cmp.Compare(a.Slot, b.Slot) })
	return slices.Compact(todo), nil
}

// overwrite writes the markers into the image of a rotation, as far as that goes by
// now, and then into the current image: what OpenTable chooses after a crash knows at
// least the erasures that anybody saw. t.mu is held.
func (t *Table) overwrite(todo []Ref) error {
	if t.next != nil {
		reached := todo
		if !t.next.complete {
			i, _ := slices.BinarySearchFunc(todo, t.cursor, func(r Ref, n uint32) int { return cmp.Compare(r.Slot, n) })
			reached = todo[:i]
		}
		if len(reached) > 0 {
			if err := t.writeNext(func(img *image) error { return img.mark(reached) }); err != nil {
				return err
			}
		}
	}
	return t.cur.mark(todo)
}

// mark writes erased markers into both files, one file synced before the other is begun.
func (img *image) mark(refs []Ref) error {
	for _, side := range []struct {
		f     vfs.File
		which byte
	}{{img.a, fileA}, {img.b, fileB}} {
		if side.which == fileB && mutant.On(mutant.KeepKey) {
			continue
		}
		for _, r := range refs {
			m := erasedMarker(r)
			if _, err := side.f.WriteAt(m[:], slotOffset(r.Slot)); err != nil {
				return fmt.Errorf("write marker of slot %d into %s: %w", r.Slot, fileName(side.which, img.epoch), err)
			}
		}
		if err := img.syncFile(side.f, side.which); err != nil {
			return err
		}
	}
	return nil
}
