package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"immis/server/grpcapi"
	"immis/templates"
)

// operation is one method of one path, as the description says it.
type operation struct {
	path     string // with its parameters in braces
	id       string // SERVICE_METHOD
	body     bool
	stream   bool // of answers
	streamIn bool // of requests
	upload   bool // takes multipart forms
	query    map[string]parameter
}

// parameter is one of a query.
type parameter struct {
	kind string // string, integer, boolean
	bits int    // of an unsigned integer, also one that is a string in JSON; 0: free text
	enum []string
}

// routes are the operations by path. They come from the description that callers
// read, so what is described and what is accepted cannot differ.
type routes struct{ paths []route }

type route struct {
	segments []string // "" for a parameter
	methods  map[string]*operation
}

// slash stands for a slash inside an identifier while the gateway matches the
// path. Identifiers hold no control characters.
const slash = "\x1f"

// find splits a path as it came over the wire, matches it, and returns the
// operations there by method. Identifiers are decoded once, segment by segment, so
// that an encoded slash stays a part of its identifier. clean is the path for the
// gateway.
func (rs *routes) find(escaped string) (methods map[string]*operation, clean string, err error) {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok || len(rest) > maxPath {
		return nil, "", errUnknownPath
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		if parts[i], err = segment(p); err != nil {
			return nil, "", err
		}
	}
	for _, r := range rs.paths {
		if r.match(parts) {
			return r.methods, "/" + strings.Join(parts, "/"), nil
		}
	}
	return nil, "", errUnknownPath
}

// maxPath bounds the path of a request in bytes: two identifiers of 128 bytes,
// each byte percent-encoded, and the names around them.
const maxPath = 1024

func segment(p string) (string, error) {
	s, err := url.PathUnescape(p)
	if err != nil {
		return "", templates.Bad(templates.ReasonMalformed, "path", "with a percent sign that begins no byte", "percent-encoded UTF-8")
	}
	if !utf8.ValidString(s) {
		return "", templates.Bad(templates.ReasonUTF8, "path", "is not valid UTF-8", "percent-encoded UTF-8")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", templates.Bad(templates.ReasonMalformed, "path", "with a control character", "printable text")
	}
	return strings.ReplaceAll(s, "/", slash), nil
}

func (r route) match(parts []string) bool {
	if len(parts) != len(r.segments) {
		return false
	}
	for i, s := range r.segments {
		if s != "" && s != parts[i] || s == "" && parts[i] == "" {
			return false
		}
	}
	return true
}

// allow is the value of the Allow header.
func allow(methods map[string]*operation) string {
	var out []string
	for m := range methods {
		out = append(out, m)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// checkQuery refuses parameters that the operation does not have and values that
// are none of theirs.
func (op *operation) checkQuery(query map[string][]string) error {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names) // the same refusal for the same request
	for _, name := range names {
		p, ok := op.query[name]
		if !ok {
			want := "no parameters: fields go into the body"
			if !op.body {
				want = "one of the parameters of GET /openapi.json"
			}
			return templates.Bad(reasonUnknownField, printable(name), "is unknown as a parameter of the query", want)
		}
		values := query[name]
		if len(values) != 1 {
			return templates.Bad(grpcapi.ReasonTooMany, name, "given "+strconv.Itoa(len(values))+" times", "once")
		}
		if err := p.check(name, values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (p parameter) check(name, value string) error {
	switch {
	case !utf8.ValidString(value):
		return templates.Bad(templates.ReasonUTF8, name, "is not valid UTF-8", "UTF-8")
	case p.enum != nil && !slices.Contains(p.enum, value):
		return templates.Bad(grpcapi.ReasonEnum, name, "is not a name of the enumeration", "e.g. "+p.enum[len(p.enum)-1])
	case p.kind == "boolean" && value != "true" && value != "false":
		return templates.Bad(grpcapi.ReasonMalformed, name, "is neither", "true or false")
	case p.bits > 0:
		if _, err := strconv.ParseUint(value, 10, p.bits); err != nil {
			return templates.Bad(grpcapi.ReasonMalformed, name, "is no number", "an unsigned number of "+strconv.Itoa(p.bits)+" bits")
		}
	}
	return nil
}

// printable is a name that a caller chose, fit for an error text.
func printable(name string) string {
	const most = 64
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name[:min(len(name), most)])
	if len(name) > most {
		out += "..."
	}
	if out == "" {
		out = `""`
	}
	return out
}
