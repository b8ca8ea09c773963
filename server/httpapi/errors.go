package httpapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"immis/server/grpcapi"
	"immis/templates"
)

// This is the only file that knows both the codes of gRPC and the status codes of
// HTTP. Errors of the domain become gRPC codes in server/grpcapi/errors.go.

// Reasons of this package. Those of the gRPC API travel unchanged.
const (
	reasonUnknownPath  templates.Reason = "UNKNOWN_PATH"
	reasonMethod       templates.Reason = "METHOD_NOT_ALLOWED"
	reasonAccept       templates.Reason = "NOT_ACCEPTABLE"
	reasonMediaType    templates.Reason = "UNSUPPORTED_MEDIA_TYPE"
	reasonTimeout      templates.Reason = "BODY_TIMEOUT"
	reasonOrigin       templates.Reason = "CROSS_ORIGIN"
	reasonMisdirected  templates.Reason = "MISDIRECTED"
	reasonUnknownField templates.Reason = "UNKNOWN_FIELD"
)

// refusal is what only HTTP can refuse.
type refusal struct {
	status           int
	code             codes.Code
	reason           templates.Reason
	field, got, want string
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s, want %s", r.field, r.got, r.want))
}

var (
	errUnknownPath = &refusal{http.StatusNotFound, codes.NotFound, reasonUnknownPath, "path", "is unknown", "one of GET /openapi.json"}
	errSlow        = &refusal{http.StatusRequestTimeout, codes.DeadlineExceeded, reasonTimeout, "body", "did not come in time", "a faster connection or a smaller body"}
	errCrossOrigin = &refusal{http.StatusForbidden, codes.PermissionDenied, reasonOrigin, "Origin", "is another one", "requests that are not of a page of another origin"}
	errMisdirected = &refusal{http.StatusMisdirectedRequest, codes.InvalidArgument, reasonMisdirected, "Host", "is not of this machine", "localhost or a loopback address"}
)

func errMethod(got, want string) *refusal {
	return &refusal{http.StatusMethodNotAllowed, codes.Unimplemented, reasonMethod, "method", printable(got), want}
}

func errNotAcceptable(stream bool) *refusal {
	want := typeJSON
	if stream {
		want = typeLines
	}
	return &refusal{http.StatusNotAcceptable, codes.InvalidArgument, reasonAccept, "Accept", "holds no type of the answer", want}
}

func errMediaType(got, want string) *refusal {
	if got == `""` {
		got = "is missing"
	}
	return &refusal{http.StatusUnsupportedMediaType, codes.InvalidArgument, reasonMediaType, "Content-Type", got, want}
}

func errTooLarge(limit int64) *refusal {
	return &refusal{
		http.StatusRequestEntityTooLarge, codes.ResourceExhausted, templates.ReasonOversized, "body",
		fmt.Sprintf("of more than %d bytes", limit), fmt.Sprintf("<= %d bytes", limit),
	}
}

// httpStatus is the status code of a gRPC code. Several conflicts share 409;
// reason tells them apart. A principal that is none is 403: 401 would have to name
// a way to log in, and there is none but the certificate.
func httpStatus(c codes.Code, reason string) int {
	switch c {
	case codes.OK:
		return http.StatusOK
	case codes.InvalidArgument, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated, codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted, codes.FailedPrecondition:
		return http.StatusConflict
	case codes.ResourceExhausted:
		if reason == "DISK_FULL" {
			return http.StatusInsufficientStorage
		}
		return http.StatusTooManyRequests
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Canceled:
		return statusGone
	}
	return http.StatusInternalServerError
}

// statusGone is the status of a request whose caller has gone; only logs see it.
const statusGone = 499

// errNoClient refuses a gRPC request of this package that has no HTTP client.
func errNoClient() error { return status.Error(codes.Unauthenticated, "request without a client") }

// known gives an error that has no status yet the one that the gRPC API would give.
func (a *API) known(ctx context.Context, err error) error {
	var own *refusal
	if errors.As(err, &own) {
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return a.opt.Status(ctx, err)
}

// failStream notes why a stream ended: serve writes it when the gateway is done.
func failStream(ctx context.Context, err error) *status.Status {
	e := exchangeOf(ctx)
	e.note(err)
	if e.out != nil {
		e.out.cut.Store(true)
	}
	return status.Convert(err)
}

// from fills the document from an error.
func (p *problem) from(err error) {
	var own *refusal
	if errors.As(err, &own) {
		p.Status, p.Detail, p.Code, p.Reason = own.status, own.Error(), codeName(own.code), string(own.reason)
		p.Field, p.Got, p.Want = own.field, own.got, own.want
		return
	}
	p.fromStatus(status.Convert(err))
}

func (p *problem) fromStatus(st *status.Status) {
	p.Detail, p.Code = st.Message(), codeName(st.Code())
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			p.Reason = d.GetReason()
			p.Field, p.Got, p.Want = d.GetMetadata()["field"], d.GetMetadata()["got"], d.GetMetadata()["want"]
			if n, err := strconv.Atoi(d.GetMetadata()["offset"]); err == nil {
				p.Offset = &n
			}
		case *errdetails.RetryInfo:
			p.RetryAfter = max(1, int(math.Ceil(d.GetRetryDelay().AsDuration().Seconds())))
		}
	}
	if p.Reason == "" {
		// Of the transport inside the process, not of our handlers: its text may quote
		// what the caller sent.
		switch st.Code() {
		case codes.InvalidArgument:
			p.Reason, p.Detail = string(grpcapi.ReasonMalformed), "request does not decode"
		case codes.DeadlineExceeded:
			p.Reason, p.Detail = "DEADLINE", "deadline exceeded"
		case codes.Canceled:
			p.Reason, p.Detail = "CANCELED", "canceled"
		case codes.Unavailable:
			p.Reason, p.Detail, p.RetryAfter = "UNAVAILABLE", "the server is starting or shutting down", 1
		default:
			p.Reason, p.Detail = "INTERNAL", "internal error"
		}
	}
	p.Status = httpStatus(st.Code(), p.Reason)
}

// codeName is a gRPC code as its specification writes it.
func codeName(c codes.Code) string {
	switch c {
	case codes.InvalidArgument:
		return "INVALID_ARGUMENT"
	case codes.DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codes.NotFound:
		return "NOT_FOUND"
	case codes.AlreadyExists:
		return "ALREADY_EXISTS"
	case codes.PermissionDenied:
		return "PERMISSION_DENIED"
	case codes.ResourceExhausted:
		return "RESOURCE_EXHAUSTED"
	case codes.FailedPrecondition:
		return "FAILED_PRECONDITION"
	case codes.OutOfRange:
		return "OUT_OF_RANGE"
	case codes.DataLoss:
		return "DATA_LOSS"
	}
	return strings.ToUpper(c.String())
}
