package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killed is an import under which server and import are killed at random moments.
type killed struct {
	*script
	address string
	journal bool
}

func (k *killed) start() {
	k.t.Helper()
	c := k.command([]string{"serve", "--listen", k.address, "--admin", "-", "--data", "data", "--keys", "keys"})
	log, err := os.OpenFile(k.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	k.check(err)
	c.Stdout, c.Stderr = log, log
	k.check(c.Start())
	k.check(log.Close())
	k.server = c
}

func (k *killed) kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

func (k *killed) importing() *exec.Cmd {
	args := []string{"import", "in", "--purpose", "test", "--workers", "16", "--server", k.address, "--wait-server", "30s", "--rejects", "rejects.csv"}
	if k.journal {
		args = append(args, "--journal", "journal")
	}
	return k.command(args)
}

// TestImportSurvivesKill kills the import and the server with SIGKILL, again and again,
// and starts the same command again: in the end everybody is enrolled, and nobody
// twice. What a power cut takes is the matter of the store's own tests.
func TestImportSurvivesKill(t *testing.T) {
	for _, journal := range []bool{false, true} {
		t.Run(fmt.Sprintf("journal=%v", journal), func(t *testing.T) {
			const people = 1500
			s := &script{t: t, dir: t.TempDir(), env: map[string]string{}}
			self, err := os.Executable()
			s.check(err)
			s.immis = filepath.Join(t.TempDir(), "immis")
			s.check(os.Symlink(self, s.immis))
			for i := range people {
				s.finger(fmt.Sprintf("in/%02d/p%04d.fmr", i%7, i), uint64(i))
			}
			free, err := net.Listen("tcp", "127.0.0.1:0")
			s.check(err)
			k := &killed{script: s, address: free.Addr().String(), journal: journal}
			s.check(free.Close())
			k.run(people)
		})
	}
}

func (k *killed) run(people int) {
	t := k.t
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	k.start()
	defer func() { k.kill(k.server) }()
	kills, done := 0, false
	for end := time.Now().Add(2 * time.Minute); !done; {
		if time.Now().After(end) {
			t.Fatalf("not done after %d kills\n%s", kills, k.read("server.log"))
		}
		c := k.importing()
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		k.check(c.Start())
		over := make(chan error, 1)
		go func() { over <- c.Wait() }()
		for running := true; running; {
			pause := time.Duration(20+r.IntN(150)) * time.Millisecond
			if kills >= 12 {
				pause = time.Minute
			}
			select {
			case err := <-over:
				running, done = false, err == nil
				if err != nil {
					t.Fatalf("import: %v\n%s", err, out.String())
				}
			case <-time.After(pause):
				kills++
				if r.IntN(2) == 0 {
					k.kill(k.server)
					k.start()
					continue
				}
				_ = c.Process.Kill()
				<-over
				running = false
			}
		}
	}
	k.env["IMMIS_SERVER"] = k.address
	k.exec(0, []string{"stats", "--json"})
	var counts struct{ Subjects, Encounters, Fingers json.Number }
	k.check(json.Unmarshal([]byte(k.stdout), &counts))
	if counts.Subjects.String() != fmt.Sprint(people) || counts.Encounters.String() != fmt.Sprint(people) {
		t.Errorf("%s subjects and %s encounters after %d kills, want %d", counts.Subjects, counts.Encounters, kills, people)
	}
	k.exec(0, []string{"export", "out", "--purpose", "test"})
	for i := range people {
		name := fmt.Sprintf("%02d/p%04d", i%7, i)
		got, err := os.ReadFile(k.path(filepath.Join("out", folderName(name), "000-00.iso")))
		if err != nil || !bytes.Equal(got, k.read("in/"+name+".fmr")) {
			t.Fatalf("%s: %v, or another record than was imported", name, err)
		}
	}
	if list := string(k.read("rejects.csv")); strings.Count(list, "\n") != 1 {
		t.Errorf("rejected: %s", list)
	}
	t.Logf("%d people, %d kills", people, kills)
}
