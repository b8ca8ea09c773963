package engine

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"immis/store"
	"immis/templates"
)

// recordVersion is the first byte of every stored record.
const recordVersion = 1

// encounterVersion is that of encounter records: 2 added a sample's resolution and
// origin. Version 1 is still read.
const encounterVersion = 2

// storedSample is the stored form of a sample: what was said about it, its
// templates in the normal form, and its bytes where they are kept.
type storedSample struct {
	Sample
	// source is the hash of the bytes as they were sent (provenance).
	source [sha256.Size]byte
	// size is how many bytes were sent.
	size uint32
	// blob names the sealed file of a kept image; zero: none.
	blob store.BlobID
	// templates are the searchable views.
	templates []templates.Template
}

// record is the stored form of an encounter: sealed before it leaves the engine,
// our own layout, versioned by its first byte.
type record struct {
	// order counts enrolments; equal evidence is listed by it, before and after a restart.
	order     uint64
	encounter Encounter // Samples unused
	samples   []storedSample
}

// encodeEncounter writes what an encounter says apart from its samples.
func encodeEncounter(w *encoder, e *Encounter) {
	w.text(e.Subject)
	w.text(e.ID)
	w.time(e.Time)
	w.text(e.Station)
	w.text(e.Operator)
	w.u8(uint8(e.Purpose))
	w.bool(e.KeepImages)
	w.texts(e.Galleries)
	b := &e.Biographic
	w.u32(uint32(len(b.Names)))
	for _, n := range b.Names {
		w.u8(uint8(n.Kind))
		w.text(n.Surname)
		w.text(n.GivenNames)
		w.text(n.Patronymic)
	}
	w.text(b.BirthDate)
	w.u8(b.Sex)
	w.texts(b.Nationalities)
	w.text(b.BirthPlace)
	w.u32(uint32(len(e.Documents)))
	for _, d := range e.Documents {
		w.text(d.Type)
		w.text(d.Number)
		w.text(d.Issuer)
		w.text(d.Expiry)
	}
	w.u32(uint32(len(e.MissingFingers)))
	for _, m := range e.MissingFingers {
		w.u8(uint8(m.Position))
		w.u8(m.Reason)
	}
}

func decodeEncounter(r *decoder) Encounter {
	e := Encounter{Subject: r.text(), ID: r.text(), Time: r.time(), Station: r.text(), Operator: r.text(),
		Purpose: Purpose(r.u8()), KeepImages: r.bool(), Galleries: r.texts()}
	for range r.count(13) {
		e.Biographic.Names = append(e.Biographic.Names, PersonName{Kind: NameKind(r.u8()), Surname: r.text(), GivenNames: r.text(), Patronymic: r.text()})
	}
	e.Biographic.BirthDate = r.text()
	e.Biographic.Sex = r.u8()
	e.Biographic.Nationalities = r.texts()
	e.Biographic.BirthPlace = r.text()
	for range r.count(16) {
		e.Documents = append(e.Documents, Document{Type: r.text(), Number: r.text(), Issuer: r.text(), Expiry: r.text()})
	}
	for range r.count(2) {
		e.MissingFingers = append(e.MissingFingers, MissingFinger{Position: templates.Position(r.u8()), Reason: r.u8()})
	}
	return e
}

// encodeSampleFacts writes what was said about a sample.
func encodeSampleFacts(w *encoder, s *Sample) {
	w.u8(uint8(s.Modality))
	w.u8(uint8(s.Position))
	w.u8(uint8(s.Format))
	w.text(s.Model)
	w.u8(s.Quality)
	w.text(s.QualityAlgorithm)
	w.text(s.CaptureDevice)
	w.text(s.Extractor)
	w.u8(s.PresentationAttack.Outcome)
	w.u8(s.PresentationAttack.Score)
	w.text(s.PresentationAttack.Algorithm)
	w.time(s.Captured)
	w.u64(math.Float64bits(s.Resolution))
	w.text(s.Origin)
}

func decodeSampleFacts(r *decoder, version uint8) Sample {
	s := Sample{Modality: templates.Modality(r.u8()), Position: templates.Position(r.u8()), Format: templates.Format(r.u8()),
		Model: r.text(), Quality: r.u8(), QualityAlgorithm: r.text(), CaptureDevice: r.text(), Extractor: r.text(),
		PresentationAttack: PresentationAttack{Outcome: r.u8(), Score: r.u8(), Algorithm: r.text()}, Captured: r.time()}
	if version >= 2 {
		s.Resolution, s.Origin = math.Float64frombits(r.u64()), r.text()
	}
	return s
}

// encode writes the stored form.
func (rec *record) encode() ([]byte, error) {
	w := &encoder{b: make([]byte, 0, 4096)}
	w.u8(encounterVersion)
	w.u64(rec.order)
	encodeEncounter(w, &rec.encounter)
	w.u32(uint32(len(rec.samples)))
	for i := range rec.samples {
		s := &rec.samples[i]
		encodeSampleFacts(w, &s.Sample)
		w.b = append(w.b, s.source[:]...)
		w.u32(s.size)
		w.b = append(w.b, s.blob[:]...)
		w.bytes(s.Data)
		w.u32(uint32(len(s.templates)))
		for _, t := range s.templates {
			stored, err := templates.AppendStored(nil, t)
			if err != nil {
				return nil, fmt.Errorf("sample %d: %w", i, err)
			}
			w.bytes(stored)
		}
	}
	return w.b, nil
}

// decodeRecord reads the stored form; unknown versions, lies about lengths and
// trailing bytes are refused.
func decodeRecord(b []byte) (*record, error) {
	r := &decoder{b: b, what: "encounter record"}
	version := r.u8()
	if version < 1 || version > encounterVersion {
		return nil, templates.Bad(templates.ReasonWrongVersion, "encounter record version", version, fmt.Sprintf("1..%d", encounterVersion))
	}
	rec := &record{order: r.u64(), encounter: decodeEncounter(r)}
	for range r.count(60) {
		s := storedSample{Sample: decodeSampleFacts(r, version)}
		copy(s.source[:], r.take(len(s.source)))
		s.size = r.u32()
		copy(s.blob[:], r.take(len(s.blob)))
		s.Data = r.bytes()
		for range r.count(4) {
			stored := r.take(int(r.u32()))
			if r.err != nil {
				break
			}
			t, err := templates.DecodeStored(stored)
			if err != nil {
				return nil, fmt.Errorf("decode encounter record: %w", err)
			}
			s.templates = append(s.templates, t)
		}
		rec.samples = append(rec.samples, s)
	}
	return rec, r.end()
}

// views are the templates of each sample.
func (rec *record) views() []sampleViews {
	out := make([]sampleViews, len(rec.samples))
	for i := range rec.samples {
		out[i] = sampleViews{rec.samples[i].Quality, rec.samples[i].templates}
	}
	return out
}

// requestValue is the fixed encoding of an enrolment as it was asked for. Two
// requests with one identifier are the same request when these bytes are the same.
func requestValue(req *EnrollRequest, add bool) []byte {
	w := &encoder{b: make([]byte, 0, 4096)}
	w.u8(encounterVersion)
	w.bool(add)
	w.text(req.Caller.Principal)
	w.u8(uint8(req.Caller.Purpose))
	w.text(req.Caller.Case)
	w.text(req.Subject)
	w.bool(req.CheckDuplicates)
	encodeEncounter(w, &req.Encounter)
	w.u32(uint32(len(req.Encounter.Samples)))
	for i := range req.Encounter.Samples {
		s := &req.Encounter.Samples[i]
		encodeSampleFacts(w, s)
		w.bytes(s.Data)
	}
	return w.b
}

// encodeAnswer writes what a repeated enrolment is answered; number and time come
// from the ledger.
func encodeAnswer(a *EnrollResult) []byte {
	w := &encoder{}
	w.u8(encounterVersion)
	w.text(a.Subject)
	w.text(a.Encounter)
	w.u32(uint32(len(a.Samples)))
	for _, s := range a.Samples {
		w.u32(uint32(s.Sample))
		w.bool(s.Searchable)
		w.text(s.Reason)
		w.u32(uint32(s.Views))
		w.text(s.Origin)
	}
	return w.b
}

func decodeAnswer(b []byte) (EnrollResult, error) {
	r := &decoder{b: b, what: "answer"}
	version := r.u8()
	if version < 1 || version > encounterVersion {
		return EnrollResult{}, templates.Bad(templates.ReasonWrongVersion, "answer version", version, fmt.Sprintf("1..%d", encounterVersion))
	}
	a := EnrollResult{Subject: r.text(), Encounter: r.text()}
	for range r.count(13) {
		s := SampleReport{Sample: int(r.u32()), Searchable: r.bool(), Reason: r.text(), Views: int(r.u32())}
		if version >= 2 {
			s.Origin = r.text()
		}
		a.Samples = append(a.Samples, s)
	}
	return a, r.end()
}

// encodeGallery and decodeGallery are the stored form of a gallery.
func encodeGallery(g *Gallery) []byte {
	w := &encoder{}
	w.u8(recordVersion)
	w.text(g.ID)
	w.text(g.Description)
	w.texts(g.Readers)
	return w.b
}

func decodeGallery(b []byte) (Gallery, error) {
	r := &decoder{b: b, what: "gallery record"}
	if v := r.u8(); v != recordVersion {
		return Gallery{}, templates.Bad(templates.ReasonWrongVersion, "gallery record version", v, recordVersion)
	}
	g := Gallery{ID: r.text(), Description: r.text(), Readers: r.texts()}
	return g, r.end()
}

// encodeCheck and decodeCheck are the stored form of a duplicate check's result;
// subjects are pseudonyms, so that an erasure leaves no name behind.
func encodeCheck(state DuplicateState, at time.Time, subjects []store.ID) []byte {
	w := &encoder{}
	w.u8(recordVersion)
	w.u8(uint8(state))
	w.time(at)
	w.u32(uint32(len(subjects)))
	for _, s := range subjects {
		w.b = append(w.b, s[:]...)
	}
	return w.b
}

func decodeCheck(b []byte) (state DuplicateState, at time.Time, subjects []store.ID, err error) {
	r := &decoder{b: b, what: "duplicate check record"}
	if v := r.u8(); v != recordVersion {
		return 0, at, nil, templates.Bad(templates.ReasonWrongVersion, "duplicate check record version", v, recordVersion)
	}
	state = DuplicateState(r.u8())
	at = r.time()
	for range r.count(len(store.ID{})) {
		var id store.ID
		copy(id[:], r.take(len(id)))
		subjects = append(subjects, id)
	}
	return state, at, subjects, r.end()
}
