package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"immis/bench"
	"immis/bench/load"
	"immis/bench/restart"
	"immis/server"
)

type benchCmd struct {
	Restart benchRestartCmd `cmd:"" help:"Time and memory of a start with many people."`
	Load    benchLoadCmd    `cmd:"" help:"Enrolments, verifications and searches a second."`
	Index   benchIndexCmd   `cmd:"" help:"The index by itself: scans against the machine, losses, inserts."`
}

type benchRestartCmd struct {
	Rows    int    `default:"1000000" help:"People in the ledger, each with a face vector (default ${default})."`
	Dim     int    `default:"512" enum:"128,512" help:"Length of a face vector, 128 or 512 (default ${default})."`
	Seed    uint64 `default:"1" help:"Picks the people (default ${default})."`
	Callers int    `default:"512" help:"Callers that fill at once (default ${default})."`
	Data    string `placeholder:"DIR" help:"Folder of the ledger, filled when it is not; with --keys. Default: a temporary folder."`
	Keys    string `placeholder:"DIR" help:"Folder of the secrets; with --data."`
	Measure bool   `help:"Only measure: --data has been filled."`
}

// Help implements kong.HelpProvider.
func (*benchRestartCmd) Help() string {
	return `Fills a ledger with synthetic people (minutes for a million; interrupt it and it goes on later, with --data and --keys), then starts it in a process of its own and measures the time until searches are answered, by phase, and the memory. A million people of 512 dimensions need about 10 GiB of disk.

Examples:
  immis bench restart --rows 100000
  immis bench restart --rows 1000000 --dim 512 --data /var/tmp/b/data --keys /var/tmp/b/keys --json`
}

// Run fills and measures.
func (c *benchRestartCmd) Run(a *app) (err error) {
	if (c.Data == "") != (c.Keys == "") {
		return usage("--data %q and --keys %q, want both or none: data without its keys is unreadable", c.Data, c.Keys)
	}
	if c.Measure && c.Data == "" {
		return usage("--measure without --data, want the folder that was filled")
	}
	if err := notZero("--rows", c.Rows, "--callers", c.Callers); err != nil {
		return err
	}
	ph := &phases{app: a}
	cfg := restart.Config{Data: c.Data, Keys: c.Keys, Rows: c.Rows, Dim: c.Dim, Seed: c.Seed, Callers: c.Callers, Progress: ph.tell}
	if c.Data == "" {
		folder, err := os.MkdirTemp("", "immis-restart-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		cfg.Data, cfg.Keys = filepath.Join(folder, "data"), filepath.Join(folder, "keys")
	}
	if err := cfg.WithDefaults().Validate(); err != nil {
		return usage("%v", err)
	}
	if c.Measure {
		res, err := restart.Measure(a.ctx, cfg)
		ph.end()
		if err != nil {
			return err
		}
		return c.print(a, res)
	}
	filled, err := restart.Fill(a.ctx, cfg)
	ph.end()
	if err != nil {
		return err
	}
	res, err := c.measureElsewhere(a, cfg)
	if err != nil {
		return err
	}
	res.Filled = &filled
	return c.print(a, res)
}

// measureElsewhere runs this command again with --measure: the memory of a
// process that has just filled a ledger is not that of a start.
func (c *benchRestartCmd) measureElsewhere(a *app, cfg restart.Config) (*restart.Result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	child := exec.CommandContext(a.ctx, self, "bench", "restart", "--measure", "--json",
		"--rows", strconv.Itoa(cfg.Rows), "--dim", strconv.Itoa(cfg.Dim), "--seed", strconv.FormatUint(cfg.Seed, 10),
		"--data", cfg.Data, "--keys", cfg.Keys)
	child.Args[0] = "immis" // whatever the file is called
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, a.err
	// An interrupt lets it close the ledger; after a while it is killed.
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = 30 * time.Second
	if err := child.Run(); err != nil {
		if a.ctx.Err() != nil {
			return nil, a.ctx.Err()
		}
		return nil, fmt.Errorf("measure in another process: %w", err)
	}
	res := &restart.Result{}
	if err := json.Unmarshal(out.Bytes(), res); err != nil {
		return nil, fmt.Errorf("measure in another process: read its answer: %w", err)
	}
	return res, nil
}

func (c *benchRestartCmd) print(a *app, r *restart.Result) error {
	if a.json {
		return a.printValue(r)
	}
	if r.Filled != nil {
		a.printf("filled              %d people before, %d now; %.1f s, %.0f/s\n", r.Filled.Before, r.Filled.Rows, r.Filled.Seconds, r.Filled.PerSecond)
	}
	a.printf("people              %d, face vectors of %d dimensions, %d ledger entries, %s on disk\n", r.Rows, r.Dim, r.Entries, size(r.DiskBytes))
	a.printf("ready after         %.2f s\n", r.ReadySeconds)
	for _, p := range r.Phases {
		a.printf("  %8.2f s  %s\n", p.Seconds, p.Name)
	}
	a.printf("memory at ready     %s resident (at most %s), %s heap, %s of it live; vectors alone %s\n",
		size(r.Memory.RSSBytes), size(r.Memory.RSSPeakBytes), size(r.Memory.HeapBytes), size(r.HeapLiveBytes), size(r.VectorBytes))
	a.printf("first search        %.1f ms, exact, by face\n", r.FirstSearchMS)
	printMachine(a, r.Machine)
	return nil
}

func printMachine(a *app, m bench.Machine) {
	a.printf("machine             %s, %d cores, %s memory, %s, %s", m.CPU, m.Cores, size(m.MemoryBytes), m.OS, m.Go)
	if m.SyncsPerSecond > 0 {
		a.printf("; %.0f syncs/s, p99 %.2f ms", m.SyncsPerSecond, m.SyncP99MS)
	}
	a.printf("\n")
}

type benchLoadCmd struct {
	Callers  int           `default:"64" help:"Callers at once (default ${default})."`
	People   int           `default:"20000" help:"People to make; the enrolling ends with the last (default ${default})."`
	Duration time.Duration `default:"10s" help:"Length of each timed part (default ${default})."`
	Fingers  int           `default:"2" help:"Fingers of each person beside the face, 1 to 10; -1 for none (default ${default})."`
	Seed     uint64        `default:"1" help:"Picks the people (default ${default})."`
	Data     string        `placeholder:"DIR" help:"Keep the ledger in this empty folder; with --keys. Default: a temporary folder."`
	Keys     string        `placeholder:"DIR" help:"Keep the secrets in this folder; with --data."`
}

// Help implements kong.HelpProvider.
func (*benchLoadCmd) Help() string {
	return `Starts a server in this process with a ledger of its own and loads it over gRPC: durable enrolments by all callers; verifications, first as many as it can do, then at half of that rate for the latencies; searches one after the other. Client and server share the cores, so a server alone does more.

Examples:
  immis bench load
  immis bench load --callers 64 --people 50000 --duration 20s --json`
}

// Run loads a server.
func (c *benchLoadCmd) Run(a *app) (err error) {
	if err := notZero("--people", c.People, "--callers", c.Callers, "--fingers", c.Fingers); err != nil {
		return err
	}
	if c.Duration == 0 {
		return usage("--duration 0, want 100ms to 1h")
	}
	ph := &phases{app: a}
	cfg := load.Config{Callers: c.Callers, People: c.People, Duration: c.Duration, Fingers: c.Fingers, Seed: c.Seed, Progress: ph.tell}
	if err := cfg.WithDefaults().Validate(); err != nil {
		return usage("%v", err)
	}
	l, err := a.startLocal(c.Data, c.Keys, "immis-load-", server.Config{Listen: "127.0.0.1:0", MaxStreams: 1024 + 256})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	cfg.Folder = filepath.Dir(l.data)
	ctx, cancel := l.whileUp(a.ctx)
	defer cancel()
	r, err := load.Run(ctx, cfg, l.conn)
	ph.end()
	if err != nil {
		return l.blame(a.ctx, err)
	}
	if a.json {
		return a.printValue(r)
	}
	a.printf("enroll     %8.0f/s   by %d callers, face and %d fingers: %d in %.1f s, p50 %.1f ms, p99 %.1f ms; %.2f for each sync of the disk\n",
		r.EnrollPerSecond, r.Callers, r.Fingers, r.Enrolled, r.EnrollSeconds, r.Enroll.P50MS, r.Enroll.P99MS, r.EnrollPerSync)
	a.printf("verify     %8.0f/s   by %d callers, each with its ledger entry; %.2f for each sync of the disk\n", r.VerifyCapacity, r.Callers, r.VerifyPerSync)
	a.printf("verify     %8.0f/s   as asked for, half of that: %d, p50 %.1f ms, p99 %.1f ms from when it was due\n", r.VerifyRate, r.Verify.Count, r.Verify.P50MS, r.Verify.P99MS)
	a.printf("identify              by face, exact: p50 %.1f ms, p99 %.1f ms; by face and fingers, fast: p50 %.1f ms, p99 %.1f ms\n",
		r.IdentifyFace.P50MS, r.IdentifyFace.P99MS, r.IdentifyFast.P50MS, r.IdentifyFast.P99MS)
	printMachine(a, r.Machine)
	return nil
}
