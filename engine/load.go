package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"immis/store"
)

// Load builds the search index from the store and makes the engine ready. It
// verifies the state it loads against the digest in the ledger, so a record that
// is missing or has come back stops the start instead of changing who is found.
// progress is called now and then with encounters done and in all.
func (e *Engine) Load(ctx context.Context, progress func(done, total uint64)) error {
	start := time.Now()
	if err := e.store.VerifyState(ctx, nil); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	e.register.mu.Lock()
	e.register.restoring = true
	e.register.mu.Unlock()
	if err := e.loadGalleries(ctx); err != nil {
		return fmt.Errorf("load galleries: %w", err)
	}
	if err := e.loadEncounters(ctx, progress); err != nil {
		return fmt.Errorf("load encounters: %w", err)
	}
	if err := e.loadEmptySubjects(ctx); err != nil {
		return fmt.Errorf("load subjects: %w", err)
	}
	if err := e.loadMembers(ctx); err != nil {
		return fmt.Errorf("load gallery members: %w", err)
	}
	err := e.store.Scan(ctx, tableTask, nil, func(r store.Row, _ []byte) error {
		e.checks.add(pendingCheck{subject: r.Subject, encounter: r.Key})
		return nil
	})
	if err != nil {
		return fmt.Errorf("load duplicate checks: %w", err)
	}
	if err := e.settleFiles(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if size := e.store.Head().Size; size > 0 {
		e.register.version.Store(size - 1)
	}
	e.readyIn.Store(int64(time.Since(start)))
	e.ready.Store(true)
	return nil
}

func (e *Engine) loadGalleries(ctx context.Context) error {
	return e.store.Scan(ctx, tableGallery, nil, func(r store.Row, sealed []byte) error {
		plain, err := e.store.StoreKey().Open(e.store.Context(r), sealed)
		if err != nil {
			return err
		}
		g, err := decodeGallery(plain)
		if err != nil {
			return err
		}
		e.register.publishGallery(r.Key, g)
		return nil
	})
}

// loadBatch is how many records a worker opens before it asks for more.
const loadBatch = 256

// sealedRow is a row on its way to a worker; the bytes are a copy of its own.
type sealedRow struct {
	row    store.Row
	sealed []byte
}

// loadEncounters reads every record. One goroutine reads, one per core unseals,
// decodes and publishes: order does not matter, because candidates are ordered
// by a number inside the record.
func (e *Engine) loadEncounters(ctx context.Context, progress func(done, total uint64)) error {
	stats, err := e.store.Stats()
	if err != nil {
		return err
	}
	total := stats.Rows[tableEncounter]
	var done, highest atomic.Uint64
	work := make(chan []sealedRow, 2*runtime.GOMAXPROCS(0))
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for batch := range work {
				order, err := e.loadBatch(ctx, batch)
				if err != nil {
					return err
				}
				for h := highest.Load(); order > h && !highest.CompareAndSwap(h, order); h = highest.Load() {
				}
				done.Add(uint64(len(batch)))
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(work)
		send := func(batch []sealedRow) error {
			if progress != nil {
				progress(done.Load(), total)
			}
			select {
			case work <- batch:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		batch := make([]sealedRow, 0, loadBatch)
		err := e.store.Scan(ctx, tableEncounter, nil, func(r store.Row, sealed []byte) error {
			if batch = append(batch, sealedRow{r, bytes.Clone(sealed)}); len(batch) < loadBatch {
				return nil
			}
			full := batch
			batch = make([]sealedRow, 0, loadBatch)
			return send(full)
		})
		if err != nil {
			return err
		}
		return send(batch)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	e.register.nextOrder.Store(highest.Load())
	if progress != nil {
		progress(done.Load(), total)
	}
	return nil
}

// loaded is an encounter of a start on its way into the index.
type loaded struct {
	enc      *encounter
	subject  store.ID
	external string
}

// loadBatch opens records and publishes them; it returns the highest order. A record
// whose key is gone is erased, not damaged: its erasure is being rolled forward,
// and it stays out of the index.
func (e *Engine) loadBatch(ctx context.Context, batch []sealedRow) (highest uint64, err error) {
	list := make([]loaded, 0, len(batch))
	for i := range batch {
		r := &batch[i]
		rec, _, err := e.unseal(r.row, r.sealed)
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return 0, err
		}
		enc := &encounter{id: r.row.Key, external: rec.encounter.ID, order: rec.order}
		if e.register.files != nil {
			enc.origin = originOf(r.sealed)
		}
		// What is committed is loaded, whatever the bounds of requests are by now.
		err = enc.fill(ctx, &rec.encounter.Biographic, rec.views(), func(ctx context.Context, name string, dim int) (*model, error) {
			return e.register.useModel(ctx, name, dim, math.MaxInt)
		})
		if err != nil {
			return 0, err
		}
		list = append(list, loaded{enc, r.row.Subject, rec.encounter.Subject})
		highest = max(highest, rec.order)
	}
	return highest, e.register.publishLoaded(list)
}

// loadEmptySubjects adds the subjects that have lost their last encounter.
func (e *Engine) loadEmptySubjects(ctx context.Context) error {
	return e.store.Scan(ctx, tableIdentity, nil, func(r store.Row, sealed []byte) error {
		if e.register.subject(r.Subject) != nil {
			return nil
		}
		key, err := e.store.SubjectKey(r.Subject)
		if errors.Is(err, store.ErrErased) {
			return nil
		}
		if err != nil {
			return err
		}
		external, err := key.Open(e.store.Context(r), sealed)
		if err != nil {
			return err
		}
		e.register.publishSubject(r.Subject, string(external))
		return nil
	})
}

func (e *Engine) loadMembers(ctx context.Context) error {
	return e.store.Scan(ctx, tableMember, nil, func(r store.Row, _ []byte) error {
		e.register.setMember(r.Key, r.Subject, true)
		return nil
	})
}
