package engine

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"immis/store"
	"immis/store/seal"
	"immis/templates"
)

// GetSubject shows a stored subject; Encounter "" means all. With samples the
// bytes of templates and kept images are returned too. The read is in the ledger
// before the answer, also when there is nothing to show.
func (e *Engine) GetSubject(ctx context.Context, c Caller, ref EncounterRef, samples bool) (SubjectView, error) {
	if err := e.checkReady(c); err != nil {
		return SubjectView{}, err
	}
	if err := checkSubject(ref.Subject); err != nil {
		return SubjectView{}, err
	}
	v, st, err := e.readSubject(c, ref, samples)
	result := uint8(resultOK)
	if errors.Is(err, ErrNotFound) {
		result = resultNotFound
	} else if err != nil {
		return SubjectView{}, err
	}
	receipt, logErr := e.logRead(ctx, c, KindGetSubject, e.subjectID(ref.Subject), result, nil)
	if logErr != nil {
		return SubjectView{}, logErr // nothing is told that is not in the ledger
	}
	if err != nil {
		return SubjectView{}, err
	}
	for _, g := range st.galleries {
		if g.readable(c.Principal) {
			v.Galleries = append(v.Galleries, g.data.Load().ID)
		}
	}
	slices.Sort(v.Galleries)
	for i := range v.Encounters {
		// What was declared at enrolment is shown as far as it still holds and may be read.
		v.Encounters[i].Galleries = slices.DeleteFunc(v.Encounters[i].Galleries, func(id string) bool { return !slices.Contains(v.Galleries, id) })
	}
	v.Entry = receipt.Number
	return v, nil
}

func (e *Engine) readSubject(c Caller, ref EncounterRef, samples bool) (SubjectView, *subjectState, error) {
	s, st, err := e.visible(c, ref.Subject)
	if err != nil {
		return SubjectView{}, nil, err
	}
	v := SubjectView{ID: ref.Subject}
	for _, enc := range st.encounters {
		if ref.Encounter != "" && enc.external != ref.Encounter {
			continue
		}
		view, err := e.readEncounter(s.id, enc.id, samples)
		if err != nil {
			return SubjectView{}, nil, err
		}
		v.Encounters = append(v.Encounters, view)
	}
	if ref.Encounter != "" && len(v.Encounters) == 0 {
		return SubjectView{}, nil, notFound()
	}
	return v, st, nil
}

// readEncounter opens the stored form of one encounter.
func (e *Engine) readEncounter(subject, id store.ID, samples bool) (Encounter, error) {
	rec, key, err := e.openRecord(subject, id)
	if err != nil {
		return Encounter{}, err
	}
	enc := rec.encounter
	for i := range rec.samples {
		s := rec.samples[i].Sample
		if samples {
			if s, err = e.readSample(key, subject, &rec.samples[i]); err != nil {
				return Encounter{}, fmt.Errorf("sample %d: %w", i, err)
			}
		} else {
			s.Data = nil
		}
		s.NotSearchable = notSearchable(s.Modality, s.Format, len(rec.samples[i].templates))
		enc.Samples = append(enc.Samples, s)
	}
	return enc, nil
}

func (e *Engine) openRecord(subject, id store.ID) (*record, *seal.Key, error) {
	row := store.Row{Table: tableEncounter, Subject: subject, Key: id}
	sealed, err := e.store.Get(row)
	if err != nil {
		return nil, nil, fromStore(err, "encounter")
	}
	rec, key, err := e.unseal(row, sealed)
	if err != nil {
		return nil, nil, fromStore(err, "encounter")
	}
	return rec, key, nil
}

// unseal opens what the store has of an encounter. Errors: store.ErrErased,
// store.ErrCorrupt.
func (e *Engine) unseal(row store.Row, sealed []byte) (*record, *seal.Key, error) {
	key, err := e.store.SubjectKey(row.Subject)
	if err != nil {
		return nil, nil, err
	}
	plain, err := key.Open(e.store.Context(row), sealed)
	if err != nil {
		return nil, nil, err
	}
	rec, err := decodeRecord(plain)
	if err != nil {
		// Not the caller's fault, whatever kind of error a decoder gives.
		return nil, nil, fmt.Errorf("stored encounter: %w: %s", store.ErrCorrupt, err.Error())
	}
	return rec, key, nil
}

// readSample gives back the bytes of a sample: as they were sent, or, for a face
// vector, its normal form in float32.
func (e *Engine) readSample(key *seal.Key, subject store.ID, s *storedSample) (Sample, error) {
	out := s.Sample
	switch {
	case len(s.templates) == 1 && s.templates[0].Face != nil:
		out.Format, out.Data = templates.FormatFaceFloat32, templates.AppendFloat32(nil, s.templates[0].Face.Vector)
	case s.blob != store.BlobID{}:
		r, err := e.store.OpenBlob(key, subject, s.blob)
		if err != nil {
			return out, fromStore(err, "image")
		}
		defer func() { _ = r.Close() }()
		var b bytes.Buffer
		if _, err := io.Copy(&b, io.LimitReader(r, maxSampleBytes+1)); err != nil {
			return out, fromStore(err, "image")
		}
		out.Data = b.Bytes()
	}
	return out, nil
}

// ListSubjects lists identifiers in the order of their pseudonyms, which tells
// nobody who came first. token is where the previous page ended.
func (e *Engine) ListSubjects(ctx context.Context, c Caller, galleryID string, size int, token string) ([]string, string, error) {
	if err := e.checkReady(c); err != nil {
		return nil, "", err
	}
	if size < 1 || size > 1000 {
		return nil, "", templates.Bad(templates.ReasonOutOfRange, "page_size", size, "1..1000")
	}
	after, err := hex.DecodeString(token)
	if err != nil || len(after) != 0 && len(after) != len(store.ID{}) {
		return nil, "", templates.Bad(ReasonIdentifier, "page_token", "no token of ours", "the token of the previous page, or none")
	}
	var only *gallery
	if galleryID != "" && galleryID != everyone {
		if only, err = e.readableGallery(c, galleryID); err != nil {
			return nil, "", err
		}
	}
	// The page is the smallest pseudonyms beyond the token: kept sorted, one more
	// than asked for, so that it is known whether another page follows.
	var page []*subject
	order := func(a, b *subject) int { return bytes.Compare(a.id[:], b.id[:]) }
	for i, s := range e.register.all() {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		st := s.state.Load()
		if st == nil || !st.visible(c.Principal) || only != nil && !slices.Contains(st.galleries, only) ||
			len(after) > 0 && bytes.Compare(s.id[:], after) <= 0 || len(page) > size && order(s, page[size]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(page, s, order)
		page = slices.Insert(page, at, s)
		page = page[:min(len(page), size+1)]
	}
	next := ""
	if len(page) > size {
		page = page[:size]
		next = hex.EncodeToString(page[size-1].id[:])
	}
	ids := make([]string, len(page))
	for i, s := range page {
		ids[i] = s.external
	}
	if _, err := e.logRead(ctx, c, KindListSubjects, store.ID{}, resultOK, nil); err != nil {
		return nil, "", err
	}
	return ids, next, nil
}

// DeleteSubject withdraws a subject from every search at once. Its key stays, so
// backups can still be read; EraseSubject ends that too.
func (e *Engine) DeleteSubject(ctx context.Context, c Caller, requestID, subject string) (uint64, error) {
	return e.dropSubject(ctx, c, requestID, subject, false)
}

// EraseSubject deletes a subject, enrolled or deleted before, and destroys its
// key. What was written about it is unreadable once the key epoch ends. Two entries
// tell of it: the order, and the erasure.
func (e *Engine) EraseSubject(ctx context.Context, c Caller, requestID, subject string) (uint64, error) {
	return e.dropSubject(ctx, c, requestID, subject, true)
}

func (e *Engine) dropSubject(ctx context.Context, c Caller, requestID, external string, erase bool) (uint64, error) {
	if err := e.checkWrite(c, requestID); err != nil {
		return 0, err
	}
	if err := checkSubject(external); err != nil {
		return 0, err
	}
	id := e.subjectID(external)
	request := e.request(c, requestID, changeValue("drop-subject", external, fmt.Sprint(erase)))
	if n, known, err := e.repeatedChange(request); known || err != nil {
		return n, err
	}
	ops := []store.Op{store.DropSubject(id, erase)}
	_, st, err := e.visible(c, external)
	switch {
	case err == nil:
		ops = append(ops, e.putTombstone(id, st))
	case !erase || !e.deletedVisibly(c, id):
		return 0, err // a deleted subject can still be erased, by who could see it
	}
	kind := KindDeleteSubject
	if erase {
		kind = KindErase
		order := store.Mutation{Kind: KindEraseOrdered, Object: id, Frees: true}
		if _, err := e.commit(ctx, c, order, "subject"); err != nil {
			return 0, err
		}
	}
	return e.change(ctx, c, request, kind, id, ops, func() error {
		e.register.withdrawSubject(id)
		e.checks.announce()
		return nil
	})
}

// DeleteEncounter withdraws one encounter.
func (e *Engine) DeleteEncounter(ctx context.Context, c Caller, requestID string, ref EncounterRef) (uint64, error) {
	if err := e.checkWrite(c, requestID); err != nil {
		return 0, err
	}
	if err := checkSubject(ref.Subject); err != nil {
		return 0, err
	}
	if err := checkIdentifier("encounter_id", ref.Encounter, true); err != nil {
		return 0, err
	}
	request := e.request(c, requestID, changeValue("delete-encounter", ref.Subject, ref.Encounter))
	if n, known, err := e.repeatedChange(request); known || err != nil {
		return n, err
	}
	s, _, err := e.visible(c, ref.Subject)
	if err != nil {
		return 0, err
	}
	id := e.encounterID(ref.Subject, ref.Encounter)
	ops := []store.Op{
		store.Delete(store.Row{Table: tableEncounter, Subject: s.id, Key: id}, store.Present),
		store.Delete(store.Row{Table: tableTask, Subject: s.id, Key: id}, store.Any),
		store.Delete(store.Row{Table: tableCheck, Subject: s.id, Key: id}, store.Any),
	}
	return e.change(ctx, c, request, KindDeleteEncounter, s.id, ops, func() error {
		e.register.withdrawEncounter(s.id, id)
		e.checks.announce()
		return nil
	})
}

// changeValue is the fixed encoding of a small change, for idempotency.
func changeValue(parts ...string) []byte {
	w := &encoder{}
	w.u8(recordVersion)
	w.texts(parts)
	return w.b
}

// change commits a small mutation whose answer is its entry number.
func (e *Engine) change(ctx context.Context, c Caller, request *store.Request, kind store.Kind, object store.ID, ops []store.Op, publish func() error) (uint64, error) {
	m := store.Mutation{Kind: kind, Object: object, Ops: ops, Request: request}
	m.Publish = func(r store.Receipt) { e.publish(r, publish) }
	r, err := e.commit(ctx, c, m, "subject, encounter or gallery")
	return r.Number, err
}

// repeatedChange answers a small change that was asked for before.
func (e *Engine) repeatedChange(request *store.Request) (uint64, bool, error) {
	if request == nil {
		return 0, false, nil
	}
	value, r, ok, err := e.store.Request(request.ID)
	if err != nil || !ok {
		return 0, false, fromStore(err, "request")
	}
	if value != request.Value {
		return 0, true, fromStore(store.ErrConflict, "request")
	}
	return r.Number, true, nil
}
