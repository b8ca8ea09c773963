package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	if err := e.loadGalleries(ctx); err != nil {
		return fmt.Errorf("load galleries: %w", err)
	}
	if err := e.loadEncounters(ctx, progress); err != nil {
		return fmt.Errorf("load encounters: %w", err)
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

// loadEncounters reads every record. One whose key is gone is erased, not
// damaged: its erasure is being rolled forward, and it stays out of the index.
func (e *Engine) loadEncounters(ctx context.Context, progress func(done, total uint64)) error {
	stats, err := e.store.Stats()
	if err != nil {
		return err
	}
	total := stats.Rows[tableEncounter]
	var done, highest uint64
	err = e.store.Scan(ctx, tableEncounter, nil, func(r store.Row, sealed []byte) error {
		if done++; progress != nil && done%4096 == 0 {
			progress(done, total)
		}
		key, err := e.store.SubjectKey(r.Subject)
		if errors.Is(err, store.ErrErased) {
			return nil
		}
		if err != nil {
			return err
		}
		plain, err := key.Open(e.store.Context(r), sealed)
		if err != nil {
			return err
		}
		rec, err := decodeRecord(plain)
		if err != nil {
			return err
		}
		highest = max(highest, rec.order)
		enc := &encounter{id: r.Key, external: rec.encounter.ID, order: rec.order}
		if err := enc.fill(e.register, rec.views()); err != nil {
			return err
		}
		return e.register.publishEncounter(enc, r.Subject, rec.encounter.Subject, nil)
	})
	if err != nil {
		return err
	}
	e.register.nextOrder.Store(highest)
	if progress != nil {
		progress(done, total)
	}
	return e.loadEmptySubjects(ctx)
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
