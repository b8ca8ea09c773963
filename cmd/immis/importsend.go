package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/templates"
)

// patience is how long an import waits for a server that is overloaded or
// restarts, before it gives up.
const patience = 2 * time.Minute

// item sends one encounter, unless the journal knows it; taken tells whether the server
// has it.
func (im *importer) item(ctx context.Context, subject string, it *item, add bool) (taken bool, err error) {
	e, err := it.load()
	if err != nil || e == nil {
		return false, err
	}
	if e.GetStation() == "" {
		e.Station = im.flags.Station
	}
	e.Galleries = append(e.GetGalleries(), im.flags.Gallery...)
	in := &immisv1.EnrollRequest{
		Context: im.rc, RequestId: im.job + "/" + it.request, SubjectId: im.flags.SubjectPrefix + subject,
		Encounter: e, CheckDuplicates: im.flags.CheckDuplicates,
	}
	var key journalKey
	if im.journal != nil {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(in)
		if err != nil {
			return false, fmt.Errorf("encode request: %w", err)
		}
		h := sha256.Sum256(b)
		key = journalKey(h[:len(key)])
		if im.journal.has(key) {
			im.skipped.Add(1)
			im.sent.Add(1)
			return true, nil
		}
	}
	if err := im.send(ctx, in, add); err != nil {
		return false, err
	}
	for _, s := range e.GetSamples() {
		im.bytes.Add(uint64(len(s.GetData())))
	}
	im.sent.Add(1)
	return true, im.journal.add(key, it.name)
}

// send enrolls. Where encounters go to people who are enrolled already, it always asks
// for the enrolment first, under an identifier of its own: a repetition then takes the
// same way, whatever else was enrolled in between.
func (im *importer) send(ctx context.Context, in *immisv1.EnrollRequest, add bool) error {
	enroll := func(ctx context.Context) error {
		_, err := enrollOne(ctx, im.conn, im.timeout, add, in)
		return err
	}
	if !im.addTo {
		return im.patiently(ctx, enroll)
	}
	add = false
	err := im.patiently(ctx, enroll)
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	add, in.RequestId = true, in.GetRequestId()+"+"
	return im.patiently(ctx, enroll)
}

// patiently repeats what the server could not take now.
func (im *importer) patiently(ctx context.Context, ask func(context.Context) error) error {
	wait, deadline := 50*time.Millisecond, time.Now().Add(patience)
	for {
		err := ask(ctx)
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded:
		case codes.ResourceExhausted:
			if tooLarge(err) {
				return err
			}
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

// tooLarge tells the transport's refusal of a large message from a lack of capacity,
// which has a reason of ours.
func tooLarge(err error) bool {
	return status.Code(err) == codes.ResourceExhausted && explain(err).Reason == "" && strings.Contains(err.Error(), "larger than max")
}

// rejected says what is wrong with a record; nil for errors that are not the record's:
// those of the server, of the connection, and of this command.
func (im *importer) rejected(it *item, err error) *rejection {
	var r *rejection
	if errors.As(err, &r) {
		return r
	}
	e := explain(err)
	r = &rejection{File: it.name, Reason: e.Reason, Message: e.Message}
	var bad *templates.InputError
	if errors.As(err, &bad) {
		if bad.Offset != templates.NoOffset {
			r.Offset = strconv.Itoa(bad.Offset)
		}
		return r
	}
	if tooLarge(err) {
		r.Reason, r.Message = string(templates.ReasonOversized), "larger than a request to the server may be"
		return r
	}
	switch status.Code(err) {
	case codes.InvalidArgument:
		r.File, r.Offset = it.file(e.Field), offsetOf(err)
	case codes.Aborted:
		if r.Reason == engine.ReasonRequestConflict {
			r.Message = "was sent before with other content or other options. If it is part of the same encounter, put its rows or files next to each other; if it is new content, give it another name or --job"
		}
	case codes.AlreadyExists:
		r.Message += ": enrolled by something else than this import; --add adds encounters to people who are enrolled"
	case codes.NotFound:
		if len(im.flags.Gallery) > 0 {
			return nil // a gallery that does not exist: every record would be rejected
		}
		r.Message += ": the subject, or one of the galleries"
	case codes.FailedPrecondition:
	default:
		return nil
	}
	return r
}

var samplePath = regexp.MustCompile(`^encounter\.samples\[(\d+)\]`)

// file is which file of the item an error of the server is about.
func (it *item) file(field string) string {
	if m := samplePath.FindStringSubmatch(field); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && it.files != nil && n < len(it.files()) {
			return it.files()[n]
		}
	}
	return it.name
}

// offsetOf is where in the sample the server saw the error, "" where it does not tell.
func offsetOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			return i.GetMetadata()["offset"]
		}
	}
	return ""
}

// requestPart keeps a request identifier within its 128 bytes.
func requestPart(name string) string {
	if len(name) <= 64 {
		return name
	}
	return hashed(name)
}

// hashed is a part of a request identifier that tells nothing.
func hashed(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:16])
}
