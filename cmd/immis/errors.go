package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"immis/store"
	"immis/store/seal"
	"immis/templates"
)

// report is an error as it is shown.
type report struct {
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Field  string `json:"field,omitempty"`
	Got    string `json:"got,omitempty"`
	Want   string `json:"want,omitempty"`
	// Offset is where in the sample, in bytes; nil where there is no single place.
	Offset  *int   `json:"offset,omitempty"`
	Message string `json:"message"`
	// Next is what to do.
	Next string `json:"next,omitempty"`
	exit int
}

// explain finds code, reason and a next step for an error.
func explain(err error) report {
	r := report{Message: err.Error(), exit: exitFailure}
	var e *exitError
	if errors.As(err, &e) {
		return r
	}
	var bad *templates.InputError
	if errors.As(err, &bad) {
		r.Reason, r.Field, r.Got, r.Want, r.exit = string(bad.Reason), bad.Field, bad.Got, bad.Want, exitUsage
		if bad.Offset != templates.NoOffset {
			r.Offset = &bad.Offset
		}
		return r
	}
	if r.Reason, r.Next = explainStore(err); r.Reason != "" {
		return r
	}
	if errors.Is(err, context.Canceled) {
		r.Message = "interrupted"
		return r
	}
	// status.FromError would put "rpc error: code = ..." into the text of a wrapped one.
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) || carrier.GRPCStatus().Code() == codes.OK || carrier.GRPCStatus().Code() == codes.Unknown {
		return r
	}
	st := carrier.GRPCStatus()
	r.Code, r.Message = st.Code().String(), st.Message()
	for _, d := range st.Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			r.Reason, r.Field, r.Got, r.Want = i.GetReason(), i.GetMetadata()["field"], i.GetMetadata()["got"], i.GetMetadata()["want"]
			if n, err := strconv.Atoi(i.GetMetadata()["offset"]); err == nil {
				r.Offset = &n
			}
		}
	}
	r.exit, r.Next = exitFor(st.Code()), nextForCode(st.Code(), r.Reason)
	return r
}

func exitFor(c codes.Code) int {
	switch c {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.AlreadyExists, codes.Aborted, codes.OutOfRange:
		return exitUsage
	case codes.NotFound:
		return exitNotFound
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		return exitBusy
	}
	return exitFailure
}

func nextForCode(c codes.Code, reason string) string {
	switch c {
	case codes.Unavailable:
		switch reason {
		case "NOT_READY", "SHUTTING_DOWN":
			return "wait a moment and repeat"
		case "INDEX_BROKEN":
			return "restart the server, which builds its index again"
		case "LEDGER_STOPPED":
			return "look at the server's log for the failed disk write, then restart the server"
		}
		return "is the server running, and is --server its address? start one with: immis serve"
	case codes.ResourceExhausted:
		if reason == "DISK_FULL" {
			return "make space on the volume of the server's data folder; writes go on by themselves"
		}
		return "send fewer requests at once, or repeat later"
	case codes.DeadlineExceeded:
		return "repeat with a longer --timeout"
	case codes.NotFound:
		return "check the identifier and whether this principal may read one of the subject's galleries"
	case codes.AlreadyExists:
		return "choose another identifier, or add an encounter to the subject with: immis enroll --add"
	case codes.Aborted:
		return "use a new --request-id for a new request"
	case codes.Unauthenticated, codes.PermissionDenied:
		return "check --tls-cert: the server takes who you are from the certificate's SAN"
	case codes.DataLoss:
		return "stop the server and see what is damaged with: immis store check; put back the newest copy"
	case codes.Internal:
		return "the cause is in the server's log under this reference"
	case codes.Unimplemented:
		return "the server is of another version: compare immis version with immis stats"
	}
	return ""
}

// explainStore is the stable reason of an error of a data folder, and what to do
// next; "" for other errors.
func explainStore(err error) (reason, next string) {
	for _, c := range []struct {
		err          error
		reason, next string
	}{
		{store.ErrLocked, "DATA_LOCKED", "stop the server that has the folder open, or ask it through --server; to audit beside it: immis audit entries -o FILE, then immis audit verify --entries FILE"},
		{store.ErrReadOnly, "DATA_READ_ONLY", "make the data folder writable for this user, or mount it for writing"},
		{store.ErrNewerFormat, "NEWER_FORMAT", "use the newer version of immis that wrote the folder"},
		{store.ErrOlderThanAnchor, "OLDER_THAN_ANCHOR", "the ledger lost acknowledged entries (an old backup, a damaged disk): put back the newest copy; do not delete the anchor"},
		{store.ErrDiskFull, "DISK_FULL", "make space on the volume of the data folder"},
		{syscall.ENOSPC, "DISK_FULL", "make space on the volume of the data folder"},
		{seal.ErrNoSecret, "NO_SECRET", "give --keys the folder that was made with this data folder, or put back its copy"},
		{seal.ErrExposed, "KEYS_EXPOSED", "let nobody but this user read and write the folder of the secrets"},
		{store.ErrErased, "ERASED", "its key was destroyed on purpose: nothing brings it back"},
		{store.ErrDamaged, "DAMAGED", "see what is damaged with: immis store check; put back the newest copy"},
		{store.ErrCorrupt, "DAMAGED", "are these the secrets of this folder? else see what is damaged with: immis store check; put back the newest copy"},
		{store.ErrStopped, "LEDGER_STOPPED", "look at the log for the failed disk write, then start again"},
	} {
		if errors.Is(err, c.err) {
			return c.reason, c.next
		}
	}
	return "", ""
}

// printError writes a report to standard error.
func (a *app) printError(r report) {
	if a.json {
		b, err := json.Marshal(map[string]report{"error": r})
		if err == nil {
			_, _ = fmt.Fprintln(a.err, string(b))
			return
		}
	}
	_, _ = fmt.Fprintln(a.err, "immis: "+r.Message)
	if r.Next != "" {
		_, _ = fmt.Fprintln(a.err, "  next: "+r.Next)
	}
}
