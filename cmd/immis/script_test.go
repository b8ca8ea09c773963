package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary be the command: the scripts call it by a link named
// immis, so that they run the real main in processes of their own.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "immis" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The scripts run the real commands as processes against real servers.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d scripts, %v; want at least 8", len(files), err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			s := newScript(t, file)
			s.immis = filepath.Join(t.TempDir(), "immis")
			if err := os.Symlink(self, s.immis); err != nil {
				t.Fatal(err)
			}
			s.run()
		})
	}
}

// script is one file of commands, one per line, run in a folder of its own:
//
//	# text                  a comment, shown when a command behind it fails
//	immis ARGS              runs the command; it must end with 0
//	code N immis ARGS       runs the command; it must end with N
//	stdout RE, stderr RE    the last command's output must match; with ! it must not
//	server [FLAGS], stop    starts and ends immis serve on the folders data and keys
//	face, faces, finger     write synthetic samples
//	record FORMAT FILE N, image FILE, agekey FILE
//	                        write a finger record of a format, a PNG, an age identity with
//	                        its recipient in FILE.pub
//	certs                   writes ca.pem, server.pem and .key, and client.pem and .key
//	flip, cp, cmp, rm, mkdir, exists, grep, env
//	-- NAME --              the rest is the content of a file
//
// Words are separated by spaces; single quotes keep them together. $WORK is the
// folder. (The usual testscript package would need golang.org/x/tools.)
type script struct {
	t              *testing.T
	file, dir      string
	immis          string
	lines          []string
	env            map[string]string
	stdout, stderr string
	server         *exec.Cmd
	comment        string
	line           int
}

func newScript(t *testing.T, file string) *script {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, file: file, dir: t.TempDir(), env: map[string]string{}}
	name := ""
	for _, l := range strings.Split(string(b), "\n") {
		if n, ok := strings.CutPrefix(l, "-- "); ok {
			name = strings.TrimSuffix(n, " --")
			continue
		}
		if name == "" {
			s.lines = append(s.lines, l)
			continue
		}
		f, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		s.check(err)
		_, err = f.WriteString(l + "\n")
		s.check(errors.Join(err, f.Close()))
	}
	return s
}

func (s *script) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d (%s): %s\nstdout: %s\nstderr: %s", s.file, s.line, s.comment, fmt.Sprintf(format, args...), s.stdout, s.stderr)
}

func (s *script) check(err error) {
	s.t.Helper()
	if err != nil {
		s.fatalf("%v", err)
	}
}

// path is a file of the script; absolute ones stay.
func (s *script) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, filepath.FromSlash(name))
}

func (s *script) run() {
	s.t.Cleanup(func() {
		if s.server != nil {
			_ = s.server.Process.Kill()
			_ = s.server.Wait()
		}
	})
	ran := 0
	for i, l := range s.lines {
		s.line = i + 1
		if c, ok := strings.CutPrefix(l, "#"); ok {
			s.comment = strings.TrimSpace(c)
			continue
		}
		if w := s.words(l); len(w) > 0 {
			s.do(w)
			ran++
		}
	}
	if ran == 0 {
		s.fatalf("no command in the script")
	}
	if s.server != nil {
		s.stop()
	}
}

func (s *script) words(l string) (out []string) {
	l = strings.ReplaceAll(l, "$WORK", s.dir)
	if strings.Contains(l, "$RECIPIENT") {
		l = strings.ReplaceAll(l, "$RECIPIENT", strings.TrimSpace(string(s.read("key.pub"))))
	}
	for i, part := range strings.Split(l, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

func (s *script) do(w []string) {
	s.t.Helper()
	not := w[0] == "!"
	if not {
		w = w[1:]
	}
	need := map[string]int{"code": 3, "stdout": 2, "stderr": 2, "face": 4, "faces": 5, "finger": 3, "record": 4, "image": 2, "agekey": 2, "flip": 3, "cp": 3, "cmp": 3, "rm": 2, "mkdir": 2, "exists": 2, "grep": 3, "env": 2}
	if len(w) < need[w[0]] {
		s.fatalf("%q has too few words", w)
	}
	switch w[0] {
	case "immis":
		s.exec(0, w[1:])
	case "code":
		s.exec(int(s.number(w[1])), w[3:])
	case "stdout":
		s.match(s.stdout, w[1], not)
	case "stderr":
		s.match(s.stderr, w[1], not)
	case "grep":
		s.match(string(s.read(w[2])), w[1], not)
	case "server":
		s.serve(w[1:])
	case "stop":
		s.stop()
	case "face":
		s.check(os.WriteFile(s.path(w[1]), appendVector(nil, vectorOf(s.number(w[2]), s.number(w[3]))), 0o600))
	case "faces":
		s.faces(w[1], w[2], s.number(w[3]), s.number(w[4]))
	case "finger":
		s.finger(w[1], s.number(w[2]))
	case "record":
		s.record(w[1], w[2], s.number(w[3]))
	case "image":
		s.image(w[1])
	case "agekey":
		s.ageKey(w[1])
	case "certs":
		s.certs()
	case "flip":
		s.flip(w[1], w[2])
	case "cp":
		s.check(os.WriteFile(s.path(w[2]), s.read(w[1]), 0o600))
	case "cmp":
		if a, b := s.read(w[1]), s.read(w[2]); !bytes.Equal(a, b) {
			s.fatalf("%s and %s differ:\n%q\n%q", w[1], w[2], a, b)
		}
	case "rm":
		s.check(os.Remove(s.path(w[1])))
	case "mkdir":
		s.check(os.MkdirAll(s.path(w[1]), 0o700))
	case "exists":
		_, err := os.Stat(s.path(w[1]))
		s.check(err)
	case "env":
		k, v, _ := strings.Cut(w[1], "=")
		if s.env[k] = v; v == "" {
			delete(s.env, k)
		}
	default:
		s.fatalf("unknown command %q", w[0])
	}
}

// read returns a file of the script, or the last output.
func (s *script) read(name string) []byte {
	s.t.Helper()
	switch name {
	case "stdout":
		return []byte(s.stdout)
	case "stderr":
		return []byte(s.stderr)
	}
	b, err := os.ReadFile(s.path(name))
	s.check(err)
	return b
}

func (s *script) match(text, re string, not bool) {
	s.t.Helper()
	r, err := regexp.Compile("(?m)" + re)
	s.check(err)
	if r.MatchString(text) == not {
		s.fatalf("match of %q is %v, want %v", re, !not, not)
	}
}

func (s *script) command(args []string) *exec.Cmd {
	c := exec.Command(s.immis, args...)
	c.Dir = s.dir
	c.Env = []string{"HOME=" + s.dir}
	for k, v := range s.env {
		c.Env = append(c.Env, k+"="+v)
	}
	return c
}

func (s *script) exec(want int, args []string) {
	s.t.Helper()
	c := s.command(args)
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	late := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer late.Stop()
	err := c.Run()
	s.stdout, s.stderr = out.String(), errOut.String()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.fatalf("immis %q: %v", args, err)
	}
	if got := c.ProcessState.ExitCode(); got != want {
		s.fatalf("immis %q ended with %d, want %d", args, got, want)
	}
}

// serve starts a server on the folders data and keys and points IMMIS_SERVER at it.
func (s *script) serve(flags []string) {
	s.t.Helper()
	if s.server != nil {
		s.fatalf("a server runs already")
	}
	c := s.command(append([]string{"serve", "--json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "data", "--keys", "keys"}, flags...))
	log, err := os.OpenFile(s.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	s.check(err)
	defer func() { _ = log.Close() }()
	c.Stderr = log
	out, err := c.StdoutPipe()
	s.check(err)
	s.check(c.Start())
	s.server = c
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		s.fatalf("server said nothing: %v\n%s", err, s.read("server.log"))
	}
	var told struct{ Serving string }
	s.check(json.Unmarshal(line, &told))
	s.env["IMMIS_SERVER"] = told.Serving
}

// stop ends the server, which must end with 0.
func (s *script) stop() {
	s.t.Helper()
	if s.server == nil {
		s.fatalf("no server runs")
	}
	c := s.server
	s.server = nil
	s.check(c.Process.Signal(syscall.SIGTERM))
	late := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer late.Stop()
	if err := c.Wait(); err != nil {
		s.fatalf("server ended with %v, want 0\n%s", err, s.read("server.log"))
	}
}

func (s *script) number(w string) uint64 {
	s.t.Helper()
	n, err := strconv.ParseUint(w, 10, 32)
	s.check(err)
	return n
}

// flip changes one bit of a file; a negative offset counts from the end.
func (s *script) flip(name, offset string) {
	s.t.Helper()
	b := s.read(name)
	at, err := strconv.Atoi(offset)
	s.check(err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 4
	s.check(os.WriteFile(s.path(name), b, 0o600))
}
