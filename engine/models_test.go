package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"immis/templates"
)

func enrollVector(subject, model string, dims int) EnrollRequest {
	return EnrollRequest{Caller: clerk, Subject: subject, Encounter: Encounter{ID: "e", Samples: []Sample{
		vectorSample(model, vector(dims, func(i int) float32 { return float32((i*7+dims)%11) - 5 }))}}}
}

// TestModelForgetsItsDimension: a model fixes a dimension while somebody is
// enrolled with it, and not longer.
func TestModelForgetsItsDimension(t *testing.T) {
	ctx := context.Background()
	for name, withdraw := range map[string]func(h *house, subject string) error{
		"delete subject": func(h *house, s string) error { _, err := h.engine.DeleteSubject(ctx, clerk, "", s); return err },
		"erase subject":  func(h *house, s string) error { _, err := h.engine.EraseSubject(ctx, clerk, "", s); return err },
		"delete encounter": func(h *house, s string) error {
			_, err := h.engine.DeleteEncounter(ctx, clerk, "", EncounterRef{s, "e"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, plan{})
			mustEnroll(t, h, enrollVector("a", "net/1", 32))
			mustEnroll(t, h, enrollVector("b", "net/1", 32))
			refused := func() {
				t.Helper()
				if _, err := h.engine.Enroll(ctx, enrollVector("c", "net/1", 48)); reasonOf(err) != string(templates.ReasonDimension) {
					t.Fatalf("other dimension of a model in use: %v, want %s", err, templates.ReasonDimension)
				}
			}
			refused()
			if err := withdraw(h, "a"); err != nil {
				t.Fatal(err)
			}
			refused() // b still needs it
			if err := withdraw(h, "b"); err != nil {
				t.Fatal(err)
			}
			mustEnroll(t, h, enrollVector("c", "net/1", 48))
		})
	}
}

// TestRefusedEnrolmentForgetsItsModel: a model that only a refused request named
// fixes nothing.
func TestRefusedEnrolmentForgetsItsModel(t *testing.T) {
	h := open(t, plan{})
	mustEnroll(t, h, enrollVector("a", "net/1", 32))
	bad := enrollVector("a", "net/2", 32) // the subject exists
	if _, err := h.engine.Enroll(context.Background(), bad); reasonOf(err) != ReasonExists {
		t.Fatal(err)
	}
	mustEnroll(t, h, enrollVector("b", "net/2", 48))
}

// TestFirstUseRace: of concurrent first uses of a model with two dimensions, one
// dimension wins and everybody with the other gets the typed error.
func TestFirstUseRace(t *testing.T) {
	h := open(t, plan{})
	for round := range 30 {
		model := fmt.Sprintf("net/%d", round)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = h.engine.Enroll(context.Background(), enrollVector(fmt.Sprintf("s-%d-%d", round, i), model, 32+16*(i%2)))
			})
		}
		wg.Wait()
		won := map[int]int{}
		for i, err := range errs {
			switch {
			case err == nil:
				won[i%2]++
			case reasonOf(err) != string(templates.ReasonDimension):
				t.Fatalf("round %d: %v, want %s", round, err, templates.ReasonDimension)
			}
		}
		if len(won) != 1 || won[0]+won[1] != 4 {
			t.Fatalf("round %d: %d won with 32 dimensions, %d with 48; want all 4 of one kind", round, won[0], won[1])
		}
	}
}
