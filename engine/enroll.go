package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"immis/store"
	"immis/store/seal"
	"immis/templates"
)

// Enroll validates all, seals, commits, publishes, then answers: when it returns,
// the first encounter of a subject is durable and every later search sees it.
// Errors: *templates.InputError, ErrExists, ErrConflict, ErrOverloaded,
// ErrNotReady, ErrNotFound for an unknown gallery, store.ErrDiskFull,
// store.ErrStopped, the context's.
func (e *Engine) Enroll(ctx context.Context, req EnrollRequest) (EnrollResult, error) {
	return e.enroll(ctx, &req, false)
}

// AddEncounter is Enroll for a subject that is enrolled already; ErrNotFound
// when it is not.
func (e *Engine) AddEncounter(ctx context.Context, req EnrollRequest) (EnrollResult, error) {
	if err := checkIdentifier("subject_id", req.Subject, true); err != nil {
		return EnrollResult{}, err
	}
	return e.enroll(ctx, &req, true)
}

// enrollment is one enrolment on its way from the request to the ledger.
type enrollment struct {
	req       *EnrollRequest
	add       bool
	subject   store.ID
	encounter store.ID
	galleries []store.ID
	decoded   []decoded
	key       *seal.Key
	returns   bool           // the subject was enrolled before, and is gone
	blobs     []store.BlobID // of the last try
	put       []store.BlobID // of all tries
	minted    []*seal.Key    // for this enrolment
	memory    *encounter
	result    EnrollResult
}

func (e *Engine) enroll(ctx context.Context, req *EnrollRequest, add bool) (EnrollResult, error) {
	if err := e.checkWrite(req.Caller, req.RequestID); err != nil {
		return EnrollResult{}, err
	}
	value := requestValue(req, add)
	request := e.request(req.Caller, req.RequestID, value)
	if request != nil {
		if r, known, err := e.repeated(request); known || err != nil {
			return r, err
		}
	}
	if add && len(req.Encounter.Galleries) > 0 {
		defer e.register.serialize(e.subjectID(req.Subject))()
	}
	en, err := e.prepare(ctx, req, add)
	if err != nil {
		return EnrollResult{}, err
	}
	done := false
	defer func() {
		if !done {
			en.release(e.register)
		}
		e.tidy(ctx, en, done)
	}()
	if r, known, err := e.taken(en, request); known || err != nil {
		return r, err
	}
	receipt, err := e.commitEnrollment(ctx, en, request, &done)
	if err != nil {
		return EnrollResult{}, err
	}
	if receipt.Repeated {
		return e.answer(request.ID, receipt)
	}
	en.result.Entry, en.result.Recorded = receipt.Number, receipt.Time
	return en.result, nil
}

// staleTries is how often an enrolment is sealed anew because the subject was
// deleted or erased by somebody else in between.
const staleTries = 4

// commitEnrollment seals and commits; published is set before it returns when the
// record is in the index.
func (e *Engine) commitEnrollment(ctx context.Context, en *enrollment, request *store.Request, published *bool) (store.Receipt, error) {
	for try := 1; ; try++ {
		ops, err := e.seal(ctx, en)
		if err != nil {
			return store.Receipt{}, err
		}
		m := store.Mutation{Kind: KindEnroll, Object: en.subject, Ops: ops}
		if en.add {
			m.Kind = KindAddEncounter
		}
		if request != nil {
			request.Subject = en.subject
			request.Answer = en.key.Seal(e.store.Context(store.AnswerRow(request.ID, en.subject)), encodeAnswer(&en.result))
			m.Request = request
		}
		m.Publish = func(r store.Receipt) {
			*published = true
			e.publish(r, func() error {
				return e.register.publishEncounter(en.memory, en.subject, en.req.Subject, en.galleries)
			})
			if en.req.CheckDuplicates {
				e.checks.add(pendingCheck{subject: en.subject, encounter: en.encounter})
			}
		}
		if err := ctx.Err(); err != nil {
			return store.Receipt{}, err
		}
		// Once queued, the outcome is waited for: what was reserved in memory must be
		// either published or given back, and a commit takes milliseconds.
		c := en.req.Caller
		m.Principal, m.Purpose, m.Case = c.Principal, uint8(c.Purpose), c.Case
		r, err := e.store.Commit(context.WithoutCancel(ctx), m)
		stale := errors.Is(err, store.ErrStale) || !en.add && errors.Is(err, store.ErrErased)
		if err == nil || !stale || try == staleTries {
			return r, fromStore(err, "subject or encounter")
		}
	}
}

// taken looks, before anything is written, whether the ledger would refuse the
// enrolment because the subject or its encounter is there; the ledger looks again.
func (e *Engine) taken(en *enrollment, request *store.Request) (EnrollResult, bool, error) {
	var err error
	if en.add {
		_, err = e.store.Get(store.Row{Table: tableEncounter, Subject: en.subject, Key: en.encounter})
	} else {
		var s store.Subject
		if s, err = e.store.Subject(en.subject); err == nil && s.Status != store.SubjectLive {
			return EnrollResult{}, false, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return EnrollResult{}, false, nil
	}
	if err == nil && request != nil {
		// It may be there because the same request has just been answered.
		if r, known, err := e.repeated(request); known || err != nil {
			return r, known, err
		}
	}
	if err == nil {
		err = store.ErrExists
	}
	return EnrollResult{}, false, fromStore(err, "subject or encounter")
}

// tidy takes away what tries that were not committed have left in the store: keys
// that nothing was written with, and blob files that no row names.
func (e *Engine) tidy(ctx context.Context, en *enrollment, committed bool) {
	for _, k := range en.minted {
		e.store.GiveBackKey(k)
	}
	if committed && len(en.put) == len(en.blobs) {
		return
	}
	if err := e.store.DropUnusedBlobs(context.WithoutCancel(ctx), en.put); err != nil {
		e.opts.Logger.Warn("blob files of a refused enrolment stay until the next start", "cause", err)
	}
}

// prepare validates and decodes everything; nothing is kept when it fails.
func (e *Engine) prepare(ctx context.Context, req *EnrollRequest, add bool) (*enrollment, error) {
	now := e.opts.Clock()
	enc := &req.Encounter
	if err := checkIdentifier("subject_id", req.Subject, false); err != nil {
		return nil, err
	}
	if err := checkEncounter(enc, now); err != nil {
		return nil, err
	}
	leave, err := e.preparing.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ds, missing, err := decodeSamples(ctx, "encounter.samples", enc.Samples, now, &budget{})
	if err != nil {
		return nil, err
	}
	if err := enc.addMissing(missing, ds); err != nil {
		return nil, err
	}
	if req.CheckDuplicates && e.checks.len() >= e.opts.MaxPendingChecks {
		return nil, overloaded("duplicate checks", e.checks.len())
	}
	en := &enrollment{req: req, add: add, decoded: ds}
	for i, g := range enc.Galleries {
		id := e.galleryID(g)
		gal := e.register.gallery(id)
		if gal == nil || !gal.readable(req.Caller.Principal) {
			return nil, &Error{Reason: ReasonNotFound, Err: ErrNotFound, What: fmt.Sprintf("encounter.galleries[%d]", i), Got: "a gallery that is unknown here", Want: "one that exists; create it first"}
		}
		en.galleries = append(en.galleries, id)
	}
	if add {
		_, st, err := e.visible(req.Caller, req.Subject)
		if err != nil {
			return nil, err
		}
		next := st.galleries
		for _, id := range en.galleries {
			next = (&subjectState{galleries: next}).with(e.register.gallery(id), true)
		}
		if err := st.keepsVisibility(next); err != nil {
			return nil, err
		}
	}
	if req.Subject == "" {
		req.Subject = newIdentifier()
	}
	if enc.ID == "" {
		enc.ID = newIdentifier()
	}
	if enc.Time.IsZero() {
		enc.Time = now
	}
	enc.Subject, enc.Purpose = req.Subject, req.Caller.Purpose
	en.subject, en.encounter = e.subjectID(req.Subject), e.encounterID(req.Subject, enc.ID)
	en.memory = &encounter{id: en.encounter, external: enc.ID, order: e.register.nextOrder.Add(1)}
	if err := en.memory.fill(ctx, &enc.Biographic, viewsOf(ds), e.register.acquireModel); err != nil {
		en.release(e.register)
		return nil, err
	}
	en.result = EnrollResult{Subject: req.Subject, Encounter: enc.ID, Samples: report(ds)}
	return en, nil
}

// sampleViews are the searchable views of one sample and the quality that was stated
// of it.
type sampleViews struct {
	quality uint8
	views   []templates.Template
}

func viewsOf(ds []decoded) []sampleViews {
	out := make([]sampleViews, len(ds))
	for i := range ds {
		out[i] = sampleViews{ds[i].sample.Quality, ds[i].views}
	}
	return out
}

// fill prepares the search form of an encounter: what it can be narrowed by, and the
// views of its samples. acquire reserves the model of a face vector.
func (enc *encounter) fill(ctx context.Context, b *Biographic, samples []sampleViews, acquire func(ctx context.Context, name string, dim int) (*model, error)) error {
	enc.attributes = attributesOf(b)
	view := 0
	for i, s := range samples {
		quality := qualityOf(s.quality)
		for _, t := range s.views {
			if err := ctx.Err(); err != nil {
				return err
			}
			switch {
			case t.Face != nil:
				m, err := acquire(ctx, t.Face.Model, len(t.Face.Vector))
				if err != nil {
					return at(fmt.Sprintf("encounter.samples[%d]", i), err)
				}
				enc.faces = append(enc.faces, faceRow{model: m, key: rowKey(enc.order, view), quality: quality, vector: t.Face.Vector})
			case t.Finger != nil:
				enc.fingers = append(enc.fingers, fingerView{t.Finger.Position, quality, newReference(t.Finger)})
			}
			view++
		}
	}
	return nil
}

// release gives back what an enrolment that did not happen had reserved in memory.
func (en *enrollment) release(r *register) {
	if en.memory != nil {
		for _, f := range en.memory.faces {
			r.releaseModel(f.model)
		}
	}
}

// seal forms the operations: from here on nothing readable leaves the engine.
func (e *Engine) seal(ctx context.Context, en *enrollment) ([]store.Op, error) {
	var err error
	en.key, err = e.store.SubjectKey(en.subject)
	en.returns = !errors.Is(err, store.ErrNotFound)
	if err != nil {
		if en.add || !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrErased) {
			return nil, fromStore(err, "subject")
		}
		if en.key, err = e.store.NewKey(); err != nil {
			return nil, fromStore(err, "subject")
		}
		en.minted = append(en.minted, en.key)
	}
	rec := &record{order: en.memory.order, encounter: en.req.Encounter}
	en.blobs = nil
	for i := range en.decoded {
		if en.decoded[i].listed {
			continue
		}
		s, err := e.storedSample(ctx, en, &en.decoded[i])
		if err != nil {
			return nil, at(fmt.Sprintf("encounter.samples[%d]", en.decoded[i].from), err)
		}
		rec.samples = append(rec.samples, s)
	}
	plain, err := rec.encode()
	if err != nil {
		return nil, err
	}
	ref := en.key.Ref()
	put := func(table byte, key store.ID, plain []byte, cond store.Cond, blobs ...store.BlobID) store.Op {
		row := store.Row{Table: table, Subject: en.subject, Key: key}
		sealed := en.key.Seal(e.store.Context(row), plain)
		if table == tableEncounter && e.register.files != nil {
			en.memory.origin = originOf(sealed)
		}
		return store.Put(row, ref, sealed, cond, blobs...)
	}
	var ops []store.Op
	if !en.add {
		if en.returns {
			ops = append(ops, store.Delete(tombstone(en.subject), store.Any))
		}
		ops = append(ops, store.NewSubject(en.subject, ref), put(tableIdentity, store.ID{}, []byte(en.req.Subject), store.Absent))
	}
	ops = append(ops, put(tableEncounter, en.encounter, plain, store.Absent, en.blobs...))
	for _, g := range en.galleries {
		ops = append(ops, store.Put(store.Row{Table: tableMember, Subject: en.subject, Key: g}, ref, nil, store.Any))
	}
	if en.req.CheckDuplicates {
		ops = append(ops, store.Put(store.Row{Table: tableTask, Subject: en.subject, Key: en.encounter}, ref, nil, store.Any))
	}
	return ops, nil
}

// storedSample keeps the bytes where they hold more than the templates do: a
// minutiae record may carry extended data, an image is wanted or not. A face
// vector's normal form is all there is to it.
func (e *Engine) storedSample(ctx context.Context, en *enrollment, d *decoded) (storedSample, error) {
	s := storedSample{Sample: d.sample, source: templates.SourceHash(d.sample.Data), size: uint32(len(d.sample.Data)), templates: d.views}
	switch {
	case len(d.views) == 0 && en.req.Encounter.KeepImages:
		id, _, err := e.store.PutBlob(ctx, en.key, en.subject, bytes.NewReader(d.sample.Data))
		if err != nil {
			return s, fromStore(err, "image")
		}
		s.blob = id
		en.blobs = append(en.blobs, id)
		en.put = append(en.put, id)
		s.Data = nil
	case len(d.views) == 0 || d.sample.Modality == templates.ModalityFace:
		s.Data = nil
	}
	return s, nil
}

// newIdentifier is random, so that it tells nothing about when or where.
func newIdentifier() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // crypto/rand does not fail on supported systems
	}
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
