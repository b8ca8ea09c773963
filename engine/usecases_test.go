package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"immis/store"
	"immis/templates"
)

// TestStory goes once through every use case that succeeds.
func TestStory(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "asylum", Description: "applicants"}); err != nil {
		t.Fatal(err)
	}
	image := pngSample(300_000)
	first := EnrollRequest{Caller: clerk, RequestID: "r-1", Subject: "anna", CheckDuplicates: true, Encounter: Encounter{
		ID: "e-0", Time: noon.Add(-1), Station: "s-1", Operator: "o-1", Galleries: []string{"asylum"}, KeepImages: true,
		Biographic:     Biographic{Names: []PersonName{{Kind: 1, Surname: "Шевченко", GivenNames: "Анна"}}, BirthDate: "1990-02-28", Sex: 2, Nationalities: []string{"UKR"}},
		Documents:      []Document{{Type: "passport", Number: "XA123456", Issuer: "UKR", Expiry: "2031-01-01"}},
		Samples:        []Sample{faceSample(w, 1, 0), fingerSample(t, w, 1, 0, templates.RightIndex), image},
		MissingFingers: []MissingFinger{{Position: templates.LeftLittle, Reason: 1}},
	}}
	res := mustEnroll(t, h, first)
	if res.Subject != "anna" || res.Encounter != "e-0" || len(res.Samples) != 3 || !res.Samples[0].Searchable || res.Samples[1].Views != 1 || res.Samples[2].Reason != ReasonImage {
		t.Fatalf("answer %+v", res)
	}
	again, err := h.engine.Enroll(ctx, first)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(res) {
		t.Fatalf("the same request: %+v, %v; want %+v", again, err, res)
	}
	if second, err := h.engine.AddEncounter(ctx, EnrollRequest{Caller: clerk, Subject: "anna", Encounter: Encounter{ID: "e-1", Samples: []Sample{faceSample(w, 1, 1)}}}); err != nil || second.Entry <= res.Entry {
		t.Fatalf("second encounter: %+v, %v", second, err)
	}
	made := mustEnroll(t, h, EnrollRequest{Caller: clerk, Encounter: Encounter{Samples: []Sample{faceSample(w, 2, 0)}}})
	if made.Subject == "" || made.Encounter == "" {
		t.Fatalf("no identifiers were made: %+v", made)
	}

	v, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: "anna"}, true)
	if err != nil || len(v.Encounters) != 2 || !slices.Equal(v.Galleries, []string{"asylum"}) {
		t.Fatalf("subject %+v, %v", v, err)
	}
	got := v.Encounters[0]
	if !bytes.Equal(got.Samples[2].Data, image.Data) || !bytes.Equal(got.Samples[1].Data, first.Encounter.Samples[1].Data) {
		t.Error("image or record came back with other bytes")
	}
	if got.Biographic.Names[0] != first.Encounter.Biographic.Names[0] || got.Documents[0] != first.Encounter.Documents[0] || got.MissingFingers[0] != first.Encounter.MissingFingers[0] || !got.Time.Equal(first.Encounter.Time) || got.Purpose != PurposeTest {
		t.Errorf("encounter came back as %+v", got)
	}
	one, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: "anna", Encounter: "e-1"}, false)
	if err != nil || len(one.Encounters) != 1 || one.Encounters[0].Samples[0].Data != nil {
		t.Fatalf("one encounter without samples: %+v, %v", one, err)
	}

	found, err := identifyFace(h, clerk, w, 1, 5)
	if err != nil || names(found.Candidates)[0] != "anna" || found.Outcome != OutcomeMatch || found.Subjects != 2 {
		t.Fatalf("identify: %+v, %v", found, err)
	}
	if found, err = identifyFace(h, clerk, w, 1, 5, "asylum"); err != nil || !slices.Equal(names(found.Candidates), []string{"anna"}) || found.Subjects != 1 {
		t.Fatalf("identify in a gallery: %+v, %v", found, err)
	}
	if found, err = h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Subject: "anna"}}); err != nil || slices.Contains(names(found.Candidates), "anna") {
		t.Fatalf("a stored subject found itself: %+v, %v", found, err)
	}
	for claim, want := range map[string]Outcome{"anna": OutcomeMatch, made.Subject: OutcomeNonMatch} {
		r, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 1, 7)}, Claim: ProbeSource{Subject: claim}})
		if err != nil || r.Outcome != want {
			t.Errorf("verify %s: %+v, %v; want %d", claim, r, err, want)
		}
	}
	if r, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 1, 7)}, Claim: ProbeSource{Samples: []Sample{faceSample(w, 1, 8)}}}); err != nil || r.Outcome != OutcomeMatch {
		t.Errorf("verify two probes: %+v, %v", r, err)
	}

	if _, err := h.engine.TakeFromGallery(ctx, clerk, "", "asylum", "anna"); err != nil {
		t.Fatal(err)
	}
	if found, err = identifyFace(h, clerk, w, 1, 5, "asylum"); err != nil || len(found.Candidates) != 0 {
		t.Fatalf("taken out and found in the gallery: %+v, %v", found, err)
	}
	if _, err := h.engine.PutInGallery(ctx, clerk, "", "asylum", made.Subject); err != nil {
		t.Fatal(err)
	}
	if list, err := h.engine.ListGalleries(ctx, clerk); err != nil || len(list) != 1 || list[0].Subjects != 1 {
		t.Fatalf("galleries %+v, %v", list, err)
	}
	if _, err := h.engine.DeleteEncounter(ctx, clerk, "", EncounterRef{"anna", "e-0"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.DeleteSubject(ctx, clerk, "", made.Subject); err != nil {
		t.Fatal(err)
	}
	if found, err = identifyFace(h, clerk, w, 2, 0); err != nil || slices.Contains(names(found.Candidates), made.Subject) {
		t.Fatalf("a deleted subject was found: %+v, %v", found, err)
	}
	if _, err := h.engine.EraseSubject(ctx, clerk, "", made.Subject); err != nil {
		t.Fatalf("erase a deleted subject: %v", err)
	}
	if _, err := h.engine.EraseSubject(ctx, clerk, "", "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.Enroll(ctx, first); !errors.Is(err, ErrPrecondition) || reasonOf(err) != ReasonErased {
		t.Errorf("repeated request of an erased subject: %v, want %v", err, ReasonErased)
	}
	if _, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: "anna"}, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("get of an erased subject: %v", err)
	}
	st, err := h.engine.Statistics(ctx, clerk)
	if err != nil || st.Subjects != 0 || st.Encounters != 0 || len(st.Models) != 0 {
		t.Errorf("statistics of an empty house: %+v, %v", st, err)
	}
	check, err := h.store.Check(ctx, nil, func(f store.Finding) { t.Errorf("store check: %v", f) })
	if err != nil {
		t.Errorf("store check %+v: %v", check, err)
	}
}

// TestDuplicates: the second record of a person names the first, a stranger is new.
func TestDuplicates(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	for i, c := range []struct {
		subject string
		person  int
		want    DuplicateState
	}{{"a", 1, DuplicateNew}, {"b", 2, DuplicateNew}, {"a-again", 1, DuplicateKnown}} {
		req := enrollFace(w, c.subject, c.person, i)
		req.CheckDuplicates = true
		mustEnroll(t, h, req)
		var got DuplicateCheck
		err := h.engine.WatchDuplicateChecks(ctx, clerk, []EncounterRef{{c.subject, req.Encounter.ID}}, func(d DuplicateCheck) error { got = d; return nil })
		if err != nil || got.State != c.want {
			t.Errorf("%s: %+v, %v; want state %d", c.subject, got, err, c.want)
		}
		if c.want == DuplicateKnown && !slices.Equal(got.Subjects, []string{"a"}) {
			t.Errorf("%s is known as %v, want a", c.subject, got.Subjects)
		}
		if got.Time.IsZero() {
			t.Errorf("%s: the result has no time", c.subject)
		}
	}
	if _, err := h.engine.DuplicateCheck(ctx, clerk, EncounterRef{"a", "none"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("check of an unknown encounter: %v", err)
	}
}

// TestListPages walks through pages of every size and sees everybody once.
func TestListPages(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	const people = 23
	for i := range people {
		mustEnroll(t, h, enrollFace(w, fmt.Sprintf("p-%d", i), i, 0))
	}
	for _, size := range []int{1, 2, 7, people - 1, people, people + 1, 1000} {
		seen := map[string]bool{}
		token, pages := "", 0
		for {
			ids, next, err := h.engine.ListSubjects(ctx, clerk, "", size, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if seen[id] {
					t.Fatalf("page size %d: %s twice", size, id)
				}
				seen[id] = true
			}
			pages++
			if token = next; token == "" {
				break
			}
		}
		if len(seen) != people || pages != (people+size-1)/size {
			t.Errorf("page size %d: %d subjects on %d pages, want %d on %d", size, len(seen), pages, people, (people+size-1)/size)
		}
	}
}

// TestPublishedBeforeAnswered must catch publish-late and drop-mask: the next
// search after an answer sees the change.
func TestPublishedBeforeAnswered(t *testing.T) {
	if err := publishedBeforeAnswered(t); err != nil {
		t.Fatal(err)
	}
}

func publishedBeforeAnswered(t *testing.T) error {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	const keep = 10
	var compared uint64
	for i := range 40 {
		id := fmt.Sprintf("p-%d", i)
		mustEnroll(t, h, enrollFace(w, id, i, 0))
		r, err := identifyFace(h, clerk, w, i, 1)
		if err != nil || len(r.Candidates) == 0 || r.Candidates[0].Subject != id {
			return fmt.Errorf("%s was acknowledged and is not found first: %v, %v", id, names(r.Candidates), err)
		}
		if i < keep {
			compared = r.Comparisons
			continue
		}
		if _, err := h.engine.DeleteSubject(ctx, clerk, "", id); err != nil {
			return err
		}
		r, err = identifyFace(h, clerk, w, i, 1)
		if err != nil || len(r.Candidates) != keep || slices.Contains(names(r.Candidates), id) {
			return fmt.Errorf("after the deletion of %s: %v, %v; want the %d others", id, names(r.Candidates), err, keep)
		}
		if r.Comparisons != compared {
			return fmt.Errorf("after the deletion of %s: %d comparisons, want %d as before it came", id, r.Comparisons, compared)
		}
	}
	return nil
}

// TestRepeatedRequestAfterErasure: the answer of a request went with the key it
// was sealed under, also when the subject was enrolled anew under another one.
func TestRepeatedRequestAfterErasure(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	first := enrollFace(w, "anna", 1, 0)
	first.RequestID = "r-1"
	mustEnroll(t, h, first)
	if _, err := h.engine.EraseSubject(ctx, clerk, "", "anna"); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"erased", "enrolled anew"} {
		if _, err := h.engine.Enroll(ctx, first); !errors.Is(err, ErrPrecondition) || reasonOf(err) != ReasonErased {
			t.Errorf("repeated request of a subject that is %s: %v, want %s", when, err, ReasonErased)
		}
		if when == "erased" {
			mustEnroll(t, h, enrollFace(w, "anna", 1, 1))
		}
	}
}
