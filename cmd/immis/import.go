package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
)

type importCmd struct {
	Faces   importFacesCmd   `cmd:"" help:"Enroll the rows of a file of face vectors."`
	Fingers importFingersCmd `cmd:"" help:"Enroll a folder of finger records."`
}

// importFlags are common to all imports.
type importFlags struct {
	Gallery         []string `placeholder:"ID" help:"Gallery the people are put into; must exist."`
	SubjectPrefix   string   `placeholder:"TEXT" help:"In front of every subject identifier."`
	Station         string   `help:"Enrolment station to record."`
	CheckDuplicates bool     `help:"Search everyone for the same person after each enrolment."`
	Workers         int      `default:"16" help:"Requests under way, 1-256 (default ${default})."`
	MaxErrors       int      `default:"20" help:"Give up after that many refused encounters (default ${default})."`
}

// person is what an import sends about one subject: the first item with Enroll,
// the others with AddEncounter, one after the other.
type person struct {
	subject string
	items   []item
}

// item is one encounter to be.
type item struct {
	name string // for messages and the request identifier; no personal data
	load func() (*immisv1.Encounter, error)
}

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

	progress *progress
	total    uint64
	sent     atomic.Uint64
	bytes    atomic.Uint64

	mu     sync.Mutex
	failed int
}

// importResult is what an import prints.
type importResult struct {
	Subjects   int     `json:"subjects"`
	Encounters uint64  `json:"encounters"`
	Failed     int     `json:"failed"`
	Bytes      uint64  `json:"sample_bytes"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"encounters_per_second"`
}

// jobID names an import by everything that makes its requests what they are.
func jobID(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "import-" + hex.EncodeToString(h[:8])
}

func (c *client) importPeople(a *app, f importFlags, job string, people []person) error {
	if f.Workers < 1 || f.Workers > 256 {
		return usage("workers %d, want 1 to 256", f.Workers)
	}
	if len(people) == 0 {
		return usage("nothing to import: no record found")
	}
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		im := &importer{a: a, conn: conn, rc: rc, flags: f, timeout: c.Timeout, job: job, progress: a.progress("imported")}
		for _, p := range people {
			im.total += uint64(len(p.items))
		}
		err := im.run(ctx, people)
		took := im.progress.end()
		r := importResult{
			Subjects: len(people), Encounters: im.sent.Load(), Failed: im.failed, Bytes: im.bytes.Load(),
			Seconds: took.Seconds(), PerSecond: float64(im.sent.Load()) / max(took.Seconds(), 1e-9),
		}
		if a.json {
			err = errors.Join(err, a.printValue(r))
		}
		a.printf("%d encounters of %d people in %s (%.0f/s), %d refused\n", r.Encounters, r.Subjects, since(took), r.PerSecond, r.Failed)
		if err == nil && im.failed > 0 {
			return &exitError{code: exitFailure, text: fmt.Sprintf("%d encounters were refused; correct them and run the same command again", im.failed)}
		}
		return err
	})
}

func (im *importer) run(ctx context.Context, people []person) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan person)
	var workers sync.WaitGroup
	for range min(im.flags.Workers, len(people)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for p := range todo {
				if err := im.person(ctx, p); err != nil {
					cancel(err)
				}
			}
		}()
	}
feed:
	for _, p := range people {
		select {
		case todo <- p:
		case <-ctx.Done():
			break feed
		}
	}
	close(todo)
	workers.Wait()
	return context.Cause(ctx)
}

// person sends all encounters of one subject; an error ends the import.
func (im *importer) person(ctx context.Context, p person) error {
	for i, it := range p.items {
		if ctx.Err() != nil {
			return nil
		}
		err := im.send(ctx, p.subject, it, i > 0)
		if err == nil {
			im.progress.update(im.sent.Add(1), im.total)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if !refusedInput(err) {
			return fmt.Errorf("%s: %w", it.name, err)
		}
		im.mu.Lock()
		im.failed++
		failed := im.failed
		_, _ = fmt.Fprintf(im.a.err, "refused %s: %s\n", it.name, explain(err).Message)
		im.mu.Unlock()
		if failed >= im.flags.MaxErrors {
			return &exitError{code: exitFailure, text: fmt.Sprintf("%d encounters were refused, giving up; raise --max-errors to go on", failed)}
		}
		if i == 0 {
			// Without the subject the rest would only fail with NOT_FOUND.
			return nil
		}
	}
	return nil
}

// refusedInput tells a fault of one encounter from one of the server or the link.
func refusedInput(err error) bool {
	var e *exitError
	if errors.As(err, &e) {
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.AlreadyExists, codes.Aborted, codes.FailedPrecondition, codes.NotFound:
		return true
	}
	return false
}

// patience is how long an import waits for a server that is overloaded or
// restarts, before it gives up.
const patience = 2 * time.Minute

func (im *importer) send(ctx context.Context, subject string, it item, add bool) error {
	e, err := it.load()
	if err != nil {
		return err
	}
	e.Station, e.Galleries = im.flags.Station, im.flags.Gallery
	in := &immisv1.EnrollRequest{
		Context: im.rc, RequestId: im.job + "/" + requestPart(it.name), SubjectId: im.flags.SubjectPrefix + subject,
		Encounter: e, CheckDuplicates: im.flags.CheckDuplicates,
	}
	for _, s := range e.GetSamples() {
		im.bytes.Add(uint64(len(s.GetData())))
	}
	wait, deadline := 50*time.Millisecond, time.Now().Add(patience)
	for {
		_, err := enrollOne(ctx, im.conn, im.timeout, add, in)
		switch status.Code(err) {
		case codes.ResourceExhausted, codes.Unavailable:
		default:
			return err
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
		wait = min(2*wait, 2*time.Second)
	}
}

// requestPart keeps a request identifier within its 128 bytes.
func requestPart(name string) string {
	if len(name) <= 64 {
		return name
	}
	h := sha256.Sum256([]byte(name))
	return hex.EncodeToString(h[:16])
}

func itoa(n int) string { return strconv.Itoa(n) }
