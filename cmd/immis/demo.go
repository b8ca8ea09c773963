package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"immis/bench/demo"
	"immis/server"
)

type demoCmd struct {
	People     int     `default:"2400" help:"Synthetic people to enroll (default ${default})."`
	Returning  int     `default:"240" help:"People who come back under another name (default ${default})."`
	Verified   int     `default:"240" help:"Travellers to verify, every fourth an impostor (default ${default})."`
	Seed       uint64  `default:"1" help:"Picks the people (default ${default})."`
	Difficulty float64 `default:"0.25" placeholder:"F" help:"How hard faces are, above 0, to 1: the measured network, which misses some (default ${default})."`
	Exit       bool    `help:"End after the story instead of staying up."`
	Lang       string  `default:"en" enum:"en,uk" help:"Language of the story: en or uk (default ${default})."`
	Listen     string  `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address of the API; loopback only (default: a free port)."`
	Admin      string  `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address of metrics and health (default: a free port)."`
	Samples    string  `placeholder:"DIR" help:"Only write samples of one synthetic person, taken twice, as files to try other commands with."`
	Records    int     `hidden:"" help:"With --samples: write instead the right index fingers of so many people, a file each, to measure imports with."`
	Data       string  `placeholder:"DIR" help:"Keep the ledger in this empty folder; with --keys."`
	Keys       string  `placeholder:"DIR" help:"Keep the secrets in this folder; with --data."`
}

// Help implements kong.HelpProvider.
func (*demoCmd) Help() string {
	return `Starts a server with a ledger of its own in a temporary folder, enrolls synthetic people over gRPC, searches for those who come back, verifies travellers, and compares every answer with an exact brute-force search. Ends with 1 if one answer differs. Then stays up until Ctrl-C. Synthetic results show that the arithmetic is right, not how real people are told apart.

Examples:
  immis demo
  immis demo --lang uk --exit
  immis demo --difficulty 1 --exit --json
  immis demo --samples samples`
}

// Run plays the demo.
func (c *demoCmd) Run(a *app) (err error) {
	if err := notZero("--people", c.People, "--returning", c.Returning, "--verified", c.Verified); err != nil {
		return err
	}
	ph := &phases{app: a}
	cfg := demo.Config{
		People: c.People, Returning: c.Returning, Verified: c.Verified, Seed: c.Seed, Difficulty: c.Difficulty,
		Progress: ph.tell,
	}
	if c.Difficulty == 0 {
		return usage("--difficulty 0, want more than 0 and at most 1")
	}
	if err := cfg.WithDefaults().Validate(); err != nil {
		return usage("%v", err)
	}
	if c.Samples != "" && c.Records > 0 {
		return a.writeRecords(c.Samples, c.Records, c.Seed)
	}
	if c.Samples != "" {
		return a.writeSamples(c.Samples, c.Seed, c.Difficulty)
	}
	l, err := a.startLocal(c.Data, c.Keys, "immis-demo-", server.Config{Listen: c.Listen, AdminListen: c.Admin})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	ctx, cancel := l.whileUp(a.ctx)
	defer cancel()
	res, err := demo.Run(ctx, cfg, l.conn)
	ph.end()
	if err != nil {
		return l.blame(a.ctx, err)
	}
	if a.json {
		err = a.printValue(res)
	} else {
		err = res.WriteStory(a.out, c.Lang)
	}
	if err != nil {
		return fmt.Errorf("print the story: %w", err)
	}
	if faults := res.Faults(); len(faults) > 0 {
		return &exitError{code: exitFailure, text: "demo: " + strings.Join(faults, "; ")}
	}
	if c.Exit {
		return nil
	}
	c.invite(a, l, res)
	<-ctx.Done()
	if a.ctx.Err() != nil {
		return nil // Ctrl-C is how it is meant to end
	}
	return l.blame(a.ctx, errors.New("the server in this process ended by itself"))
}

// invite says where the server answers and what to try. The story goes to
// standard output; so does this, unless that is for JSON.
func (c *demoCmd) invite(a *app, l *local, res *demo.Result) {
	w := a.out
	if a.json {
		w = a.err
	}
	subject := ""
	if res.Example != nil {
		subject = res.Example.Subject
	}
	text := [...]string{"Still up. API (gRPC): %s; metrics, health: http://%s/metrics", "Try, in another terminal:", "Ctrl-C ends it and removes the temporary folder.", "Ctrl-C ends it; ledger and keys stay in %s and %s."}
	if c.Lang == demo.Ukrainian {
		text = [...]string{"Сервер працює далі. API (gRPC): %s; метрики та стан: http://%s/metrics", "Спробуйте в іншому терміналі:", "Ctrl-C зупинить його й видалить тимчасову теку.", "Ctrl-C зупинить його; журнал і ключі залишаться в %s та %s."}
	}
	address := l.server.Addr().String()
	admin := "-"
	if l.server.AdminAddr() != nil {
		admin = l.server.AdminAddr().String()
	}
	_, _ = fmt.Fprintf(w, "\n"+text[0]+"\n"+text[1]+"\n", address, admin)
	for _, command := range []string{"immis stats", "immis get --purpose test " + subject, "immis identify --purpose test --subject demo-again-00"} {
		_, _ = fmt.Fprintf(w, "  %s --server %s\n", command, address)
	}
	if l.temporary != "" {
		_, _ = fmt.Fprintln(w, text[2])
	} else {
		_, _ = fmt.Fprintf(w, text[3]+"\n", c.Data, c.Keys)
	}
}

// notZero refuses flags that are 0: to the configurations below it means the
// default, which is not what somebody means who writes it.
func notZero(flags ...any) error {
	for i := 0; i < len(flags); i += 2 {
		if flags[i+1] == 0 {
			return usage("%s 0, want another number", flags[i])
		}
	}
	return nil
}

// phases shows the progress of work in phases, one after the other.
type phases struct {
	app  *app
	mu   sync.Mutex
	name string
	now  *progress
}

// tell is a bench.Progress.
func (p *phases) tell(phase string, done, total int) {
	p.mu.Lock()
	if p.name != phase {
		p.endLocked()
		p.name, p.now = phase, p.app.progress(phase)
	}
	now := p.now
	p.mu.Unlock()
	now.update(uint64(max(0, done)), uint64(max(0, total)))
}

// end shows the last state of the last phase.
func (p *phases) end() {
	p.mu.Lock()
	p.endLocked()
	p.mu.Unlock()
}

func (p *phases) endLocked() {
	if p.now != nil {
		p.now.end()
	}
	p.name, p.now = "", nil
}
