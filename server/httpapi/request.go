package httpapi

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"immis/server/grpcapi"
	"immis/templates"
)

// timeoutHeader is the deadline of a request as gRPC writes it: digits and a unit.
const timeoutHeader = "Grpc-Timeout"

var timeoutForm = regexp.MustCompile(`^[0-9]{1,8}[HMSmun]$`)

// check looks at everything of a request that stands in front of its body, and
// makes the request that the gateway sees: a path it can match, no header but the
// deadline, a bounded body. It sets the operation of the exchange.
func (a *API) check(r *http.Request, e *exchange) (*http.Request, error) {
	if err := sameOrigin(r); err != nil {
		return nil, err
	}
	methods, path, err := a.routes.find(r.URL.EscapedPath())
	if err != nil {
		return nil, a.known(r.Context(), err)
	}
	e.op = methods[r.Method]
	if e.op == nil {
		return nil, errMethod(r.Method, allow(methods))
	}
	e.route = e.op.path
	if err := acceptable(r.Header.Values("Accept"), e.op.stream); err != nil {
		return nil, err
	}
	in := new(http.Request)
	*in = *r
	in.Host, in.RemoteAddr, in.Header = "", "", http.Header{}
	in.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	if t := r.Header.Get(timeoutHeader); t != "" {
		if !timeoutForm.MatchString(t) {
			return nil, a.known(r.Context(), templates.Bad(grpcapi.ReasonMalformed, timeoutHeader, "is not a timeout", "1 to 8 digits and one of H M S m u n"))
		}
		in.Header.Set(timeoutHeader, t)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = templates.Bad(grpcapi.ReasonMalformed, "query", "does not decode", "name=value pairs, percent-encoded, joined by &")
	} else {
		err = e.op.checkQuery(query)
	}
	if err != nil {
		return nil, a.known(r.Context(), err)
	}
	if in.Body, err = a.body(r, e); err != nil {
		return nil, err
	}
	return in, nil
}

// sameOrigin refuses requests that a page of another origin makes a browser send.
// On loopback whoever sends is trusted as the user of the machine, which such a page
// is not. Over plain text the name must be one of this machine, or a name of a
// stranger's that leads here (DNS rebinding) would be of one origin with us.
func sameOrigin(r *http.Request) error {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return errCrossOrigin
	}
	if o := r.Header.Get("Origin"); o != "" {
		u, err := url.Parse(o)
		if err != nil || u.Host != r.Host {
			return errCrossOrigin
		}
	}
	if r.TLS != nil {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); host != "" && !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
		return errMisdirected
	}
	return nil
}

const (
	typeJSON    = "application/json"
	typeLines   = "application/x-ndjson"
	typeForm    = "multipart/form-data"
	typeProblem = "application/problem+json"
)

// acceptable tells whether the caller takes what the operation answers.
func acceptable(accept []string, stream bool) error {
	ranges := strings.Split(strings.Join(accept, ","), ",")
	given := false
	for _, part := range ranges {
		if strings.TrimSpace(part) == "" {
			continue
		}
		given = true
		t, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
			continue
		}
		if slices.Contains([]string{"*/*", "application/*", typeJSON}, t) || stream && t == typeLines {
			return nil
		}
	}
	if given {
		return errNotAcceptable(stream)
	}
	return nil
}

// body is the bounded body of a request, or a refusal that can be told before it
// is read.
func (a *API) body(r *http.Request, e *exchange) (*body, error) {
	op := e.op
	if !op.body {
		if r.ContentLength != 0 {
			return nil, a.known(r.Context(), templates.Bad(grpcapi.ReasonMalformed, "body", "is there", "none: fields are parameters of the query"))
		}
		return &body{ReadCloser: http.NoBody, exchange: e, max: a.opt.MaxBody}, nil
	}
	if c := r.Header.Get("Content-Encoding"); c != "" && !strings.EqualFold(c, "identity") {
		return nil, errMediaType("Content-Encoding "+printable(c), "none")
	}
	b := &body{ReadCloser: r.Body, exchange: e, max: a.opt.MaxBody}
	if c := r.Header.Get("Content-Type"); c != "" || r.ContentLength != 0 {
		t, params, err := mime.ParseMediaType(c)
		charset := params["charset"]
		switch {
		case err != nil && c != "":
			return nil, errMediaType(printable(c), op.takes())
		case charset != "" && !strings.EqualFold(charset, "utf-8"):
			return nil, errMediaType("charset "+printable(charset), "utf-8")
		case t == typeJSON, t == typeLines && op.stream && op.streamIn:
		case t == typeForm && op.upload:
			if b.boundary = params["boundary"]; b.boundary == "" || len(b.boundary) > 70 {
				return nil, errMediaType(typeForm+" without a boundary", typeForm+" with a boundary of 1 to 70 characters")
			}
		default:
			return nil, errMediaType(printable(c), op.takes())
		}
	}
	if !op.streamIn {
		if r.ContentLength > a.opt.MaxBody {
			return nil, errTooLarge(a.opt.MaxBody)
		}
		b.ReadCloser = http.MaxBytesReader(nil, r.Body, a.opt.MaxBody)
	}
	return b, nil
}

// takes names the media types of an operation's body.
func (op *operation) takes() string {
	switch {
	case op.upload:
		return typeJSON + " or " + typeForm
	case op.streamIn:
		return typeLines + " or " + typeJSON
	}
	return typeJSON
}
