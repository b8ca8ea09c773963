package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/index"
	"immis/matcher/finger"
	"immis/templates"
)

// stated is an encounter as TestFilters holds it against a filter by itself.
type stated struct {
	id          string
	b           Biographic
	face, print uint8 // qualities; print of the finger
	hasPrint    bool
}

// lets is the meaning of a filter, written down a second time.
func (s *stated) lets(f *SearchFilter, quality uint8) bool {
	year := 0
	if s.b.BirthDate != "" {
		_, _ = fmt.Sscanf(s.b.BirthDate[:4], "%d", &year)
	}
	return (f.MinQuality == 0 || quality == templates.QualityUnknown || quality >= f.MinQuality) &&
		(f.Sex == 0 || s.b.Sex == 0 || s.b.Sex == f.Sex) &&
		(len(f.Nationalities) == 0 || len(s.b.Nationalities) != 1 || slices.Contains(f.Nationalities, s.b.Nationalities[0])) &&
		(year == 0 || f.BirthYearFrom == 0 || year >= f.BirthYearFrom) && (year == 0 || f.BirthYearTo == 0 || year <= f.BirthYearTo)
}

// TestFilters: every kind of search, before and after a restart, puts forward the people
// of whom a reference passes the filter, on these references alone, and counts the rest.
func TestFilters(t *testing.T) {
	ctx, w, fs := context.Background(), crowd(t), vfs.NewMem()
	h := open(t, plan{fs: fs})
	rng := rand.New(rand.NewPCG(4, 1))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	quality := func() uint8 { return []uint8{0, 49, 50, 100, templates.QualityUnknown}[rng.IntN(5)] }
	people := map[string][]stated{}
	for person := range 14 {
		id := fmt.Sprintf("s-%d", person)
		for visit := range 1 + person%3 {
			s := stated{id: fmt.Sprintf("e-%d", visit), face: quality(), print: quality(), hasPrint: visit == 1, b: Biographic{Sex: uint8(rng.IntN(4)), BirthDate: pick("", "1980", "1985-03", "1990-12-31")}}
			s.b.Nationalities = [][]string{nil, {"UKR"}, {"D"}, {"SYR"}, {"UKR", "SYR"}}[rng.IntN(5)]
			req := enrollFace(w, id, person, visit)
			req.Encounter.Biographic, req.Encounter.Samples[0].Quality = s.b, s.face
			if s.hasPrint {
				f := fingerSample(t, w, person, 0, templates.RightIndex)
				f.Quality = s.print
				req.Encounter.Samples = append(req.Encounter.Samples, f)
			}
			var err error
			if visit == 0 {
				_, err = h.engine.Enroll(ctx, req)
			} else {
				_, err = h.engine.AddEncounter(ctx, req)
			}
			if err != nil {
				t.Fatal(err)
			}
			people[id] = append(people[id], s)
		}
	}
	filters := []SearchFilter{{MinQuality: 50}, {MinQuality: 100}, {Sex: 1}, {Sex: 3}, {Nationalities: []string{"UKR"}}, {Nationalities: []string{"D", "SYR"}},
		{Nationalities: []string{"XXA"}}, {BirthYearFrom: 1985}, {BirthYearTo: 1985}, {BirthYearFrom: 1985, BirthYearTo: 1985}, {BirthYearTo: 1850}, {Sex: 3, Nationalities: []string{"XXA"}, BirthYearTo: 1850, MinQuality: 100},
		{Sex: 2, Nationalities: []string{"UKR"}, MinQuality: 50, BirthYearFrom: 1981}, {}}
	face := []Sample{faceSample(w, 3, 7)}
	both := append(slices.Clone(face), fingerSample(t, w, 3, 1, templates.RightIndex))
	for _, when := range []string{"enrolled", "loaded"} {
		if when == "loaded" {
			if err := h.close(); err != nil {
				t.Fatal(err)
			}
			h = open(t, plan{fs: fs})
		}
		for _, f := range filters {
			for name, probe := range map[string][]Sample{"face": face, "face and finger": both} {
				for _, mode := range []SearchMode{ModeExact, ModeFast} {
					r, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, MaxCandidates: 100, Mode: mode, Filter: f, Probe: ProbeSource{Samples: probe}})
					if err != nil {
						t.Fatalf("%s, %s, %+v: %v", when, name, f, err)
					}
					checkFiltered(t, fmt.Sprintf("%s, %s, mode %d, %+v", when, name, mode, f), people, &f, len(probe) > 1, mode, r)
				}
			}
		}
	}
}

// checkFiltered holds an answer of TestFilters against the people.
func checkFiltered(t *testing.T, what string, people map[string][]stated, f *SearchFilter, fingers bool, mode SearchMode, r IdentifyResult) {
	t.Helper()
	var want []string
	subjects, excluded := uint64(0), uint64(0)
	lets := map[string]bool{} // of which references of which encounters
	for id, encounters := range people {
		any, comparable := false, false
		for _, s := range encounters {
			a, b := s.lets(f, s.face), s.hasPrint && s.lets(f, s.print)
			lets[id+s.id+"face"], lets[id+s.id+"finger"] = a, b
			any = any || a || b
			comparable = comparable || a || fingers && b && mode == ModeExact
			if !a {
				excluded++
			}
		}
		if any {
			subjects++
		}
		if comparable {
			want = append(want, id)
		}
	}
	got := names(r.Candidates)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: candidates %v, want %v", what, got, want)
	}
	if r.Subjects != subjects || r.Excluded != excluded {
		t.Errorf("%s: %d subjects, %d rows excluded, want %d, %d", what, r.Subjects, r.Excluded, subjects, excluded)
	}
	for _, c := range r.Candidates {
		for _, s := range c.Scores {
			if !lets[c.Subject+s.Encounter+s.Modality.String()] {
				t.Errorf("%s: evidence of %s of %s in %s, which the filter leaves out", what, s.Modality, c.Subject, s.Encounter)
			}
		}
	}
}

// TestFilterModalities: a stored person is compared by the face alone, or by the finger
// alone, and a modality that the probe has not got is an error.
func TestFilterModalities(t *testing.T) {
	ctx, w, h := context.Background(), crowd(t), open(t, plan{})
	for person, id := range []string{"anna", "boris", "clara"} {
		req := enrollFace(w, id, person, 0)
		if id != "clara" {
			req.Encounter.Samples = append(req.Encounter.Samples, fingerSample(t, w, person, 0, templates.LeftThumb))
		}
		mustEnroll(t, h, req)
	}
	search := func(subject string, ms ...templates.Modality) (IdentifyResult, error) {
		return h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Subject: subject}, Filter: SearchFilter{Modalities: ms}})
	}
	for _, c := range []struct {
		ms         []templates.Modality
		candidates int
		scores     int
	}{
		{nil, 2, 2}, {[]templates.Modality{templates.ModalityFace, templates.ModalityFinger}, 2, 2},
		{[]templates.Modality{templates.ModalityFace}, 2, 1}, {[]templates.Modality{templates.ModalityFinger}, 1, 1},
	} {
		r, err := search("anna", c.ms...)
		if err != nil || len(r.Candidates) != c.candidates || len(r.Candidates[0].Scores) > c.scores {
			t.Errorf("%v: %+v, %v, want %d candidates of at most %d scores", c.ms, r.Candidates, err, c.candidates, c.scores)
		}
		for _, k := range r.Candidates {
			for _, s := range k.Scores {
				if len(c.ms) > 0 && !slices.Contains(c.ms, s.Modality) {
					t.Errorf("%v: a score of the %s", c.ms, s.Modality)
				}
			}
		}
	}
	for subject, m := range map[string]templates.Modality{"clara": templates.ModalityFinger, "anna": templates.ModalityIris} {
		if _, err := search(subject, m); reasonOf(err) != ReasonNotSearchable || !errors.Is(err, ErrPrecondition) {
			t.Errorf("%s by %s: %v, want %s", subject, m, err, ReasonNotSearchable)
		}
	}
}

// TestBadFilters: what cannot be meant, and what a purpose must not use, is refused with
// a reason before anything is searched.
func TestBadFilters(t *testing.T) {
	ctx, w, h := context.Background(), crowd(t), open(t, plan{})
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	biographic := []SearchFilter{{Sex: 2}, {Nationalities: []string{"UKR"}}, {BirthYearFrom: 1980}, {BirthYearTo: 1980}, {MinQuality: 50, Sex: 1}}
	type refusal struct {
		purpose Purpose
		filter  SearchFilter
		reason  templates.Reason
	}
	all := []refusal{
		{PurposeTest, SearchFilter{MinQuality: 101}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Sex: 4}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Nationalities: []string{"UKR", "ukr"}}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Nationalities: []string{"UKRA"}}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Nationalities: []string{""}}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Nationalities: make([]string, 9)}, templates.ReasonOversized},
		{PurposeTest, SearchFilter{BirthYearFrom: 1849}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{BirthYearTo: 10_000}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{BirthYearTo: -1}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{BirthYearFrom: 1981, BirthYearTo: 1980}, templates.ReasonOutOfRange},
		{PurposeTest, SearchFilter{Modalities: []templates.Modality{9}}, ReasonModality},
		{PurposeTest, SearchFilter{Modalities: []templates.Modality{templates.ModalityFace, templates.ModalityFace}}, ReasonModality},
	}
	for _, f := range biographic {
		all = append(all, refusal{PurposeDeduplication, f, ReasonFilter}, refusal{PurposeWatchlist, f, ReasonFilter})
	}
	before := h.size()
	search := func(p Purpose, f SearchFilter) error {
		_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: Caller{Principal: "clerk", Purpose: p, Case: "C-1"}, Filter: f, Probe: ProbeSource{Samples: []Sample{faceSample(w, 1, 1)}}})
		return err
	}
	for _, r := range all {
		if err := search(r.purpose, r.filter); reasonOf(err) != string(r.reason) {
			t.Errorf("purpose %d, %+v: %v, want reason %s", r.purpose, r.filter, err, r.reason)
		}
	}
	if h.size() != before {
		t.Errorf("refusals left %d entries", h.size()-before)
	}
	// Other purposes may; quality and modality are nobody's lie.
	for p := PurposeAsylum; p < purposeEnd; p++ {
		f := SearchFilter{MinQuality: 10, Modalities: []templates.Modality{templates.ModalityFace}}
		if p != PurposeDeduplication && p != PurposeWatchlist {
			f.Sex, f.Nationalities, f.BirthYearFrom = 1, []string{"UKR"}, 1980
		}
		if err := search(p, f); err != nil {
			t.Errorf("purpose %d: %v", p, err)
		}
	}
}

// TestNationalityNumbers: no two codes share a number, and none is that of unknown.
func TestNationalityNumbers(t *testing.T) {
	seen := map[uint16]string{0: "unknown"}
	for n := range 27 * 27 * 27 {
		code := ""
		for _, d := range []int{n / 729, n / 27 % 27, n % 27} {
			if d > 0 {
				code += string(rune('A' + d - 1))
			} else if code != "" {
				code = ""
				break
			}
		}
		if code == "" {
			continue
		}
		if other, ok := seen[nationality(code)]; ok {
			t.Fatalf("%s has the number of %s", code, other)
		}
		seen[nationality(code)] = code
	}
	if len(seen) != 1+26+26*26+26*26*26 {
		t.Errorf("%d codes", len(seen)-1)
	}
}

// TestEvidencePerSample: a person of many samples is one candidate, with the best
// comparison of each sample of the probe: the exact score and the encounter that has
// the reference, in the order of the probe. Many samples push nobody from the list.
func TestEvidencePerSample(t *testing.T) {
	ctx, w, h := context.Background(), crowd(t), open(t, plan{})
	const visits = 5
	prints := make([]Sample, visits)
	for visit := range visits {
		prints[visit] = fingerSample(t, w, 1, visit, templates.RightIndex)
		req := enrollFace(w, "anna", 1, visit)
		req.Encounter.Samples = append(req.Encounter.Samples, faceSample(w, 1, 100+visit), prints[visit])
		var err error
		if visit == 0 {
			_, err = h.engine.Enroll(ctx, req)
		} else {
			_, err = h.engine.AddEncounter(ctx, req)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mustEnroll(t, h, enrollFace(w, "boris", 2, 0))
	probe := []Sample{faceSample(w, 1, 50), faceSample(w, 1, 51), fingerSample(t, w, 1, 50, templates.RightIndex), fingerSample(t, w, 1, 51, templates.RightIndex)}
	p, err := h.engine.newProbe(ctx, "probe", probe, &budget{})
	if err != nil {
		t.Fatal(err)
	}
	var want []SampleScore
	m := h.engine.register.model(w.FaceModel())
	encounters := h.engine.register.subject(h.engine.subjectID("anna")).state.Load().encounters
	best := func(modality templates.Modality, position templates.Position, model string, score func(enc *encounter) []float32) {
		s := SampleScore{Modality: modality, Position: position, Model: model, Score: -2}
		for _, enc := range encounters {
			for _, x := range score(enc) {
				if float64(x) > s.Score {
					s.Score, s.Encounter = float64(x), enc.external
				}
			}
		}
		want = append(want, s)
	}
	for i := range p.faces {
		best(templates.ModalityFace, templates.PositionUnknown, w.FaceModel(), func(enc *encounter) (out []float32) {
			for _, f := range enc.faces {
				if x, ok, err := m.index.Score(p.faces[i].Probe, f.key); ok && err == nil {
					out = append(out, x)
				}
			}
			return out
		})
	}
	for i := range p.fingers {
		best(templates.ModalityFinger, templates.RightIndex, "", func(enc *encounter) (out []float32) {
			var c finger.Comparer
			for _, f := range enc.fingers {
				out = append(out, float32(c.Compare(p.fingers[i].template, f.get())))
			}
			return out
		})
	}
	for _, mode := range []SearchMode{ModeExact, ModeFast} {
		r, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Mode: mode, MaxCandidates: 2, Probe: ProbeSource{Samples: probe}})
		if err != nil || !slices.Equal(names(r.Candidates), []string{"anna", "boris"}) {
			t.Fatalf("mode %d: %v, %v, want anna and boris", mode, names(r.Candidates), err)
		}
		got := slices.Clone(r.Candidates[0].Scores)
		for i := range got {
			got[i].Log10LR = 0 // fused, not compared
		}
		if !slices.Equal(got, want) {
			t.Errorf("mode %d: evidence\n%+v, want\n%+v", mode, got, want)
		}
	}
	// By the face alone the index folds the rows.
	a, err := m.index.Search(ctx, index.Query{Probe: p.faces[0].Probe, K: 2})
	if err != nil || len(a.Candidates) != 2 || a.Rows != 2*visits+1 {
		t.Errorf("index: %+v, %v, want two people of %d rows", a, err, 2*visits+1)
	}
}
