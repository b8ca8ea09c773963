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
// gone: an auditor may ask about an erased person. About a subject that the
// principal may not know of there is nothing, as about one that never was. The
// purpose must be audit, administration, a data-subject request or a test. next is
// 0 at the end.
func (e *Engine) LedgerEntries(ctx context.Context, c Caller, from uint64, n int, subject string) (entries []store.Entry, next uint64, err error) {
	if err := checkCaller(c); err != nil {
		return nil, 0, err
	}
	switch c.Purpose {
	case PurposeAudit, PurposeAdministration, PurposeDataSubjectRequest, PurposeTest:
	default:
		return nil, 0, templates.Bad(ReasonPurpose, "context.purpose", uint8(c.Purpose), "audit, administration, data-subject request or test")
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
		if e.historyVisible(c, subject) {
			entries, err = e.store.History(ctx, object, from, n)
		}
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
// erased before is unreadable for good. A repetition ends another epoch, which
// does no harm.
func (e *Engine) EndKeyEpoch(ctx context.Context, c Caller) (epoch uint32, entry uint64, err error) {
	if err := e.checkReady(c); err != nil {
		return 0, 0, err
	}
	epoch, r, err := e.store.EndEpoch(ctx, c.by(), nil)
	if err == nil {
		// No file opens any more, after this process; those without gone rows shall. What
		// fails is said, tried again, and else made anew at the next start.
		_ = e.saveFiles(context.WithoutCancel(ctx), false)
	}
	return epoch, r.Number, fromStore(err, "key epoch")
}

// Checkpoint writes a verified copy of the ledger into a new folder. size counts
// the entries in it.
func (e *Engine) Checkpoint(ctx context.Context, c Caller, dir string) (size, entry uint64, err error) {
	if err := e.checkReady(c); err != nil {
		return 0, 0, err
	}
	head, r, err := e.store.Checkpoint(ctx, dir, c.by(), nil)
	return head.Size, r.Number, fromStore(err, "checkpoint")
}

func (c Caller) by() store.By {
	return store.By{Principal: c.Principal, Purpose: uint8(c.Purpose), Case: c.Case}
}
