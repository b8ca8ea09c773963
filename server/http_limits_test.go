package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	immisv1 "immis/api/immis/v1"
)

// Over HTTP too the principal is the client certificate's, whatever a caller says.
func TestHTTPPrincipal(t *testing.T) {
	a := newAuthority(t)
	station := a.client(uri("spiffe://immis/station-1"))
	f := start(t, secured(a, t.TempDir(), "127.0.0.1:0", station), overHTTP)
	for _, protocol := range []string{"http/1.1", "h2"} {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: station.Clone(), ForceAttemptHTTP2: protocol == "h2"}}
		defer c.CloseIdleConnections()
		var version int
		out, err := f.try(c, "GET", "/v1/ledger/head?"+why, nil, func(r *http.Request) { version = r.ProtoMajor })
		if err != nil || out.status != 200 || version == 0 {
			t.Fatalf("%s: %+v, %v", protocol, out, err)
		}
		forged := []func(*http.Request){
			header("Grpc-Metadata-Immis-Ticket", "x"), header("Immis-Ticket", "x"), header("X-Forwarded-Client-Cert", "URI=spiffe://immis/chief"),
			header("Grpc-Metadata-Principal", "spiffe://immis/chief"), header("Authorization", "Bearer spiffe://immis/chief"), header("X-Forwarded-For", "127.0.0.1"),
		}
		enc := asJSON(t, enrollment("S-"+protocol, face(1, 0)))
		if out, err = f.try(c, "POST", "/v1/subjects", enc, forged...); err != nil || out.status != 200 {
			t.Fatalf("%s: %s, %v", protocol, out.body, err)
		}
	}
	entries, err := f.led.ListEntries(f.ctx(), &immisv1.ListEntriesRequest{Context: rc()})
	if err != nil {
		t.Fatal(err)
	}
	enrolled := 0
	for _, e := range entries.GetEntries() {
		if e.GetKind() == "enroll" {
			enrolled++
			if e.GetPrincipal() != "spiffe://immis/station-1" {
				t.Errorf("enrolment over HTTP by %q, want the station", e.GetPrincipal())
			}
		}
	}
	if enrolled != 2 {
		t.Errorf("%d enrolments in the ledger, want 2", enrolled)
	}

	// What only other clients may see stays so.
	if _, err := f.gal.CreateGallery(f.ctx(), &immisv1.CreateGalleryRequest{Context: rc(), Gallery: &immisv1.Gallery{GalleryId: "closed", Readers: []string{"spiffe://immis/station-1"}}}); err != nil {
		t.Fatal(err)
	}
	secret := enrollment("S-closed", face(9, 0))
	secret.Encounter.Galleries = []string{"closed"}
	if _, err := f.enr.Enroll(f.ctx(), secret); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"spiffe://immis/station-1": 200, "spiffe://immis/station-2": 404} {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: a.client(uri(name))}}
		defer c.CloseIdleConnections()
		if out, err := f.try(c, "GET", "/v1/subjects/S-closed?"+why, nil, header("Grpc-Metadata-Immis-Ticket", "x")); err != nil || out.status != want {
			t.Errorf("%s: %d %s %v, want %d", name, out.status, out.body, err, want)
		}
	}

	for name, c := range map[string]*tls.Config{
		"none":           {RootCAs: a.pool()},
		"of a stranger":  newAuthority(t).client(uri("spiffe://immis/station-1")),
		"with TLS 1.2":   func() *tls.Config { c := station.Clone(); c.MaxVersion = tls.VersionTLS12; return c }(),
		"without a name": nil,
	} {
		if c == nil {
			nameless := a.client(func(*x509.Certificate) {})
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: nameless}}
			defer client.CloseIdleConnections()
			out, err := f.try(client, "GET", "/v1/galleries?"+why, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p := out.problem(t); out.status != 403 || p.Reason != "BAD_PRINCIPAL" {
				t.Errorf("certificate %s: %d %s, want 403", name, out.status, out.body)
			}
			continue
		}
		c.RootCAs = a.pool()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		defer client.CloseIdleConnections()
		if out, err := f.try(client, "GET", "/v1/galleries?"+why, nil); err == nil {
			t.Errorf("certificate %s: answered with %d, want no connection", name, out.status)
		}
	}
}

// A ticket means nothing on a connection from outside.
func TestHTTPTicketsCountInsideOnly(t *testing.T) {
	a := newAuthority(t)
	f := start(t, secured(a, t.TempDir(), "127.0.0.1:0", a.client(uri("spiffe://immis/station-1"))), overHTTP)
	ctx := metadata.AppendToOutgoingContext(f.ctx(), "immis-ticket", "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	if _, err := f.enr.Enroll(ctx, enrollment("S-1", face(1, 0))); err != nil {
		t.Fatal(err)
	}
	out, err := f.led.ListEntries(f.ctx(), &immisv1.ListEntriesRequest{Context: rc()})
	if err != nil {
		t.Fatal(err)
	}
	last := out.GetEntries()[len(out.GetEntries())-1]
	if last.GetPrincipal() != "spiffe://immis/station-1" {
		t.Errorf("principal %q, want that of the certificate", last.GetPrincipal())
	}
	// Plain text beyond loopback is refused as for the API.
	for _, listen := range []string{"0.0.0.0:0", ":0"} {
		s := memServer(t, func(c *Config) { c.HTTPListen = listen })
		if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "listen for HTTP") {
			t.Errorf("%s: %v, want a refusal", listen, err)
		}
	}
}

// raw speaks HTTP by hand, so that it can be slow.
func (f *fixture) raw() net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.s.HTTPAddr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// Who sends slowly is cut, and who sends much at once has to wait.
func TestHTTPLimits(t *testing.T) {
	f := start(t, overHTTP, func(u *setup) {
		u.cfg.MaxInFlight, u.cfg.MessageTimeout, u.cfg.HandshakeTimeout = 8, 2*time.Second, 500*time.Millisecond
	})
	headers := f.raw()
	_, _ = io.WriteString(headers, "GET /v1/galleries HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	// A body is asked for when its request has its place, so nothing here races.
	slow := func() *bufio.Reader {
		c := f.raw()
		_, _ = io.WriteString(c, "POST /v1/identify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
		r := bufio.NewReader(c)
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("%q, %v: want to be asked for the body", line, err)
		}
		_, _ = r.ReadString('\n') // the empty line behind it
		_, _ = io.WriteString(c, "{")
		return r
	}
	begun := time.Now()
	body, _ := slow(), slow()
	if a := f.send("GET", "/v1/galleries?"+why, nil); a.status != http.StatusTooManyRequests || a.problem(t).Reason != "TOO_MANY_IN_FLIGHT" || a.header.Get("Retry-After") != "1" {
		t.Errorf("both places are taken: %d %s, want 429 with a time to wait", a.status, a.body)
	}
	// gRPC has its own places.
	if _, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()}); err != nil {
		t.Errorf("gRPC beside a full HTTP: %v", err)
	}
	r, err := http.ReadResponse(body, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "BODY_TIMEOUT") {
		t.Errorf("slow body: %d %s, want 408", r.StatusCode, text)
	}
	if _, err := io.ReadAll(headers); err != nil {
		t.Errorf("slow headers: %v, want a closed connection", err)
	}
	if d := time.Since(begun); d > 8*time.Second {
		t.Errorf("cut after %v, want about 2 s", d)
	}
	eventually(t, "places are given back", func() bool { return f.send("GET", "/v1/galleries?"+why, nil).status == 200 })
	if n := f.metric("immis_rejections_total", "BODY_TIMEOUT"); n != 2 {
		t.Errorf("%v timeouts counted, want 2", n)
	}
	large := f.raw()
	_, _ = io.WriteString(large, "GET /v1/galleries HTTP/1.1\r\nHost: localhost\r\nX-Large: "+strings.Repeat("x", 24<<10)+"\r\n\r\n")
	if r, err := http.ReadResponse(bufio.NewReader(large), nil); err != nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large headers: %v, %v; want 431", r, err)
	}
}

// A slow body over HTTP/2 holds a stream, not the connection.
func TestHTTP2SlowBody(t *testing.T) {
	a := newAuthority(t)
	station := a.client(uri("spiffe://immis/station-1"))
	f := start(t, secured(a, t.TempDir(), "127.0.0.1:0", station), overHTTP, func(u *setup) { u.cfg.MessageTimeout = 300 * time.Millisecond })
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: station.Clone(), ForceAttemptHTTP2: true}}
	defer c.CloseIdleConnections()
	slow, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = io.WriteString(w, "{") }()
	out, err := f.try(c, "POST", "/v1/identify", slow)
	if err != nil || out.status != http.StatusRequestTimeout {
		t.Errorf("%d %s %v, want 408", out.status, out.body, err)
	}
}

// Searches of a stream are answered one by one, each with its tag; what does not
// decode ends the stream with a line that says so.
func TestHTTPStreams(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := start(t, overHTTP)
	f.enroll("S-1", face(1, 0))
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(f.ctx(), http.MethodPost, f.s.HTTPURL()+"/v1/identify/stream", r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Accept", "application/x-ndjson")
	search := func(tag string, person uint64) {
		t.Helper()
		m := &immisv1.IdentifyStreamRequest{Tag: tag, Request: &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(person, 1))}}}
		b, err := protojson.Marshal(m)
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		if err != nil {
			t.Error(err)
		}
	}
	go search("first", 1)
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	out, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	lines := bufio.NewScanner(out.Body)
	next := func() (l struct {
		Result struct {
			Tag      string
			Response struct{ Outcome string }
			Error    struct{ Reason string }
		}
		Error *problemDocument
	}) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		return l
	}
	if l := next(); l.Result.Tag != "first" || l.Result.Response.Outcome != "OUTCOME_MATCH" {
		t.Errorf("%+v, want the match of the first", l)
	}
	search("second", 2) // asked after the first answer has come
	if l := next(); l.Result.Tag != "second" || l.Result.Response.Outcome != "OUTCOME_NON_MATCH" {
		t.Errorf("%+v, want a non-match of the second", l)
	}
	_, _ = io.WriteString(w, `{"tag":"third","request":{"context":{"purpose":"PURPOSE_TEST"}}}`)
	if l := next(); l.Result.Tag != "third" || l.Result.Error.Reason == "" {
		t.Errorf("%+v, want the refusal of the third", l)
	}
	_, _ = io.WriteString(w, `{"label":"fourth"}`)
	if l := next(); l.Error == nil || l.Error.Reason != "UNKNOWN_FIELD" || l.Error.Status != 400 {
		t.Errorf("%+v, want a problem", l)
	}
	if lines.Scan() {
		t.Errorf("%s behind the problem", lines.Bytes())
	}
	_ = w.Close()
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

// A shutdown ends streams with a problem and lets requests finish.
func TestHTTPShutdown(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := start(t, overHTTP)
	r, w := io.Pipe()
	defer w.Close()
	req, err := http.NewRequestWithContext(f.ctx(), http.MethodPost, f.s.HTTPURL()+"/v1/identify/stream", r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	answered := make(chan string, 1)
	go func() {
		out, err := c.Do(req)
		if err != nil {
			answered <- err.Error()
			return
		}
		b, _ := io.ReadAll(out.Body)
		_ = out.Body.Close()
		answered <- fmt.Sprint(out.StatusCode, string(b))
	}()
	_, _ = io.WriteString(w, `{"tag":"x"}`)
	time.Sleep(100 * time.Millisecond)
	begun := time.Now()
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("shutdown took %v", d)
	}
	if got := <-answered; !strings.Contains(got, "SHUTTING_DOWN") {
		t.Errorf("stream ended with %q, want SHUTTING_DOWN", got)
	}
}

// Many callers at once, over HTTP and gRPC: everybody gets his own answer.
func TestHTTPConcurrently(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := start(t, overHTTP)
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer c.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			for j := range 10 {
				id := fmt.Sprintf("S-%d-%d", i, j)
				in := enrollment(id, face(uint64(1000*i+j+1), 0))
				in.RequestId = id
				if i%3 == 0 {
					if _, err := f.enr.Enroll(f.ctx(), in); err != nil {
						t.Error(err)
					}
				} else if out, err := f.try(c, "POST", "/v1/subjects", asJSON(t, in)); err != nil || out.status != 200 || !strings.Contains(string(out.body), `"`+id+`"`) {
					t.Errorf("%s: %d %s %v", id, out.status, out.body, err)
				}
			}
		})
	}
	all.Wait()
	st, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
	if err != nil || st.GetSubjects() != 240 {
		t.Errorf("%d subjects, %v; want 240", st.GetSubjects(), err)
	}
	if _, err := f.enr.Enroll(f.ctx(), enrollment("S-0-0", face(1, 0))); err == nil {
		t.Error("enrolled twice")
	} else {
		must(t, err, codes.AlreadyExists, "ALREADY_EXISTS")
	}
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

// Who does not read his answer is cut and gives his place back.
func TestHTTPSlowReader(t *testing.T) {
	f := start(t, overHTTP, func(u *setup) { u.cfg.MaxInFlight, u.cfg.MessageTimeout = 4, 2*time.Second })
	large := enrollment("S-1")
	large.Encounter.KeepImages = true
	for range 2 {
		large.Encounter.Samples = append(large.Encounter.Samples, &immisv1.Sample{
			Modality: immisv1.Modality_MODALITY_IRIS, Format: immisv1.Format_FORMAT_OTHER, Data: make([]byte, 7<<20),
		})
	}
	if _, err := f.enr.Enroll(f.ctx(), large); err != nil {
		t.Fatal(err)
	}
	slow := f.raw()
	_, _ = io.WriteString(slow, "GET /v1/subjects/S-1?include_samples=true&"+why+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := io.ReadFull(slow, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if a := f.send("GET", "/v1/galleries?"+why, nil); a.status != http.StatusTooManyRequests {
		t.Errorf("beside a slow reader: %d, want 429: there is one place", a.status)
	}
	eventually(t, "the place is given back", func() bool { return f.send("GET", "/v1/galleries?"+why, nil).status == 200 })
	if n, err := io.Copy(io.Discard, slow); n > 18<<20 {
		t.Errorf("%d bytes came, %v; want a cut answer", n, err)
	}
}
