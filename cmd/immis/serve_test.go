package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddressOfHTTP(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:7301": "127.0.0.1:7303", "[::1]:7301": "[::1]:7303", "localhost:1": "localhost:3", "127.0.0.1:0": "127.0.0.1:0",
		"0.0.0.0:7301": "127.0.0.1:7303", "station.example:7301": "127.0.0.1:7303", ":7301": "127.0.0.1:7303",
		"127.0.0.1:65534": "127.0.0.1:0", "127.0.0.1": "", "127.0.0.1:x": "",
	} {
		if got := besides(listen); got != want {
			t.Errorf("beside %q: %q, want %q", listen, got, want)
		}
	}
	for flag, want := range map[string]string{"": "127.0.0.1:7303", "-": "", "127.0.0.1:9": "127.0.0.1:9"} {
		if got := (&serveCmd{Listen: "127.0.0.1:7301", HTTP: flag}).config().HTTPListen; got != want {
			t.Errorf("--http %q: %q, want %q", flag, got, want)
		}
	}
}

// immis serve answers JSON over HTTP and says where.
func TestServeTellsWhereHTTPIs(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir := t.TempDir()
	out, w := io.Pipe()
	var log bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, []string{"serve", "--json", "--listen", "127.0.0.1:0", "--admin", "-", "--data", filepath.Join(dir, "data"), "--keys", filepath.Join(dir, "keys")}, nil, w, &log)
		_ = w.Close()
		ended <- code
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("server said nothing: %v", err)
	}
	var told struct{ Serving, HTTP string }
	if err := json.Unmarshal(line, &told); err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(told.HTTP+"/v1/subjects", "application/json", strings.NewReader(
		`{"context":{"purpose":"PURPOSE_TEST"},"subject_id":"S-1","encounter":{"missing_fingers":[{"position":"POSITION_RIGHT_THUMB","reason":"MISSING_FINGER_REASON_AMPUTATED"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"S-1"`)) {
		t.Errorf("enrolment: %d %s", r.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("ended with %d: %s", code, log.String())
	}
}
