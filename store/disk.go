package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// weight tells what a write is worth when space runs out.
type weight uint8

const (
	growing   weight = iota // stops at the watermark
	reading                 // the entry of a read: stops at the low watermark
	shrinking               // deletes or erases: may use the reserve as well
)

// weigh classifies a mutation. What deletes may also write a little (a marker, a
// to-do), or nothing could be deleted in one step with its traces.
func (m *Mutation) weigh(bodyBytes int) weight {
	if m.Kind.IsRead() {
		return reading
	}
	drops := false
	for i := range m.Ops {
		switch m.Ops[i].Code {
		case OpDropSubject, OpDelete:
			drops = true
		case OpNewSubject:
			return growing
		}
	}
	if (drops || m.Frees) && bodyBytes <= 4096 {
		return shrinking
	}
	return growing
}

// diskGuard stops writes before the disk is full: a log write that fails for
// want of space would stop the store until a restart.
type diskGuard struct {
	fs        vfs.FS
	path      string // of the reserve
	free      func() (uint64, error)
	watermark uint64
	low       uint64
	reserve   int64
	log       *slog.Logger

	mu       sync.Mutex
	reserved bool
	full     bool // what was logged last
	unknown  bool
}

func newDiskGuard(o Options) *diskGuard {
	g := &diskGuard{fs: o.FS, path: o.FS.PathJoin(o.Dir, reserveFile), free: o.FreeSpace, watermark: o.Watermark,
		low: o.LowWatermark, reserve: o.Reserve, log: o.Logger}
	_, err := g.fs.Stat(g.path)
	g.reserved = err == nil
	return g
}

// allow returns ErrDiskFull when a write of weight w must not be made now.
func (g *diskGuard) allow(w weight) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	free, known := g.space()
	if !known {
		return nil
	}
	g.restore(free)
	if full := free < g.watermark; full != g.full {
		g.full = full
		if full {
			g.log.Warn("disk is full: writes are refused", "free_bytes", free, "watermark_bytes", g.watermark)
		} else {
			g.log.Info("disk has space again", "free_bytes", free)
		}
	}
	want := g.watermark
	switch w {
	case reading:
		want = g.low
	case shrinking:
		want = g.low
		if free < want && g.reserved {
			if err := g.fs.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				g.log.Error("reserve cannot be given up", "cause", err)
			} else {
				g.reserved = false
				g.log.Warn("reserve was given up so that deletions go on", "bytes", g.reserve)
				free, _ = g.space()
			}
		}
		// Without a reserve a deletion may still use what is left above a quarter.
		want = g.low / 4
	}
	if free < want {
		return fmt.Errorf("%w: %d bytes free, want %d", ErrDiskFull, free, want)
	}
	return nil
}

// RoomFor tells whether files that can be made again may take so many bytes of the
// ledger's volume: not where less than twice the watermark would be left. Error:
// ErrDiskFull.
func (s *Store) RoomFor(bytes int64) error { return s.disk.roomFor(bytes) }

func (g *diskGuard) roomFor(bytes int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	free, known := g.space()
	if want := 2*g.watermark + uint64(max(0, bytes)); known && free < want {
		return fmt.Errorf("%w: %d bytes free, want %d", ErrDiskFull, free, want)
	}
	return nil
}

func (g *diskGuard) space() (uint64, bool) {
	free, err := g.free()
	if err != nil {
		if !g.unknown && !errors.Is(err, vfs.ErrUnsupported) && !errors.Is(err, errors.ErrUnsupported) {
			g.log.Warn("free space is unknown", "cause", err)
		}
		g.unknown = true
		return 0, false
	}
	g.unknown = false
	return free, true
}

// restore makes the reserve again once there is room for it and for writes.
func (g *diskGuard) restore(free uint64) {
	if g.reserved || g.reserve <= 0 || free < g.watermark+uint64(g.reserve) {
		return
	}
	if err := g.makeReserve(); err != nil {
		g.log.Warn("reserve cannot be made", "cause", err)
		_ = g.fs.Remove(g.path)
		g.reserve = 0 // not tried again before a restart
		return
	}
	g.reserved = true
}

func (g *diskGuard) makeReserve() error {
	f, err := g.fs.Create(g.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err = f.Preallocate(0, g.reserve); err != nil {
		// The file system cannot reserve: fill the file instead.
		zeros := make([]byte, 1<<20)
		err = nil
		for left := g.reserve; left > 0 && err == nil; left -= int64(len(zeros)) {
			_, err = f.Write(zeros[:min(left, int64(len(zeros)))])
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
