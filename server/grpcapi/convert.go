package grpcapi

import (
	"fmt"
	"math"

	formats "immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/templates"
)

// This file reads messages into the engine's values; answers.go writes the
// other direction. Field paths are those of the messages, so that a station
// can point at what it sent.

func format(field string, f immisv1.Format) (templates.Format, error) {
	if ours := formats.FromAPI(f); ours.Known() {
		return ours, nil
	}
	return 0, templates.Bad(templates.ReasonFormat, field, int32(f), "one of the formats of immis.v1.Format")
}

func modality(field string, m immisv1.Modality) (templates.Modality, error) {
	switch m {
	case immisv1.Modality_MODALITY_FACE:
		return templates.ModalityFace, nil
	case immisv1.Modality_MODALITY_FINGER:
		return templates.ModalityFinger, nil
	case immisv1.Modality_MODALITY_IRIS:
		return templates.ModalityIris, nil
	}
	return 0, templates.Bad(ReasonEnum, field, int32(m), "face (1), finger (2) or iris (3)")
}

func protoModality(m templates.Modality) immisv1.Modality {
	switch m {
	case templates.ModalityFace:
		return immisv1.Modality_MODALITY_FACE
	case templates.ModalityFinger:
		return immisv1.Modality_MODALITY_FINGER
	case templates.ModalityIris:
		return immisv1.Modality_MODALITY_IRIS
	}
	return immisv1.Modality_MODALITY_UNSPECIFIED
}

func position(field string, p immisv1.Position) (templates.Position, error) {
	if p >= 0 && p <= immisv1.Position_POSITION_LEFT_LITTLE {
		return templates.Position(p), nil
	}
	if p >= immisv1.Position_POSITION_RIGHT_FOUR && p <= immisv1.Position_POSITION_THUMBS {
		return templates.Position(p), nil // of an image; the engine looks whether it is one
	}
	return 0, templates.Bad(templates.ReasonPosition, field, int32(p), "0 to 10, or 13 to 15 for an image of several fingers")
}

// samples reads lo to maxSamples samples.
func samples(field string, in []*immisv1.Sample, lo int) ([]engine.Sample, error) {
	if err := count(field, len(in), lo, maxSamples); err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, nil
	}
	out := make([]engine.Sample, len(in))
	for i, s := range in {
		var err error
		if out[i], err = sample(fmt.Sprintf("%s[%d]", field, i), s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func sample(field string, in *immisv1.Sample) (engine.Sample, error) {
	var s engine.Sample
	var err error
	if s.Format, err = format(field+".format", in.GetFormat()); err != nil {
		return s, err
	}
	if !s.Format.Container() || in.GetModality() != immisv1.Modality_MODALITY_UNSPECIFIED {
		if s.Modality, err = modality(field+".modality", in.GetModality()); err != nil {
			return s, err
		}
	}
	if s.Position, err = position(field+".position", in.GetPosition()); err != nil {
		return s, err
	}
	if s.Modality == templates.ModalityFace && s.Position != templates.PositionUnknown {
		return s, templates.Bad(templates.ReasonPosition, field+".position", uint8(s.Position), "0 for a face")
	}
	s.Resolution = in.GetResolutionPpi()
	if m := s.Format.Modality(); m != templates.ModalityUnknown && m != s.Modality {
		return s, templates.Bad(engine.ReasonModality, field+".format", s.Format.String()+" of a "+s.Modality.String(), "a format of that modality")
	}
	switch n := len(in.GetData()); {
	case n == 0:
		return s, templates.Bad(templates.ReasonEmpty, field+".data", "has 0 bytes", fmt.Sprintf("1 to %d", maxSampleData))
	case n > maxSampleData:
		return s, templates.Bad(templates.ReasonOversized, field+".data", fmt.Sprintf("has %d bytes", n), fmt.Sprintf("<= %d", maxSampleData))
	}
	s.Data = in.GetData()
	least := 0
	if s.Format.Encoding() != templates.EncodingUnknown {
		least = 1
	}
	if err = token(field+".model", in.GetModel(), least, maxToken, templates.ReasonModel); err != nil {
		return s, err
	}
	s.Model = in.GetModel()
	if s.Quality, err = percent(field+".quality", in.Quality); err != nil {
		return s, err
	}
	for _, t := range []struct {
		name string
		from string
		to   *string
		hi   int
	}{
		{"quality_algorithm", in.GetQualityAlgorithm(), &s.QualityAlgorithm, maxShort},
		{"capture_device", in.GetCaptureDevice(), &s.CaptureDevice, maxLong},
		{"extractor", in.GetExtractor(), &s.Extractor, maxShort},
	} {
		if err = text(field+"."+t.name, t.from, 0, t.hi); err != nil {
			return s, err
		}
		*t.to = t.from
	}
	s.PresentationAttack.Score = templates.QualityUnknown
	if pad := in.GetPresentationAttack(); pad != nil {
		at := field + ".presentation_attack"
		if err = known(at+".outcome", int32(pad.GetOutcome()), 0, 3); err != nil {
			return s, err
		}
		s.PresentationAttack.Outcome = uint8(pad.GetOutcome())
		if s.PresentationAttack.Score, err = percent(at+".score", pad.Score); err != nil {
			return s, err
		}
		if err = text(at+".algorithm", pad.GetAlgorithm(), 0, maxShort); err != nil {
			return s, err
		}
		s.PresentationAttack.Algorithm = pad.GetAlgorithm()
	}
	s.Captured, err = optionalTime(field+".captured", in.GetCaptured())
	return s, err
}

// encounter reads an encounter to be enrolled. Output-only fields are ignored.
// Here are the bounds of the message; what a date, a country or a clock may be
// is the engine's rule, so that every transport has the same.
func encounter(field string, in *immisv1.Encounter) (engine.Encounter, error) {
	var e engine.Encounter
	if in == nil {
		return e, templates.Bad(ReasonRequired, field, "is missing", "an encounter")
	}
	var err error
	if err = text(field+".encounter_id", in.GetEncounterId(), 0, maxID); err != nil {
		return e, err
	}
	e.ID = in.GetEncounterId()
	if e.Time, err = optionalTime(field+".time", in.GetTime()); err != nil {
		return e, err
	}
	if err = text(field+".station", in.GetStation(), 0, maxShort); err != nil {
		return e, err
	}
	if err = text(field+".operator", in.GetOperator(), 0, maxShort); err != nil {
		return e, err
	}
	e.Station, e.Operator = in.GetStation(), in.GetOperator()
	if e.Galleries, err = galleryNames(field+".galleries", in.GetGalleries()); err != nil {
		return e, err
	}
	if e.Biographic, err = biographic(field+".biographic_data", in.GetBiographicData()); err != nil {
		return e, err
	}
	if e.Documents, err = documents(field+".documents", in.GetDocuments()); err != nil {
		return e, err
	}
	if e.MissingFingers, err = missingFingers(field+".missing_fingers", in.GetMissingFingers()); err != nil {
		return e, err
	}
	if e.Samples, err = samples(field+".samples", in.GetSamples(), 0); err != nil {
		return e, err
	}
	if len(e.Samples) == 0 && len(e.MissingFingers) == 0 {
		return e, templates.Bad(ReasonRequired, field+".samples", "has 0 and no missing finger", "at least one sample or one missing finger")
	}
	e.KeepImages = in.GetKeepImages()
	return e, nil
}

func galleryNames(field string, in []string) ([]string, error) {
	if err := count(field, len(in), 0, maxGalleries); err != nil {
		return nil, err
	}
	for i, g := range in {
		if err := token(fmt.Sprintf("%s[%d]", field, i), g, 1, maxToken, engine.ReasonIdentifier); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func biographic(field string, in *immisv1.BiographicData) (engine.Biographic, error) {
	var b engine.Biographic
	if in == nil {
		return b, nil
	}
	if err := count(field+".names", len(in.GetNames()), 0, maxNames); err != nil {
		return b, err
	}
	for i, n := range in.GetNames() {
		at := fmt.Sprintf("%s.names[%d]", field, i)
		if err := known(at+".kind", int32(n.GetKind()), 0, 4); err != nil {
			return b, err
		}
		for _, part := range [][2]string{{"surname", n.GetSurname()}, {"given_names", n.GetGivenNames()}, {"patronymic", n.GetPatronymic()}} {
			if err := text(at+"."+part[0], part[1], 0, maxLong); err != nil {
				return b, err
			}
		}
		b.Names = append(b.Names, engine.PersonName{
			Kind: engine.NameKind(n.GetKind()), Surname: n.GetSurname(), GivenNames: n.GetGivenNames(), Patronymic: n.GetPatronymic(),
		})
	}
	if err := known(field+".sex", int32(in.GetSex()), 0, 3); err != nil {
		return b, err
	}
	if err := count(field+".nationalities", len(in.GetNationalities()), 0, maxNations); err != nil {
		return b, err
	}
	if err := text(field+".birth_place", in.GetBirthPlace(), 0, maxLong); err != nil {
		return b, err
	}
	b.BirthDate, b.Sex, b.Nationalities, b.BirthPlace = in.GetBirthDate(), uint8(in.GetSex()), in.GetNationalities(), in.GetBirthPlace()
	return b, nil
}

func documents(field string, in []*immisv1.Document) ([]engine.Document, error) {
	if err := count(field, len(in), 0, maxDocuments); err != nil {
		return nil, err
	}
	var out []engine.Document
	for i, d := range in {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := text(at+".type", d.GetType(), 1, maxToken); err != nil {
			return nil, err
		}
		if err := text(at+".number", d.GetNumber(), 1, maxToken); err != nil {
			return nil, err
		}
		if err := text(at+".issuer", d.GetIssuer(), 0, maxToken); err != nil {
			return nil, err
		}
		out = append(out, engine.Document{Type: d.GetType(), Number: d.GetNumber(), Issuer: d.GetIssuer(), Expiry: d.GetExpiryDate()})
	}
	return out, nil
}

func missingFingers(field string, in []*immisv1.MissingFinger) ([]engine.MissingFinger, error) {
	if err := count(field, len(in), 0, maxMissing); err != nil {
		return nil, err
	}
	var out []engine.MissingFinger
	var seen [11]bool
	for i, m := range in {
		at := fmt.Sprintf("%s[%d]", field, i)
		p, err := position(at+".position", m.GetPosition())
		if err != nil {
			return nil, err
		}
		if p == templates.PositionUnknown || seen[p] {
			return nil, templates.Bad(templates.ReasonPosition, at+".position", uint8(p), "1 to 10, each once")
		}
		seen[p] = true
		if err := known(at+".reason", int32(m.GetReason()), 1, 2); err != nil {
			return nil, err
		}
		out = append(out, engine.MissingFinger{Position: p, Reason: uint8(m.GetReason())})
	}
	return out, nil
}

func encounterRef(field string, in *immisv1.EncounterRef) (engine.EncounterRef, error) {
	if err := text(field+".subject_id", in.GetSubjectId(), 1, maxID); err != nil {
		return engine.EncounterRef{}, err
	}
	if err := text(field+".encounter_id", in.GetEncounterId(), 1, maxID); err != nil {
		return engine.EncounterRef{}, err
	}
	return engine.EncounterRef{Subject: in.GetSubjectId(), Encounter: in.GetEncounterId()}, nil
}

func gallery(field string, in *immisv1.Gallery) (engine.Gallery, error) {
	if in == nil {
		return engine.Gallery{}, templates.Bad(ReasonRequired, field, "is missing", "a gallery")
	}
	if err := token(field+".gallery_id", in.GetGalleryId(), 1, maxToken, engine.ReasonIdentifier); err != nil {
		return engine.Gallery{}, err
	}
	if err := text(field+".description", in.GetDescription(), 0, maxText); err != nil {
		return engine.Gallery{}, err
	}
	if err := count(field+".readers", len(in.GetReaders()), 0, maxReaders); err != nil {
		return engine.Gallery{}, err
	}
	for i, r := range in.GetReaders() {
		if err := text(fmt.Sprintf("%s.readers[%d]", field, i), r, 1, maxID); err != nil {
			return engine.Gallery{}, err
		}
	}
	return engine.Gallery{ID: in.GetGalleryId(), Description: in.GetDescription(), Readers: in.GetReaders()}, nil
}

// finite keeps infinities out of answers: JSON has no word for them.
func finite(v float64) float64 {
	return math.Max(-math.MaxFloat64, math.Min(math.MaxFloat64, v))
}
