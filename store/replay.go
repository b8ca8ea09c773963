package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// replay makes the state anew from the bodies, in an empty database, and
// compares it byte by byte. It is possible only while no body was dropped.
func (c *checker) replay() error {
	if c.v.meta.bodiesFrom > 0 {
		c.find(Note, "state", "bodies before entry %d were dropped after a checkpoint: the digest was compared, nothing was replayed", c.v.meta.bodiesFrom)
		return nil
	}
	if free, err := c.s.opt.FreeSpace(); err == nil {
		if want := c.s.opt.Watermark + 2*c.s.db.Metrics().DiskSpaceUsage(); free < want {
			c.find(Note, "state", "%d bytes free, a replay wants %d: the digest was compared, nothing was replayed", free, want)
			return nil
		}
	}
	n, err := replayCompare(c.ctx, c.v.snap, c.v.meta.count, c.s.opt.FS, c.s.path(scratchDir))
	c.result.Replayed = n
	return err
}

// scratchDir holds the database of a replay while Check runs; it has sealed rows
// only, as the ledger has.
const scratchDir = "check"

// replayBatch is how many entries one write of a replay takes.
const replayBatch = 1024

// replayCompare applies the bodies of entries 0..count-1 to an empty state in dir
// and compares the result with the state of r, and each entry's digest on the
// way. It returns how many entries it applied. dir is removed before and after.
func replayCompare(ctx context.Context, r pebble.Reader, count uint64, fsys vfs.FS, dir string) (n uint64, err error) {
	if err := fsys.RemoveAll(dir); err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	defer func() { err = errors.Join(err, fsys.RemoveAll(dir)) }()
	log := slog.New(slog.DiscardHandler)
	h := newHealth(log)
	opts := pebbleOptions(Options{FS: fsys, Logger: log, CacheBytes: 8 << 20}, h, false)
	opts.ErrorIfNotExists, opts.DisableWAL = false, true
	defer opts.Cache.Unref()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	n, err = replayInto(ctx, r, db, count)
	if err == nil {
		err = sameState(r, db)
	}
	if herr := h.err(); herr != nil {
		return n, fmt.Errorf("replay: %w", herr)
	}
	if cerr := db.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("replay: %w", cerr)
	}
	return n, err
}

func replayInto(ctx context.Context, r pebble.Reader, db *pebble.DB, count uint64) (n uint64, err error) {
	m := newMeta()
	batch := db.NewIndexedBatch()
	flush := func() error {
		err := batch.Commit(pebble.NoSync)
		if err == nil {
			err = batch.Close()
		}
		batch = db.NewIndexedBatch()
		return err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	for ; n < count; n++ {
		if n%replayBatch == replayBatch-1 || batch.Len() > maxBatchBytes {
			if err := flush(); err != nil {
				return n, fmt.Errorf("replay: %w", err)
			}
			if err := ctx.Err(); err != nil {
				return n, err
			}
		}
		e, err := readEntry(r, n)
		if err != nil {
			return n, err
		}
		raw, ok, err := dbReader{r}.get(numberKey(prefixBody, n))
		if err != nil {
			return n, err
		}
		if !ok || hashBody(raw) != e.BodyHash {
			return n, damaged("replay: body of entry %d is missing or changed", n)
		}
		b, err := decodeBody(raw)
		if err != nil {
			return n, damaged("replay: entry %d: %w", n, err)
		}
		fx, err := apply(dbReader{batch}, m, n, e.Time, b)
		if err != nil {
			return n, damaged("replay: entry %d: %w", n, err)
		}
		if fx.meta.state != e.State {
			return n, damaged("replay: state after entry %d has digest %v, its header says %v", n, fx.meta.state, e.State)
		}
		for _, ch := range fx.changes {
			if ch.value == nil {
				err = batch.Delete([]byte(ch.key), nil)
			} else {
				err = batch.Set([]byte(ch.key), ch.value, nil)
			}
			if err != nil {
				return n, fmt.Errorf("replay: %w", err)
			}
		}
		m = fx.meta
	}
	if err := flush(); err != nil {
		return n, fmt.Errorf("replay: %w", err)
	}
	return n, nil
}

// sameState compares the state keys of two databases byte by byte.
func sameState(a, b pebble.Reader) error {
	for _, prefix := range statePrefixes() {
		o := &pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}}
		x, err := a.NewIter(o)
		if err != nil {
			return fmt.Errorf("compare states: %w", err)
		}
		y, err := b.NewIter(o)
		if err != nil {
			return errors.Join(fmt.Errorf("compare states: %w", err), x.Close())
		}
		more, also := x.First(), y.First()
		for more && also && err == nil {
			if !bytes.Equal(x.Key(), y.Key()) || !bytes.Equal(x.Value(), y.Value()) {
				err = damaged("replay gives another state at key %x", x.Key())
			}
			more, also = x.Next(), y.Next()
		}
		if err == nil && more != also {
			err = damaged("replay gives another number of keys under %q", prefix)
		}
		if err = errors.Join(err, x.Close(), y.Close()); err != nil {
			return err
		}
	}
	return nil
}
