package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	immisv1 "immis/api/immis/v1"
)

func overHTTP(u *setup) { u.cfg.HTTPListen = "127.0.0.1:0" }

// httpAnswer is what came back.
type httpAnswer struct {
	status int
	header http.Header
	body   []byte
}

// problemDocument is what an error looks like to a caller.
type problemDocument struct {
	Type, Title, Detail, Instance, Code, Reason, Field, Got, Want string

	Status     int
	Offset     *int
	RetryAfter int `json:"retry_after"`
}

func (a httpAnswer) problem(t testing.TB) problemDocument {
	t.Helper()
	var p problemDocument
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%d %s: %q is no problem document: %v", a.status, a.header.Get("Content-Type"), a.body, err)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want that of a problem document", got)
	}
	if p.Status != a.status || p.Instance != "urn:immis:request:"+a.header.Get("X-Request-Id") ||
		p.Type != "urn:immis:problem:"+strings.ReplaceAll(strings.ToLower(p.Reason), "_", "-") || p.Title == "" || p.Detail == "" || p.Code == "" {
		t.Errorf("problem document %s of status %d is not complete", a.body, a.status)
	}
	return p
}

// send makes a request; change may alter it before it goes.
func (f *fixture) send(method, path string, body io.Reader, change ...func(*http.Request)) httpAnswer {
	f.t.Helper()
	a, err := f.try(http.DefaultClient, method, path, body, change...)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (f *fixture) try(c *http.Client, method, path string, body io.Reader, change ...func(*http.Request)) (httpAnswer, error) {
	r, err := http.NewRequestWithContext(f.ctx(), method, f.s.HTTPURL()+path, body)
	if err != nil {
		return httpAnswer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, ch := range change {
		ch(r)
	}
	out, err := c.Do(r)
	if err != nil {
		return httpAnswer{}, err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return httpAnswer{out.StatusCode, out.Header, b}, err
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func asJSON(t testing.TB, m proto.Message) *bytes.Reader {
	t.Helper()
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b)
}

// without is a copy of a request without the fields that its path names.
func without[M proto.Message](m M, names ...protoreflect.Name) M {
	out := proto.Clone(m).(M)
	for _, n := range names {
		out.ProtoReflect().Clear(out.ProtoReflect().Descriptor().Fields().ByName(n))
	}
	return out
}

// timeless clears what two answers to one question may differ in.
func timeless(m proto.Message) proto.Message {
	m = proto.Clone(m)
	clearAll(m.ProtoReflect())
	return m
}

func clearAll(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch f.Name() {
		case "ledger_entry", "index_version", "ledger_entries", "disk_bytes", "key_epoch", "size", "note":
			m.Clear(f)
			return true
		}
		if f.Message() != nil && !f.IsList() {
			clearAll(v.Message())
		}
		return true
	})
}

const why = "context.purpose=PURPOSE_TEST"

// Every method over HTTP gives the answer that it gives over gRPC.
func TestHTTPAnswersAsGRPCDoes(t *testing.T) {
	f := start(t, overHTTP)
	ctx := f.ctx()
	seen := map[string]bool{}
	same := func(id, method, path string, body io.Reader, out proto.Message, grpc func() (proto.Message, error)) {
		t.Helper()
		seen[id] = true
		a := f.send(method, path, body)
		want, err := grpc()
		if err != nil {
			t.Fatalf("%s over gRPC: %v", id, err)
		}
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s, want 200: %s", id, a.status, a.header.Get("Content-Type"), a.body)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v, want no-store and a request identifier", id, a.header)
		}
		if err := protojson.Unmarshal(a.body, out); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if got, want := timeless(out), timeless(want); !proto.Equal(got, want) {
			t.Errorf("%s over HTTP:\n%v\nover gRPC:\n%v", id, got, want)
		}
	}

	gallery := &immisv1.CreateGalleryRequest{Context: rc(), RequestId: "g", Gallery: &immisv1.Gallery{GalleryId: "eu/visa:1"}}
	same("GalleryService_CreateGallery", "POST", "/v1/galleries", asJSON(t, gallery), &immisv1.CreateGalleryResponse{}, func() (proto.Message, error) {
		return f.gal.CreateGallery(ctx, gallery)
	})
	enroll := enrollment("а/б S:1%", face(1, 0)) // an identifier with all that a path can trip over
	enroll.RequestId, enroll.Encounter.EncounterId, enroll.CheckDuplicates = "e", "E/1", true
	same("EnrollmentService_Enroll", "POST", "/v1/subjects", asJSON(t, enroll), &immisv1.EnrollResponse{}, func() (proto.Message, error) {
		return f.enr.Enroll(ctx, enroll)
	})
	subject := "/v1/subjects/" + url.PathEscape(enroll.GetSubjectId())
	first := subject + "/encounters/" + url.PathEscape("E/1")
	add := &immisv1.AddEncounterRequest{Context: rc(), RequestId: "a", SubjectId: enroll.GetSubjectId(), Encounter: &immisv1.Encounter{EncounterId: "E2", Samples: []*immisv1.Sample{face(1, 1)}}}
	same("EnrollmentService_AddEncounter", "POST", subject+"/encounters", asJSON(t, without(add, "subject_id")), &immisv1.AddEncounterResponse{}, func() (proto.Message, error) {
		return f.enr.AddEncounter(ctx, add)
	})
	same("EnrollmentService_GetSubject", "GET", subject+"?"+why+"&include_samples=true", nil, &immisv1.GetSubjectResponse{}, func() (proto.Message, error) {
		return f.enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: enroll.GetSubjectId(), IncludeSamples: true})
	})
	same("EnrollmentService_GetSubject2", "GET", first+"?"+why, nil, &immisv1.GetSubjectResponse{}, func() (proto.Message, error) {
		return f.enr.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: rc(), SubjectId: enroll.GetSubjectId(), EncounterId: "E/1"})
	})
	same("EnrollmentService_ListSubjects", "GET", "/v1/subjects?page_size=7&"+why, nil, &immisv1.ListSubjectsResponse{}, func() (proto.Message, error) {
		return f.enr.ListSubjects(ctx, &immisv1.ListSubjectsRequest{Context: rc(), PageSize: 7})
	})
	f.awaitCheck(enroll.GetSubjectId(), "E/1")
	same("EnrollmentService_GetDuplicateCheck", "GET", first+"/duplicate-check?"+why, nil, &immisv1.GetDuplicateCheckResponse{}, func() (proto.Message, error) {
		return f.enr.GetDuplicateCheck(ctx, &immisv1.GetDuplicateCheckRequest{Context: rc(), SubjectId: enroll.GetSubjectId(), EncounterId: "E/1"})
	})
	member := "/v1/galleries/" + url.PathEscape("eu/visa:1") + "/subjects/" + url.PathEscape(enroll.GetSubjectId())
	put := &immisv1.PutInGalleryRequest{Context: rc(), RequestId: "p", GalleryId: "eu/visa:1", SubjectId: enroll.GetSubjectId()}
	same("GalleryService_PutInGallery", "PUT", member, asJSON(t, without(put, "gallery_id", "subject_id")), &immisv1.PutInGalleryResponse{}, func() (proto.Message, error) {
		return f.gal.PutInGallery(ctx, put)
	})
	same("GalleryService_ListGalleries", "GET", "/v1/galleries?"+why, nil, &immisv1.ListGalleriesResponse{}, func() (proto.Message, error) {
		return f.gal.ListGalleries(ctx, &immisv1.ListGalleriesRequest{Context: rc()})
	})

	identify := &immisv1.IdentifyRequest{Context: rc(), Probe: &immisv1.IdentifyRequest_Samples{Samples: probe(face(1, 2))}}
	same("RecognitionService_Identify", "POST", "/v1/identify", asJSON(t, identify), &immisv1.IdentifyResponse{}, func() (proto.Message, error) {
		return f.rec.Identify(ctx, identify)
	})
	verify := &immisv1.VerifyRequest{Context: rc(), Probe: probe(face(1, 2)), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: enroll.GetSubjectId()}}
	same("RecognitionService_Verify", "POST", "/v1/verify", asJSON(t, verify), &immisv1.VerifyResponse{}, func() (proto.Message, error) {
		return f.rec.Verify(ctx, verify)
	})
	watch := &immisv1.WatchDuplicateChecksRequest{Context: rc(), Encounters: []*immisv1.EncounterRef{{SubjectId: enroll.GetSubjectId(), EncounterId: "E/1"}}}
	seen["EnrollmentService_WatchDuplicateChecks"] = true
	if lines := f.lines("/v1/duplicate-checks/watch", asJSON(t, watch)); len(lines) != 1 || !strings.Contains(lines[0], `"result"`) || !strings.Contains(lines[0], "DUPLICATE_STATE_NEW") {
		t.Errorf("watch: %q, want one result", lines)
	}
	seen["RecognitionService_IdentifyStream"] = true // see TestHTTPStreams

	same("LedgerService_ListEntries", "GET", "/v1/ledger/entries?from=1&page_size=3&"+why, nil, &immisv1.ListEntriesResponse{}, func() (proto.Message, error) {
		return f.led.ListEntries(ctx, &immisv1.ListEntriesRequest{Context: rc(), From: 1, PageSize: 3})
	})
	same("LedgerService_GetHead", "GET", "/v1/ledger/head?"+why, nil, &immisv1.GetHeadResponse{}, func() (proto.Message, error) {
		return f.led.GetHead(ctx, &immisv1.GetHeadRequest{Context: rc()})
	})
	same("AdminService_GetStatistics", "GET", "/v1/statistics?"+why, nil, &immisv1.GetStatisticsResponse{}, func() (proto.Message, error) {
		return f.admin.GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: rc()})
	})
	epoch := &immisv1.EndKeyEpochRequest{Context: rc()}
	same("AdminService_EndKeyEpoch", "POST", "/v1/key-epochs/end", asJSON(t, epoch), &immisv1.EndKeyEpochResponse{}, func() (proto.Message, error) {
		return f.admin.EndKeyEpoch(ctx, epoch)
	})
	same("AdminService_CreateCheckpoint", "POST", "/v1/checkpoints", asJSON(t, &immisv1.CreateCheckpointRequest{Context: rc(), Name: "c-1"}), &immisv1.CreateCheckpointResponse{}, func() (proto.Message, error) {
		return f.admin.CreateCheckpoint(ctx, &immisv1.CreateCheckpointRequest{Context: rc(), Name: "c-2"})
	})

	same("GalleryService_TakeFromGallery", "DELETE", member+"?request_id=t&"+why, nil, &immisv1.TakeFromGalleryResponse{}, func() (proto.Message, error) {
		return f.gal.TakeFromGallery(ctx, &immisv1.TakeFromGalleryRequest{Context: rc(), RequestId: "t", GalleryId: "eu/visa:1", SubjectId: enroll.GetSubjectId()})
	})
	same("EnrollmentService_DeleteEncounter", "DELETE", subject+"/encounters/E2?request_id=de&"+why, nil, &immisv1.DeleteEncounterResponse{}, func() (proto.Message, error) {
		return f.enr.DeleteEncounter(ctx, &immisv1.DeleteEncounterRequest{Context: rc(), RequestId: "de", SubjectId: enroll.GetSubjectId(), EncounterId: "E2"})
	})
	same("EnrollmentService_DeleteSubject", "DELETE", subject+"?request_id=ds&"+why, nil, &immisv1.DeleteSubjectResponse{}, func() (proto.Message, error) {
		return f.enr.DeleteSubject(ctx, &immisv1.DeleteSubjectRequest{Context: rc(), RequestId: "ds", SubjectId: enroll.GetSubjectId()})
	})
	erase := &immisv1.EraseSubjectRequest{Context: rc(), RequestId: "es", SubjectId: enroll.GetSubjectId()}
	same("EnrollmentService_EraseSubject", "POST", subject+"/erase", asJSON(t, without(erase, "subject_id")), &immisv1.EraseSubjectResponse{}, func() (proto.Message, error) {
		return f.enr.EraseSubject(ctx, erase)
	})

	var d struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		}
	}
	a := f.send("GET", "/openapi.json", nil)
	if err := json.Unmarshal(a.body, &d); err != nil || a.status != http.StatusOK {
		t.Fatalf("description: %d, %v", a.status, err)
	}
	for path, methods := range d.Paths {
		for m, op := range methods {
			if !seen[op.ID] {
				t.Errorf("%s %s (%s) was not asked", m, path, op.ID)
			}
			delete(seen, op.ID)
		}
	}
	for id := range seen {
		t.Errorf("%s is not described", id)
	}
}

// lines asks for a stream and returns its lines.
func (f *fixture) lines(path string, body io.Reader, change ...func(*http.Request)) []string {
	f.t.Helper()
	a := f.send("POST", path, body, change...)
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" {
		f.t.Fatalf("%s: %d %s: %s", path, a.status, a.header.Get("Content-Type"), a.body)
	}
	return strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n")
}

// awaitCheck waits until the duplicate check of an encounter has run.
func (f *fixture) awaitCheck(subject, encounter string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx(), 10*time.Second)
	defer cancel()
	w, err := f.enr.WatchDuplicateChecks(ctx, &immisv1.WatchDuplicateChecksRequest{
		Context: rc(), Encounters: []*immisv1.EncounterRef{{SubjectId: subject, EncounterId: encounter}},
	})
	if err == nil {
		_, err = w.Recv()
	}
	if err != nil {
		f.t.Fatalf("duplicate check of %s: %v", subject, err)
	}
}
