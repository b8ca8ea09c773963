package seal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// syncEvery is how many blocks a rotation writes between two syncs, so that no change
// waits longer than for about 8 MiB to reach the disk.
const syncEvery = 8

// Rotate ends the key epoch: it puts a new key-encryption key, writes both files anew
// under it, has the copy confirmed (TableOptions.Copy), switches, removes the old files
// and destroys the old key. Erased slots take no key bytes along, so after it nothing that
// was ever written opens a key destroyed before it began; one destroyed while it runs is
// final at the end of the next.
//
// Allocate, Key and Destroy go on meanwhile; they wait for at most a block of 4,096
// slots, or a sync of eight. progress (nil: none) is called between blocks, with slots
// done and slots there are, and may use the table.
//
// It returns the epoch in force. With an error that is the old epoch, fully usable
// (ErrCopyNotConfirmed names the cause that the operator can act on), unless the error is
// ErrKeyNotDestroyed. A crash at any moment leaves a table that opens.
func (t *Table) Rotate(ctx context.Context, progress func(done, total int)) (epoch uint32, err error) {
	if !t.rotating.TryLock() {
		return t.Epoch(), fmt.Errorf("rotate key table: %w", ErrRotating)
	}
	defer t.rotating.Unlock()
	if progress == nil {
		progress = func(int, int) {}
	}
	if err := t.rotate(ctx, progress); err != nil {
		return t.Epoch(), fmt.Errorf("rotate key table: %w", err)
	}
	return t.Epoch(), nil
}

func (t *Table) rotate(ctx context.Context, progress func(done, total int)) error {
	old := t.Epoch()
	if old == math.MaxUint32 {
		return fmt.Errorf("epoch %d is the last one", old)
	}
	if err := t.clearRotation(ctx); err != nil {
		return fmt.Errorf("clear what an earlier rotation left: %w", err)
	}
	if err := t.prepare(ctx, progress); err != nil {
		return errors.Join(err, t.abandon(context.WithoutCancel(ctx), old+1))
	}
	before, err := t.switchOver()
	if err != nil {
		return errors.Join(err, t.abandon(context.WithoutCancel(ctx), old+1))
	}
	t.rotations.Add(1)
	t.opts.Logger.Info("key epoch ended", "epoch", old)
	// From here on the new epoch stands; the old one is removed even if the caller is gone.
	return t.retire(context.WithoutCancel(ctx), before)
}

// clearRotation leaves exactly the files and the key of the epoch in force. A key of a
// failed rotation is never taken up again: images written under it may hold keys that
// were destroyed since.
func (t *Table) clearRotation(ctx context.Context) error {
	t.mu.Lock()
	closed, attached := t.closed, t.next != nil
	t.mu.Unlock()
	if closed {
		return ErrClosed
	}
	epoch := t.Epoch()
	if attached {
		if err := t.abandon(ctx, epoch+1); err != nil {
			return err
		}
	}
	found, err := listTable(t.opts.FS, t.opts.Dir)
	if err != nil {
		return err
	}
	if err := removeNames(t.opts.FS, t.opts.Dir, found.others(epoch)); err != nil {
		return err
	}
	ours, foreign, err := otherKEKs(ctx, t.opts.Keys, epoch)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		t.opts.Logger.Warn("key source holds keys of no epoch of this table", "names", foreign)
	}
	for _, name := range ours {
		if err := t.opts.Keys.Destroy(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the new key and the new image, whole, durable and confirmed, but not
// yet in force.
func (t *Table) prepare(ctx context.Context, progress func(done, total int)) error {
	secret := make([]byte, KeySize)
	fillRandom(secret)
	defer clear(secret)
	h := t.headerOf()
	h.epoch++
	if err := t.opts.Keys.Put(ctx, kekName(h.epoch), secret); err != nil {
		return err
	}
	img, err := newImage(t.opts.FS, t.opts.Dir, h, secret)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.next, t.cursor = img, 0
	t.mu.Unlock()
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if done, err = t.carry(); err != nil {
			return err
		}
		progress(int(t.reached()), int(t.size()))
	}
	if err := syncDir(t.opts.FS, t.opts.Dir); err != nil {
		return err
	}
	if t.opts.Copy == "" {
		return nil
	}
	if err := t.copyImage(ctx, img, t.opts.FS, t.opts.Copy); err != nil {
		return fmt.Errorf("%w: %w", ErrCopyNotConfirmed, err)
	}
	return nil
}

func (t *Table) headerOf() header {
	t.view.RLock()
	defer t.view.RUnlock()
	return t.cur.header
}

func (t *Table) reached() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cursor
}

// carry writes one block into the new image; done when all are there and synced.
func (t *Table) carry() (done bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false, ErrClosed
	}
	if t.next.broken != nil {
		return false, t.next.broken
	}
	if t.cursor < t.size() {
		return false, t.carryBlock()
	}
	if err := t.next.sync(); err != nil {
		return false, err
	}
	// From here on every change is in the new image too, and synced there.
	t.next.synced, t.next.complete = true, true
	return true, nil
}

// carryBlock writes the next block into the new image. t.mu is held.
func (t *Table) carryBlock() error {
	if err := t.next.write(t.rewrap(t.cursor), slotOffset(t.cursor)); err != nil {
		return err
	}
	t.cursor += t.block
	if (t.cursor/t.block)%syncEvery != 0 {
		return nil
	}
	return t.next.sync()
}

// keepUp carries two blocks for every one that is minted beside a rotation, so that a
// rotation ends however fast the table grows. t.mu is held.
func (t *Table) keepUp() {
	for range 2 {
		if t.next == nil || t.next.complete || t.next.broken != nil || t.cursor >= t.size() {
			return
		}
		t.next.broken = t.carryBlock()
	}
}

// rewrap reads one block of the current image and returns it wrapped under the new
// key. Erased slots stay markers; a slot that is lost becomes zeros, which is damage, not
// erasure. t.mu is held.
func (t *Table) rewrap(first uint32) []byte {
	n := int(t.block) * slotSize
	a, b, out := make([]byte, n), make([]byte, n), make([]byte, n)
	_, errA := readAt(t.cur.a, a, slotOffset(first))
	_, errB := readAt(t.cur.b, b, slotOffset(first))
	if err := errors.Join(errA, errB); err != nil {
		t.opts.Logger.Error("key table block not read in full", "slot", first, "error", err)
	}
	for i := range t.block {
		num := first + i
		at := int(i) * slotSize
		v := t.cur.reconcile(a[at:at+slotSize], b[at:at+slotSize], num, false)
		var raw []byte
		if v.best != nil && v.slot.state == slotMinted {
			var err error
			if raw, err = v.slot.unwrap(t.cur.kek, t.cur.store, t.cur.epoch); err != nil {
				v = t.cur.reconcile(a[at:at+slotSize], b[at:at+slotSize], num, true)
				if v.best != nil && v.slot.state == slotMinted {
					// nil when it fails again: the slot is lost and reported below.
					raw, _ = v.slot.unwrap(t.cur.kek, t.cur.store, t.cur.epoch)
				}
			}
		}
		switch {
		case t.erased.has(num) || v.best != nil && v.slot.state == slotErased:
			r := v.slot.ref
			if v.best == nil {
				// Both markers are damaged, but this process knows the slot is erased.
				r = Ref{Slot: num, Generation: t.cur.epoch}
			}
			m := erasedMarker(r)
			copy(out[at:], m[:])
		case raw != nil:
			s := wrapKey(t.next.kek, t.next.store, v.slot.ref, t.next.epoch, raw)
			s.encode(out[at:])
			clear(raw)
		default:
			t.damaged.Add(1)
			t.opts.Logger.Error("key table slot is lost", "slot", num, "a", v.badA, "b", v.badB)
		}
	}
	return out
}

// switchOver gives the new files their names and puts the image in force. The renames
// are the moment of decision: until the directory is synced a crash may choose either
// epoch, and until then both images hold every change.
func (t *Table) switchOver() (before *image, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if t.next.broken != nil {
		return nil, t.next.broken
	}
	t.next.published = true
	if err := publishNames(t.opts.FS, t.opts.Dir, t.next.epoch); err != nil {
		return nil, err
	}
	t.view.Lock()
	before, t.cur = t.cur, t.next
	t.view.Unlock()
	t.next = nil
	return before, nil
}

// abandon undoes a rotation that failed. The new image is let go only when OpenTable can
// no longer choose it: its key is destroyed, or its files are durably gone. Otherwise it
// stays attached, takes part in every change, and the next Rotate tries again.
func (t *Table) abandon(ctx context.Context, epoch uint32) error {
	keyErr := t.opts.Keys.Destroy(ctx, kekName(epoch))
	found, fileErr := listTable(t.opts.FS, t.opts.Dir)
	if fileErr == nil {
		fileErr = removeNames(t.opts.FS, t.opts.Dir, found.of(epoch))
	}
	if fileErr == nil {
		fileErr = syncDir(t.opts.FS, t.opts.Dir)
	}
	var copyErr error
	if t.opts.Copy != "" {
		if kept, err := listTable(t.opts.FS, t.opts.Copy); err == nil {
			copyErr = removeNames(t.opts.FS, t.opts.Copy, kept.of(epoch))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if img := t.next; img != nil && (!img.published || keyErr == nil || fileErr == nil) {
		t.next = nil
		fileErr = errors.Join(fileErr, img.close())
	}
	return errors.Join(keyErr, fileErr, copyErr)
}

// retire removes the old epoch. The key goes last in the order of things and matters
// most, so it is tried whatever happened to the files.
func (t *Table) retire(ctx context.Context, old *image) error {
	errs := []error{old.close()}
	if found, err := listTable(t.opts.FS, t.opts.Dir); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, removeNames(t.opts.FS, t.opts.Dir, found.others(old.epoch+1)))
	}
	if t.opts.Copy != "" {
		errs = append(errs, pruneCopy(t.opts.FS, t.opts.Copy, old.epoch+1))
	}
	if err := t.opts.Keys.Destroy(ctx, kekName(old.epoch)); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyNotDestroyed, errors.Join(append([]error{err}, errs...)...))
	}
	// Old files without their key open nothing; what could not be removed is tried again.
	if errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil }); len(errs) > 0 {
		t.opts.Logger.Warn("old key table files not removed", "epoch", old.epoch, "error", errors.Join(errs...))
	}
	return nil
}
