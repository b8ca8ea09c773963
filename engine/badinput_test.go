package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"immis/bench/synth"
	"immis/templates"
)

// image of everything that a refused request must leave alone.
type image struct {
	entries                      uint64
	rows                         string
	subjects, encounters, models int
	pending, list                int
	users                        int
}

func (h *house) image(t *testing.T) image {
	t.Helper()
	st, err := h.store.Stats()
	if err != nil {
		t.Fatal(err)
	}
	r := h.engine.register
	r.mu.RLock()
	defer r.mu.RUnlock()
	im := image{entries: st.Entries, rows: fmt.Sprint(st.Rows), subjects: len(r.subjects), encounters: int(r.encounters.Load()),
		models: len(r.models), pending: h.engine.checks.len(), list: len(r.list)}
	for _, m := range r.models {
		im.users += m.users
	}
	return im
}

// spoiled is one finger record to be spoiled; its layout is drawn in iso19794.
func spoiled(t *testing.T, w *synth.World, spoil func(b []byte) []byte) Sample {
	t.Helper()
	s := fingerSample(t, w, 1, 0, templates.RightIndex)
	s.Data = spoil(slices.Clone(s.Data))
	return s
}

func vector(dims int, at func(i int) float32) []float32 {
	v := make([]float32, dims)
	for i := range v {
		v[i] = at(i)
	}
	return v
}

// TestBadInput: every bad input of the list has its reason and its sentinel, says
// what it got and what it wants, and leaves ledger and register as they were.
func TestBadInput(t *testing.T) {
	ctx := context.Background()
	h := open(t, plan{engine: func(o *Options) { o.Clock = func() time.Time { return noon } }})
	w := crowd(t)
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "here"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "closed", Readers: []string{"somebody-else"}}); err != nil {
		t.Fatal(err)
	}
	mustEnroll(t, h, EnrollRequest{Caller: clerk, RequestID: "used", Subject: "boris", Encounter: Encounter{ID: "b", Samples: []Sample{faceSample(w, 2, 0)}}})

	type change func(r *EnrollRequest)
	sample := func(s Sample) change { return func(r *EnrollRequest) { r.Encounter.Samples = []Sample{s} } }
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	ramp := func(i int) float32 { return float32(i%7) - 3 }
	face := func(dims int, at func(i int) float32) change {
		return sample(vectorSample("other/1", vector(dims, at)))
	}
	cases := []struct {
		name   string
		reason templates.Reason
		change change
	}{
		{"finger record truncated", templates.ReasonTruncated, sample(spoiled(t, w, func(b []byte) []byte { return b[:len(b)-5] }))},
		{"finger record cut in its header", templates.ReasonTruncated, sample(spoiled(t, w, func(b []byte) []byte { return b[:10] }))},
		{"finger record with trailing bytes", templates.ReasonTrailing, sample(spoiled(t, w, func(b []byte) []byte { return append(b, 1, 2, 3) }))},
		{"finger record of another version", templates.ReasonWrongVersion, sample(spoiled(t, w, func(b []byte) []byte { b[6] = '9'; return b }))},
		{"finger record with another magic", templates.ReasonWrongMagic, sample(spoiled(t, w, func(b []byte) []byte { b[0] = 'X'; return b }))},
		{"minutia outside the image", templates.ReasonMinutiaOutside, sample(spoiled(t, w, func(b []byte) []byte { b[28] |= 0x3f; b[29] = 0xff; return b }))},
		{"no minutiae", templates.ReasonMinutiaCount, sample(spoiled(t, w, func(b []byte) []byte {
			b = append(b[:28:28], 0, 0)
			b[27] = 0
			b[8], b[9], b[10], b[11] = 0, 0, 0, byte(len(b))
			return b
		}))},
		{"unknown finger position in the record", templates.ReasonPosition, sample(spoiled(t, w, func(b []byte) []byte { b[24] = 11; return b }))},
		{"another finger than stated", templates.ReasonPosition, func(r *EnrollRequest) {
			s := fingerSample(t, w, 1, 0, templates.RightIndex)
			s.Position = templates.LeftIndex
			r.Encounter.Samples = []Sample{s}
		}},
		{"unknown finger position", templates.ReasonPosition, func(r *EnrollRequest) {
			s := fingerSample(t, w, 1, 0, templates.RightIndex)
			s.Position = 11
			r.Encounter.Samples = []Sample{s}
		}},
		{"position of a face", templates.ReasonPosition, func(r *EnrollRequest) { r.Encounter.Samples[0].Position = templates.RightThumb }},
		{"oversized sample", templates.ReasonOversized, sample(pngSample(maxSampleBytes + 1))},
		{"too many samples", templates.ReasonOversized, func(r *EnrollRequest) { r.Encounter.Samples = make([]Sample, maxSamples+1) }},
		{"empty sample", templates.ReasonEmpty, func(r *EnrollRequest) { r.Encounter.Samples[0].Data = nil }},
		{"unknown format", templates.ReasonFormat, func(r *EnrollRequest) { r.Encounter.Samples[0].Format = 200 }},
		{"image with another signature", templates.ReasonWrongMagic, func(r *EnrollRequest) {
			s := pngSample(100)
			s.Data[1] = 'Q'
			r.Encounter.Samples = []Sample{s}
		}},
		{"modality of another format", ReasonModality, func(r *EnrollRequest) { r.Encounter.Samples[0].Modality = templates.ModalityFinger }},
		{"unknown modality", ReasonModality, func(r *EnrollRequest) { r.Encounter.Samples[0].Modality = 9 }},
		{"zero vector", templates.ReasonZeroVector, face(16, func(int) float32 { return 0 })},
		{"constant vector", templates.ReasonConstantVector, face(16, func(int) float32 { return 0.5 })},
		{"NaN in a vector", templates.ReasonNotFinite, face(16, func(i int) float32 { return []float32{1, nan}[i%2] })},
		{"Inf in a vector", templates.ReasonNotFinite, face(16, func(i int) float32 { return []float32{1, inf}[i%2] })},
		{"too few dimensions", templates.ReasonDimension, face(15, ramp)},
		{"too many dimensions", templates.ReasonDimension, face(4097, ramp)},
		{"vector of odd length", templates.ReasonWrongLength, func(r *EnrollRequest) {
			r.Encounter.Samples[0].Data = r.Encounter.Samples[0].Data[:509]
		}},
		{"wrong dimension for a known model", templates.ReasonDimension, sample(vectorSample(w.FaceModel(), vector(64, ramp)))},
		{"two dimensions for one new model", templates.ReasonDimension, func(r *EnrollRequest) {
			r.Encounter.Samples = []Sample{vectorSample("new/1", vector(16, ramp)), vectorSample("new/1", vector(17, ramp))}
		}},
		{"no model", templates.ReasonModel, sample(vectorSample("", vector(16, ramp)))},
		{"bad model", templates.ReasonModel, sample(vectorSample("a b", vector(16, ramp)))},
		{"quality out of range", templates.ReasonQuality, func(r *EnrollRequest) { r.Encounter.Samples[0].Quality = 101 }},
		{"nothing to enroll", templates.ReasonEmpty, func(r *EnrollRequest) { r.Encounter.Samples = nil }},
		{"time in the future", ReasonTime, func(r *EnrollRequest) { r.Encounter.Time = noon.Add(maxSkew + time.Second) }},
		{"time before 1900", ReasonTime, func(r *EnrollRequest) { r.Encounter.Time = earliestTime.Add(-1) }},
		{"capture in the future", ReasonTime, func(r *EnrollRequest) { r.Encounter.Samples[0].Captured = noon.Add(time.Hour) }},
		{"invalid UTF-8 in a name", templates.ReasonUTF8, func(r *EnrollRequest) { r.Encounter.Biographic.Names = []PersonName{{Surname: "\xff"}} }},
		{"invalid UTF-8 in the subject", templates.ReasonUTF8, func(r *EnrollRequest) { r.Subject = "a\xc3" }},
		{"invalid UTF-8 in the request", templates.ReasonUTF8, func(r *EnrollRequest) { r.RequestID = "\xff" }},
		{"control character in a station", templates.ReasonUTF8, func(r *EnrollRequest) { r.Encounter.Station = "a\nb" }},
		{"long name", templates.ReasonOversized, func(r *EnrollRequest) {
			r.Encounter.Biographic.Names = []PersonName{{Surname: strings.Repeat("a", 257)}}
		}},
		{"long subject", ReasonIdentifier, func(r *EnrollRequest) { r.Subject = strings.Repeat("a", 129) }},
		{"no such birth date", ReasonDate, func(r *EnrollRequest) { r.Encounter.Biographic.BirthDate = "2001-02-29" }},
		{"finger missing twice", ReasonDuplicate, func(r *EnrollRequest) {
			r.Encounter.MissingFingers = []MissingFinger{{templates.LeftRing, 1}, {templates.LeftRing, 2}}
		}},
		{"finger missing and captured", ReasonDuplicate, func(r *EnrollRequest) {
			r.Encounter.Samples = []Sample{fingerSample(t, w, 1, 0, templates.RightIndex)}
			r.Encounter.MissingFingers = []MissingFinger{{templates.RightIndex, 1}}
		}},
		{"no purpose", ReasonPurpose, func(r *EnrollRequest) { r.Caller.Purpose = 0 }},
		{"unknown purpose", ReasonPurpose, func(r *EnrollRequest) { r.Caller.Purpose = purposeEnd }},
		{"purpose without its case", ReasonCase, func(r *EnrollRequest) { r.Caller.Purpose = PurposeLawEnforcement }},
		{"no principal", ReasonIdentifier, func(r *EnrollRequest) { r.Caller.Principal = "" }},
		{"gallery with a bad name", ReasonIdentifier, func(r *EnrollRequest) { r.Encounter.Galleries = []string{"a b"} }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req := enrollFace(w, "new", 9, 0)
			c.change(&req)
			before := h.image(t)
			_, err := h.engine.Enroll(ctx, req)
			var bad *templates.InputError
			if !errors.As(err, &bad) {
				t.Fatalf("error %T %v, want an InputError with %s", err, err, c.reason)
			}
			if bad.Reason != c.reason || bad.Field == "" || bad.Got == "" || bad.Want == "" {
				t.Errorf("error %+v, want reason %s and all parts", *bad, c.reason)
			}
			if after := h.image(t); after != before {
				t.Errorf("left behind: %+v, was %+v", after, before)
			}
		})
	}

	t.Run("more than 255 minutiae", func(t *testing.T) {
		f := w.Finger(1, templates.RightIndex, 0)
		for len(f.Minutiae) <= 255 {
			f.Minutiae = append(f.Minutiae, f.Minutiae[0])
		}
		if err := f.Validate(); reasonOf(err) != string(templates.ReasonMinutiaCount) {
			t.Errorf("%v, want %s", err, templates.ReasonMinutiaCount)
		}
	})
	for _, c := range []struct {
		name, reason string
		sentinel     error
		do           func() error
	}{
		{"subject exists", ReasonExists, ErrExists, func() error { _, err := h.engine.Enroll(ctx, enrollFace(w, "anna", 1, 3)); return err }},
		{"encounter exists", ReasonExists, ErrExists, func() error {
			_, err := h.engine.AddEncounter(ctx, enrollFace(w, "anna", 1, 0))
			return err
		}},
		{"gallery exists", ReasonExists, ErrExists, func() error { _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "here"}); return err }},
		{"request with another value", ReasonRequestConflict, ErrConflict, func() error {
			r := enrollFace(w, "boris", 2, 0)
			r.RequestID = "used"
			_, err := h.engine.Enroll(ctx, r)
			return err
		}},
		{"request of another kind", ReasonRequestConflict, ErrConflict, func() error { _, err := h.engine.DeleteSubject(ctx, clerk, "used", "boris"); return err }},
		{"unknown gallery", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.Enroll(ctx, enrollFace(w, "new", 9, 0, "nowhere")); return err }},
		{"forbidden gallery", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.Enroll(ctx, enrollFace(w, "new", 9, 0, "closed")); return err }},
		{"encounter of an unknown subject", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.AddEncounter(ctx, enrollFace(w, "nobody", 9, 0)); return err }},
		{"delete an unknown subject", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.DeleteSubject(ctx, clerk, "", "nobody"); return err }},
		{"erase an unknown subject", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.EraseSubject(ctx, clerk, "", "nobody"); return err }},
		{"delete an unknown encounter", ReasonNotFound, ErrNotFound, func() error {
			_, err := h.engine.DeleteEncounter(ctx, clerk, "", EncounterRef{"anna", "none"})
			return err
		}},
		{"take out who is not in", ReasonNotFound, ErrNotFound, func() error { _, err := h.engine.TakeFromGallery(ctx, clerk, "", "here", "anna"); return err }},
		{"search without samples", string(templates.ReasonEmpty), nil, func() error { _, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk}); return err }},
		{"search with images only", ReasonNotSearchable, ErrPrecondition, func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: []Sample{pngSample(100)}}})
			return err
		}},
		{"search with an unknown model", ReasonNotComparable, ErrPrecondition, func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: []Sample{vectorSample("other/1", vector(128, ramp))}}})
			return err
		}},
		{"search with the wrong dimension", string(templates.ReasonDimension), nil, func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: []Sample{vectorSample(w.FaceModel(), vector(64, ramp))}}})
			return err
		}},
		{"exact search with a finger and the wrong dimension", string(templates.ReasonDimension), nil, func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Mode: ModeExact, Probe: ProbeSource{Samples: []Sample{
				vectorSample(w.FaceModel(), vector(64, ramp)), fingerSample(t, w, 1, 0, templates.RightIndex)}}})
			return err
		}},
		{"comparison with the wrong dimension", string(templates.ReasonDimension), nil, func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{vectorSample(w.FaceModel(), vector(64, ramp))}, Claim: ProbeSource{Subject: "anna"}})
			return err
		}},
		{"comparison of two dimensions", string(templates.ReasonDimension), nil, func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{vectorSample("other/1", vector(64, ramp))},
				Claim: ProbeSource{Samples: []Sample{vectorSample("other/1", vector(65, ramp))}}})
			return err
		}},
		{"comparison of different models", ReasonNotComparable, ErrPrecondition, func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{vectorSample("other/1", vector(128, ramp))}, Claim: ProbeSource{Subject: "anna"}})
			return err
		}},
		{"no claim", string(ReasonClaim), nil, func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 1, 0)}})
			return err
		}},
		{"two claims", string(ReasonClaim), nil, func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 1, 0)}, Claim: ProbeSource{Subject: "anna", Samples: []Sample{faceSample(w, 1, 0)}}})
			return err
		}},
		{"too many candidates", string(templates.ReasonOutOfRange), nil, func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, MaxCandidates: 101, Probe: ProbeSource{Subject: "anna"}})
			return err
		}},
		{"page token of nobody", string(ReasonIdentifier), nil, func() error {
			_, _, err := h.engine.ListSubjects(ctx, clerk, "", 10, "zz")
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := h.image(t)
			if c.name == "comparison of different models" {
				before.entries++ // that a person has nothing comparable is told, so it is logged
			}
			err := c.do()
			if reasonOf(err) != c.reason || c.sentinel != nil && !errors.Is(err, c.sentinel) {
				t.Errorf("error %v (reason %q), want reason %s and %v", err, reasonOf(err), c.reason, c.sentinel)
			}
			if after := h.image(t); after != before {
				t.Errorf("left behind: %+v, was %+v", after, before)
			}
		})
	}
	// The house still works.
	if r, err := identifyFace(h, clerk, w, 1, 1); err != nil || names(r.Candidates)[0] != "anna" {
		t.Errorf("search after all that: %v, %v", names(r.Candidates), err)
	}
}

// TestOneEntryPerChange must catch forget-entry and apply-twice.
func TestOneEntryPerChange(t *testing.T) {
	if err := oneEntryPerChange(t); err != nil {
		t.Fatal(err)
	}
}

func oneEntryPerChange(t *testing.T) error {
	ctx := context.Background()
	h, w := open(t, plan{idle: true}), crowd(t)
	want := h.size()
	step := func(what string, got uint64, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if size := h.size(); got != want || size != want+1 {
			return fmt.Errorf("%s: entry %d, ledger of %d; want entry %d, ledger of %d", what, got, size, want, want+1)
		}
		want++
		return nil
	}
	for i := range 5 {
		id := fmt.Sprintf("p-%d", i)
		r, err := h.engine.Enroll(ctx, enrollFace(w, id, i, 0))
		if err := step("enroll", r.Entry, err); err != nil {
			return err
		}
		n, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: id})
		if err := step("gallery", n, err); err != nil {
			return err
		}
		n, err = h.engine.PutInGallery(ctx, clerk, "", id, id)
		if err := step("put in gallery", n, err); err != nil {
			return err
		}
		want++ // the order comes first
		n, err = h.engine.EraseSubject(ctx, clerk, "", id)
		if err := step("erase", n, err); err != nil {
			return err
		}
	}
	return nil
}
