package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
)

type exportCmd struct {
	client
	Folder  string   `arg:"" help:"Folder to write into; made with mode 0700."`
	Gallery string   `placeholder:"ID" help:"Only people of this gallery."`
	Subject []string `placeholder:"ID" help:"Only these people."`
	Workers int      `default:"4" help:"Requests under way, 1-64 (default ${default})."`
	Format  string   `default:"as-stored" placeholder:"NAME" help:"Format of the minutiae records: as-stored, iso-19794-2-2005, iso-19794-2-2011, ansi-378-2004, ansi-378-2007, ansi-378-2009, ansi-378-2009-am1; or cbeff-xml, one document per encounter (default ${default})."`

	AgeRecipient      []string `name:"age-recipient" placeholder:"age1..." help:"Seal every file for this recipient (age-keygen -y)."`
	AgeRecipientsFile []string `name:"age-recipients-file" placeholder:"FILE" type:"existingfile" help:"Seal every file for the recipients listed there."`
}

// subjectFile is written last: where it stands, the subject is complete.
const subjectFile = "subject.json"

// Help implements kong.HelpProvider.
func (*exportCmd) Help() string {
	return `Writes each person into a folder of their own: subject.json (the API's GetSubjectResponse without the bytes of samples) and one file per sample, as it is stored (records as they were sent, face vectors at unit length in 32 bits), and a manifest.csv of all, which immis import reads. Each read is written into the ledger. An export that was interrupted is started again with the same command; people who are in the folder are not read again, so take an empty folder for the present state.

With --format minutiae records are written anew in that format, rounded to its pixels; what cannot be written in it stays as stored. cbeff-xml puts the samples of an encounter that such a document can hold into one, the others stand beside it. A manifest has room for one name and one document of a person; subject.json has all.

The files are made with mode 0600 and are NOT sealed, unless --age-recipient or --age-recipients-file is given: then every file is encrypted, manifest.csv.age too, and files are named by numbers. A sealed export goes into an empty folder and is not continued. Passphrases are not taken: they are guessed.

With --json the answer is one object: subjects, skipped (there already), gone (deleted meanwhile), as_stored (samples that --format could not hold), reduced (people about whom subject.json says more than the manifest), seconds.

Examples:
  immis export --purpose data-subject-request --case DSR-2026-17 --subject S-1 out/
  immis export --purpose readmission --gallery transfer --format iso-19794-2-2011 --age-recipient age1... sealed/
  immis import --purpose test sealed/manifest.csv.age --age-identity key.txt`
}

type exportResult struct {
	Subjects uint64  `json:"subjects"`
	Skipped  uint64  `json:"skipped"`
	Gone     uint64  `json:"gone"`
	AsStored uint64  `json:"as_stored"`
	Reduced  uint64  `json:"reduced"`
	Seconds  float64 `json:"seconds"`
}

// exporter writes subjects with several workers.
type exporter struct {
	c                   *exportCmd
	conn                *grpc.ClientConn
	rc                  *immisv1.RequestContext
	progress            *progress
	done, skipped, gone atomic.Uint64
	convert             converter
	sealed              *sealedFolder // nil: files are not sealed
	reduced             uint64
}

// Run exports.
func (c *exportCmd) Run(a *app) error {
	if c.Workers < 1 || c.Workers > 64 {
		return usage("workers %d, want 1 to 64", c.Workers)
	}
	format, err := exportFormat(c.Format)
	if err != nil {
		return err
	}
	recipients, err := readRecipients(c.AgeRecipient, c.AgeRecipientsFile)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return usage("folder %s: %v", c.Folder, err)
	}
	var sealed *sealedFolder
	if len(recipients) > 0 {
		if sealed, err = newSealedFolder(c.Folder, recipients); err != nil {
			return err
		}
	}
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		x := &exporter{c: c, conn: conn, rc: rc, progress: a.progress("exported"), convert: converter{to: format}, sealed: sealed}
		err := x.run(ctx)
		if err == nil {
			err = x.manifest()
		} else if sealed != nil {
			err = errors.Join(err, sealed.discard())
		}
		took := x.progress.end()
		r := exportResult{
			Subjects: x.done.Load(), Skipped: x.skipped.Load(), Gone: x.gone.Load(), AsStored: x.convert.kept.Load(), Reduced: x.reduced, Seconds: took.Seconds(),
		}
		if a.json {
			err = errors.Join(err, a.printValue(r))
		}
		a.printf("exported %d people in %s, %d were there already and not read again, %d were deleted meanwhile\n", r.Subjects, since(took), r.Skipped, r.Gone)
		if r.AsStored > 0 {
			a.printf("%d samples cannot be written as %s and are as stored\n", r.AsStored, c.Format)
		}
		if r.Reduced > 0 {
			a.printf("about %d people subject.json says more than the manifest has columns for\n", r.Reduced)
		}
		return err
	})
}

func (x *exporter) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan string)
	var workers sync.WaitGroup
	for range x.c.Workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for id := range todo {
				if err := x.subject(ctx, id); err != nil {
					cancel(err)
				}
			}
		}()
	}
	err := x.list(ctx, func(id string) bool {
		select {
		case todo <- id:
			return true
		case <-ctx.Done():
			return false
		}
	})
	close(todo)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// list calls fn for each subject to be exported until fn says no.
func (x *exporter) list(ctx context.Context, fn func(id string) bool) error {
	if len(x.c.Subject) > 0 {
		for _, id := range x.c.Subject {
			if !fn(id) {
				return nil
			}
		}
		return nil
	}
	token := ""
	for {
		page, err := x.page(ctx, token)
		if err != nil {
			return err
		}
		for _, id := range page.GetSubjectIds() {
			if !fn(id) {
				return nil
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			return nil
		}
	}
}

func (x *exporter) page(ctx context.Context, token string) (*immisv1.ListSubjectsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, x.c.Timeout)
	defer cancel()
	return immisv1.NewEnrollmentServiceClient(x.conn).ListSubjects(ctx, &immisv1.ListSubjectsRequest{
		Context: x.rc, GalleryId: x.c.Gallery, PageSize: 1000, PageToken: token,
	})
}

func (x *exporter) subject(ctx context.Context, id string) error {
	dir := filepath.Join(x.c.Folder, folderName(id))
	final := filepath.Join(dir, subjectFile)
	if x.sealed == nil {
		if _, err := os.Stat(final); err == nil {
			x.skipped.Add(1)
			return nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s, err := x.get(ctx, &immisv1.GetSubjectRequest{Context: x.rc, SubjectId: id, IncludeSamples: true})
	if err != nil && explain(err).Reason == "OVERSIZED" {
		s, err = x.piecewise(ctx, id)
	}
	if status.Code(err) == codes.NotFound && len(x.c.Subject) == 0 {
		x.gone.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	if x.sealed != nil {
		err = x.sealed.subject(&x.convert, s)
	} else if err = os.MkdirAll(dir, 0o700); err == nil {
		_, err = writeSubject(&x.convert, s, func(name string, data []byte) (string, error) {
			return name, writeFile(filepath.Join(dir, name), data)
		})
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	x.progress.update(x.done.Add(1), 0)
	return nil
}

func (x *exporter) get(ctx context.Context, in *immisv1.GetSubjectRequest) (*immisv1.GetSubjectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, x.c.Timeout)
	defer cancel()
	return immisv1.NewEnrollmentServiceClient(x.conn).GetSubject(ctx, in)
}

// piecewise gets a subject that is larger than an answer may be, encounter by encounter.
func (x *exporter) piecewise(ctx context.Context, id string) (*immisv1.GetSubjectResponse, error) {
	whole, err := x.get(ctx, &immisv1.GetSubjectRequest{Context: x.rc, SubjectId: id})
	if err != nil {
		return nil, err
	}
	for i, e := range whole.GetEncounters() {
		part, err := x.get(ctx, &immisv1.GetSubjectRequest{Context: x.rc, SubjectId: id, EncounterId: e.GetEncounterId(), IncludeSamples: true})
		if err != nil {
			return nil, err
		}
		if n := len(part.GetEncounters()); n != 1 {
			return nil, fmt.Errorf("get one encounter: got %d, want 1", n)
		}
		whole.Encounters[i] = part.GetEncounters()[0]
	}
	return whole, nil
}

// folderName turns an identifier, which may hold anything, into a safe name: the
// letters in front keep "." and ".." out. An escaped name longer than file systems
// allow is replaced by its hash; subject.json names the subject in any case.
func folderName(id string) string {
	name := "s-" + url.PathEscape(id)
	if len(name) > 200 {
		h := sha256.Sum256([]byte(id))
		name = "h-" + hex.EncodeToString(h[:16])
	}
	return name
}

// writeFile writes aside and renames, so that a file is whole or not there.
func writeFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(b); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
