package grpcapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"immis/engine"
	"immis/store"
	"immis/templates"
)

// This is the only file that knows both the errors of the domain and the codes
// of gRPC.

// Domain is the domain of every google.rpc.ErrorInfo of this API.
const Domain = "immis"

// Errors of the transport itself.
var (
	// errStarting: the index does not stand yet.
	errStarting = errors.New("the index is being loaded")
	// ErrDraining: the server is shutting down.
	ErrDraining = errors.New("the server is shutting down")
	// ErrPanic: a handler panicked; the interceptor has logged where.
	ErrPanic = errors.New("a handler panicked")
)

// InFlightError refuses a request because as many as may be are under way.
type InFlightError struct {
	What  string // requests, streams, health checks
	Limit int64
}

func (e *InFlightError) Error() string {
	return fmt.Sprintf("%s under way: got %d already, want fewer; repeat shortly", e.What, e.Limit)
}

// OversizedError refuses an answer that would be larger than a message may be.
type OversizedError struct{ Got, Limit int }

func (e *OversizedError) Error() string {
	return fmt.Sprintf("answer of %d bytes, want <= %d: ask for one encounter at a time by encounter_id, or leave out include_samples", e.Got, e.Limit)
}

// retryAfter is what callers are told to wait before they repeat a request
// that met a full queue, a loading index or a shutdown.
const retryAfter = time.Second

// notFoundText is the one text for what is unknown and for what is forbidden:
// the difference would tell a caller who is known to the authority.
const notFoundText = "not found: unknown, or not open to this principal"

// Status maps an error of the engine, or of this package, to a status. Input
// errors carry ErrorInfo and BadRequest; an internal error has an opaque text
// with a reference, under which the cause stands in the log. Every error is
// counted once, under its reason.
func (s *Services) Status(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, reason, _ := reasonOf(err); reason != "" {
		return err // made here before, e.g. while a stream was read
	}
	err = s.status(ctx, err)
	if s.opt.Rejected != nil {
		_, reason, _ := reasonOf(err)
		s.opt.Rejected(reason)
	}
	return err
}

func (s *Services) status(ctx context.Context, err error) error {
	var bad *templates.InputError
	if errors.As(err, &bad) {
		why := info(string(bad.Reason), bad.Field, bad.Got, bad.Want)
		if bad.Offset != templates.NoOffset {
			why.Metadata["offset"] = strconv.Itoa(bad.Offset)
		}
		return detailed(codes.InvalidArgument, bad.Error(), why,
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{
				Field: bad.Field, Description: bad.Got + ", want " + bad.Want, Reason: string(bad.Reason),
			}}})
	}
	reason, got, want := "", "", ""
	var e *engine.Error
	if errors.As(err, &e) {
		reason, got, want = e.Reason, e.Got, e.Want
	}
	pick := func(fallback string) *errdetails.ErrorInfo {
		if reason == "" {
			return info(fallback, "", got, want)
		}
		return info(reason, "", got, want)
	}
	var full *InFlightError
	var large *OversizedError
	switch {
	case errors.As(err, &full):
		return detailed(codes.ResourceExhausted, full.Error(), info("TOO_MANY_IN_FLIGHT", "", strconv.FormatInt(full.Limit, 10), "fewer"), retry())
	case errors.As(err, &large):
		return detailed(codes.FailedPrecondition, large.Error(), info(string(templates.ReasonOversized), "", strconv.Itoa(large.Got), "<= "+strconv.Itoa(large.Limit)))
	case errors.Is(err, engine.ErrNotFound), errors.Is(err, store.ErrNotFound):
		return detailed(codes.NotFound, notFoundText, info("NOT_FOUND", "", "", ""))
	case errors.Is(err, engine.ErrExists), errors.Is(err, store.ErrExists):
		return detailed(codes.AlreadyExists, err.Error(), pick("ALREADY_EXISTS"))
	case errors.Is(err, engine.ErrConflict), errors.Is(err, store.ErrConflict):
		return detailed(codes.Aborted, err.Error(), pick("REQUEST_ID_REUSED"))
	case errors.Is(err, engine.ErrOverloaded), errors.Is(err, store.ErrOverloaded):
		return detailed(codes.ResourceExhausted, err.Error(), pick("OVERLOADED"), retry())
	case errors.Is(err, store.ErrDiskFull):
		return detailed(codes.ResourceExhausted, "disk is full: searches and erasures go on, other writes work again when there is space", info("DISK_FULL", "", "", ""))
	case errors.Is(err, engine.ErrNotReady) && reason == engine.ReasonIndexBroken:
		return detailed(codes.Unavailable, err.Error(), pick("INDEX_BROKEN"))
	case errors.Is(err, errStarting), errors.Is(err, engine.ErrNotReady):
		return detailed(codes.Unavailable, "not ready: "+errStarting.Error(), info("NOT_READY", "", "", ""), retry())
	case errors.Is(err, ErrDraining):
		return detailed(codes.Unavailable, ErrDraining.Error(), info("SHUTTING_DOWN", "", "", ""), retry())
	case errors.Is(err, store.ErrStopped):
		return detailed(codes.Unavailable, "the ledger takes no writes after a failed disk write: restart the server", info("LEDGER_STOPPED", "", "", ""))
	case errors.Is(err, engine.ErrPrecondition):
		return detailed(codes.FailedPrecondition, err.Error(), pick("PRECONDITION"))
	case errors.Is(err, errPrincipal):
		return detailed(codes.Unauthenticated, err.Error(), info("BAD_PRINCIPAL", "", "", ""))
	case errors.Is(err, errNoCheckpoints):
		return detailed(codes.FailedPrecondition, err.Error(), info("NO_CHECKPOINT_DIRECTORY", "", "", ""))
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrDamaged):
		s.opt.Logger.LogAttrs(ctx, slog.LevelError, "stored data is damaged", slog.String("cause", err.Error()))
		return detailed(codes.DataLoss, "stored data is damaged: the operator finds what with immis store check", info("DAMAGED", "", "", ""))
	case errors.Is(err, context.DeadlineExceeded):
		return detailed(codes.DeadlineExceeded, "deadline exceeded", info("DEADLINE", "", "", ""))
	case errors.Is(err, context.Canceled):
		return detailed(codes.Canceled, "canceled", info("CANCELED", "", "", ""))
	}
	// A status that is passed on, e.g. of a stream that broke.
	if st, ok := status.FromError(err); ok {
		return st.Err()
	}
	return s.internal(ctx, err)
}

// internal hides the cause from the caller and writes it to the log.
func (s *Services) internal(ctx context.Context, err error) error {
	ref := rand.Text()
	if s.opt.InternalErrors != nil {
		s.opt.InternalErrors()
	}
	s.opt.Logger.LogAttrs(ctx, slog.LevelError, "internal error", slog.String("reference", ref), slog.String("cause", err.Error()))
	st := detailed(codes.Internal, "internal error, reference "+ref, info("INTERNAL", "", "", ""))
	return st
}

// Recovered logs a recovered panic with its stack and returns the internal
// error for the caller. The panic's value may hold anything, so it is not logged.
func (s *Services) Recovered(ctx context.Context, v any) error {
	s.opt.Logger.LogAttrs(ctx, slog.LevelError, "panic in a handler",
		slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
	if s.opt.Panics != nil {
		s.opt.Panics()
	}
	return s.Status(ctx, ErrPanic)
}

func info(reason, field, got, want string) *errdetails.ErrorInfo {
	i := &errdetails.ErrorInfo{Reason: reason, Domain: Domain}
	for _, kv := range [][2]string{{"field", field}, {"got", got}, {"want", want}} {
		if kv[1] == "" {
			continue
		}
		if i.Metadata == nil {
			i.Metadata = map[string]string{}
		}
		i.Metadata[kv[0]] = kv[1]
	}
	return i
}

func retry() *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}
}

func detailed(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	st, err := status.New(code, text).WithDetails(details...)
	if err != nil {
		// Only possible for code OK or a message that cannot be marshaled.
		return status.Error(code, text)
	}
	return st.Err()
}

// reasonOf reads the reason back from a status made above, "" when it has none.
func reasonOf(err error) (code codes.Code, reason, text string) {
	st := status.Convert(err)
	for _, d := range st.Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			return st.Code(), i.GetReason(), st.Message()
		}
	}
	return st.Code(), "", st.Message()
}
