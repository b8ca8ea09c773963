package store

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"immis/store/seal"
)

// newKeys remembers the keys that NewKey has named and no entry has, so that those
// of refused mutations are named again: key slots are never freed, and refusals
// must not eat the space that is kept for erasures.
type newKeys struct {
	mu   sync.Mutex
	out  map[Ref]*newKey
	free []Ref // given back, in out as well
}

type newKey struct {
	key    *seal.Key
	queued int // mutations that name it and are not refused yet
	back   bool
}

func (n *newKeys) named(k *seal.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out == nil {
		n.out = map[Ref]*newKey{}
	}
	n.out[k.Ref()] = &newKey{key: k}
}

// again names a key that was given back, or returns nil.
func (n *newKeys) again() *seal.Key {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.free) > 0 {
		k := n.out[n.free[len(n.free)-1]]
		n.free = n.free[:len(n.free)-1]
		if k != nil {
			k.back = false
			return k.key
		}
	}
	return nil
}

// used: something that was sealed with the key was written, or may have been.
func (n *newKeys) used(r Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.out, r)
}

// giveBack takes a key that nothing can have been written with.
func (n *newKeys) giveBack(r Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.out[r]; k != nil && k.queued == 0 && !k.back {
		k.back = true
		n.free = append(n.free, r)
	}
}

// enter counts the keys that a mutation names; it refuses one that was given back,
// which may be somebody else's by the time of the commit.
func (n *newKeys) enter(m *Mutation) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range m.Ops {
		if k := n.out[m.Ops[i].Ref]; m.Ops[i].Code == OpNewSubject && k != nil && k.back {
			return fmt.Errorf("new subject: key %v was given back: %w", m.Ops[i].Ref, ErrStale)
		}
	}
	n.count(m, 1)
	return nil
}

// refused: the mutation is not in the ledger and never will be.
func (n *newKeys) refused(m *Mutation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count(m, -1)
}

func (n *newKeys) count(m *Mutation, by int) {
	for i := range m.Ops {
		if k := n.out[m.Ops[i].Ref]; m.Ops[i].Code == OpNewSubject && k != nil {
			k.queued += by
		}
	}
}

// taken: the mutation is in a batch.
func (n *newKeys) taken(m *Mutation) {
	for i := range m.Ops {
		if m.Ops[i].Code == OpNewSubject {
			n.used(m.Ops[i].Ref)
		}
	}
}

// NewKey names a free data key for a new subject. It is durable already; the
// mutation with NewSubject makes it belong to somebody. When there is none, give
// the key back. Errors: ErrDiskFull, ErrStopped.
func (s *Store) NewKey() (*seal.Key, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	// What will be written with the key would be refused, and the table must not
	// grow into the space that is kept for erasures.
	if err := s.disk.allow(growing); err != nil {
		return nil, fmt.Errorf("new data key: %w", err)
	}
	if k := s.newKeys.again(); k != nil {
		return k, nil
	}
	k, err := s.table.Allocate()
	if err != nil {
		return nil, fmt.Errorf("new data key: %w", full(err))
	}
	s.newKeys.named(k)
	return k, nil
}

// GiveBackKey lets NewKey name a key again whose mutation was refused or never
// committed. A key that was written with, be it a blob that is gone by now, or
// whose mutation may yet be in the ledger, is left alone.
func (s *Store) GiveBackKey(k *seal.Key) { s.newKeys.giveBack(k.Ref()) }

// full makes what a file system says about a full disk one of the store's errors.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}
