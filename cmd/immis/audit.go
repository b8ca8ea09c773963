package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/internal/config"
	"immis/store"
)

type auditCmd struct {
	Head    auditHeadCmd    `cmd:"" help:"Fetch the signed head." set:"purpose=audit"`
	Entries auditEntriesCmd `cmd:"" help:"List entries, or write them to a file for an auditor." set:"purpose=audit"`
	Verify  auditVerifyCmd  `cmd:"" help:"Prove offline that nothing was changed or lost since a head was signed."`
}

// maxHead bounds the files of a signed head and of its key, in bytes.
const maxHead = 64 << 10

type auditHeadCmd struct {
	client
	Output string `short:"o" placeholder:"FILE" help:"Write the note to FILE and the key that verifies it to FILE.key; default: print both."`
}

// Help implements kong.HelpProvider.
func (*auditHeadCmd) Help() string {
	return `Keep heads and the first key outside the server's machine: only with them a stale copy of the whole ledger can be noticed. The key never changes during the life of a ledger; compare it with the one you kept.

Example:
  immis audit head -o head.txt`
}

// Run fetches the head.
func (c *auditHeadCmd) Run(a *app) error {
	return c.one(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		h, err := immisv1.NewLedgerServiceClient(conn).GetHead(ctx, &immisv1.GetHeadRequest{Context: rc})
		if err != nil {
			return err
		}
		if c.Output != "" {
			if err := errors.Join(writeFile(c.Output, h.GetNote()), writeFile(c.Output+".key", []byte(h.GetVerifierKey()+"\n"))); err != nil {
				return err
			}
			a.printf("head of %d entries written to %s, its key to %s.key\n", h.GetSize(), c.Output, c.Output)
			return a.printJSON(h)
		}
		a.printf("%s\nverifier key: %s\n", strings.TrimRight(string(h.GetNote()), "\n"), h.GetVerifierKey())
		return a.printJSON(h)
	})
}

type auditEntriesCmd struct {
	client
	From    uint64 `default:"0" help:"First entry."`
	Limit   uint64 `default:"100" help:"How many; 0: all (default ${default})."`
	Subject string `placeholder:"ID" help:"Only entries about this person: who saw their data."`
	Output  string `short:"o" placeholder:"FILE" help:"Write all headers to FILE, for: immis audit verify --entries FILE."`
}

// Help implements kong.HelpProvider.
func (*auditEntriesCmd) Help() string {
	return `Examples:
  immis audit entries --subject S-1
  immis audit entries -o entries.immis`
}

// Run lists or writes entries.
func (c *auditEntriesCmd) Run(a *app) error {
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		if c.Output != "" {
			return c.write(ctx, a, conn, rc)
		}
		return c.pages(ctx, conn, rc, c.From, c.Limit, func(e *immisv1.LedgerEntry) error {
			a.printf("%8d  %s  %-20s %-10s %-24s %s %s\n", e.GetNumber(), e.GetTime().AsTime().Format(time.RFC3339), e.GetKind(), e.GetResult(),
				purposeName(e.GetPurpose()), e.GetPrincipal(), e.GetCaseReference())
			return a.printJSON(e)
		})
	})
}

// pages calls fn with up to limit entries (0: all) from number from on.
func (c *auditEntriesCmd) pages(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext, from, limit uint64, fn func(*immisv1.LedgerEntry) error) error {
	for left := limit; limit == 0 || left > 0; {
		n := uint64(1000)
		if limit > 0 {
			n = min(n, left)
		}
		page, err := c.page(ctx, conn, &immisv1.ListEntriesRequest{Context: rc, From: from, PageSize: uint32(n), SubjectId: c.Subject})
		if err != nil {
			return err
		}
		for _, e := range page.GetEntries() {
			if err := fn(e); err != nil {
				return err
			}
		}
		if left -= uint64(len(page.GetEntries())); page.GetNext() == 0 {
			return nil
		}
		from = page.GetNext()
	}
	return nil
}

func (c *auditEntriesCmd) page(ctx context.Context, conn *grpc.ClientConn, in *immisv1.ListEntriesRequest) (*immisv1.ListEntriesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return immisv1.NewLedgerServiceClient(conn).ListEntries(ctx, in)
}

// write makes the entries file of docs/FORMAT.md from the headers of the API.
func (c *auditEntriesCmd) write(ctx context.Context, a *app, conn *grpc.ClientConn, rc *immisv1.RequestContext) (err error) {
	if c.Subject != "" || c.From != 0 {
		return usage("--output writes all entries: leave out --subject and --from")
	}
	hctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	head, err := immisv1.NewLedgerServiceClient(conn).GetHead(hctx, &immisv1.GetHeadRequest{Context: rc})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Output, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return usage("write entries: %v", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := newEntriesWriter(f, head.GetVerifierKey())
	if err != nil {
		return err
	}
	p := a.progress("entries")
	err = c.pages(ctx, conn, rc, 0, head.GetSize(), func(e *immisv1.LedgerEntry) error {
		p.update(w.count+1, head.GetSize())
		return w.add(e.GetHeader())
	})
	p.end()
	if err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	a.printf("%d entries written to %s\n", w.count, c.Output)
	if a.json {
		return a.printValue(map[string]any{"entries": w.count, "file": c.Output})
	}
	return nil
}

type auditVerifyCmd struct {
	Data    string `placeholder:"DIR" help:"Folder of a ledger or a checkpoint that no server has open."`
	Entries string `placeholder:"FILE" help:"File of immis audit entries -o."`
	Head    string `required:"" placeholder:"FILE" help:"Signed head, kept outside."`
	Key     string `placeholder:"KEY" help:"Verifier key or a file with it; default: the head's file with .key behind."`
}

// Help implements kong.HelpProvider.
func (*auditVerifyCmd) Help() string {
	return `Needs no secret and no server. Ends with 1 when the ledger contradicts the head.

Examples:
  immis audit verify --data immis-data --head head.txt
  immis audit verify --entries entries.immis --head head.txt --key immis/7f...+4c1a+AUx...`
}

type auditSummary struct {
	OK      bool              `json:"ok"`
	Store   string            `json:"store"`
	Covered uint64            `json:"covered_entries"`
	Entries uint64            `json:"entries"`
	Bodies  uint64            `json:"bodies"`
	First   time.Time         `json:"first"`
	Last    time.Time         `json:"last"`
	Kinds   map[string]uint64 `json:"kinds"`
}

// Run verifies.
func (c *auditVerifyCmd) Run(a *app) error {
	if (c.Data == "") == (c.Entries == "") {
		return usage("give either --data or --entries")
	}
	head, err := config.ReadFile(c.Head, maxHead)
	if err != nil {
		return fileError(c.Head, err)
	}
	key, err := c.key()
	if err != nil {
		return err
	}
	src := store.AuditDir(vfs.Default, c.Data)
	if c.Entries != "" {
		f, err := os.Open(c.Entries)
		if err != nil {
			return fileError(c.Entries, err)
		}
		defer func() { _ = f.Close() }()
		src = store.AuditFile(f)
	}
	r, err := store.AuditVerify(a.ctx, src, head, key)
	if err != nil {
		return err
	}
	sum := auditSummary{OK: true, Store: r.Store, Covered: r.Head.Size, Entries: r.Entries, Bodies: r.Bodies, First: r.First, Last: r.Last, Kinds: map[string]uint64{}}
	for k, n := range r.Kinds {
		sum.Kinds[engine.KindName(k)] = n
	}
	a.printf("%s: the %d entries from %s to %s are complete and unchanged since the head was signed; %d entries in all, %d bodies compared\n",
		sum.Store, sum.Covered, sum.First.Format(time.RFC3339), sum.Last.Format(time.RFC3339), sum.Entries, sum.Bodies)
	if a.json {
		return a.printValue(sum)
	}
	return nil
}

// key is the verifier key: given as text, as a file, or found beside the head.
func (c *auditVerifyCmd) key() (string, error) {
	path := c.Key
	if path == "" {
		path = c.Head + ".key"
	} else if strings.HasPrefix(path, "immis/") && strings.Count(path, "+") >= 2 {
		return path, nil
	}
	b, err := config.ReadFile(path, maxHead)
	if err != nil {
		return "", usage("verifier key: %v; give --key with the key you kept", err)
	}
	return strings.TrimSpace(string(b)), nil
}
