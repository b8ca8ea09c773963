package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type tree struct {
	Config string `help:"File."`
	Serve  struct {
		Listen  string        `default:"127.0.0.1:1" help:"Address."`
		Timeout time.Duration `default:"1s" help:"Bound."`
		Names   []string      `help:"Names."`
		Loud    bool          `help:"Loud."`
		Max     int           `default:"1" help:"Max."`
	} `cmd:"" help:"Serve."`
	Stats struct {
		Max int `default:"1" help:"Max."`
	} `cmd:"" help:"Stats."`
}

func parse(t *testing.T, env map[string]string, content string, args ...string) (*tree, string, error) {
	t.Helper()
	for k, v := range env {
		t.Setenv(k, v)
	}
	if content != "" {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	var c tree
	var out bytes.Buffer
	p, err := New(&c, "immis", "test", Streams{&out, &out})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.Parse(args)
	return &c, out.String(), err
}

// The documented order: flag, environment, file, default.
func TestPrecedence(t *testing.T) {
	const content = `{"listen": "file:1", "timeout": "5s", "names": ["a", "b,c"], "loud": true, "max": 7}`
	c, _, err := parse(t, nil, "", "serve")
	if err != nil || c.Serve.Listen != "127.0.0.1:1" || c.Serve.Timeout != time.Second {
		t.Fatalf("default: %+v, %v", c.Serve, err)
	}
	c, _, err = parse(t, nil, content, "serve")
	if err != nil || c.Serve.Listen != "file:1" || c.Serve.Timeout != 5*time.Second || !c.Serve.Loud || c.Serve.Max != 7 {
		t.Fatalf("file: %+v, %v", c.Serve, err)
	}
	if len(c.Serve.Names) != 2 || c.Serve.Names[1] != "b,c" {
		t.Fatalf("file list: %q, want a and b,c", c.Serve.Names)
	}
	env := map[string]string{"IMMIS_LISTEN": "env:1"}
	c, _, err = parse(t, env, content, "serve")
	if err != nil || c.Serve.Listen != "env:1" || c.Serve.Max != 7 {
		t.Fatalf("environment: %+v, %v", c.Serve, err)
	}
	c, _, err = parse(t, env, content, "serve", "--listen", "flag:1")
	if err != nil || c.Serve.Listen != "flag:1" {
		t.Fatalf("flag: %+v, %v", c.Serve, err)
	}
	c, _, err = parse(t, nil, content, "stats")
	if err != nil || c.Stats.Max != 7 {
		t.Fatalf("other command: %+v, %v", c.Stats, err)
	}
}

func TestFileFromEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(path, []byte(`{"max": 9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := parse(t, map[string]string{"IMMIS_CONFIG": path}, "", "stats")
	if err != nil || c.Stats.Max != 9 {
		t.Fatalf("%+v, %v; want 9", c.Stats, err)
	}
}

func TestFileRefusals(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"unknown key":   {`{"lisen": "x", "listen": "y"}`, "unknown keys lisen"},
		"repeated key":  {`{"max": 1, "max": 2}`, "twice"},
		"nested":        {`{"max": {"a": 1}}`, "an object"},
		"null":          {`{"max": null}`, "null"},
		"list of lists": {`{"names": [{"a": 1}]}`, "an object"},
		"no object":     {`[1]`, "no JSON object"},
		"trailing":      {`{"max": 1} x`, "behind the object"},
		"cut":           {`{"max": 1`, "end of object"},
		"wrong type":    {`{"max": "many"}`, "max"},
		"config itself": {`{"config": "other"}`, "unknown keys config"},
		"too large":     {`{"listen": "` + strings.Repeat("x", maxFile) + `"}`, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(t, nil, c.content, "serve")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, _, err := parse(t, nil, "", "serve", "--config", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("missing file accepted")
	}
	if _, _, err := parse(t, nil, "", "serve", "--config"); err == nil {
		t.Error("--config without a value accepted")
	}
}

func TestHelpIsDoneWithoutError(t *testing.T) {
	var c tree
	var out bytes.Buffer
	p, err := New(&c, "immis", "test", Streams{&out, &out})
	if err != nil {
		t.Fatal(err)
	}
	_, done, err := p.Parse([]string{"serve", "--help"})
	if err != nil || !done || !strings.Contains(out.String(), "IMMIS_LISTEN") {
		t.Errorf("done %v, error %v, help %q; want help that names IMMIS_LISTEN", done, err, out.String())
	}
}

func TestReadFileRefusesFolders(t *testing.T) {
	if _, err := ReadFile(t.TempDir(), 10); err == nil {
		t.Error("folder read as a file")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"a": 1}`, `{"a": ["x", 2]}`, `{"a": true, "a": false}`, `{"a": {}}`, `[`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := decode(b)
		if err != nil {
			return
		}
		for k, v := range values {
			switch v.(type) {
			case string, bool:
			default:
				t.Errorf("value of %q is %T, want string or bool", k, v)
			}
		}
	})
}
