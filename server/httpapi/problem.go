package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

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
	p.from(err)
	p.Type = "urn:immis:problem:" + strings.ReplaceAll(strings.ToLower(p.Reason), "_", "-")
	words := strings.ReplaceAll(strings.ToLower(p.Reason), "_", " ")
	p.Title = strings.ToUpper(words[:1]) + words[1:]
	return p
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
