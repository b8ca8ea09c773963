package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// decode reads a body as the gateway does.
func decode(data []byte, boundary string, m proto.Message) error {
	e := &exchange{op: &operation{body: true}, control: http.NewResponseController(httptest.NewRecorder())}
	b := &body{ReadCloser: io.NopCloser(bytes.NewReader(data)), exchange: e, max: 1 << 20, boundary: boundary}
	err := newMarshaler().NewDecoder(b).Decode(m)
	if err != nil && !errors.Is(err, io.EOF) && e.failure() == nil {
		return errors.New("an error that was not noted")
	}
	return err
}

// checked fails the test unless err is one that a caller can be told.
func checked(t *testing.T, err error, data []byte) {
	t.Helper()
	var bad *templates.InputError
	var own *refusal
	switch {
	case errors.Is(err, io.EOF), errors.As(err, &own):
	case errors.As(err, &bad):
		if bad.Offset < -1 || bad.Offset > len(data) || len(bad.Error()) > 600 || bad.Field == "" || bad.Got == "" || bad.Want == "" {
			t.Fatalf("%q at %d of %d bytes", bad, bad.Offset, len(data))
		}
	default:
		t.Fatalf("%T %v, want an input error", err, err)
	}
}

func same(t *testing.T, a, b error) {
	t.Helper()
	if (a == nil) != (b == nil) || a != nil && a.Error() != b.Error() {
		t.Fatalf("first %v, then %v", a, b)
	}
}

func jsonSeeds() [][]byte {
	texts := []string{
		``, ` `, `{}`, `null`, `[]`, `1`, `"x"`, `{`, `{"context":{"purpose":"PURPOSE_TEST"},"subject_id":"S-1"}`, `{"request_id":1}`,
		`{"encounter":{"samples":[{"data":"AAAA","quality":1}],"time":"2020-01-01T00:00:00Z"}}`, `{"encounter":{"samples":[{"data":"?"}]}}`,
		`{"subjectId":"a","subject_id":"b"}`, `{"a\u0000":1}`, "{\"subject_id\":\"\xff\"}", `{"encounter":{"samples":[` + strings.Repeat("{},", 200) + `{}]}}`,
		`{"context":{"purpose":99}}`, `{"context":{"purpose":"X"}}`, strings.Repeat("[", 100), "{\n\n \"é\":1}", `{"check_duplicates":"true"}`,
	}
	out := make([][]byte, len(texts))
	for i, s := range texts {
		out[i] = []byte(s)
	}
	return out
}

// What decodes is the same after it was written and read again.
func FuzzJSON(f *testing.F) {
	for _, s := range jsonSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b immisv1.EnrollRequest
		err := decode(data, "", &a)
		same(t, err, decode(data, "", &b))
		if err != nil {
			checked(t, err, data)
			return
		}
		if !proto.Equal(&a, &b) {
			t.Fatal("two runs differ")
		}
		if len(a.GetEncounter().GetSamples()) > maxValues {
			t.Fatalf("%d samples, want <= %d", len(a.GetEncounter().GetSamples()), maxValues)
		}
		text, err := newMarshaler().Marshal(&a)
		if err != nil {
			t.Fatal(err)
		}
		var c immisv1.EnrollRequest
		if err := decode(text, "", &c); err != nil || !proto.Equal(&a, &c) {
			t.Fatalf("%s: %v, %v; want %v", text, &c, err, &a)
		}
	})
}

func formSeeds() [][]byte {
	const head = "--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"encounter\":{\"samples\":[{},{}]}}\r\n"
	part := func(name, data string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + data + "\r\n"
	}
	texts := []string{
		"", "--b--\r\n", head + "--b--\r\n", head + part("encounter.samples[0].data", "abc") + "--b--\r\n",
		head + part("encounter.samples[1].data", "abc") + part("encounter.samples[0].data", "") + "--b--\r\n",
		head + part("encounter.samples[2].data", "abc") + "--b--\r\n", head + part("context.purpose", "1") + "--b--\r\n",
		part("encounter.samples[0].data", "abc") + "--b--\r\n", head + part("request", "{}") + "--b--\r\n", head + "--b", head[:20],
		"--b\r\nContent-Disposition: form-data; name=\"request\"\r\nContent-Type: text/xml\r\n\r\n{}\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"request\"\r\nContent-Transfer-Encoding: base64\r\n\r\ne30=\r\n--b--\r\n",
	}
	out := make([][]byte, len(texts))
	for i, s := range texts {
		out[i] = []byte(s)
	}
	return out
}

// What decodes as a form is a request that could have come as JSON, and not larger
// than what was sent.
func FuzzForm(f *testing.F) {
	for _, s := range formSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b immisv1.EnrollRequest
		err := decode(data, "b", &a)
		same(t, err, decode(data, "b", &b))
		if err != nil {
			checked(t, err, data)
			return
		}
		if !proto.Equal(&a, &b) {
			t.Fatal("two runs differ")
		}
		n := 0
		for _, s := range a.GetEncounter().GetSamples() {
			n += len(s.GetData())
		}
		if n > len(data) {
			t.Fatalf("samples of %d bytes out of %d", n, len(data))
		}
		text, err := protojson.Marshal(&a)
		if err != nil {
			t.Fatal(err)
		}
		var c immisv1.EnrollRequest
		if err := decode(text, "", &c); err != nil || !proto.Equal(&a, &c) {
			t.Fatalf("as JSON: %v, want the same", err)
		}
	})
}

func pathSeeds() []string {
	return []string{
		"/", "", "/v1/subjects", "/v1/subjects/", "/v1/subjects/S-1", "/v1/subjects/a%2Fb/encounters/E%252F", "/v1/subjects/%", "/v1/subjects/%ff",
		"/v1/subjects/%1f", "/v1/subjects/../galleries", "/v1/galleries/eu/subjects/S", "/v1/identify/stream", "//v1/subjects", "/v1/subjects/а",
	}
}

// An identifier comes out of a path as it went in, whatever it holds.
func FuzzPath(f *testing.F) {
	for _, s := range pathSeeds() {
		f.Add(s)
	}
	d := described1(f)
	f.Fuzz(func(t *testing.T, path string) {
		methods, clean, err := d.routes.find(path)
		if err != nil {
			checked(t, err, nil)
			return
		}
		parts := strings.Split(strings.TrimPrefix(clean, "/"), "/")
		for i, p := range parts {
			parts[i] = url.PathEscape(strings.ReplaceAll(p, slash, "/"))
		}
		again, same, err := d.routes.find("/" + strings.Join(parts, "/"))
		if err != nil || same != clean || allow(again) != allow(methods) {
			t.Fatalf("%q becomes %q, then %q (%v)", path, clean, same, err)
		}
	})
}

func TestSeeds(t *testing.T) {
	for name, n := range map[string]int{"JSON": len(jsonSeeds()), "form": len(formSeeds()), "path": len(pathSeeds())} {
		if n < 10 {
			t.Errorf("%d seeds of %s, want at least 10", n, name)
		}
	}
}

// A request cut anywhere is refused, never half taken.
func TestCutJSON(t *testing.T) {
	whole := []byte(`{"context":{"purpose":"PURPOSE_TEST"},"encounter":{"samples":[{"data":"AAAA"}]}}`)
	if !json.Valid(whole) {
		t.Fatal("the test is wrong")
	}
	for n := 1; n < len(whole); n++ {
		var m immisv1.EnrollRequest
		if err := decode(whole[:n], "", &m); err == nil {
			t.Errorf("cut at %d: accepted", n)
		} else {
			checked(t, err, whole[:n])
		}
	}
}

func BenchmarkForm(b *testing.B) {
	data := bytes.Repeat([]byte{7}, 1<<20)
	text := append([]byte("--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"encounter\":{\"samples\":[{}]}}\r\n--b\r\nContent-Disposition: form-data; name=\"encounter.samples[0].data\"\r\n\r\n"), data...)
	text = append(text, "\r\n--b--\r\n"...)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var m immisv1.EnrollRequest
		if err := decode(text, "b", &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	text, err := protojson.Marshal(&immisv1.EnrollRequest{Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{{Data: bytes.Repeat([]byte{7}, 1<<20)}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var m immisv1.EnrollRequest
		if err := decode(text, "", &m); err != nil {
			b.Fatal(err)
		}
	}
}
