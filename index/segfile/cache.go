package segfile

import (
	"sync"
	"sync/atomic"

	"immis/internal/simd"
)

// Cache holds opened chunks of rows of many files, up to a number of bytes. Which go
// first is decided by CLOCK: the hand passes over chunks that were asked for since it
// last came by. Exact order of use would write to shared memory at each hit.
type Cache struct {
	shards  []shard
	numbers atomic.Uint64 // of files
	hits    atomic.Uint64
	misses  atomic.Uint64
	plain   sync.Pool // *[]byte of rowChunk bytes
	sealed  sync.Pool // *[]byte of rowChunk+tagSize bytes
}

// chunkKey is a chunk of the section half of a file.
type chunkKey struct {
	file  uint64
	chunk uint32
}

type shard struct {
	mu      sync.Mutex
	at      map[chunkKey]int
	entries []entry
	most    int
	hand    int
}

type entry struct {
	key   chunkKey
	plain *[]byte // nil: free
	used  bool
}

// leastShard is the least number of chunks for which a shard is made; with fewer the
// chunks that share a shard by chance push each other out.
const leastShard = 64

// NewCache makes a cache of at most so many bytes, beside at most two chunks of 16 KiB
// for each reader under way. With less than a chunk nothing is held.
func NewCache(bytes int64) *Cache {
	most := max(0, int(bytes/rowChunk))
	n := min(max(most/leastShard, 1), 16)
	c := &Cache{shards: make([]shard, n)}
	for i := range c.shards {
		c.shards[i].at = map[chunkKey]int{}
		c.shards[i].most = most / n
	}
	return c
}

// CacheStats counts what became of calls of ReadRow and what is held.
type CacheStats struct {
	Hits, Misses uint64
	Bytes        int64
}

// Stats reports the counts since NewCache.
func (c *Cache) Stats() CacheStats {
	s := CacheStats{Hits: c.hits.Load(), Misses: c.misses.Load()}
	for i := range c.shards {
		h := &c.shards[i]
		h.mu.Lock()
		s.Bytes += int64(len(h.at)) * rowChunk
		h.mu.Unlock()
	}
	return s
}

// enter gives a file its number.
func (c *Cache) enter() uint64 { return c.numbers.Add(1) }

// leave forgets the chunks of a file and overwrites them.
func (c *Cache) leave(file uint64) {
	for i := range c.shards {
		h := &c.shards[i]
		h.mu.Lock()
		for j := range h.entries {
			e := &h.entries[j]
			if e.plain != nil && e.key.file == file {
				delete(h.at, e.key)
				clear(*e.plain)
				c.give(e.plain)
				*e = entry{}
			}
		}
		h.mu.Unlock()
	}
}

// shard spreads neighbors over the shards (multiplication by 2^64 / golden ratio).
func (c *Cache) shard(k chunkKey) *shard {
	h := (k.file<<32 ^ uint64(k.chunk)) * 0x9e3779b97f4a7c15
	return &c.shards[h>>32%uint64(len(c.shards))]
}

// row copies a row out of a chunk that is held. It does so under the lock, so that no
// chunk is overwritten meanwhile; that takes less than a tenth of a microsecond.
func (c *Cache) row(k chunkKey, offset int, dst []simd.F16) bool {
	h := c.shard(k)
	h.mu.Lock()
	i, ok := h.at[k]
	if ok {
		decodeRow(dst, (*h.entries[i].plain)[offset:])
		h.entries[i].used = true
	}
	h.mu.Unlock()
	if ok {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return ok
}

// put keeps a chunk, which is the cache's from now on.
func (c *Cache) put(k chunkKey, plain *[]byte) {
	h := c.shard(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.at[k]; ok || h.most == 0 {
		c.give(plain) // another reader was faster
		return
	}
	i := h.free()
	if old := h.entries[i]; old.plain != nil {
		delete(h.at, old.key)
		c.give(old.plain)
	}
	h.entries[i] = entry{key: k, plain: plain}
	h.at[k] = i
}

// free finds an entry for a new chunk.
func (h *shard) free() int {
	if len(h.entries) < h.most {
		h.entries = append(h.entries, entry{})
		return len(h.entries) - 1
	}
	for {
		i := h.hand
		h.hand = (h.hand + 1) % len(h.entries)
		if e := &h.entries[i]; e.plain == nil || !e.used {
			return i
		}
		h.entries[i].used = false
	}
}

func (c *Cache) takePlain() *[]byte { return take(&c.plain, rowChunk) }

func (c *Cache) takeSealed() *[]byte { return take(&c.sealed, rowChunk+tagSize) }

func take(p *sync.Pool, n int) *[]byte {
	if b, ok := p.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, n)
	return &b
}

func (c *Cache) give(plain *[]byte) { c.plain.Put(plain) }
