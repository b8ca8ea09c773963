package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"immis/store"
	"immis/templates"
)

// Kinds of ledger entries. Numbers are for ever.
const (
	KindEnroll          = store.KindEngine + 0
	KindAddEncounter    = store.KindEngine + 1
	KindDeleteSubject   = store.KindEngine + 2
	KindDeleteEncounter = store.KindEngine + 3
	KindErase           = store.KindEngine + 4
	KindDuplicateResult = store.KindEngine + 5
	KindCreateGallery   = store.KindEngine + 6
	KindPutInGallery    = store.KindEngine + 7
	KindTakeFromGallery = store.KindEngine + 8
	// KindEraseOrdered comes before KindErase: should a crash come between the end of
	// the key and that entry, the ledger still tells who ordered it, why and for which case.
	KindEraseOrdered = store.KindEngine + 9

	KindIdentify      = store.KindRead + 0
	KindVerify        = store.KindRead + 1
	KindGetSubject    = store.KindRead + 2
	KindListSubjects  = store.KindRead + 3
	KindReadDuplicate = store.KindRead + 4
	KindReadLedger    = store.KindRead + 5
)

// KindName is the name of an entry's kind as shown to auditors.
func KindName(k store.Kind) string {
	switch k {
	case store.KindCreated:
		return "created"
	case store.KindEpoch:
		return "key-epoch"
	case store.KindCheckpoint:
		return "checkpoint"
	case store.KindErasureResumed:
		return "erasure-resumed"
	case KindEnroll:
		return "enroll"
	case KindAddEncounter:
		return "add-encounter"
	case KindDeleteSubject:
		return "delete-subject"
	case KindDeleteEncounter:
		return "delete-encounter"
	case KindErase:
		return "erase"
	case KindEraseOrdered:
		return "erase-ordered"
	case KindDuplicateResult:
		return "duplicate-result"
	case KindCreateGallery:
		return "create-gallery"
	case KindPutInGallery:
		return "put-in-gallery"
	case KindTakeFromGallery:
		return "take-from-gallery"
	case KindIdentify:
		return "identify"
	case KindVerify:
		return "verify"
	case KindGetSubject:
		return "get-subject"
	case KindListSubjects:
		return "list-subjects"
	case KindReadDuplicate:
		return "read-duplicate-check"
	case KindReadLedger:
		return "read-ledger"
	}
	return fmt.Sprintf("kind-%d", k)
}

// Results of ledger entries.
const (
	resultOK       = 0
	resultNonMatch = 1
	resultRefer    = 2
	resultMatch    = 3
	resultNotFound = 4
	// resultNotComparable: a read that had nothing to compare.
	resultNotComparable = 5
)

// ResultName is the name of an entry's result as shown to auditors.
func ResultName(r uint8) string {
	switch r {
	case resultOK:
		return "ok"
	case resultNonMatch:
		return "non-match"
	case resultRefer:
		return "refer"
	case resultMatch:
		return "match"
	case resultNotFound:
		return "not-found"
	case resultNotComparable:
		return "not-comparable"
	}
	return fmt.Sprintf("result-%d", r)
}

// Tables of rows.
const (
	tableIdentity  = 1 // subject, zero       -> the identifier it was given
	tableEncounter = 2 // subject, encounter  -> record
	tableMember    = 3 // subject, gallery    -> nothing
	tableTask      = 4 // subject, encounter  -> nothing; the duplicate check is to be made
	tableCheck     = 5 // subject, encounter  -> result of the duplicate check
	tableGallery   = 6 // zero, gallery       -> gallery
	tableTombstone = 7 // zero, subject       -> who may still know of a subject that is gone
)

// Classes of pseudonyms.
const (
	classSubject   = 'S'
	classEncounter = 'E'
	classGallery   = 'G'
	classRequest   = 'R'
)

func (e *Engine) subjectID(external string) store.ID {
	return e.store.Pseudonym(classSubject, external)
}

func (e *Engine) galleryID(external string) store.ID {
	return e.store.Pseudonym(classGallery, external)
}

// encounterID is unique within a subject; the length keeps the two parts apart.
func (e *Engine) encounterID(subject, encounter string) store.ID {
	n := binary.BigEndian.AppendUint32(nil, uint32(len(subject)))
	return e.store.Pseudonym(classEncounter, string(n)+subject+encounter)
}

// checkWrite is what every change of state asks first.
func (e *Engine) checkWrite(c Caller, requestID string) error {
	if err := e.checkReady(c); err != nil {
		return err
	}
	return checkIdentifier("request_id", requestID, false)
}

func (e *Engine) checkReady(c Caller) error {
	if err := checkCaller(c); err != nil {
		return err
	}
	if !e.ready.Load() {
		return e.notReady()
	}
	return nil
}

// request makes the ledger's form of a request identifier. Identifiers of one
// principal do not meet those of another.
func (e *Engine) request(c Caller, id string, value []byte) *store.Request {
	if id == "" {
		return nil
	}
	return &store.Request{
		ID:    e.store.Pseudonym(classRequest, c.Principal+"\x00"+id),
		Value: e.store.ValueMAC(value),
	}
}

// repeated answers a request that the ledger knows, before any work is done.
func (e *Engine) repeated(r *store.Request) (EnrollResult, bool, error) {
	value, receipt, ok, err := e.store.Request(r.ID)
	if err != nil || !ok {
		return EnrollResult{}, false, fromStore(err, "request")
	}
	if value != r.Value {
		return EnrollResult{}, true, fromStore(store.ErrConflict, "request")
	}
	a, err := e.answer(r.ID, receipt)
	return a, true, err
}

// answer opens the sealed answer of a repeated enrolment.
func (e *Engine) answer(request store.ID, receipt store.Receipt) (EnrollResult, error) {
	plain, err := e.store.OpenAnswer(request)
	if err != nil {
		return EnrollResult{}, fromStore(err, "answer of a repeated request")
	}
	a, err := decodeAnswer(plain)
	if err != nil {
		return EnrollResult{}, err
	}
	a.Entry, a.Recorded = receipt.Number, receipt.Time
	return a, nil
}

// commit fills in the caller and hands a mutation to the ledger.
func (e *Engine) commit(ctx context.Context, c Caller, m store.Mutation, what string) (store.Receipt, error) {
	m.Principal, m.Purpose, m.Case = c.Principal, uint8(c.Purpose), c.Case
	r, err := e.store.Commit(ctx, m)
	return r, fromStore(err, what)
}

// publish runs in the committer. An error here is a broken invariant of ours:
// the record is durable and not searchable, so the engine stops being ready
// rather than answer searches that miss somebody.
func (e *Engine) publish(r store.Receipt, change func() error) {
	if err := change(); err != nil {
		e.broken.Store(true)
		e.ready.Store(false)
		e.opts.Logger.Error("a committed record could not be published; restart to rebuild the index", "entry", r.Number, "error", err)
		return
	}
	e.register.version.Store(r.Number)
}

// logRead writes the entry of a read before its answer is given.
func (e *Engine) logRead(ctx context.Context, c Caller, kind store.Kind, object store.ID, result uint8, detail []byte) (store.Receipt, error) {
	m := store.Mutation{Kind: kind, Object: object, Result: result}
	if detail != nil {
		m.Detail = e.store.StoreKey().Seal(e.store.Context(store.DetailRow(object)), detail)
	}
	return e.commit(ctx, c, m, "ledger entry")
}

// refused writes the entry of a read that ended without an answer about somebody:
// that a person is not known, or has nothing comparable, is an answer too. It
// returns err, or what kept the entry from being written.
func (e *Engine) refused(ctx context.Context, c Caller, kind store.Kind, object store.ID, err error) error {
	result := uint8(resultNotFound)
	switch {
	case object == store.ID{}:
		return err // about nobody
	case errors.Is(err, ErrPrecondition):
		result = resultNotComparable
	case !errors.Is(err, ErrNotFound):
		return err
	}
	if _, logErr := e.logRead(ctx, c, kind, object, result, nil); logErr != nil {
		return logErr
	}
	return err
}

// visible returns a subject a caller may know of, and its state. Unknown and
// forbidden take the same path and get the same answer.
func (e *Engine) visible(c Caller, external string) (*subject, *subjectState, error) {
	s := e.register.subject(e.subjectID(external))
	if s != nil {
		if st := s.state.Load(); st != nil && st.visible(c.Principal) {
			return s, st, nil
		}
	}
	return nil, nil, notFound()
}

// checkSubject refuses identifiers no subject can have.
func checkSubject(external string) error {
	if external == "" {
		return templates.Bad(ReasonIdentifier, "subject_id", "empty", "1..128 bytes")
	}
	return checkIdentifier("subject_id", external, true)
}
