package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	formats "immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/store"
	"immis/templates"
)

// Every error of the domain has its code, wrapped or not.
func TestCodes(t *testing.T) {
	internal, rejected := 0, map[string]int{}
	s := New(Options{InternalErrors: func() { internal++ }, Rejected: func(reason string) { rejected[reason]++ }})
	ctx := context.Background()
	for _, c := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{templates.Bad(templates.ReasonTruncated, "sample", "cut", "whole"), codes.InvalidArgument, "TRUNCATED"},
		{&engine.Error{Reason: "NOT_FOUND", Err: engine.ErrNotFound, What: "subject"}, codes.NotFound, "NOT_FOUND"},
		{store.ErrNotFound, codes.NotFound, "NOT_FOUND"},
		{&engine.Error{Reason: "ALREADY_EXISTS", Err: engine.ErrExists}, codes.AlreadyExists, "ALREADY_EXISTS"},
		{store.ErrExists, codes.AlreadyExists, "ALREADY_EXISTS"},
		{engine.ErrConflict, codes.Aborted, "REQUEST_ID_REUSED"},
		{store.ErrConflict, codes.Aborted, "REQUEST_ID_REUSED"},
		{engine.ErrOverloaded, codes.ResourceExhausted, "OVERLOADED"},
		{store.ErrOverloaded, codes.ResourceExhausted, "OVERLOADED"},
		{store.ErrDiskFull, codes.ResourceExhausted, "DISK_FULL"},
		{engine.ErrNotReady, codes.Unavailable, "NOT_READY"},
		{errStarting, codes.Unavailable, "NOT_READY"},
		{ErrDraining, codes.Unavailable, "SHUTTING_DOWN"},
		{store.ErrStopped, codes.Unavailable, "LEDGER_STOPPED"},
		{&engine.Error{Reason: "NOTHING_SEARCHABLE", Err: engine.ErrPrecondition}, codes.FailedPrecondition, "NOTHING_SEARCHABLE"},
		{errNoCheckpoints, codes.FailedPrecondition, "NO_CHECKPOINT_DIRECTORY"},
		{errPrincipal, codes.Unauthenticated, "BAD_PRINCIPAL"},
		{context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE"},
		{context.Canceled, codes.Canceled, "CANCELED"},
		{io.ErrUnexpectedEOF, codes.Internal, "INTERNAL"},
		{store.ErrDamaged, codes.DataLoss, "DAMAGED"},
		{store.ErrCorrupt, codes.DataLoss, "DAMAGED"},
		{&engine.Error{Reason: engine.ReasonIndexBroken, Err: engine.ErrNotReady}, codes.Unavailable, "INDEX_BROKEN"},
		{&InFlightError{What: "requests", Limit: 1}, codes.ResourceExhausted, "TOO_MANY_IN_FLIGHT"},
		{&OversizedError{Got: 2, Limit: 1}, codes.FailedPrecondition, "OVERSIZED"},
		{store.ErrErased, codes.Internal, "INTERNAL"},
		{store.ErrInvalid, codes.Internal, "INTERNAL"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("use case: %w", c.err)} {
			// A status goes through a second time when a stream ends with it.
			code, reason, _ := reasonOf(s.Status(ctx, s.Status(ctx, err)))
			if code != c.code || reason != c.reason {
				t.Errorf("%v: %v %s, want %v %s", err, code, reason, c.code, c.reason)
			}
		}
	}
	if internal != 6 || rejected["INTERNAL"] != 6 || rejected["DAMAGED"] != 4 {
		t.Errorf("%d internal errors and %v counted, want 6, 6 INTERNAL and 4 DAMAGED", internal, rejected)
	}
	if s.Status(ctx, nil) != nil {
		t.Error("no error became one")
	}
	if got := status.Code(s.Status(ctx, status.Error(codes.DataLoss, "x"))); got != codes.DataLoss {
		t.Errorf("a status became %v, want it unchanged", got)
	}
}

func TestInternalErrorsAreOpaque(t *testing.T) {
	var log strings.Builder
	s := New(Options{Logger: testLogger(&log)})
	err := s.Status(context.Background(), errors.New("row 17 of table 3 is cut"))
	_, _, text := reasonOf(err)
	ref := text[strings.LastIndex(text, " ")+1:]
	if strings.Contains(text, "row 17") || len(ref) < 16 {
		t.Errorf("text %q, want no cause and a reference", text)
	}
	if !strings.Contains(log.String(), ref) || !strings.Contains(log.String(), "row 17") {
		t.Errorf("log %q, want the cause under %s", log.String(), ref)
	}
}

func TestInputErrorsCarryEverything(t *testing.T) {
	err := New(Options{}).Status(context.Background(), templates.BadAt(17, templates.ReasonOutOfRange, "encounter.samples[2].quality", 101, "0 to 100"))
	var violation *errdetails.BadRequest_FieldViolation
	var meta map[string]string
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			violation = d.GetFieldViolations()[0]
		case *errdetails.ErrorInfo:
			meta = d.GetMetadata()
			if d.GetDomain() != Domain {
				t.Errorf("domain %q, want %q", d.GetDomain(), Domain)
			}
		}
	}
	if violation.GetField() != "encounter.samples[2].quality" || violation.GetReason() != "OUT_OF_RANGE" || violation.GetDescription() != "101, want 0 to 100" {
		t.Errorf("violation %v", violation)
	}
	if meta["field"] != "encounter.samples[2].quality" || meta["got"] != "101" || meta["want"] != "0 to 100" || meta["offset"] != "17" {
		t.Errorf("metadata %v", meta)
	}
}

// Formats, modalities and purposes have the same meaning on both sides.
func TestVocabulariesAgree(t *testing.T) {
	for n, name := range immisv1.Format_name {
		f, err := format("f", immisv1.Format(n))
		if n == 0 {
			if err == nil {
				t.Error("unspecified format accepted")
			}
			continue
		}
		if err != nil || int32(formats.ToAPI(f)) != n {
			t.Errorf("%s -> %v -> %v, %v", name, f, formats.ToAPI(f), err)
		}
	}
	for n, name := range immisv1.Modality_name {
		m, err := modality("m", immisv1.Modality(n))
		if n != 0 && (err != nil || int32(protoModality(m)) != n) {
			t.Errorf("%s -> %v, %v", name, m, err)
		}
	}
	if engine.PurposeTest != engine.Purpose(immisv1.Purpose_PURPOSE_TEST) || engine.PurposeLawEnforcement != engine.Purpose(immisv1.Purpose_PURPOSE_LAW_ENFORCEMENT) {
		t.Error("purposes of the engine and the API differ")
	}
	if engine.DuplicateUnderReview != engine.DuplicateState(immisv1.DuplicateState_DUPLICATE_STATE_UNDER_REVIEW) || engine.OutcomeMatch != engine.Outcome(immisv1.Outcome_OUTCOME_MATCH) {
		t.Error("states or outcomes of the engine and the API differ")
	}
}

// The header of the API is the stored header: the store reads it back.
func TestHeaderIsTheStoredOne(t *testing.T) {
	e := store.Entry{
		Number: 1<<40 + 7, Time: time.Unix(1_700_000_000, 123456789).UTC(), Kind: engine.KindVerify, Purpose: 5, Result: 3,
		Object: store.ID{1, 2, 3}, Principal: "spiffe://immis/desk-1", Case: "A/1", BodyHash: [32]byte{9}, BodySize: 77, State: store.Digest{4},
	}
	for _, change := range []func(){func() {}, func() { e.Principal, e.Case = "", "" }, func() { e.Object = store.ID{} }} {
		change()
		raw, err := header(&e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := store.DecodeEntry(raw)
		if err != nil || back != e {
			t.Errorf("read back %+v, %v; want %+v", back, err, e)
		}
		if tlog.RecordHash(raw) != e.LeafHash() {
			t.Error("leaf hash differs")
		}
	}
}

// No bytes from outside may panic the decoding or the checks, and what passes
// the checks is inside the bounds that the messages promise.
func FuzzEnrollRequest(f *testing.F) {
	score := uint32(3)
	seeds := []*immisv1.EnrollRequest{
		{},
		{Context: &immisv1.RequestContext{Purpose: 99}, SubjectId: "x"},
		{RequestId: "r", SubjectId: "s", Encounter: &immisv1.Encounter{
			EncounterId: "e", Galleries: []string{"g"},
			BiographicData: &immisv1.BiographicData{Names: []*immisv1.PersonName{{Kind: 1, Surname: "Шевченко"}}, Sex: 1, Nationalities: []string{"UKR"}},
			Documents:      []*immisv1.Document{{Type: "passport", Number: "1", Issuer: "UKR"}},
			Samples: []*immisv1.Sample{{Modality: 1, Format: 1, Data: make([]byte, 64), Model: "m", Quality: &score,
				PresentationAttack: &immisv1.PresentationAttackResult{Outcome: 1, Score: &score}}},
			MissingFingers: []*immisv1.MissingFinger{{Position: 3, Reason: 1}},
		}},
		{Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{nil, {}}, Documents: []*immisv1.Document{nil}}},
	}
	if len(seeds) < 4 {
		f.Fatalf("%d seeds, want at least 4", len(seeds))
	}
	for _, s := range seeds {
		b, err := proto.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0x1a, 2, 0xff, 0xfe})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &immisv1.EnrollRequest{}
		if err := Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, in); err != nil {
			t.Fatalf("codec: %v, want the mark instead", err)
		}
		if Malformed(in) != nil {
			if in.GetEncounter() != nil || in.GetSubjectId() != "" {
				t.Error("a message that did not decode has content")
			}
			return
		}
		req, err := enrollRequest(engine.Caller{}, in.GetRequestId(), in.GetSubjectId(), 0, in.GetEncounter(), false)
		var bad *templates.InputError
		if err != nil {
			if !errors.As(err, &bad) || bad.Field == "" || bad.Want == "" {
				t.Errorf("error %v, want an input error with field and want", err)
			}
			return
		}
		if len(req.Encounter.Samples) > maxSamples || len(req.Subject) > maxID || len(req.Encounter.Galleries) > maxGalleries {
			t.Error("a request beyond its bounds passed")
		}
		// What came in goes out the same, as far as it is stored.
		out := protoEncounter(req.Encounter)
		again, err := encounter("encounter", out)
		if err != nil {
			t.Fatalf("own answer is refused: %v", err)
		}
		if len(again.Samples) != len(req.Encounter.Samples) || again.ID != req.Encounter.ID {
			t.Error("round trip changed the encounter")
		}
	})
}
