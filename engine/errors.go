package engine

import (
	"errors"
	"fmt"

	"immis/internal/offheap"
	"immis/store"
	"immis/templates"
)

// The sentinels a caller can tell apart; every one arrives wrapped in *Error.
var (
	// ErrNotFound: unknown or not visible to the principal, with one text for both,
	// so that an answer never tells whether a person is known.
	ErrNotFound = errors.New("not found")
	// ErrExists: the identifier is taken.
	ErrExists = errors.New("exists already")
	// ErrConflict: the request identifier was used with another value.
	ErrConflict = errors.New("request identifier was used with another value")
	// ErrOverloaded: no capacity now; nothing was queued.
	ErrOverloaded = errors.New("over capacity")
	// ErrNotReady: the index is still being built.
	ErrNotReady = errors.New("not ready")
	// ErrPrecondition: the state of the system does not allow the request.
	ErrPrecondition = errors.New("not possible now")
)

// Reasons of errors and reports that are the engine's own.
const (
	ReasonNotFound        = "NOT_FOUND"
	ReasonExists          = "ALREADY_EXISTS"
	ReasonRequestConflict = "REQUEST_ID_REUSED"
	ReasonOverloaded      = "OVER_CAPACITY"
	ReasonNotReady        = "NOT_READY"
	ReasonNotSearchable   = "NOTHING_SEARCHABLE"
	ReasonNotComparable   = "NOTHING_COMPARABLE"
	ReasonImage           = "IMAGE_NOT_SEARCHABLE"
	ReasonKept            = "FORMAT_NOT_SEARCHABLE"
	ReasonNotKept         = "MODALITY_NOT_KEPT"
	ReasonErased          = "ERASED"
	ReasonDamaged         = "DAMAGED"
	ReasonTooManyModels   = "TOO_MANY_MODELS"
	ReasonVisibility      = "VISIBILITY_CHANGE"
	ReasonMemory          = "INDEX_MEMORY_FULL"

	ReasonPurpose    templates.Reason = "PURPOSE_REQUIRED"
	ReasonCase       templates.Reason = "CASE_REFERENCE_REQUIRED"
	ReasonIdentifier templates.Reason = "BAD_IDENTIFIER"
	ReasonDuplicate  templates.Reason = "DUPLICATE"
	ReasonTime       templates.Reason = "TIME_OUT_OF_RANGE"
	ReasonDate       templates.Reason = "BAD_DATE"
	ReasonModality   templates.Reason = "MODALITY_MISMATCH"
	ReasonClaim      templates.Reason = "EXACTLY_ONE_OF"
	ReasonFilter     templates.Reason = "FILTER_NOT_FOR_PURPOSE"
)

// Error says what could not be done. Got and Want never hold personal data.
type Error struct {
	// Reason is a stable code.
	Reason string
	// Err is one of the sentinels, or the cause.
	Err error
	// What failed, e.g. "subject".
	What      string
	Got, Want string
}

func (e *Error) Error() string {
	s := e.What + ": " + e.Err.Error()
	if e.Got != "" || e.Want != "" {
		s += fmt.Sprintf(": got %s, want %s", e.Got, e.Want)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// notFound is the one answer about what is unknown or must not be seen.
func notFound() error {
	return &Error{Reason: ReasonNotFound, Err: ErrNotFound, What: "subject or encounter", Got: "an identifier that is unknown here", Want: "one that is enrolled and that you may read"}
}

func exists(what string) error {
	return &Error{Reason: ReasonExists, Err: ErrExists, What: what, Got: "an identifier in use", Want: "a new one"}
}

// outOfMemory passes on what the index says when it has no room.
func outOfMemory(err error) error {
	var full *offheap.BudgetError
	if !errors.As(err, &full) {
		return err
	}
	return &Error{Reason: ReasonMemory, Err: ErrOverloaded, What: "memory of the index", Got: fmt.Sprintf("%d bytes in use and %d more needed", full.Used, full.Want), Want: fmt.Sprintf("at most %d; raise --index-memory or delete what is not needed", full.Limit)}
}

func overloaded(what string, n int) error {
	return &Error{Reason: ReasonOverloaded, Err: ErrOverloaded, What: what, Got: fmt.Sprintf("%d waiting", n), Want: "fewer; try again shortly"}
}

// fromStore turns what the ledger refuses into what callers of the engine know.
func fromStore(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrExists):
		return exists(what)
	case errors.Is(err, store.ErrErased):
		return &Error{Reason: ReasonErased, Err: ErrPrecondition, What: what, Got: "erased data", Want: "data whose key exists"}
	case errors.Is(err, store.ErrNotFound):
		return notFound()
	case errors.Is(err, store.ErrConflict):
		return &Error{Reason: ReasonRequestConflict, Err: ErrConflict, What: "request", Got: "another value under a used identifier", Want: "the same value, or a new identifier"}
	case errors.Is(err, store.ErrOverloaded):
		return &Error{Reason: ReasonOverloaded, Err: ErrOverloaded, What: "ledger", Got: "a full queue", Want: "fewer writes at once; try again shortly"}
	}
	return fmt.Errorf("%s: %w", what, err)
}
