package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// stranger may not read the gallery that secret people are in.
var stranger = Caller{Principal: "stranger", Purpose: PurposeTest}

// secrecy is a house with one subject the stranger may see and one it may not.
func secrecy(t *testing.T) *house {
	ctx := context.Background()
	h, w := open(t, plan{idle: true}), crowd(t)
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "closed", Readers: []string{clerk.Principal}}); err != nil {
		t.Fatal(err)
	}
	secret := enrollFace(w, "secret", 1, 0, "closed")
	secret.CheckDuplicates = true
	mustEnroll(t, h, secret)
	mustEnroll(t, h, enrollFace(w, "open", 2, 0))
	return h
}

// asks are all use cases that name a subject, an encounter or a gallery.
func asks(t *testing.T, h *house, gallery, subject string) map[string]func() error {
	ctx, w := context.Background(), crowd(t)
	ref := EncounterRef{subject, "e-0"}
	return map[string]func() error{
		"get": func() error {
			_, err := h.engine.GetSubject(ctx, stranger, EncounterRef{Subject: subject}, true)
			return err
		},
		"get encounter":    func() error { _, err := h.engine.GetSubject(ctx, stranger, ref, false); return err },
		"delete":           func() error { _, err := h.engine.DeleteSubject(ctx, stranger, "", subject); return err },
		"erase":            func() error { _, err := h.engine.EraseSubject(ctx, stranger, "", subject); return err },
		"delete encounter": func() error { _, err := h.engine.DeleteEncounter(ctx, stranger, "", ref); return err },
		"add encounter": func() error {
			r := enrollFace(w, subject, 1, 1)
			r.Caller = stranger
			_, err := h.engine.AddEncounter(ctx, r)
			return err
		},
		"duplicate check": func() error { _, err := h.engine.DuplicateCheck(ctx, stranger, ref); return err },
		"watch": func() error {
			return h.engine.WatchDuplicateChecks(ctx, stranger, []EncounterRef{ref}, func(DuplicateCheck) error { return nil })
		},
		"verify": func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: stranger, Probe: []Sample{faceSample(w, 1, 0)}, Claim: ProbeSource{Subject: subject}})
			return err
		},
		"verify encounter": func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: stranger, Probe: []Sample{faceSample(w, 1, 0)}, Claim: ProbeSource{Encounter: &ref}})
			return err
		},
		"identify": func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: stranger, Probe: ProbeSource{Subject: subject}})
			return err
		},
		"identify encounter": func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: stranger, Probe: ProbeSource{Encounter: &ref}})
			return err
		},
		"put in gallery": func() error {
			_, err := h.engine.PutInGallery(ctx, stranger, "", gallery, "open")
			return err
		},
		"put in gallery, subject": func() error { _, err := h.engine.PutInGallery(ctx, stranger, "", "mine", subject); return err },
		"list gallery":            func() error { _, _, err := h.engine.ListSubjects(ctx, stranger, gallery, 10, ""); return err },
		"identify in gallery": func() error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: stranger, Galleries: []string{gallery}, Probe: ProbeSource{Samples: []Sample{faceSample(w, 1, 0)}}})
			return err
		},
		"enroll into gallery": func() error {
			r := enrollFace(w, "fresh", 5, 0, gallery)
			r.Caller = stranger
			_, err := h.engine.Enroll(ctx, r)
			return err
		},
	}
}

// TestForbiddenIsUnknown: what a principal may not see and what does not exist
// get one text and leave the same trace in the ledger.
func TestForbiddenIsUnknown(t *testing.T) {
	h := secrecy(t)
	if _, err := h.engine.CreateGallery(context.Background(), stranger, "", Gallery{ID: "mine"}); err != nil {
		t.Fatal(err)
	}
	trace := func(ask func() error) (text, kinds string) {
		t.Helper()
		from := h.size()
		err := ask()
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v, want %v", err, ErrNotFound)
		}
		entries, logErr := h.store.Entries(context.Background(), from, 10)
		if logErr != nil && h.size() > from {
			t.Fatal(logErr)
		}
		for _, e := range entries {
			kinds += fmt.Sprint(KindName(e.Kind), " ", ResultName(e.Result), "; ")
		}
		return fmt.Sprintf("%v (%s)", err, reasonOf(err)), kinds
	}
	unknown, forbidden := asks(t, h, "nowhere", "nobody"), asks(t, h, "closed", "secret")
	for name := range unknown {
		text, kinds := trace(unknown[name])
		text2, kinds2 := trace(forbidden[name])
		if text != text2 {
			t.Errorf("%s: unknown says %q, forbidden says %q", name, text, text2)
		}
		if kinds != kinds2 {
			t.Errorf("%s: unknown leaves %q in the ledger, forbidden %q", name, kinds, kinds2)
		}
	}
}

// TestForbiddenIsNotFound: neither searches, lists nor counts show a stranger who
// is in a closed gallery, and whoever may read the gallery sees them.
func TestForbiddenIsNotFound(t *testing.T) {
	ctx := context.Background()
	h, w := secrecy(t), crowd(t)
	for _, c := range []struct {
		caller Caller
		want   []string
		total  uint64
	}{{clerk, []string{"open", "secret"}, 2}, {stranger, []string{"open"}, 1}} {
		r, err := identifyFace(h, c.caller, w, 1, 0)
		got := names(r.Candidates)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, c.want) || r.Subjects != c.total {
			t.Errorf("%s finds %v among %d, %v; want %v", c.caller.Principal, got, r.Subjects, err, c.want)
		}
		list, _, err := h.engine.ListSubjects(ctx, c.caller, "", 10, "")
		slices.Sort(list)
		if err != nil || !slices.Equal(list, c.want) {
			t.Errorf("%s lists %v, %v; want %v", c.caller.Principal, list, err, c.want)
		}
	}
	if list, err := h.engine.ListGalleries(ctx, stranger); err != nil || len(list) != 0 {
		t.Errorf("the stranger lists galleries %v, %v", list, err)
	}
	// A deleted subject can be erased by those who cannot see it any more, and only
	// by them who could have seen it: the stranger must not learn that it existed.
	if _, err := h.engine.DeleteSubject(ctx, clerk, "", "secret"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.EraseSubject(ctx, stranger, "", "secret"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the stranger erases a deleted subject it could never see: %v, want %v", err, ErrNotFound)
	}
}

// TestForbiddenTakesAsLongAsUnknown: the medians of both differ by at most 20 %.
func TestForbiddenTakesAsLongAsUnknown(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	h := secrecy(t)
	unknown, forbidden := asks(t, h, "nowhere", "nobody"), asks(t, h, "closed", "secret")
	for _, name := range []string{"get", "verify", "identify", "delete", "duplicate check"} {
		var ratio float64
		// The machine may be busy with one of the two: three tries.
		for range 3 {
			const calls = 1501
			var took [2][]time.Duration
			for range calls {
				for i, ask := range []func() error{unknown[name], forbidden[name]} {
					begun := time.Now()
					err := ask()
					took[i] = append(took[i], time.Since(begun))
					if !errors.Is(err, ErrNotFound) {
						t.Fatal(err)
					}
				}
			}
			slices.Sort(took[0])
			slices.Sort(took[1])
			a, b := took[0][calls/2], took[1][calls/2]
			ratio = float64(b) / float64(a)
			t.Logf("%s: unknown %v, forbidden %v, ratio %.3f", name, a, b, ratio)
			if ratio >= 0.8 && ratio <= 1.2 {
				break
			}
		}
		if ratio < 0.8 || ratio > 1.2 {
			t.Errorf("%s: forbidden takes %.2f times as long as unknown, want 0.8..1.2", name, ratio)
		}
	}
}
