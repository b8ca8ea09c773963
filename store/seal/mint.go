package seal

import (
	"errors"
	"fmt"
)

// pendingBlock is a block of new keys on its way to the disk. It is kept over a
// failed write, so that the second try writes the same bytes: then a block of which
// file B holds any slot stands whole in file A, which OpenTable relies on.
type pendingBlock struct {
	first uint32
	raw   []byte // KeySize bytes per slot
	img   *image // the image that bytes are for
	bytes []byte
}

// wrapBlock wraps a block of keys for an image. Generation is the epoch of minting.
func wrapBlock(img *image, first uint32, raw []byte, generation uint32) []byte {
	out := make([]byte, len(raw)/KeySize*slotSize)
	for i := range len(raw) / KeySize {
		r := Ref{Slot: first + uint32(i), Generation: generation}
		s := wrapKey(img.kek, img.store, r, img.epoch, raw[i*KeySize:(i+1)*KeySize])
		s.encode(out[i*slotSize:])
	}
	return out
}

// mintBlock appends one block of keys to both files, file A synced before file B is
// begun, and to the image of a rotation that already holds everything else. Its keys
// exist for Allocate only when all of that is done. t.mu is held.
func (t *Table) mintBlock() error {
	first := t.size()
	if uint64(first)+uint64(t.block) > uint64(NoSlot) {
		return fmt.Errorf("mint keys: table has %d slots, want < %d", first, NoSlot-t.block)
	}
	p := t.pending
	if p == nil || p.img != t.cur || p.first != first {
		raw := make([]byte, int(t.block)*KeySize)
		fillRandom(raw)
		p = &pendingBlock{first: first, raw: raw, img: t.cur, bytes: wrapBlock(t.cur, first, raw, t.cur.epoch)}
		t.pending = p
	}
	if err := t.cur.write(p.bytes, slotOffset(first)); err != nil {
		return fmt.Errorf("mint keys: %w", err)
	}
	if t.next != nil && t.next.complete {
		bytes := wrapBlock(t.next, first, p.raw, t.cur.epoch)
		if err := t.writeNext(func(img *image) error { return img.write(bytes, slotOffset(first)) }); err != nil {
			return fmt.Errorf("mint keys: %w", err)
		}
		t.cursor = first + t.block
	}
	clear(p.raw)
	t.pending = nil
	t.alloc.Lock()
	t.minted = first + t.block
	t.alloc.Unlock()
	t.keepUp()
	return nil
}

// writeNext changes the image of a rotation. Before the image is published a failure
// ends the rotation and nothing else; after, it fails the change. t.mu is held.
func (t *Table) writeNext(change func(*image) error) error {
	if t.next.broken != nil {
		return nil
	}
	err := change(t.next)
	if err != nil && !t.next.published {
		t.next.broken = err
		return nil
	}
	return err
}

// SetUsed says, once after OpenTable, which slot is the first that no committed data
// names; slots before it are never handed out again. Until then Allocate takes slots of
// new blocks only. A number beyond the table means that blocks in use were lost: their
// slots stay ErrCorrupt and are never minted again.
func (t *Table) SetUsed(next uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alloc.Lock()
	defer t.alloc.Unlock()
	if !t.told {
		t.told, t.free = true, 1
	}
	t.free = max(t.free, next)
	if t.free > t.minted {
		lost := t.minted
		t.minted = uint32(min(uint64(NoSlot), (uint64(t.free)+uint64(t.block)-1)/uint64(t.block)*uint64(t.block)))
		t.damaged.Add(uint64(t.free - lost))
		t.opts.Logger.Error("key table is shorter than the data says: slots are lost", "first", lost, "next_used", next)
	}
}

// Allocate hands out a key that nobody else has: it names a free slot, and mints and
// syncs a block of 4,096 first when there is none. What is not committed under the key
// before the process ends, the next process may hand out again. On a full disk it fails
// with the file system's error once the free slots are used up, and recovers by itself.
func (t *Table) Allocate() (*Key, error) {
	for passed := uint32(0); ; {
		n, ok := t.take()
		if !ok {
			if err := t.Reserve(1); err != nil {
				return nil, fmt.Errorf("allocate key: %w", err)
			}
			continue
		}
		k, err := t.slotKey(n)
		if errors.Is(err, ErrCorrupt) && passed < 2*t.block || errors.Is(err, ErrErased) {
			passed++ // a damaged free slot is passed over, but not a disk that reads nothing
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("allocate key: %w", err)
		}
		return k, nil
	}
}

// take names the next free slot that is safely in both files.
func (t *Table) take() (uint32, bool) {
	t.alloc.Lock()
	defer t.alloc.Unlock()
	for ; t.free < min(t.minted, t.shaky); t.free++ {
		if !t.erased.has(t.free) {
			t.free++
			return t.free - 1, true
		}
	}
	return 0, false
}

// Reserve mints until at least n slots are free, n in 0..2^20. Whoever runs the store
// calls it beside the work, so that no enrollment waits for two syncs.
func (t *Table) Reserve(n int) error {
	if n < 0 || n > 1<<20 {
		return fmt.Errorf("reserve keys: %d, want 0..%d", n, 1<<20)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.closed {
			return ErrClosed
		}
		t.alloc.Lock()
		free := int64(min(t.minted, t.shaky)) - int64(t.free)
		shaky := t.shaky
		t.alloc.Unlock()
		if free >= int64(n) {
			return nil
		}
		if shaky != NoSlot {
			if err := t.steady(shaky); err != nil {
				return fmt.Errorf("reserve keys: %w", err)
			}
			continue
		}
		if err := t.mintBlock(); err != nil {
			return fmt.Errorf("reserve keys: %w", err)
		}
	}
}

// steady repairs the last block, which OpenTable found in one file and could not
// write to the other. t.mu is held.
func (t *Table) steady(first uint32) error {
	sc := newScan(t.cur, first)
	if err := sc.block(first / t.block); err != nil {
		return err
	}
	if err := errors.Join(sc.fixErr, t.cur.sync()); err != nil {
		return err
	}
	t.alloc.Lock()
	t.shaky = NoSlot
	t.alloc.Unlock()
	return nil
}
