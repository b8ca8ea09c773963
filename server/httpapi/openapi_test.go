package httpapi

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	immisv1 "immis/api/immis/v1"
)

func described1(t testing.TB) *described {
	t.Helper()
	d, err := describe(immisv1.Description(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every method of the API has a path, every operation says how it fails, and the
// description hangs together.
func TestDescription(t *testing.T) {
	d := described1(t)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			ID         string `json:"operationId"`
			Summary    string
			Parameters []struct {
				Name, In string
				Required bool
			}
			RequestBody *struct{ Content map[string]any } `json:"requestBody"`
			Responses   map[string]map[string]any
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal(d.document, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	described := map[string]int{}
	for path, methods := range doc.Paths {
		for verb, op := range methods {
			described[strings.TrimRight(op.ID, "0123456789")]++
			if op.Summary == "" || op.Responses["200"] == nil || op.Responses["default"]["$ref"] != "#/components/responses/Problem" {
				t.Errorf("%s %s: no summary, answer or problem document", verb, path)
			}
			purpose := op.RequestBody != nil
			for _, p := range op.Parameters {
				purpose = purpose || p.Name == "context.purpose" && p.Required
			}
			if !purpose {
				t.Errorf("%s %s: no way to name the purpose", verb, path)
			}
		}
	}
	methods := 0
	for _, file := range []protoreflect.FileDescriptor{
		immisv1.File_immis_v1_enrollment_proto, immisv1.File_immis_v1_gallery_proto, immisv1.File_immis_v1_recognition_proto, immisv1.File_immis_v1_ledger_proto,
	} {
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			for j := range s.Methods().Len() {
				methods++
				if id := string(s.Name()) + "_" + string(s.Methods().Get(j).Name()); described[id] == 0 {
					t.Errorf("%s has no path: give it one in api/immis/v1/http.yaml", id)
				}
			}
		}
	}
	if methods < 20 || len(described) != methods {
		t.Errorf("%d methods, %d described", methods, len(described))
	}
	for _, path := range []string{"/v1/subjects", "/v1/subjects/{subject_id}/encounters", "/v1/identify", "/v1/verify"} {
		if doc.Paths[path]["post"].RequestBody.Content[typeForm] == nil {
			t.Errorf("%s does not describe forms", path)
		}
	}

	// Every member of a problem document is described, and no other.
	got := doc.Components.Schemas["Problem"].Properties
	p := reflect.TypeFor[problem]()
	for i := range p.NumField() {
		name, _, _ := strings.Cut(p.Field(i).Tag.Get("json"), ",")
		if got[name] == nil {
			t.Errorf("member %s of problem documents is not described", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("member %s is described and does not exist", name)
	}

	// References lead somewhere.
	refs := 0
	for part := range bytes.SplitSeq(d.document, []byte(`"$ref": "#/components/schemas/`)) {
		if refs++; refs == 1 {
			continue
		}
		name, _, _ := bytes.Cut(part, []byte(`"`))
		if _, ok := doc.Components.Schemas[string(name)]; !ok {
			t.Errorf("reference to %s, which is not described", name)
		}
	}
	if refs < 50 || bytes.Contains(d.document, []byte("#/definitions/")) {
		t.Errorf("%d references, some of them of OpenAPI 2", refs-1)
	}
	if !bytes.Equal(d.document, described1(t).document) {
		t.Error("two descriptions differ")
	}
}

func TestDescriptionsThatAreNone(t *testing.T) {
	for _, bad := range []string{"", "{", `{"paths":{"/v1/x":{"get":{"operationId":"Nobody_Nothing"}}}}`} {
		if _, err := describe(bad, ""); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

// A client is known as long as its request is under way, and under its ticket only.
func TestTickets(t *testing.T) {
	var c callers
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.1:5"
	ticket, leave := c.enter(r)
	if p := c.find([]string{ticket}); p == nil || p.Addr.String() != "192.0.2.1:5" || p.Addr.Network() != "tcp" || p.AuthInfo != nil {
		t.Errorf("%+v, want the client, without a certificate", p)
	}
	for _, bad := range [][]string{nil, {""}, {ticket + "x"}, {ticket, ticket}, {strings.ToLower(ticket)}} {
		if c.find(bad) != nil {
			t.Errorf("%q is a ticket", bad)
		}
	}
	other, leaveOther := c.enter(r)
	if other == ticket || len(ticket) < 26 {
		t.Errorf("tickets %q and %q", ticket, other)
	}
	leave()
	if c.find([]string{ticket}) != nil || c.find([]string{other}) == nil {
		t.Error("the wrong one left")
	}
	leaveOther()
	if len(c.peers) != 0 {
		t.Errorf("%d clients left behind", len(c.peers))
	}
}

// Codes of gRPC become those of HTTP in one file.
func TestErrorsAreMappedInOneFile(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if p := i.Path.Value; (p == `"google.golang.org/grpc/codes"` || p == `"google.golang.org/grpc/status"`) && name != "errors.go" {
				t.Errorf("%s imports %s, want only errors.go", name, p)
			}
		}
	}
}

// An API that nobody serves can be made and closed.
func TestNewAndClose(t *testing.T) {
	a, err := New(Options{MaxBody: 1, MessageTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
