package grpcapi

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
)

type enrollment struct {
	immisv1.UnimplementedEnrollmentServiceServer
	s *Services
}

func (h *enrollment) Enroll(ctx context.Context, in *immisv1.EnrollRequest) (*immisv1.EnrollResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	req, err := enrollRequest(c, in.GetRequestId(), in.GetSubjectId(), 0, in.GetEncounter(), in.GetCheckDuplicates())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	r, err := b.engine.Enroll(ctx, req)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.EnrollResponse{
		SubjectId: r.Subject, EncounterId: r.Encounter, LedgerEntry: r.Entry, Recorded: protoTime(r.Recorded), Samples: protoReports(r.Samples),
	}, nil
}

func (h *enrollment) AddEncounter(ctx context.Context, in *immisv1.AddEncounterRequest) (*immisv1.AddEncounterResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	req, err := enrollRequest(c, in.GetRequestId(), in.GetSubjectId(), 1, in.GetEncounter(), in.GetCheckDuplicates())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	r, err := b.engine.AddEncounter(ctx, req)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.AddEncounterResponse{
		SubjectId: r.Subject, EncounterId: r.Encounter, LedgerEntry: r.Entry, Recorded: protoTime(r.Recorded), Samples: protoReports(r.Samples),
	}, nil
}

func enrollRequest(c engine.Caller, requestID, subject string, least int, enc *immisv1.Encounter, check bool) (engine.EnrollRequest, error) {
	if err := text("request_id", requestID, 0, maxID); err != nil {
		return engine.EnrollRequest{}, err
	}
	if err := text("subject_id", subject, least, maxID); err != nil {
		return engine.EnrollRequest{}, err
	}
	e, err := encounter("encounter", enc)
	if err != nil {
		return engine.EnrollRequest{}, err
	}
	return engine.EnrollRequest{Caller: c, RequestID: requestID, Subject: subject, Encounter: e, CheckDuplicates: check}, nil
}

func (h *enrollment) GetSubject(ctx context.Context, in *immisv1.GetSubjectRequest) (*immisv1.GetSubjectResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err == nil {
		err = text("subject_id", in.GetSubjectId(), 1, maxID)
	}
	if err == nil {
		err = text("encounter_id", in.GetEncounterId(), 0, maxID)
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	v, err := b.engine.GetSubject(ctx, c, engine.EncounterRef{Subject: in.GetSubjectId(), Encounter: in.GetEncounterId()}, in.GetIncludeSamples())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	out := &immisv1.GetSubjectResponse{SubjectId: v.ID, Galleries: v.Galleries, LedgerEntry: v.Entry}
	for _, e := range v.Encounters {
		out.Encounters = append(out.Encounters, protoEncounter(e))
	}
	// One encounter came in one message and goes out in one; together they have no
	// bound of their own.
	if n := proto.Size(out); n > h.s.opt.MaxAnswer && in.GetEncounterId() == "" {
		return nil, h.s.Status(ctx, &OversizedError{Got: n, Limit: h.s.opt.MaxAnswer})
	}
	return out, nil
}

func (h *enrollment) ListSubjects(ctx context.Context, in *immisv1.ListSubjectsRequest) (*immisv1.ListSubjectsResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err == nil {
		err = token("gallery_id", in.GetGalleryId(), 0, maxToken, engine.ReasonIdentifier)
	}
	if err == nil {
		err = text("page_token", in.GetPageToken(), 0, maxText)
	}
	size := 0
	if err == nil {
		size, err = page("page_size", in.GetPageSize())
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	ids, next, err := b.engine.ListSubjects(ctx, c, in.GetGalleryId(), size, in.GetPageToken())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.ListSubjectsResponse{SubjectIds: ids, NextPageToken: next}, nil
}

func (h *enrollment) DeleteSubject(ctx context.Context, in *immisv1.DeleteSubjectRequest) (*immisv1.DeleteSubjectResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, true)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.DeleteSubject(ctx, c, in.GetRequestId(), in.GetSubjectId())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.DeleteSubjectResponse{LedgerEntry: n}, nil
}

func (h *enrollment) DeleteEncounter(ctx context.Context, in *immisv1.DeleteEncounterRequest) (*immisv1.DeleteEncounterResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, true)
	if err == nil {
		err = text("encounter_id", in.GetEncounterId(), 1, maxID)
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.DeleteEncounter(ctx, c, in.GetRequestId(), engine.EncounterRef{Subject: in.GetSubjectId(), Encounter: in.GetEncounterId()})
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.DeleteEncounterResponse{LedgerEntry: n}, nil
}

func (h *enrollment) EraseSubject(ctx context.Context, in *immisv1.EraseSubjectRequest) (*immisv1.EraseSubjectResponse, error) {
	b, c, err := h.s.beginChange(ctx, in, true)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	n, err := b.engine.EraseSubject(ctx, c, in.GetRequestId(), in.GetSubjectId())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	// The epoch is read after the erasure: should one have ended between the two,
	// the answer names a later epoch than needed, never an earlier one.
	st, err := b.ledger.Stats()
	if err != nil {
		return nil, h.s.Status(ctx, fmt.Errorf("key epoch after an erasure: %w", err))
	}
	return &immisv1.EraseSubjectResponse{LedgerEntry: n, KeyEpoch: st.KeyEpoch}, nil
}

func (h *enrollment) GetDuplicateCheck(ctx context.Context, in *immisv1.GetDuplicateCheckRequest) (*immisv1.GetDuplicateCheckResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	var ref engine.EncounterRef
	if err == nil {
		err = text("subject_id", in.GetSubjectId(), 1, maxID)
	}
	if err == nil {
		err = text("encounter_id", in.GetEncounterId(), 1, maxID)
	}
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	ref = engine.EncounterRef{Subject: in.GetSubjectId(), Encounter: in.GetEncounterId()}
	d, err := b.engine.DuplicateCheck(ctx, c, ref)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.GetDuplicateCheckResponse{Check: protoCheck(d)}, nil
}

func (h *enrollment) WatchDuplicateChecks(in *immisv1.WatchDuplicateChecksRequest, out grpc.ServerStreamingServer[immisv1.WatchDuplicateChecksResponse]) error {
	ctx, cancel := h.s.draining(out.Context())
	defer cancel(nil)
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err == nil {
		err = count("encounters", len(in.GetEncounters()), 1, maxWatch)
	}
	if err != nil {
		return h.s.Status(ctx, err)
	}
	refs := make([]engine.EncounterRef, len(in.GetEncounters()))
	for i, r := range in.GetEncounters() {
		if refs[i], err = encounterRef(fmt.Sprintf("encounters[%d]", i), r); err != nil {
			return h.s.Status(ctx, err)
		}
	}
	err = b.engine.WatchDuplicateChecks(ctx, c, refs, func(d engine.DuplicateCheck) error {
		return out.Send(&immisv1.WatchDuplicateChecksResponse{Check: protoCheck(d)})
	})
	return h.s.Status(ctx, drainCause(ctx, err))
}
