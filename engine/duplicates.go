package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"immis/store"
)

// pendingCheck is a durable to-do: find out whether the person of an encounter
// is known under another record. Its row is written with the enrolment and
// removed with the result, so after a crash it runs again and its result appears
// exactly once.
type pendingCheck struct{ subject, encounter store.ID }

// checkQueue is the memory of the to-dos. The rows in the store are the truth;
// this is the order in which they are worked off.
type checkQueue struct {
	mu      sync.Mutex
	items   []pendingCheck
	running int
	wake    chan struct{}
	// changed is closed and replaced when a result is published.
	changed chan struct{}
}

func newCheckQueue() *checkQueue {
	return &checkQueue{wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

func (q *checkQueue) add(c pendingCheck) {
	q.mu.Lock()
	q.items = append(q.items, c)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *checkQueue) take() (pendingCheck, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return pendingCheck{}, false
	}
	c := q.items[0]
	q.items = q.items[1:]
	q.running++
	return c, true
}

func (q *checkQueue) finished() {
	q.mu.Lock()
	q.running--
	q.mu.Unlock()
}

// len counts what waits and what runs.
func (q *checkQueue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) + q.running
}

func (q *checkQueue) announce() {
	q.mu.Lock()
	close(q.changed)
	q.changed = make(chan struct{})
	q.mu.Unlock()
}

func (q *checkQueue) watch() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed
}

// retryChecks is how long a failed check waits before the next is tried, so that
// a full disk does not make it spin.
const retryChecks = time.Second

// runChecks works off the queue until ctx ends.
func (e *Engine) runChecks(ctx context.Context) error {
	for {
		c, ok := e.checks.take()
		if !ok || !e.ready.Load() {
			if ok {
				e.checks.add(c)
				e.checks.finished()
			}
			wait := time.NewTimer(retryChecks)
			select {
			case <-ctx.Done():
				wait.Stop()
				return nil
			case <-e.checks.wake:
			case <-wait.C:
			}
			wait.Stop()
			if e.ready.Load() {
				continue
			}
			if err := sleep(ctx, 10*time.Millisecond); err != nil {
				return nil
			}
			continue
		}
		err := e.check(ctx, c)
		if err != nil && ctx.Err() == nil {
			e.opts.Logger.Warn("duplicate check failed, will be repeated", "error", err)
			e.checks.add(c)
		}
		e.checks.finished()
		if err != nil && sleep(ctx, retryChecks) != nil {
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// system is who makes the duplicate checks.
var system = Caller{Principal: "immis", Purpose: PurposeDeduplication}

// check makes one duplicate check and commits its result. It searches everybody:
// galleries bound who may be told, not who may be the same person.
func (e *Engine) check(ctx context.Context, c pendingCheck) error {
	s := e.register.subject(c.subject)
	if s == nil {
		return nil // withdrawn; its to-do went with it
	}
	state, subjects, err := e.duplicatesOf(ctx, s, c.encounter)
	if errors.Is(err, ErrNotFound) || errors.Is(err, store.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := e.store.SubjectKey(c.subject)
	if err != nil {
		if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	row := store.Row{Table: tableCheck, Subject: c.subject, Key: c.encounter}
	m := store.Mutation{
		Kind: KindDuplicateResult, Object: c.subject, Result: checkResult(state),
		Ops: []store.Op{
			store.Delete(store.Row{Table: tableTask, Subject: c.subject, Key: c.encounter}, store.Present),
			store.Put(row, key.Ref(), key.Seal(e.store.Context(row), encodeCheck(state, e.opts.Clock(), subjects)), store.Any),
		},
		Publish: func(store.Receipt) { e.checks.announce() },
	}
	m.Principal, m.Purpose = system.Principal, uint8(system.Purpose)
	if _, err := e.store.Commit(ctx, m); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// duplicatesOf searches for the person of one encounter among all others.
func (e *Engine) duplicatesOf(ctx context.Context, s *subject, encounterID store.ID) (DuplicateState, []store.ID, error) {
	st := s.state.Load()
	if st == nil {
		return 0, nil, notFound()
	}
	var of []*encounter
	for _, enc := range st.encounters {
		if enc.id == encounterID {
			of = append(of, enc)
		}
	}
	if of == nil {
		return 0, nil, notFound()
	}
	p, err := e.probeOf(ctx, s.id, of)
	if errors.Is(err, store.ErrCorrupt) {
		return DuplicateUnderReview, nil, nil // damaged; a person must look, and check says where
	}
	if err != nil {
		return 0, nil, err
	}
	if p.empty() {
		return DuplicateUnderReview, nil, nil // images only: a person must look
	}
	f := &filter{without: s, everyone: true}
	// Exact: a person who comes back with a bad photo is found by the fingers alone.
	res, err := e.search(ctx, p, f, 10, ModeExact)
	if errors.Is(err, ErrPrecondition) {
		return DuplicateUnderReview, nil, nil // others are enrolled, none is comparable
	}
	if err != nil {
		return 0, nil, err
	}
	state := DuplicateNew
	var subjects []store.ID
	for _, c := range res.Candidates {
		switch {
		case c.Outcome == OutcomeMatch:
			state = DuplicateKnown
		case c.Outcome == OutcomeRefer && state == DuplicateNew:
			state = DuplicateUnderReview
		case c.Outcome != OutcomeRefer:
			continue
		}
		subjects = append(subjects, e.subjectID(c.Subject))
	}
	return state, subjects, nil
}

func checkResult(s DuplicateState) uint8 {
	switch s {
	case DuplicateKnown:
		return resultMatch
	case DuplicateUnderReview:
		return resultRefer
	}
	return resultNonMatch
}

// DuplicateCheck answers what the duplicate check of an encounter found. Subjects
// the principal may not see are left out; when nothing is left of what was found,
// the answer is "under review", which is also said where nothing was comparable, so
// that it does not tell that somebody hidden is the same person.
func (e *Engine) DuplicateCheck(ctx context.Context, c Caller, ref EncounterRef) (DuplicateCheck, error) {
	if err := e.checkReady(c); err != nil {
		return DuplicateCheck{}, err
	}
	if err := checkSubject(ref.Subject); err != nil {
		return DuplicateCheck{}, err
	}
	check, err := e.readCheck(c, ref)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return DuplicateCheck{}, err
	}
	result := uint8(resultOK)
	if err != nil {
		result = resultNotFound
	}
	receipt, logErr := e.logRead(ctx, c, KindReadDuplicate, e.subjectID(ref.Subject), result, nil)
	if logErr != nil {
		return DuplicateCheck{}, logErr
	}
	check.Entry = receipt.Number
	return check, err
}

func (e *Engine) readCheck(c Caller, ref EncounterRef) (DuplicateCheck, error) {
	s, st, err := e.visible(c, ref.Subject)
	if err != nil {
		return DuplicateCheck{}, err
	}
	id := e.encounterID(ref.Subject, ref.Encounter)
	known := false
	for _, enc := range st.encounters {
		known = known || enc.id == id
	}
	if !known {
		return DuplicateCheck{}, notFound()
	}
	out := DuplicateCheck{Ref: ref}
	row := store.Row{Table: tableCheck, Subject: s.id, Key: id}
	sealed, err := e.store.Get(row)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := e.store.Get(store.Row{Table: tableTask, Subject: s.id, Key: id}); err == nil {
			out.State = DuplicatePending
			return out, nil
		}
		// The to-do and the result change places in one commit: it may have come
		// between the two looks. Otherwise no check was asked for.
		sealed, err = e.store.Get(row)
	}
	if err != nil {
		return out, fromStore(err, "duplicate check")
	}
	key, err := e.store.SubjectKey(s.id)
	if err != nil {
		return out, fromStore(err, "duplicate check")
	}
	plain, err := key.Open(e.store.Context(row), sealed)
	if err != nil {
		return out, fromStore(err, "duplicate check")
	}
	state, at, subjects, err := decodeCheck(plain)
	if err != nil {
		return out, err
	}
	out.State, out.Time = state, at
	for _, id := range subjects {
		if s := e.register.subject(id); s != nil {
			if st := s.state.Load(); st != nil && st.visible(c.Principal) {
				out.Subjects = append(out.Subjects, s.external)
			}
		}
	}
	if len(subjects) > 0 && len(out.Subjects) == 0 {
		out.State = DuplicateUnderReview
	}
	return out, nil
}

// WatchDuplicateChecks hands each result to send once it is known, and returns
// when all are, when send fails, or when ctx ends. An encounter that is withdrawn
// while it is watched gets no result.
func (e *Engine) WatchDuplicateChecks(ctx context.Context, c Caller, refs []EncounterRef, send func(DuplicateCheck) error) error {
	if err := e.checkReady(c); err != nil {
		return err
	}
	if err := checkCount("encounters", len(refs), 1000); err != nil {
		return err
	}
	open := append([]EncounterRef(nil), refs...)
	for first := true; len(open) > 0; first = false {
		changed := e.checks.watch()
		rest := open[:0]
		for _, ref := range open {
			check, err := e.readCheck(c, ref)
			if errors.Is(err, ErrNotFound) && !first {
				continue // withdrawn meanwhile
			}
			if err != nil {
				return err
			}
			if check.State == DuplicatePending {
				rest = append(rest, ref)
				continue
			}
			if check, err = e.DuplicateCheck(ctx, c, ref); err != nil {
				return err
			}
			if err := send(check); err != nil {
				return err
			}
		}
		if open = rest; len(open) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
