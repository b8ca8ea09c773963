package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/server"
	"immis/store"
	"immis/store/seal"
)

type storeCmd struct {
	Check      storeCheckCmd      `cmd:"" help:"Read everything in a ledger and say what is wrong."`
	Checkpoint storeCheckpointCmd `cmd:"" help:"Write a verified copy of a ledger." set:"purpose=administration"`
}

// folderFlags name a ledger on this machine that no server has open.
type folderFlags struct {
	Data       string   `placeholder:"DIR" help:"Folder of the ledger; no server may have it open."`
	Keys       string   `default:"immis-keys" placeholder:"DIR" help:"Folder of the secrets (default ${default})."`
	KeyCommand []string `sep:" " placeholder:"ARGV" help:"Command that keeps the secrets instead of --keys."`
}

// with opens the ledger, runs its committer while fn works, and closes it.
func (f *folderFlags) with(ctx context.Context, keepBodies bool, fn func(*store.Store) error) error {
	keys := seal.KeyDir(vfs.Default, f.Keys)
	if len(f.KeyCommand) > 0 {
		keys = seal.KeyCommand(f.KeyCommand)
	}
	if _, err := vfs.Default.Stat(f.Data); err != nil {
		return usage("data folder: %v", err)
	}
	s, err := store.Open(ctx, store.Options{Dir: f.Data, Keys: keys, KeepBodies: keepBodies, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("open store %s: %w", f.Data, err)
	}
	runCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- s.Run(runCtx) }()
	err = fn(s)
	stop()
	return errors.Join(err, <-done, s.Close())
}

type storeCheckCmd struct {
	folderFlags
}

// Help implements kong.HelpProvider.
func (*storeCheckCmd) Help() string {
	return `Reads headers, hashes, bodies, state, every sealed row, every blob and the key table; the check itself changes nothing. But the ledger is opened as for a start, and that writes into the folder: it repairs a damaged slot of the anchor or of the key table, removes files that belong to nothing, and finishes erasures that a crash cut, with their entries. To look at a folder as it is, check a copy of it. Ends with 1 when something is damaged.

Example:
  immis store check --data immis-data --keys immis-keys`
}

// checkFinding is a finding as it is printed.
type checkFinding struct {
	Severity string `json:"severity"`
	Where    string `json:"where"`
	What     string `json:"what"`
}

// checkSummary is what the check prints in JSON.
type checkSummary struct {
	OK       bool           `json:"ok"`
	Findings []checkFinding `json:"findings"`
	Opening  []string       `json:"opening"`
	Entries  uint64         `json:"entries"`
	Bodies   uint64         `json:"bodies"`
	Replayed uint64         `json:"bodies_replayed"`
	Rows     uint64         `json:"rows"`
	Opened   uint64         `json:"rows_opened"`
	Erased   uint64         `json:"rows_erased"`
	Sealed   uint64         `json:"rows_without_key"`
	Blobs    uint64         `json:"blobs"`
	Took     float64        `json:"seconds"`
}

// Run checks.
func (c *storeCheckCmd) Run(a *app) error {
	if c.Data == "" {
		c.Data = "immis-data"
	}
	sum := checkSummary{OK: true, Findings: []checkFinding{}, Opening: []string{}}
	p := a.progress("checked steps")
	err := c.with(a.ctx, true, func(s *store.Store) error {
		sum.Opening = append(sum.Opening, s.Report().Warnings...)
		step := uint64(0)
		r, err := s.Check(a.ctx, func(name string) {
			p.what = "checking " + name + ", steps done"
			p.update(step, 0)
			step++
		}, func(f store.Finding) {
			sum.OK = sum.OK && f.Severity < store.Damage
			sum.Findings = append(sum.Findings, checkFinding{f.Severity.String(), f.Where, f.What})
		})
		sum.Entries, sum.Bodies, sum.Replayed = r.Entries, r.Bodies, r.Replayed
		sum.Rows, sum.Opened, sum.Erased, sum.Sealed, sum.Blobs = r.Rows, r.Opened, r.Erased, r.Sealed, r.Blobs
		return err
	})
	sum.Took = p.end().Seconds()
	if err != nil {
		return err
	}
	for _, w := range sum.Opening {
		a.printf("opening: %s\n", w)
	}
	for _, f := range sum.Findings {
		a.printf("%s in %s: %s\n", f.Severity, f.Where, f.What)
	}
	a.printf("read %d entries, %d bodies (%d replayed), %d rows (%d opened, %d erased), %d blobs in %.1f s: ", sum.Entries, sum.Bodies,
		sum.Replayed, sum.Rows, sum.Opened, sum.Erased, sum.Blobs, sum.Took)
	if sum.OK {
		a.printf("nothing is damaged\n")
	} else {
		a.printf("DAMAGED\n")
	}
	if a.json {
		if err := a.printValue(sum); err != nil {
			return err
		}
	}
	if !sum.OK {
		return &exitError{code: exitFailure}
	}
	return nil
}

type storeCheckpointCmd struct {
	client
	folderFlags
	Name string `arg:"" help:"Name of the checkpoint: below the server's --checkpoints folder; with --data, a folder that does not exist yet."`
}

// Help implements kong.HelpProvider.
func (*storeCheckpointCmd) Help() string {
	return `Without --data a running server writes the copy below its --checkpoints folder; with --data this command opens the ledger itself. The copy holds sealed data only: the key table and the secrets are to be copied separately. Bodies of entries are dropped from the ledger afterwards, unless the server keeps them.

Examples:
  immis store checkpoint 2026-01-31 --timeout 10m
  immis store checkpoint /backup/2026-01-31 --data immis-data --keys immis-keys`
}

// Run makes a checkpoint.
func (c *storeCheckpointCmd) Run(a *app) error {
	if c.Data != "" {
		return c.offline(a)
	}
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		out, err := immisv1.NewAdminServiceClient(conn).CreateCheckpoint(ctx, &immisv1.CreateCheckpointRequest{Context: rc, Name: c.Name})
		if err != nil {
			return err
		}
		a.printf("checkpoint %s of %d entries (ledger entry %d)\n", c.Name, out.GetSize(), out.GetLedgerEntry())
		return a.printJSON(out)
	})
}

func (c *storeCheckpointCmd) offline(a *app) error {
	p := a.progress("steps")
	entries := uint64(0)
	err := c.with(a.ctx, false, func(s *store.Store) error {
		step := uint64(0)
		head, _, err := s.Checkpoint(a.ctx, c.Name, store.By{Principal: server.LocalPrincipal, Purpose: uint8(engine.PurposeAdministration)}, func(name string) {
			p.what = "checkpoint " + name + ", steps done"
			p.update(step, 0)
			step++
		})
		entries = head.Size
		return err
	})
	took := p.end()
	if errors.Is(err, store.ErrExists) {
		return usage("%s is there already, want a folder that does not exist", c.Name)
	}
	if err != nil {
		return err
	}
	a.printf("checkpoint %s in %s; the ledger has %d entries\n", c.Name, since(took), entries)
	if a.json {
		return a.printValue(map[string]any{"checkpoint": c.Name, "entries": entries, "seconds": took.Seconds()})
	}
	return nil
}
