package search

import (
	"runtime/debug"

	"immis/bench"
	"immis/index"
)

// Memory is what the rows of an index take.
type Memory struct {
	// Bytes is what the index counts, ResidentBytes by how much the process grew: with
	// keys, and with what the collector of garbage leaves unused.
	Bytes         int64 `json:"bytes"`
	ResidentBytes int64 `json:"resident_bytes"`
	// The same for each row.
	BytesPerRow    float64 `json:"bytes_per_row"`
	ResidentPerRow float64 `json:"resident_bytes_per_row"`
	// PeakBytes is the most that the process held in the whole run, measuring included.
	PeakBytes int64 `json:"peak_bytes"`
}

// residentAfterCollection is the memory of the process without garbage; 0 where the
// system does not tell.
func residentAfterCollection() int64 {
	debug.FreeOSMemory()
	return int64(bench.ReadMemory().RSSBytes)
}

// measureMemory compares with the memory before the index was filled.
func (r *run) measureMemory(x *index.Index, before int64) {
	m := &r.res.Memory
	m.Bytes, m.ResidentBytes = x.Bytes(), residentAfterCollection()-before
	m.BytesPerRow = float64(m.Bytes) / float64(x.Rows())
	m.ResidentPerRow = float64(m.ResidentBytes) / float64(x.Rows())
}

// peakBytes is the most that the process held.
func peakBytes() int64 { return int64(bench.ReadMemory().RSSPeakBytes) }
