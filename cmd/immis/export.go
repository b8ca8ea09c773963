package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

type exportCmd struct {
	client
	Folder  string   `arg:"" help:"Folder to write into; made with mode 0700."`
	Gallery string   `placeholder:"ID" help:"Only people of this gallery."`
	Subject []string `placeholder:"ID" help:"Only these people."`
	Workers int      `default:"4" help:"Requests under way, 1-64 (default ${default})."`
}

// subjectFile is written last: where it stands, the subject is complete.
const subjectFile = "subject.json"

// Help implements kong.HelpProvider.
func (*exportCmd) Help() string {
	return `Writes each person into a folder of their own: subject.json (the API's GetSubjectResponse without the bytes of samples) and one file per sample, as it is stored (records as they were sent, face vectors at unit length in 32 bits). Each read is written into the ledger. An export that was interrupted is started again with the same command.

The files are NOT sealed: they are made with mode 0600, and what happens to them is up to you.

Example:
  immis export --purpose data-subject-request --case DSR-2026-17 --subject S-1 out/`
}

type exportResult struct {
	Subjects uint64  `json:"subjects"`
	Skipped  uint64  `json:"skipped"`
	Gone     uint64  `json:"gone"`
	Seconds  float64 `json:"seconds"`
}

// exporter writes subjects with several workers.
type exporter struct {
	c                   *exportCmd
	conn                *grpc.ClientConn
	rc                  *immisv1.RequestContext
	progress            *progress
	done, skipped, gone atomic.Uint64
}

// Run exports.
func (c *exportCmd) Run(a *app) error {
	if c.Workers < 1 || c.Workers > 64 {
		return usage("workers %d, want 1 to 64", c.Workers)
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return usage("folder %s: %v", c.Folder, err)
	}
	return c.call(a, func(ctx context.Context, conn *grpc.ClientConn, rc *immisv1.RequestContext) error {
		x := &exporter{c: c, conn: conn, rc: rc, progress: a.progress("exported")}
		err := x.run(ctx)
		took := x.progress.end()
		r := exportResult{Subjects: x.done.Load(), Skipped: x.skipped.Load(), Gone: x.gone.Load(), Seconds: took.Seconds()}
		if a.json {
			err = errors.Join(err, a.printValue(r))
		}
		a.printf("exported %d people in %s, %d were there already, %d were deleted meanwhile\n", r.Subjects, since(took), r.Skipped, r.Gone)
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
	if _, err := os.Stat(final); err == nil {
		x.skipped.Add(1)
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
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
	if err := writeSubject(dir, s); err != nil {
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

func writeSubject(dir string, s *immisv1.GetSubjectResponse) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, e := range s.GetEncounters() {
		for j, m := range e.GetSamples() {
			if len(m.GetData()) == 0 {
				continue
			}
			if err := writeFile(filepath.Join(dir, fmt.Sprintf("%03d-%02d%s", i, j, extension(m.GetFormat()))), m.GetData()); err != nil {
				return err
			}
			m.Data = nil
		}
	}
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(proto.Message(s))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, b, "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	return writeFile(filepath.Join(dir, subjectFile), text.Bytes())
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

func extension(f immisv1.Format) string {
	switch f {
	case immisv1.Format_FORMAT_FACE_FLOAT32:
		return ".f32"
	case immisv1.Format_FORMAT_FACE_FLOAT16:
		return ".f16"
	case immisv1.Format_FORMAT_FACE_INT8:
		return ".i8"
	case immisv1.Format_FORMAT_ISO_19794_2_2005:
		return ".iso"
	case immisv1.Format_FORMAT_PNG:
		return ".png"
	case immisv1.Format_FORMAT_JPEG:
		return ".jpg"
	case immisv1.Format_FORMAT_WSQ:
		return ".wsq"
	case immisv1.Format_FORMAT_JPEG2000:
		return ".jp2"
	}
	return "." + strings.ToLower(f.String())
}
