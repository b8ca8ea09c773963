package client

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is why a request failed.
type Error struct {
	// Code is the kind of failure.
	Code codes.Code
	// Reason is the stable name of what is wrong, e.g. "ALREADY_EXISTS"; "" when the
	// server did not say it, e.g. because it was not reached.
	Reason string
	// Field, Got and Want say what was looked at, what was got and what is wanted;
	// "" where they do not apply.
	Field, Got, Want string
	// Offset is where in the sample the offending part begins, in bytes; -1: nowhere.
	Offset int
	// Message is for people; its text may change.
	Message string
	// RetryAfter is what the server asks to wait before a repetition; 0: a repetition
	// does not help, or the server did not say.
	RetryAfter time.Duration
	// RequestID is the request_id that was sent, also one that the client made: the
	// same request with it does not do the thing twice. "" for requests that have none.
	RequestID string
	// Attempts is how often the request was sent.
	Attempts int

	status *status.Status
}

// Error implements error.
func (e *Error) Error() string {
	if e.Reason == "" {
		return e.Code.String() + ": " + e.Message
	}
	return e.Code.String() + " " + e.Reason + ": " + e.Message
}

// GRPCStatus lets status.FromError and status.Code find the status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes a deadline and a cancellation known to errors.Is.
func (e *Error) Is(target error) bool {
	return e.Code == codes.DeadlineExceeded && target == context.DeadlineExceeded ||
		e.Code == codes.Canceled && target == context.Canceled
}

// typed makes an *Error of what gRPC returns; nil stays nil.
func typed(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	st := status.Convert(err)
	e = &Error{Code: st.Code(), Message: st.Message(), Offset: -1, status: st}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			m := d.GetMetadata()
			e.Reason, e.Field, e.Got, e.Want = d.GetReason(), m["field"], m["got"], m["want"]
			if n, err := strconv.Atoi(m["offset"]); err == nil {
				e.Offset = n
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	return e
}

// starting tells whether an error is that of a server that is not up yet: nobody
// listened, or the server says so. Nothing was done then.
func (e *Error) starting() bool {
	return e.Code == codes.Unavailable &&
		(e.Reason == "NOT_READY" || e.Reason == "" && strings.Contains(e.Message, syscall.ECONNREFUSED.Error()))
}

// passing tells whether a repetition may succeed without anybody doing something.
func (e *Error) passing() bool {
	switch e.Code {
	case codes.Unavailable:
		// A broken index or ledger needs a restart, and says so without a time; a
		// certificate that is not taken needs another one. gRPC has only its text.
		return e.Reason == "" && !strings.Contains(e.Message, "tls: ") || e.RetryAfter > 0
	case codes.ResourceExhausted:
		return e.RetryAfter > 0 // a full disk and an answer that is too large have none
	}
	return false
}

// ended types the error of a stream; its regular end stays io.EOF.
func ended(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return typed(err)
}

// notReadyInfo says what a server that is not ready says itself.
func notReadyInfo() *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: "NOT_READY", Domain: "immis"}
}
