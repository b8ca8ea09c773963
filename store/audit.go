package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// AuditSource is where AuditVerify takes the entries from.
type AuditSource struct {
	fs     vfs.FS
	dir    string
	export io.Reader
}

// AuditDir audits a data directory or a checkpoint. It is opened read-only and no
// key is needed, but no process may have it open for writing.
func AuditDir(fs vfs.FS, dir string) AuditSource { return AuditSource{fs: fs, dir: dir} }

// AuditFile audits what ExportEntries wrote.
func AuditFile(r io.Reader) AuditSource { return AuditSource{export: r} }

// AuditResult says what was proved.
type AuditResult struct {
	// Store that signed the head.
	Store string
	// Head that was verified.
	Head Head
	// Entries there are; those from Head.Size on are not covered by the head.
	Entries uint64
	// Bodies whose hash was compared; 0 for a file.
	Bodies uint64
	// First and Last are the times of the oldest and the newest covered entry.
	First, Last time.Time
	Kinds       map[Kind]uint64
}

// AuditVerify proves offline and without any secret that the entries up to a
// signed head are complete, in order and unchanged since it was signed. head is
// the signed note, kept outside; verifierKey is the text of VerifierKey. Errors
// name the first contradiction: ErrOlderThanAnchor when entries are missing at the
// end, ErrDamaged otherwise.
func AuditVerify(ctx context.Context, src AuditSource, head []byte, verifierKey string) (AuditResult, error) {
	var res AuditResult
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return res, fmt.Errorf("audit: verifier key: %w", err)
	}
	if res.Head, err = OpenHead(head, verifier); err != nil {
		return res, fmt.Errorf("audit: %w", err)
	}
	res.Store = verifier.Name()
	a := &auditor{res: &res}
	if res.Head.Size == 0 {
		return res, fmt.Errorf("audit: head of 0 entries, want at least 1")
	}
	if src.export != nil {
		err = a.file(src.export)
	} else {
		err = a.directory(ctx, src)
	}
	if err == nil {
		err = a.conclude()
	}
	if err != nil {
		return res, fmt.Errorf("audit: %w", err)
	}
	return res, nil
}

type auditor struct {
	res  *AuditResult
	tree frontier
	root tlog.Hash
	last Entry
}

// count takes one entry into the result; the tree has it already.
func (a *auditor) count(e *Entry) {
	if a.res.Kinds == nil {
		a.res.Kinds = map[Kind]uint64{}
	}
	a.res.Entries++
	a.res.Kinds[e.Kind]++
	if a.res.Entries == 1 {
		a.res.First = e.Time
	}
	if a.tree.size <= a.res.Head.Size {
		a.res.Last = e.Time
	}
	if a.tree.size == a.res.Head.Size {
		a.root = a.tree.root()
	}
}

func (a *auditor) conclude() error {
	switch {
	case a.res.Entries < a.res.Head.Size:
		return fmt.Errorf("%w: %d entries, the head says %d", ErrOlderThanAnchor, a.res.Entries, a.res.Head.Size)
	case a.root != a.res.Head.Root:
		return damaged("root of the first %d entries is %v, the head says %v", a.res.Head.Size, a.root, a.res.Head.Root)
	case !a.res.Last.Equal(a.res.Head.Time):
		return damaged("newest covered entry is of %v, the head says %v", a.res.Last, a.res.Head.Time)
	}
	return nil
}

func (a *auditor) file(r io.Reader) error {
	id, err := readExport(r, func(raw []byte) error {
		e, err := DecodeEntry(raw)
		if err != nil {
			return damaged("entry %d: %w", a.tree.size, err)
		}
		if e.Number != a.tree.size {
			return damaged("entry %d has number %d", a.tree.size, e.Number)
		}
		if e.Time.Before(a.last.Time) {
			return damaged("entry %d is older than the one before it", e.Number)
		}
		a.tree.push(tlog.RecordHash(raw), func(tlog.Hash) {})
		a.last = e
		a.count(&e)
		return nil
	})
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			return err
		}
		return damaged("entries file: %w", err)
	}
	return a.sameStore(id)
}

func (a *auditor) sameStore(id ID) error {
	if origin(id) != a.res.Store {
		return damaged("entries are of %s, the head is of %s", origin(id), a.res.Store)
	}
	return nil
}

func (a *auditor) directory(ctx context.Context, src AuditSource) error {
	raw, err := readSmall(src.fs, src.fs.PathJoin(src.dir, formatFile), 4096)
	if err != nil {
		return classify(err)
	}
	id, err := decodeFormat(raw)
	if err != nil {
		return err
	}
	if err := a.sameStore(id); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := openPebble(Options{FS: src.fs, Logger: log, CacheBytes: 8 << 20}, src.fs.PathJoin(src.dir, ledgerDir), newHealth(log), true)
	if err != nil {
		return inUse(err)
	}
	err = guarded(func() error { return a.ledger(ctx, db) })
	if cerr := guarded(db.Close); err == nil && cerr != nil {
		err = fmt.Errorf("close ledger: %w", cerr)
	}
	return classify(err)
}

// inUse names the refusal of Pebble's lock: another process has the ledger open.
// An audit takes only that lock, because the folder may be a copy on read-only media.
func inUse(err error) error {
	if errors.Is(err, syscall.EAGAIN) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

func (a *auditor) ledger(ctx context.Context, db *pebble.DB) error {
	if _, err := walkEntries(ctx, db, &a.tree, func(_ uint64, e *Entry) { a.count(e) }); err != nil {
		return err
	}
	return dbReader{db}.each([]byte{prefixBody}, func(k, v []byte) error {
		if a.res.Bodies%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		a.res.Bodies++
		n, ok := numberOf(k)
		if !ok {
			return damaged("body key of %d bytes", len(k))
		}
		e, err := readEntry(db, n)
		if err != nil {
			return err
		}
		if uint32(len(v)) != e.BodySize || hashBody(v) != e.BodyHash {
			return damaged("body of entry %d does not have the hash its header says", n)
		}
		return nil
	})
}
