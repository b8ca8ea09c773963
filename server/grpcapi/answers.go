package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	formats "immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/store"
	"immis/templates"
)

// This file writes the engine's values into messages.

func protoTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func protoPercent(v uint8) *uint32 {
	if v == templates.QualityUnknown {
		return nil
	}
	u := uint32(v)
	return &u
}

func protoReports(in []engine.SampleReport) []*immisv1.SampleReport {
	out := make([]*immisv1.SampleReport, len(in))
	for i, r := range in {
		out[i] = &immisv1.SampleReport{Sample: uint32(r.Sample), Searchable: r.Searchable, Reason: r.Reason, Views: uint32(r.Views), Origin: r.Origin}
	}
	return out
}

func protoSample(s engine.Sample) *immisv1.Sample {
	out := &immisv1.Sample{
		Modality: protoModality(s.Modality), Position: immisv1.Position(s.Position), Format: formats.ToAPI(s.Format),
		Data: s.Data, Model: s.Model, Quality: protoPercent(s.Quality), QualityAlgorithm: s.QualityAlgorithm,
		CaptureDevice: s.CaptureDevice, Extractor: s.Extractor, Captured: protoTime(s.Captured),
		ResolutionPpi: s.Resolution, NotSearchableReason: s.NotSearchable, Origin: s.Origin,
	}
	if pad := s.PresentationAttack; pad.Outcome != 0 || pad.Algorithm != "" || pad.Score != templates.QualityUnknown {
		out.PresentationAttack = &immisv1.PresentationAttackResult{
			Outcome: immisv1.PresentationAttackResult_Outcome(pad.Outcome), Score: protoPercent(pad.Score), Algorithm: pad.Algorithm,
		}
	}
	return out
}

func protoEncounter(e engine.Encounter) *immisv1.Encounter {
	out := &immisv1.Encounter{
		EncounterId: e.ID, SubjectId: e.Subject, Time: protoTime(e.Time), Station: e.Station, Operator: e.Operator,
		Purpose: immisv1.Purpose(e.Purpose), Galleries: e.Galleries, KeepImages: e.KeepImages,
	}
	b := e.Biographic
	if len(b.Names) > 0 || b.BirthDate != "" || b.Sex != 0 || len(b.Nationalities) > 0 || b.BirthPlace != "" {
		bio := &immisv1.BiographicData{BirthDate: b.BirthDate, Sex: immisv1.Sex(b.Sex), Nationalities: b.Nationalities, BirthPlace: b.BirthPlace}
		for _, n := range b.Names {
			bio.Names = append(bio.Names, &immisv1.PersonName{
				Kind: immisv1.PersonName_Kind(n.Kind), Surname: n.Surname, GivenNames: n.GivenNames, Patronymic: n.Patronymic,
			})
		}
		out.BiographicData = bio
	}
	for _, d := range e.Documents {
		out.Documents = append(out.Documents, &immisv1.Document{Type: d.Type, Number: d.Number, Issuer: d.Issuer, ExpiryDate: d.Expiry})
	}
	for _, s := range e.Samples {
		out.Samples = append(out.Samples, protoSample(s))
	}
	for _, m := range e.MissingFingers {
		out.MissingFingers = append(out.MissingFingers, &immisv1.MissingFinger{
			Position: immisv1.Position(m.Position), Reason: immisv1.MissingFingerReason(m.Reason),
		})
	}
	return out
}

func protoCheck(c engine.DuplicateCheck) *immisv1.DuplicateCheck {
	return &immisv1.DuplicateCheck{
		SubjectId: c.Ref.Subject, EncounterId: c.Ref.Encounter, State: immisv1.DuplicateState(c.State),
		SubjectIds: c.Subjects, Time: protoTime(c.Time), LedgerEntry: c.Entry,
	}
}

func protoScores(in []engine.SampleScore) []*immisv1.SampleScore {
	out := make([]*immisv1.SampleScore, len(in))
	for i, s := range in {
		out[i] = &immisv1.SampleScore{
			Modality: protoModality(s.Modality), Position: immisv1.Position(s.Position), Model: s.Model,
			EncounterId: s.Encounter, Score: finite(s.Score), Log10Lr: finite(s.Log10LR),
		}
	}
	return out
}

func protoIdentify(r engine.IdentifyResult) *immisv1.IdentifyResponse {
	out := &immisv1.IdentifyResponse{
		Outcome: immisv1.Outcome(r.Outcome), Mode: immisv1.SearchMode(r.Mode), SubjectsSearched: r.Subjects,
		Comparisons: r.Comparisons, RowsExcluded: r.Excluded, SureAbove: r.SureAbove, IndexVersion: r.Version, LedgerEntry: r.Entry,
	}
	for _, c := range r.Candidates {
		out.Candidates = append(out.Candidates, &immisv1.Candidate{
			SubjectId: c.Subject, Outcome: immisv1.Outcome(c.Outcome), Log10Lr: finite(c.Log10LR),
			SampleScores: protoScores(c.Scores), Reasons: c.Reasons,
		})
	}
	return out
}

func protoGallery(g engine.Gallery) *immisv1.Gallery {
	return &immisv1.Gallery{GalleryId: g.ID, Description: g.Description, Readers: g.Readers, Subjects: g.Subjects}
}

func protoEntry(e store.Entry) (*immisv1.LedgerEntry, error) {
	raw, err := header(&e)
	if err != nil {
		return nil, err
	}
	out := &immisv1.LedgerEntry{
		Number: e.Number, Time: timestamppb.New(e.Time), Kind: engine.KindName(e.Kind), Purpose: immisv1.Purpose(e.Purpose),
		Principal: e.Principal, CaseReference: e.Case, Result: engine.ResultName(e.Result),
		BodyHash: e.BodyHash[:], Header: raw,
	}
	if e.Object != (store.ID{}) {
		out.ObjectPseudonym = e.Object[:]
	}
	return out, nil
}
