package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"immis/store/seal"
)

// Options of Open. The zero value of every field but Dir and Keys is usable.
type Options struct {
	// FS holds everything; default vfs.Default, the operating system's.
	FS vfs.FS
	// Dir is the data directory. It is made when it does not exist.
	Dir string
	// Keys holds the secrets. It must lie outside Dir.
	Keys seal.KeySource
	// KeyCopy is the directory of the confirmed copy of the key table; without
	// one ("") an epoch ends without waiting for a copy.
	KeyCopy string
	// Now is the clock; default time.Now. Entries never run backwards whatever it says.
	Now func() time.Time
	// Logger gets warnings and errors; default none. No identifiers of persons are logged.
	Logger *slog.Logger
	// Registerer gets the metrics; default none.
	Registerer prometheus.Registerer

	// Queue bounds the mutations that wait; default 1,024. Beyond it Commit
	// answers ErrOverloaded at once.
	Queue int
	// Batch bounds the mutations of one commit; default and maximum 256. More
	// makes single commits slower and gives nothing once a sync is amortized.
	Batch int
	// CacheBytes is Pebble's block cache; default 256 MiB.
	CacheBytes int64

	// Watermark is the free space in bytes below which writes get ErrDiskFull;
	// default 256 MiB.
	Watermark uint64
	// LowWatermark is the free space down to which erasures, deletions and the
	// entries of reads still pass; default 64 MiB.
	LowWatermark uint64
	// Reserve is the size of the ballast file that is given up when even
	// erasures find no space; default 64 MiB, negative for none.
	Reserve int64
	// FreeSpace tells the free bytes of the volume of Dir; default FS.GetDiskUsage.
	// errors.ErrUnsupported or vfs.ErrUnsupported switches the watermarks off.
	FreeSpace func() (uint64, error)

	// KeepBodies keeps the bodies of entries after a verified checkpoint; the
	// default is to drop them.
	KeepBodies bool
}

// maxBatch is also half of what the store may be ahead of its anchor.
const (
	maxBatch      = 256
	maxAhead      = 2 * maxBatch
	maxBatchBytes = 8 << 20
)

// withDefaults returns a copy with all defaults filled, or all that is wrong.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("data directory is not given"))
	}
	if o.Keys == nil {
		errs = append(errs, errors.New("key source is not given"))
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Queue == 0 {
		o.Queue = 1024
	}
	if o.Batch == 0 {
		o.Batch = maxBatch
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 256 << 20
	}
	if o.Watermark == 0 {
		o.Watermark = 256 << 20
	}
	if o.LowWatermark == 0 {
		o.LowWatermark = min(64<<20, o.Watermark)
	}
	if o.Reserve == 0 {
		o.Reserve = 64 << 20
	}
	if o.Queue < 0 {
		errs = append(errs, fmt.Errorf("queue %d, want at least 1", o.Queue))
	}
	if o.Batch < 0 || o.Batch > maxBatch {
		errs = append(errs, fmt.Errorf("batch %d, want 1..%d", o.Batch, maxBatch))
	}
	if o.LowWatermark > o.Watermark {
		errs = append(errs, fmt.Errorf("low watermark %d, want at most the watermark %d", o.LowWatermark, o.Watermark))
	}
	if o.FreeSpace == nil {
		fs, dir := o.FS, o.Dir
		o.FreeSpace = func() (uint64, error) {
			u, err := fs.GetDiskUsage(dir)
			return u.AvailBytes, err
		}
	}
	if err := errors.Join(errs...); err != nil {
		return o, fmt.Errorf("store options: %w", err)
	}
	return o, nil
}

// pebbleOptions are those of every opening of the ledger.
func pebbleOptions(o Options, h *health, readOnly bool) *pebble.Options {
	p := &pebble.Options{
		FS:                 namedFS{o.FS},
		Cache:              pebble.NewCache(o.CacheBytes),
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       64 << 20,
		// Two memtables may wait for their flush before writes stall.
		MemTableStopWritesThreshold: 3,
		Logger:                      pebbleLogger{o.Logger, h},
		EventListener:               h.events(),
		ReadOnly:                    readOnly,
		// A missing log or manifest is an error, never an empty store.
		ErrorIfNotExists: true,
	}
	for i := range p.Levels {
		// Sealed bytes do not compress; the filter saves reads for keys that are
		// not there, which is what most checks for duplicates ask.
		p.Levels[i].Compression = func() *block.CompressionProfile { return block.NoCompression }
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return p
}
