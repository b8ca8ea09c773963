package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// meta is the ledger's own bookkeeping, written with every batch under the key
// 'n'. It is copied for each mutation that is tried, so it holds no pointers.
type meta struct {
	// count of entries.
	count uint64
	// last is the time of the newest entry in ns since 1970.
	last int64
	// nextSlot is the first slot of the key table that was never committed.
	nextSlot uint32
	// bodiesFrom is the oldest entry whose body is kept.
	bodiesFrom uint64
	// state is the digest of all 's', 'r', 'q' and 'f' pairs.
	state    Digest
	subjects [4]uint64 // by SubjectStatus
	requests uint64
	blobs    uint64
	rows     [256]uint64 // by table
}

func newMeta() meta { return meta{nextSlot: 1} }

// Layout: 1 version, 8 count, 8 last, 4 next slot, 8 bodies from, 32 state,
// 8 live, 8 deleted, 8 erased, 8 requests, 8 blobs, then per table with rows
// 1 table and 8 rows.
func (m *meta) encode() []byte {
	be := binary.BigEndian
	b := make([]byte, 0, 128)
	b = append(b, metaVersion)
	b = be.AppendUint64(b, m.count)
	b = be.AppendUint64(b, uint64(m.last))
	b = be.AppendUint32(b, m.nextSlot)
	b = be.AppendUint64(b, m.bodiesFrom)
	b = append(b, m.state[:]...)
	for _, n := range m.subjects[1:] {
		b = be.AppendUint64(b, n)
	}
	b = be.AppendUint64(b, m.requests)
	b = be.AppendUint64(b, m.blobs)
	for t, n := range m.rows {
		if n > 0 {
			b = append(b, byte(t))
			b = be.AppendUint64(b, n)
		}
	}
	return b
}

func decodeMeta(b []byte) (meta, error) {
	var m meta
	c := cursor{b: b}
	if v := c.u8(); c.err == nil && v != metaVersion {
		return m, fmt.Errorf("decode counters: version %d, want %d", v, metaVersion)
	}
	m.count = c.u64()
	m.last = int64(c.u64())
	m.nextSlot = c.u32()
	m.bodiesFrom = c.u64()
	copy(m.state[:], c.take(32))
	for i := 1; i < len(m.subjects); i++ {
		m.subjects[i] = c.u64()
	}
	m.requests, m.blobs = c.u64(), c.u64()
	last := -1
	for c.err == nil && len(c.b) > 0 {
		t, n := c.u8(), c.u64()
		if c.err == nil && (int(t) <= last || n == 0) {
			return meta{}, fmt.Errorf("decode counters: table %d with %d rows after table %d", t, n, last)
		}
		last = int(t)
		m.rows[t] = n
	}
	if c.err != nil {
		return meta{}, fmt.Errorf("decode counters: %w", c.err)
	}
	return m, nil
}

// Stats counts what the store holds; the figures are kept with every commit, no
// scan is needed.
type Stats struct {
	Entries                uint64
	LastEntry              time.Time
	Live, Deleted, Erased  uint64
	Requests, Blobs        uint64
	Rows                   map[byte]uint64 // by table, only tables with rows
	BodiesFrom             uint64          // oldest entry whose body is kept
	KeyEpoch               uint32
	LedgerBytes, FreeBytes uint64 // FreeBytes is 0 where the system does not tell
}

func (m *meta) stats() Stats {
	st := Stats{
		Entries: m.count, LastEntry: time.Unix(0, m.last).UTC(),
		Live: m.subjects[SubjectLive], Deleted: m.subjects[SubjectDeleted], Erased: m.subjects[SubjectErased],
		Requests: m.requests, Blobs: m.blobs, BodiesFrom: m.bodiesFrom, Rows: map[byte]uint64{},
	}
	for t, n := range m.rows {
		if n > 0 {
			st.Rows[byte(t)] = n
		}
	}
	return st
}
