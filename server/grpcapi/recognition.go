package grpcapi

import (
	"context"
	"fmt"

	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/templates"
)

type recognition struct {
	immisv1.UnimplementedRecognitionServiceServer
	s *Services
}

func (h *recognition) Identify(ctx context.Context, in *immisv1.IdentifyRequest) (*immisv1.IdentifyResponse, error) {
	out, err := h.s.identify(ctx, in)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return out, nil
}

// identify answers one search; its errors are those of the domain.
func (s *Services) identify(ctx context.Context, in *immisv1.IdentifyRequest) (*immisv1.IdentifyResponse, error) {
	b, c, err := s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, err
	}
	req, err := identifyRequest(c, in)
	if err != nil {
		return nil, err
	}
	r, err := b.engine.Identify(ctx, req)
	if err != nil {
		return nil, err
	}
	return protoIdentify(r), nil
}

func identifyRequest(c engine.Caller, in *immisv1.IdentifyRequest) (engine.IdentifyRequest, error) {
	req := engine.IdentifyRequest{Caller: c}
	var err error
	switch p := in.GetProbe().(type) {
	case *immisv1.IdentifyRequest_Samples:
		req.Probe.Samples, err = samples("samples.samples", p.Samples.GetSamples(), 1)
	case *immisv1.IdentifyRequest_SubjectId:
		req.Probe.Subject, err = p.SubjectId, text("subject_id", p.SubjectId, 1, maxID)
	case *immisv1.IdentifyRequest_Encounter:
		var ref engine.EncounterRef
		ref, err = encounterRef("encounter", p.Encounter)
		req.Probe.Encounter = &ref
	default:
		err = templates.Bad(engine.ReasonClaim, "probe", "is missing", "samples, subject_id or encounter")
	}
	if err != nil {
		return req, err
	}
	if req.Galleries, err = galleryNames("galleries", in.GetGalleries()); err != nil {
		return req, err
	}
	if in.GetMaxCandidates() > maxTop {
		return req, templates.Bad(templates.ReasonOutOfRange, "max_candidates", in.GetMaxCandidates(), "1 to 100")
	}
	req.MaxCandidates = int(in.GetMaxCandidates())
	if err := known("mode", int32(in.GetMode()), 0, 2); err != nil {
		return req, err
	}
	req.Mode = engine.SearchMode(in.GetMode())
	req.Filter, err = searchFilter("filter", in.GetFilter())
	return req, err
}

// searchFilter reads what narrows a search; which purposes may use it, and what a
// year or a country may be, is the engine's rule.
func searchFilter(field string, in *immisv1.SearchFilter) (engine.SearchFilter, error) {
	var f engine.SearchFilter
	if err := count(field+".modalities", len(in.GetModalities()), 0, 3); err != nil {
		return f, err
	}
	for i, m := range in.GetModalities() {
		ours, err := modality(fmt.Sprintf("%s.modalities[%d]", field, i), m)
		if err != nil {
			return f, err
		}
		f.Modalities = append(f.Modalities, ours)
	}
	if q := in.GetMinQuality(); q > 100 {
		return f, templates.Bad(templates.ReasonOutOfRange, field+".min_quality", q, "0 to 100")
	}
	if err := known(field+".sex", int32(in.GetSex()), 0, 3); err != nil {
		return f, err
	}
	if err := count(field+".nationalities", len(in.GetNationalities()), 0, maxNations); err != nil {
		return f, err
	}
	f.MinQuality, f.Sex, f.Nationalities = uint8(in.GetMinQuality()), uint8(in.GetSex()), in.GetNationalities()
	f.BirthYearFrom, f.BirthYearTo = int(in.GetBirthYearFrom()), int(in.GetBirthYearTo())
	return f, nil
}

func (h *recognition) Verify(ctx context.Context, in *immisv1.VerifyRequest) (*immisv1.VerifyResponse, error) {
	b, c, err := h.s.begin(ctx, in.GetContext())
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	req, err := verifyRequest(c, in)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	r, err := b.engine.Verify(ctx, req)
	if err != nil {
		return nil, h.s.Status(ctx, err)
	}
	return &immisv1.VerifyResponse{
		Outcome: immisv1.Outcome(r.Outcome), Log10Lr: finite(r.Log10LR), SampleScores: protoScores(r.Scores), Reasons: r.Reasons, LedgerEntry: r.Entry,
	}, nil
}

func verifyRequest(c engine.Caller, in *immisv1.VerifyRequest) (engine.VerifyRequest, error) {
	req := engine.VerifyRequest{Caller: c}
	var err error
	if req.Probe, err = samples("probe.samples", in.GetProbe().GetSamples(), 1); err != nil {
		return req, err
	}
	switch claim := in.GetClaim().(type) {
	case *immisv1.VerifyRequest_SubjectId:
		req.Claim.Subject, err = claim.SubjectId, text("subject_id", claim.SubjectId, 1, maxID)
	case *immisv1.VerifyRequest_Encounter:
		var ref engine.EncounterRef
		ref, err = encounterRef("encounter", claim.Encounter)
		req.Claim.Encounter = &ref
	case *immisv1.VerifyRequest_Samples:
		req.Claim.Samples, err = samples("samples.samples", claim.Samples.GetSamples(), 1)
	default:
		err = templates.Bad(engine.ReasonClaim, "claim", "is missing", "subject_id, encounter or samples")
	}
	return req, err
}
