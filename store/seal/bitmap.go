package seal

import "sync"

// bitmap remembers which slots are erased: one bit per slot, the only thing the
// table holds in memory per slot. It is safe for concurrent use and never shrinks.
type bitmap struct {
	mu    sync.RWMutex
	words []uint64
	count int
}

func (b *bitmap) has(n uint32) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	w := int(n / 64)
	return w < len(b.words) && b.words[w]&(1<<(n%64)) != 0
}

func (b *bitmap) set(n uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := int(n / 64)
	if w >= len(b.words) {
		b.words = append(b.words, make([]uint64, w+1-len(b.words))...)
	}
	if bit := uint64(1) << (n % 64); b.words[w]&bit == 0 {
		b.words[w] |= bit
		b.count++
	}
}

func (b *bitmap) len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.count
}
