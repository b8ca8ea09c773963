package seal

import (
	"errors"
	"fmt"
)

// Key reads the data key that r names: one read of 128 bytes and one unwrap. It
// returns ErrErased if the key was destroyed, ErrCorrupt if the slot is damaged in
// both files or is not the one that r names. A slot damaged in one file is repaired
// from the other on the way.
func (t *Table) Key(r Ref) (*Key, error) {
	if t.erased.has(r.Slot) {
		return nil, fmt.Errorf("key %v: %w", r, ErrErased)
	}
	k, err := t.slotKey(r.Slot)
	if err != nil {
		return nil, fmt.Errorf("key %v: %w", r, err)
	}
	if k.ref != r {
		return nil, fmt.Errorf("key %v: %w", r, corrupt("slot: generation", k.ref.Generation, r.Generation))
	}
	return k, nil
}

// size is the number of minted slots.
func (t *Table) size() uint32 {
	t.alloc.Lock()
	defer t.alloc.Unlock()
	return t.minted
}

// slotKey reads the key of a slot of whatever generation.
func (t *Table) slotKey(n uint32) (*Key, error) {
	if size := t.size(); n >= size {
		return nil, corrupt("slot number", n, fmt.Sprintf("< %d", size))
	}
	s, raw, err := t.readFast(n)
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	if err != nil || raw == nil {
		if s, raw, err = t.readSlow(n); err != nil {
			return nil, err
		}
	}
	return newKey(s.ref, raw)
}

// readFast reads file A beside running writes. Any failure means: ask readSlow.
func (t *Table) readFast(n uint32) (slot, []byte, error) {
	t.view.RLock()
	defer t.view.RUnlock()
	if t.closed {
		return slot{}, nil, ErrClosed
	}
	var b [slotSize]byte
	if _, err := readAt(t.cur.a, b[:], slotOffset(n)); err != nil {
		return slot{}, nil, err
	}
	return t.cur.open(b[:], n)
}

// readSlow reads both files with writers shut out, decides, and repairs.
func (t *Table) readSlow(n uint32) (slot, []byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return slot{}, nil, ErrClosed
	}
	v, err := t.judge(n)
	if v.best == nil {
		t.damaged.Add(1)
		t.opts.Logger.Error("key table slot damaged in both files", "slot", n, "a", v.badA, "b", v.badB)
		return slot{}, nil, errors.Join(v.badA, v.badB, err)
	}
	if _, half := t.unsure[n]; !half {
		t.mend(v)
	}
	if v.slot.state == slotErased {
		return slot{}, nil, fmt.Errorf("slot %d: %w", n, ErrErased)
	}
	raw, err := v.slot.unwrap(t.cur.kek, t.cur.store, t.cur.epoch)
	return v.slot, raw, err
}

// judge reads slot n from both files of the current image and decides what it is.
// The error is that of the operating system, if it refused to read. t.mu is held.
func (t *Table) judge(n uint32) (verdict, error) {
	var a, b [slotSize]byte
	_, errA := readAt(t.cur.a, a[:], slotOffset(n))
	_, errB := readAt(t.cur.b, b[:], slotOffset(n))
	return t.cur.reconcile(a[:], b[:], n, true), errors.Join(errA, errB)
}

// mend writes the good slot over the bad one. That it cannot is logged, not returned:
// the reader has its key. t.mu is held.
func (t *Table) mend(v verdict) {
	for _, side := range []struct {
		bad   error
		which byte
	}{{v.badA, fileA}, {v.badB, fileB}} {
		if side.bad == nil {
			continue
		}
		f := t.cur.a
		if side.which == fileB {
			f = t.cur.b
		}
		log := t.opts.Logger.With("file", fileName(side.which, t.cur.epoch), "slot", v.slot.ref.Slot, "problem", side.bad)
		if err := t.cur.writeFile(f, side.which, v.best, slotOffset(v.slot.ref.Slot)); err != nil {
			log.Error("key table slot not repaired", "error", err)
			continue
		}
		t.repairs.Add(1)
		log.Warn("key table slot repaired from the other file")
	}
}
