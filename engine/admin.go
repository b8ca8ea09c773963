package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"immis/store"
	"immis/templates"
)

// Statistics describes the whole without scanning it.
func (e *Engine) Statistics(_ context.Context, c Caller) (Statistics, error) {
	if err := checkCaller(c); err != nil {
		return Statistics{}, err
	}
	ledger, err := e.store.Stats()
	if err != nil {
		return Statistics{}, fromStore(err, "statistics")
	}
	r := e.register
	s := Statistics{
		LedgerEntries: ledger.Entries,
		KeyEpoch:      ledger.KeyEpoch,
		DiskBytes:     ledger.LedgerBytes,
		Encounters:    uint64(r.encounters.Load()),
		PendingChecks: uint64(e.checks.len()),
		Ready:         time.Duration(e.readyIn.Load()),
	}
	r.mu.RLock()
	s.Subjects, s.Galleries = uint64(len(r.subjects)), uint64(len(r.galleries))
	for name, m := range r.models {
		s.Models = append(s.Models, ModelStatistics{Modality: templates.ModalityFace, Model: name, Dimensions: m.index.Dim(), Rows: uint64(m.index.Rows()), Bytes: uint64(m.index.Bytes())})
	}
	r.mu.RUnlock()
	slices.SortFunc(s.Models, func(a, b ModelStatistics) int { return cmp.Compare(a.Model, b.Model) })
	if n := r.fingers.Load(); n > 0 {
		s.Models = append(s.Models, ModelStatistics{Modality: templates.ModalityFinger, Model: "minutiae", Rows: uint64(n), Bytes: uint64(r.fingerSize.Load())})
	}
	return s, nil
}

// LedgerEntries lists headers by number, or those about one subject, enrolled or
// not: an auditor may ask about an erased person. next is 0 at the end.
func (e *Engine) LedgerEntries(ctx context.Context, c Caller, from uint64, n int, subject string) (entries []store.Entry, next uint64, err error) {
	if err := checkCaller(c); err != nil {
		return nil, 0, err
	}
	if n < 1 || n > 1000 {
		return nil, 0, templates.Bad(templates.ReasonOutOfRange, "page_size", n, "1..1000")
	}
	var object store.ID
	if subject != "" {
		if err := checkSubject(subject); err != nil {
			return nil, 0, err
		}
		object = e.subjectID(subject)
		entries, err = e.store.History(ctx, object, from, n)
	} else {
		entries, err = e.store.Entries(ctx, from, n)
	}
	if err != nil {
		return nil, 0, fromStore(err, "ledger entries")
	}
	if len(entries) == n {
		next = entries[n-1].Number + 1
	}
	if subject != "" {
		// Who looked at a person's history is part of that history.
		if _, err := e.logRead(ctx, c, KindReadLedger, object, resultOK, nil); err != nil {
			return nil, 0, err
		}
	}
	return entries, next, nil
}

// EndKeyEpoch makes a new key-encryption key and destroys the old one: what was
// erased before is unreadable for good.
func (e *Engine) EndKeyEpoch(ctx context.Context, c Caller, requestID string) (epoch uint32, entry uint64, err error) {
	if err := e.checkWrite(c, requestID); err != nil {
		return 0, 0, err
	}
	if err := e.store.EndEpoch(ctx, nil); err != nil {
		return 0, 0, fromStore(err, "key epoch")
	}
	s, err := e.store.Stats()
	if err != nil {
		return 0, 0, fromStore(err, "key epoch")
	}
	return s.KeyEpoch, s.Entries - 1, nil
}

// Checkpoint writes a verified copy of the ledger into a new folder.
func (e *Engine) Checkpoint(ctx context.Context, c Caller, dir string) (size, bytes, entry uint64, err error) {
	if err := e.checkReady(c); err != nil {
		return 0, 0, 0, err
	}
	if err := e.store.Checkpoint(ctx, dir, nil); err != nil {
		return 0, 0, 0, fromStore(err, "checkpoint")
	}
	s, err := e.store.Stats()
	if err != nil {
		return 0, 0, 0, fromStore(err, "checkpoint")
	}
	return s.Entries, s.LedgerBytes, s.Entries - 1, nil
}
