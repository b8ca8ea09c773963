package httpapi

import (
	"context"
	"encoding/json"
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

// problem is a problem document. The members after Instance are ours.
type problem struct {
	// Type is urn:immis:problem: and the reason in small letters with hyphens.
	Type string `json:"type"`
	// Title is the reason in words; the same for the same type.
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what was looked at, what was got, what is wanted; its text may change.
	Detail string `json:"detail"`
	// Instance is urn:immis:request: and the identifier of the request, which the
	// header X-Request-Id and the server's log have too.
	Instance string `json:"instance"`
	// Code is the gRPC code, e.g. INVALID_ARGUMENT.
	Code string `json:"code"`
	// Reason is the stable name of what is wrong.
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
	Got    string `json:"got,omitempty"`
	Want   string `json:"want,omitempty"`
	// Offset in bytes, in the sample that Field names, else in the JSON.
	Offset *int `json:"offset,omitempty"`
	// RetryAfter is in seconds, where a repetition may help.
	RetryAfter int `json:"retry_after,omitempty"`
}

// describeProblem makes the document of an error that is a refusal or a status.
func describeProblem(err error, id string) *problem {
	p := &problem{Instance: "urn:immis:request:" + id}
	var own *refusal
	if errors.As(err, &own) {
		p.Status, p.Detail, p.Code, p.Reason = own.status, own.Error(), codeName(own.code), string(own.reason)
		p.Field, p.Got, p.Want = own.field, own.got, own.want
	} else {
		p.fromStatus(status.Convert(err))
	}
	p.Type = "urn:immis:problem:" + strings.ReplaceAll(strings.ToLower(p.Reason), "_", "-")
	words := strings.ReplaceAll(strings.ToLower(p.Reason), "_", " ")
	p.Title = strings.ToUpper(words[:1]) + words[1:]
	return p
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

// made makes the document of an error and counts what the gRPC side has not.
func (a *API) made(ctx context.Context, err error) *problem {
	e := exchangeOf(ctx)
	p := describeProblem(err, e.id)
	e.reason = p.Reason
	var own *refusal
	if errors.As(err, &own) {
		a.opt.Rejected(p.Reason)
	}
	return p
}

// problem answers with a problem document, unless an answer has begun.
func (a *API) problem(ctx context.Context, w *answer, err error) {
	if w.wrote {
		return
	}
	p := a.made(ctx, err)
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte("{}") // strings and numbers always marshal
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", typeProblem)
	if p.Status == http.StatusMethodNotAllowed {
		h.Set("Allow", p.Want)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(b, '\n'))
}

// problemLine ends a stream that has begun: its last line is {"error": problem}.
func (a *API) problemLine(ctx context.Context, w *answer, err error) {
	b, err := json.Marshal(map[string]*problem{"error": a.made(ctx, err)})
	if err == nil {
		_, _ = w.Write(append(b, '\n'))
	}
}
