package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
)

type importCmd struct {
	Files   importFilesCmd   `cmd:"" default:"withargs" help:"Enroll folders, files of any known format, and CSV manifests."`
	Faces   importFacesCmd   `cmd:"" help:"Enroll the rows of a file of face vectors."`
	Fingers importFingersCmd `cmd:"" help:"Enroll a folder of finger records."`
}

// Help implements kong.HelpProvider.
func (*importCmd) Help() string {
	return `immis import PATH... is immis import files PATH...: it takes folders, samples and CSV manifests; immis import files --help says how.

Example:
  immis import --purpose permit --gallery residents people.csv`
}

// importFlags are common to all imports.
type importFlags struct {
	Gallery         []string `placeholder:"ID" help:"Gallery the people are put into; must exist."`
	SubjectPrefix   string   `placeholder:"TEXT" help:"In front of every subject identifier."`
	Station         string   `help:"Enrolment station to record."`
	CheckDuplicates bool     `help:"Search everyone for the same person after each enrolment."`
	Workers         int      `default:"128" help:"Requests under way, 1-256 (default ${default})."`
	MaxErrors       int      `default:"0" help:"Give up after that many rejected records; 0: never (default ${default})."`
	Rejects         string   `placeholder:"FILE" help:"Write rejected records there, one per line: CSV, or JSON when it is named .json or .jsonl; default: standard error."`
	Journal         string   `placeholder:"FILE" help:"Remember there what is done, so that the same command skips it without asking the server."`
}

// person is what an import sends about one subject: the first item with Enroll,
// the others with AddEncounter, one after the other.
type person struct {
	subject string
	items   []item
}

// item is one encounter to be.
type item struct {
	name string // for messages
	// request is the part of the request identifier that tells the item from the
	// others of its job; no personal data.
	request string
	// records counts what the item stands for in the progress; 0 is 1.
	records int
	// load makes the encounter; nil where there turns out to be nothing to send.
	load func() (*immisv1.Encounter, error)
	// files names the file of each sample, after load; nil where that is name.
	files func() []string
}

// source gives the people of an import one after the other.
type source = iter.Seq[person]

// importer sends people with several workers. Request identifiers follow from
// the job and the item, so that an import that was interrupted is started again
// with the same command: what the server has already is answered, not doubled.
type importer struct {
	a       *app
	conn    *grpc.ClientConn
	rc      *immisv1.RequestContext
	flags   importFlags
	timeout time.Duration
	job     string
	// addTo: subjects that are enrolled already get further encounters.
	addTo   bool
	rejects *rejects
	journal *journal

	progress *progress
	total    func() uint64 // records known so far, 0 unknown
	done     atomic.Uint64 // records dealt with
	sent     atomic.Uint64 // encounters that the server has
	skipped  atomic.Uint64 // of them, those of the journal
	subjects atomic.Int64
	bytes    atomic.Uint64
}

// importResult is what an import prints.
type importResult struct {
	Subjects   int64   `json:"subjects"`
	Encounters uint64  `json:"encounters"`
	Failed     int     `json:"failed"`
	Skipped    uint64  `json:"skipped"`
	Bytes      uint64  `json:"sample_bytes"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"encounters_per_second"`
}

const importJSONHelp = `With --json the answer is one object: subjects, encounters (that the server has now), failed (records rejected), skipped (encounters that the journal knew), sample_bytes, seconds, encounters_per_second.`

// jobID names an import by everything that makes its requests what they are.
func jobID(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "import-" + hex.EncodeToString(h[:8])
}

// importJob is one import: what it sends and how it is named.
type importJob struct {
	id     string
	people source
	total  func() uint64
	addTo  bool
}

// allOf is the source of a list.
func allOf(people []person) (source, func() uint64) {
	n := uint64(0)
	for _, p := range people {
		n += uint64(len(p.items))
	}
	return slices.Values(people), func() uint64 { return n }
}

func (c *client) importPeople(a *app, f importFlags, job importJob) (err error) {
	switch {
	case f.Workers < 1 || f.Workers > 256:
		return usage("workers %d, want 1 to 256", f.Workers)
	case f.MaxErrors < 0:
		return usage("max-errors %d, want 0 or more", f.MaxErrors)
	}
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) (err error) {
		im := &importer{
			a: a, conn: conn, rc: rc, flags: f, timeout: c.Timeout, job: job.id, addTo: job.addTo,
			progress: a.progress("imported"), total: job.total,
		}
		if im.rejects, err = newRejects(a, f.Rejects, f.MaxErrors); err != nil {
			return err
		}
		if f.Journal != "" {
			if err = im.openJournal(ctx); err != nil {
				return errors.Join(err, im.rejects.close())
			}
		}
		err = im.run(ctx, job.people)
		err = errors.Join(err, im.journal.close(), im.rejects.close())
		return im.report(err)
	})
}

func (im *importer) openJournal(ctx context.Context) error {
	owner, err := im.journalOwner(ctx)
	if err != nil {
		return err
	}
	im.journal, err = openJournal(im.flags.Journal, owner)
	return err
}

// report prints what became of the import and joins it with its error.
func (im *importer) report(err error) error {
	took, failed := im.progress.end(), im.rejects.count()
	if err == nil && im.done.Load() == 0 && failed == 0 {
		return usage("nothing to import: no record found")
	}
	r := importResult{
		Subjects: im.subjects.Load(), Encounters: im.sent.Load(), Skipped: im.skipped.Load(), Failed: failed, Bytes: im.bytes.Load(),
		Seconds: took.Seconds(), PerSecond: float64(im.sent.Load()) / max(took.Seconds(), 1e-9),
	}
	if im.a.json {
		err = errors.Join(err, im.a.printValue(r))
	}
	known := ""
	if im.journal != nil {
		known = fmt.Sprintf(", %d of them known from the journal", r.Skipped)
	}
	im.a.printf("%d encounters of %d people in %s (%.0f/s)%s, %d rejected\n", r.Encounters, r.Subjects, since(took), r.PerSecond, known, r.Failed)
	if err == nil && failed > 0 {
		return &exitError{code: exitFailure, text: fmt.Sprintf("%d records were rejected; correct them and run the same command again", failed)}
	}
	return err
}

func (im *importer) run(ctx context.Context, people source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan person)
	var workers sync.WaitGroup
	for range im.flags.Workers {
		workers.Go(func() {
			for p := range todo {
				if err := im.person(ctx, p); err != nil {
					cancel(err)
				}
			}
		})
	}
	for p := range people {
		select {
		case todo <- p:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	workers.Wait()
	return context.Cause(ctx)
}

// person sends all encounters of one subject; an error ends the import.
func (im *importer) person(ctx context.Context, p person) error {
	enrolled := false
	for i, it := range p.items {
		if ctx.Err() != nil {
			return nil
		}
		taken, err := im.item(ctx, p.subject, &it, enrolled)
		if err == nil {
			if taken && !enrolled {
				enrolled = true
				im.subjects.Add(1)
			}
			im.tick(it)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		r := im.rejected(&it, err)
		if r == nil {
			return fmt.Errorf("%s: %w", it.name, err)
		}
		if err := im.rejects.add(r); err != nil {
			return err
		}
		im.tick(it)
		if enrolled || im.addTo {
			continue
		}
		// Without the subject the rest would only fail with NOT_FOUND, and to enroll the
		// subject with the second encounter would change what a repetition means.
		for _, rest := range p.items[i+1:] {
			if err := im.rejects.add(&rejection{File: rest.name, Reason: "NOT_SENT", Message: "not sent: the first encounter of the subject was rejected"}); err != nil {
				return err
			}
			im.tick(rest)
		}
		return nil
	}
	return nil
}

func (im *importer) tick(it item) {
	im.progress.update(im.done.Add(uint64(max(it.records, 1))), im.total())
}

func itoa(n int) string { return strconv.Itoa(n) }
