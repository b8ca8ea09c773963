package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLoggerFormatsAndLevels(t *testing.T) {
	var b bytes.Buffer
	l, err := NewLogger(&b, FormatJSON, "warn")
	if err != nil {
		t.Fatal(err)
	}
	l.Info("below the level")
	l.Warn("kept", "n", 3)
	var line struct {
		Msg string `json:"msg"`
		N   int    `json:"n"`
	}
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("log is %q, want one line of JSON: %v", b.String(), err)
	}
	if line.Msg != "kept" || line.N != 3 {
		t.Errorf("line %+v, want kept, 3", line)
	}
	b.Reset()
	l, err = NewLogger(&b, FormatText, "debug")
	if err != nil {
		t.Fatal(err)
	}
	l.Debug("shown")
	if !strings.Contains(b.String(), "msg=shown") {
		t.Errorf("log is %q, want msg=shown", b.String())
	}
}

func TestLoggerRefusesUnknownNames(t *testing.T) {
	for _, c := range [][2]string{{"xml", "info"}, {"text", "loud"}, {"", "info"}, {"text", ""}} {
		if _, err := NewLogger(&bytes.Buffer{}, c[0], c[1]); err == nil {
			t.Errorf("format %q level %q accepted, want an error", c[0], c[1])
		}
	}
}

func TestRegistryIsItsOwn(t *testing.T) {
	for range 2 { // a second one must not collide with the first
		families, err := NewRegistry("v9").Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, f := range families {
			got[f.GetName()] = true
		}
		for _, want := range []string{"immis_build_info", "go_goroutines", "process_open_fds"} {
			if !got[want] {
				t.Errorf("metric %s is missing", want)
			}
		}
	}
	if Version() == "" {
		t.Error("version is empty")
	}
}
