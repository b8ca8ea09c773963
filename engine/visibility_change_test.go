package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"immis/templates"
)

// TestNobodyIsHiddenByAGallery: putting a person into one's own closed gallery
// must not hide it from others, and taking one out must not show it to all.
func TestNobodyIsHiddenByAGallery(t *testing.T) {
	ctx := context.Background()
	h, w := secrecy(t), crowd(t)
	if _, err := h.engine.CreateGallery(ctx, stranger, "", Gallery{ID: "mine", Readers: []string{stranger.Principal}}); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrPrecondition) || reasonOf(err) != ReasonVisibility {
			t.Errorf("%s: got %v, want %s", what, err, ReasonVisibility)
		}
	}
	_, err := h.engine.PutInGallery(ctx, stranger, "", "mine", "open")
	refused("put an open person into a closed gallery", err)
	_, err = h.engine.TakeFromGallery(ctx, clerk, "", "closed", "secret")
	refused("take a hidden person out of the last closed gallery", err)
	add := enrollFace(w, "open", 2, 7, "mine")
	add.Caller = stranger
	_, err = h.engine.AddEncounter(ctx, add)
	refused("add an encounter with a closed gallery", err)
	if r, err := identifyFace(h, clerk, w, 2, 1); err != nil || names(r.Candidates)[0] != "open" {
		t.Errorf("the clerk's search after all that: %v, %v", names(r.Candidates), err)
	}
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "second", Readers: []string{clerk.Principal}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.PutInGallery(ctx, clerk, "", "second", "secret"); err != nil {
		t.Errorf("into another closed gallery: %v", err)
	}
	if _, err := h.engine.TakeFromGallery(ctx, clerk, "", "closed", "secret"); err != nil {
		t.Errorf("out of one of two closed galleries: %v", err)
	}
}

// TestGoneSubjects: who could see a person may erase it after its deletion and read
// its history; others learn nothing, and a closed gallery of somebody else does
// not stand in the way.
func TestGoneSubjects(t *testing.T) {
	ctx := context.Background()
	h := secrecy(t)
	if _, err := h.engine.CreateGallery(ctx, stranger, "", Gallery{ID: "mine", Readers: []string{stranger.Principal}}); err != nil {
		t.Fatal(err)
	}
	history := func(c Caller, subject string) int {
		t.Helper()
		list, _, err := h.engine.LedgerEntries(ctx, c, 0, 100, subject)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := history(stranger, "secret"); n != 0 {
		t.Errorf("history of a hidden person: %d entries, want none as of an unknown one", n)
	}
	if n := history(clerk, "secret"); n == 0 {
		t.Error("history for who may see the person: none")
	}
	for _, subject := range []string{"secret", "open"} {
		if _, err := h.engine.DeleteSubject(ctx, clerk, "", subject); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.engine.EraseSubject(ctx, stranger, "", "secret"); !errors.Is(err, ErrNotFound) {
		t.Errorf("erasure of a hidden, deleted person: %v, want not found", err)
	}
	if n := history(stranger, "secret"); n != 0 {
		t.Errorf("history of a hidden, deleted person: %d entries", n)
	}
	for _, subject := range []string{"secret", "open"} {
		if _, err := h.engine.EraseSubject(ctx, clerk, "", subject); err != nil {
			t.Errorf("erasure of %s by who could see it: %v", subject, err)
		}
		if history(clerk, subject) == 0 {
			t.Errorf("history of the erased %s: none", subject)
		}
	}
	if _, _, err := h.engine.LedgerEntries(ctx, Caller{Principal: "guard", Purpose: PurposeBorderControl}, 0, 10, ""); reasonOf(err) != string(ReasonPurpose) {
		t.Errorf("ledger for border control: %v, want %s", err, ReasonPurpose)
	}
}

// TestClosedGalleriesAreNotTold: neither the record of a person, nor a duplicate
// check, nor the numbers of a search tell of what a principal may not see.
func TestClosedGalleriesAreNotTold(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	for _, g := range []Gallery{{ID: "closed", Readers: []string{clerk.Principal}}, {ID: "public"}} {
		if _, err := h.engine.CreateGallery(ctx, clerk, "", g); err != nil {
			t.Fatal(err)
		}
	}
	mustEnroll(t, h, enrollFace(w, "both", 1, 0, "closed", "public"))
	mustEnroll(t, h, enrollFace(w, "secret", 2, 0, "closed"))
	v, err := h.engine.GetSubject(ctx, stranger, EncounterRef{Subject: "both"}, false)
	if err != nil || !slices.Equal(v.Galleries, []string{"public"}) || !slices.Equal(v.Encounters[0].Galleries, []string{"public"}) {
		t.Errorf("record for a stranger: %v, %v, %v", v.Galleries, v.Encounters, err)
	}
	again := enrollFace(w, "again", 2, 1)
	again.Caller, again.CheckDuplicates = stranger, true
	mustEnroll(t, h, again)
	err = h.engine.WatchDuplicateChecks(ctx, stranger, []EncounterRef{{"again", again.Encounter.ID}}, func(d DuplicateCheck) error {
		if d.State != DuplicateUnderReview || len(d.Subjects) != 0 {
			t.Errorf("duplicate check for a stranger: %+v, want under review and nobody", d)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	r, err := identifyFace(h, stranger, w, 2, 2)
	if err != nil || r.Subjects != 2 || r.Comparisons > 4 {
		t.Errorf("search of a stranger: %d subjects, %d comparisons, %v; want 2 subjects and theirs only", r.Subjects, r.Comparisons, err)
	}
}

// TestDuplicateByFingersAlone: a person who comes back with a face that nothing
// compares with is found by the fingers.
func TestDuplicateByFingersAlone(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{}), crowd(t)
	fingers := []templates.Position{templates.RightIndex, templates.LeftIndex, templates.RightThumb}
	old := enrollFace(w, "old", 1, 0)
	old.Encounter.Samples = nil
	for _, p := range fingers {
		old.Encounter.Samples = append(old.Encounter.Samples, fingerSample(t, w, 1, 0, p))
	}
	mustEnroll(t, h, old)
	mustEnroll(t, h, enrollFace(w, "other", 2, 0))
	back := enrollFace(w, "new", 1, 1)
	back.CheckDuplicates = true
	for _, p := range fingers {
		back.Encounter.Samples = append(back.Encounter.Samples, fingerSample(t, w, 1, 0, p))
	}
	mustEnroll(t, h, back)
	err := h.engine.WatchDuplicateChecks(ctx, clerk, []EncounterRef{{"new", back.Encounter.ID}}, func(d DuplicateCheck) error {
		if d.State != DuplicateKnown || !slices.Equal(d.Subjects, []string{"old"}) {
			t.Errorf("duplicate check: %+v, want known as old", d)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
