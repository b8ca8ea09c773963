package server

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// Everything that goes wrong is a problem document with a stable reason.
func TestHTTPProblems(t *testing.T) {
	f := start(t, overHTTP, func(u *setup) { u.cfg.MaxMessage = 64 << 10 })
	f.enroll("S-1", face(1, 0))
	const context = `"context":{"purpose":"PURPOSE_TEST"}`
	ctype := func(v string) func(*http.Request) { return header("Content-Type", v) }
	for _, c := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		status                   int
		reason, field            string
	}{
		{"unknown path", "GET", "/v1/persons", "", nil, 404, "UNKNOWN_PATH", "path"},
		{"root", "GET", "/", "", nil, 404, "UNKNOWN_PATH", "path"},
		{"slash at the end", "GET", "/v1/subjects/?" + why, "", nil, 404, "UNKNOWN_PATH", "path"},
		{"empty identifier", "GET", "/v1/subjects//encounters/E?" + why, "", nil, 404, "UNKNOWN_PATH", "path"},
		{"long path", "GET", "/v1/subjects/" + strings.Repeat("a", 1100), "", nil, 404, "UNKNOWN_PATH", "path"},
		{"invalid UTF-8 in the path", "GET", "/v1/subjects/%ff?" + why, "", nil, 400, "INVALID_UTF8", "path"},
		{"control character in the path", "GET", "/v1/subjects/a%1fb?" + why, "", nil, 400, "MALFORMED", "path"},
		{"method", "PATCH", "/v1/subjects/S-1", "{}", nil, 405, "METHOD_NOT_ALLOWED", "method"},
		{"method of the description", "POST", "/openapi.json", "{}", nil, 405, "METHOD_NOT_ALLOWED", "method"},
		{"HEAD", "OPTIONS", "/v1/subjects", "", nil, 405, "METHOD_NOT_ALLOWED", "method"},
		{"overridden method", "POST", "/v1/subjects/S-1", "{}", header("X-HTTP-Method-Override", "DELETE"), 405, "METHOD_NOT_ALLOWED", "method"},
		{"content type", "POST", "/v1/identify", "<a/>", ctype("text/xml"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"content type of a form of a page", "POST", "/v1/subjects", "a=b", ctype("application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"no content type", "POST", "/v1/identify", "{}", ctype(""), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"charset", "POST", "/v1/identify", "{}", ctype("application/json; charset=latin1"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"form where there are no samples", "POST", "/v1/galleries", "{}", ctype("multipart/form-data; boundary=x"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"form without a boundary", "POST", "/v1/subjects", "{}", ctype("multipart/form-data"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"compressed", "POST", "/v1/identify", "{}", header("Content-Encoding", "gzip"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		{"accept", "GET", "/v1/galleries?" + why, "", header("Accept", "text/html, application/json;q=0"), 406, "NOT_ACCEPTABLE", "Accept"},
		{"large", "POST", "/v1/identify", strings.Repeat(" ", 64<<10+1), nil, 413, "OVERSIZED", "body"},
		{"timeout", "GET", "/v1/galleries?" + why, "", header("Grpc-Timeout", "soon"), 400, "MALFORMED_MESSAGE", "Grpc-Timeout"},
		{"deadline", "GET", "/v1/galleries?" + why, "", header("Grpc-Timeout", "1n"), 504, "DEADLINE", ""},
		{"page of another origin", "POST", "/v1/identify", "{}", header("Origin", "https://example.org"), 403, "CROSS_ORIGIN", "Origin"},
		{"page of another site", "GET", "/v1/galleries?" + why, "", header("Sec-Fetch-Site", "cross-site"), 403, "CROSS_ORIGIN", "Origin"},
		{"name of somebody else", "GET", "/v1/galleries?" + why, "", func(r *http.Request) { r.Host = "immis.example:7303" }, 421, "MISDIRECTED", "Host"},
		{"body where there is none", "GET", "/v1/galleries?" + why, "{}", nil, 400, "MALFORMED_MESSAGE", "body"},

		{"unknown parameter", "GET", "/v1/galleries?page=1&" + why, "", nil, 400, "UNKNOWN_FIELD", "page"},
		{"parameter beside a body", "POST", "/v1/identify?" + why, "{}", nil, 400, "UNKNOWN_FIELD", "context.purpose"},
		{"parameter by its other name", "GET", "/v1/subjects?pageSize=1&" + why, "", nil, 400, "UNKNOWN_FIELD", "pageSize"},
		{"parameter twice", "GET", "/v1/subjects?page_size=1&page_size=2&" + why, "", nil, 400, "TOO_MANY", "page_size"},
		{"parameter that is no number", "GET", "/v1/subjects?page_size=-1&" + why, "", nil, 400, "MALFORMED_MESSAGE", "page_size"},
		{"parameter out of range", "GET", "/v1/subjects?page_size=1001&" + why, "", nil, 400, "OUT_OF_RANGE", "page_size"},
		{"number of 65 bits", "GET", "/v1/ledger/entries?from=18446744073709551616&" + why, "", nil, 400, "MALFORMED_MESSAGE", "from"},
		{"neither true nor false", "GET", "/v1/subjects/S-1?include_samples=yes&" + why, "", nil, 400, "MALFORMED_MESSAGE", "include_samples"},
		{"unknown purpose", "GET", "/v1/galleries?context.purpose=FUN", "", nil, 400, "UNKNOWN_VALUE", "context.purpose"},
		{"query that does not decode", "GET", "/v1/galleries?%zz", "", nil, 400, "MALFORMED_MESSAGE", "query"},
		{"no purpose", "GET", "/v1/galleries", "", nil, 400, "PURPOSE_REQUIRED", "context.purpose"},

		{"empty body", "POST", "/v1/identify", "", ctype("application/json"), 400, "PURPOSE_REQUIRED", "context.purpose"},
		{"no JSON", "POST", "/v1/identify", "hello", nil, 400, "MALFORMED_MESSAGE", "body"},
		{"cut JSON", "POST", "/v1/identify", "{" + context, nil, 400, "MALFORMED_MESSAGE", "body"},
		{"more than one value", "POST", "/v1/identify", "{" + context + "} {}", nil, 400, "MALFORMED_MESSAGE", "body"},
		{"unknown field", "POST", "/v1/identify", "{" + context + `,"top":1}`, nil, 400, "UNKNOWN_FIELD", "top"},
		{"field twice", "POST", "/v1/identify", "{" + context + "," + context + "}", nil, 400, "MALFORMED_MESSAGE", "context"},
		{"another kind", "POST", "/v1/identify", "{" + context + `,"max_candidates":"many"}`, nil, 400, "MALFORMED_MESSAGE", "max_candidates"},
		{"base64", "POST", "/v1/identify", "{" + context + `,"samples":{"samples":[{"data":"SECRET=!"}]}}`, nil, 400, "MALFORMED_MESSAGE", "data"},
		{"values without end", "POST", "/v1/identify", `{"samples":{"samples":[` + strings.Repeat("{},", 20000) + `{}]}}`, nil, 400, "TOO_MANY", "body"},
		{"identifier twice", "POST", "/v1/subjects/S-1/erase", "{" + context + `,"subject_id":"S-2"}`, nil, 400, "UNKNOWN_FIELD", "subject_id"},
		{"sample", "POST", "/v1/identify", "{" + context + `,"samples":{"samples":[{"modality":"MODALITY_FACE","format":"FORMAT_FACE_FLOAT32","model":"m","data":"AAAA"}]}}`, nil, 400, "WRONG_LENGTH", "probe.samples[0]"},

		{"unknown subject", "GET", "/v1/subjects/nobody?" + why, "", nil, 404, "NOT_FOUND", ""},
		{"subject is known", "POST", "/v1/subjects", "{" + context + `,"subject_id":"S-1","encounter":{"missing_fingers":[{"position":1,"reason":1}]}}`, nil, 409, "ALREADY_EXISTS", ""},
		{"stream that does not begin", "POST", "/v1/duplicate-checks/watch", "{" + context + "}", nil, 400, "REQUIRED", "encounters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader
			if c.body != "" || c.method != "GET" && c.method != "OPTIONS" {
				body = strings.NewReader(c.body)
			}
			var change []func(*http.Request)
			if c.change != nil {
				change = append(change, c.change)
			}
			a := f.send(c.method, c.path, body, change...)
			p := a.problem(t)
			if a.status != c.status || c.reason != "" && p.Reason != c.reason || !strings.HasPrefix(p.Field, c.field) {
				t.Errorf("%d %s, want %d %s about %s", a.status, a.body, c.status, c.reason, c.field)
			}
			if bytes.Contains(a.body, []byte("SECRET")) {
				t.Errorf("%s repeats what was sent", a.body)
			}
			if c.status == 405 && a.header.Get("Allow") == "" {
				t.Error("no Allow header")
			}
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("an answer for pages of other origins")
			}
		})
	}
	// A chunked body has no length to refuse it by.
	chunked := f.send("POST", "/v1/identify", io.MultiReader(strings.NewReader(strings.Repeat(" ", 64<<10+1))))
	if p := chunked.problem(t); chunked.status != 413 || p.Reason != "OVERSIZED" {
		t.Errorf("chunked: %d %s, want 413", chunked.status, chunked.body)
	}
	if p := f.send("POST", "/v1/identify", strings.NewReader("{\n \"é\": 1,\n \"max\": 2}")).problem(t); p.Offset == nil || *p.Offset != 3 {
		t.Errorf("%+v, want offset 3", p)
	}
	if p := f.send("DELETE", "/v1/galleries", nil).problem(t); p.Want != "GET, POST" {
		t.Errorf("allowed %q, want GET, POST", p.Want)
	}
}

// A service that does not stand yet says so, and when to come again.
func TestHTTPWhileStarting(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	f := start(t, overHTTP, func(u *setup) {
		g.KeySource = u.dep.Keys
		u.dep.Keys, u.early = g, true
	})
	a := f.send("GET", "/v1/galleries?"+why, nil)
	if p := a.problem(t); a.status != http.StatusServiceUnavailable || p.Reason != "NOT_READY" || a.header.Get("Retry-After") != "1" || p.RetryAfter != 1 {
		t.Errorf("%d %s, want 503 NOT_READY with Retry-After", a.status, a.body)
	}
}

type formPart struct{ name, kind, data string }

// form builds a multipart form.
func form(parts ...formPart) (io.Reader, func(*http.Request)) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="x"`, p.name)}}
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		o, err := w.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(o, p.data)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return &b, header("Content-Type", w.FormDataContentType())
}

// Samples as parts of a form are the same request as samples in base64.
func TestHTTPForms(t *testing.T) {
	f := start(t, overHTTP, func(u *setup) { u.cfg.MaxMessage = 64 << 10 })
	in := enrollment("S-1", face(1, 0), face(2, 0))
	in.RequestId, in.Encounter.EncounterId = "r", "E"
	bare := proto.Clone(in).(*immisv1.EnrollRequest)
	for _, s := range bare.GetEncounter().GetSamples() {
		s.Data = nil
	}
	text := func(m proto.Message) string {
		b := new(strings.Builder)
		_, _ = io.Copy(b, asJSON(t, m))
		return b.String()
	}
	request := formPart{"request", "application/json", text(bare)}
	data := func(i int) formPart {
		return formPart{fmt.Sprintf("encounter.samples[%d].data", i), "application/octet-stream", string(in.GetEncounter().GetSamples()[i].GetData())}
	}
	body, kind := form(request, data(1), data(0))
	a := f.send("POST", "/v1/subjects", body, kind)
	b := f.send("POST", "/v1/subjects", asJSON(t, in))
	if a.status != 200 || !bytes.Equal(a.body, b.body) {
		t.Errorf("form: %d %s\nJSON: %d %s", a.status, a.body, b.status, b.body)
	}
	identify := formPart{"request", "", `{"context":{"purpose":"PURPOSE_TEST"},"samples":{"samples":[{"modality":"MODALITY_FACE","format":"FORMAT_FACE_FLOAT32","model":"` + model + `"}]}}`}
	body, kind = form(identify, formPart{"samples.samples[0].data", "image/png", string(vector(1, 1))})
	if a := f.send("POST", "/v1/identify", body, kind); a.status != 200 || !bytes.Contains(a.body, []byte("OUTCOME_MATCH")) {
		t.Errorf("identify: %d %s, want a match", a.status, a.body)
	}

	for name, c := range map[string]struct {
		parts         []formPart
		status        int
		reason, field string
	}{
		"no request":     {[]formPart{data(0)}, 400, "REQUIRED", "body"},
		"empty":          {nil, 400, "MALFORMED_MESSAGE", "body"},
		"twice":          {[]formPart{request, data(0), data(0)}, 400, "TOO_MANY", "encounter.samples[0].data"},
		"no such sample": {[]formPart{request, {"encounter.samples[2].data", "", "x"}}, 400, "OUT_OF_RANGE", "encounter.samples[2].data"},
		"huge index":     {[]formPart{request, {"encounter.samples[99999999999].data", "", "x"}}, 400, "UNKNOWN_FIELD", "encounter"},
		"not bytes":      {[]formPart{request, {"encounter.station", "", "x"}}, 400, "UNKNOWN_FIELD", "encounter.station"},
		"no field":       {[]formPart{request, {"photo", "", "x"}}, 400, "UNKNOWN_FIELD", "photo"},
		"a list":         {[]formPart{request, {"encounter.samples.data", "", "x"}}, 400, "UNKNOWN_FIELD", "encounter"},
		"deep":           {[]formPart{request, {strings.Repeat("encounter.", 50), "", "x"}}, 400, "UNKNOWN_FIELD", "encounter"},
		"no JSON":        {[]formPart{{"request", "application/json", "<a/>"}}, 400, "MALFORMED_MESSAGE", "body"},
		"request of XML": {[]formPart{{"request", "text/xml", "<a/>"}}, 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type"},
		"without sample": {[]formPart{request}, 400, "", "encounter.samples[0]"},
		"large":          {[]formPart{request, {"encounter.samples[0].data", "", strings.Repeat("x", 64<<10)}}, 413, "OVERSIZED", "body"},
	} {
		body, kind := form(c.parts...)
		a := f.send("POST", "/v1/subjects", body, kind)
		if p := a.problem(t); a.status != c.status || c.reason != "" && p.Reason != c.reason || !strings.HasPrefix(p.Field, c.field) {
			t.Errorf("%s: %d %s, want %d %s about %s", name, a.status, a.body, c.status, c.reason, c.field)
		}
	}
	// Cut at every byte, a form is never taken for a whole one.
	whole := new(bytes.Buffer)
	body, kind = form(request, data(0), data(1))
	_, _ = io.Copy(whole, body)
	for n := 0; n < whole.Len()-2; n += 1 + whole.Len()/200 { // the last two bytes are a line end
		a := f.send("POST", "/v1/subjects", bytes.NewReader(whole.Bytes()[:n]), kind)
		if p := a.problem(t); a.status != 400 {
			t.Fatalf("cut at %d of %d: %d %+v, want 400", n, whole.Len(), a.status, p)
		}
	}
	if n := f.subjects(); n != 1 {
		t.Errorf("%d subjects, want the one of the whole form", n)
	}
}

func (f *fixture) subjects() int {
	f.t.Helper()
	out, err := f.enr.ListSubjects(f.ctx(), &immisv1.ListSubjectsRequest{Context: rc()})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(out.GetSubjectIds())
}

// The path a client builds from a base and an identifier is taken apart as it was made.
func TestHTTPIdentifiersInPaths(t *testing.T) {
	f := start(t, overHTTP)
	for _, id := range []string{"a/b", "a%2Fb", "%252F", "..", ".", "a?b#c", "a:erase", "erase", "дім/1", "a+b c", "~!@$&'()*,;=", strings.Repeat("ї", 64)} {
		f.enroll(id, face(7, 0))
		a := f.send("GET", "/v1/subjects/"+strings.ReplaceAll(url.PathEscape(id), ".", "%2E")+"?"+why, nil)
		var out immisv1.GetSubjectResponse
		if err := protojson.Unmarshal(a.body, &out); err != nil || out.GetSubjectId() != id {
			t.Errorf("%q: %d %s", id, a.status, a.body)
		}
	}
}
