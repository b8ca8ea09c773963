package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestIndexMemory: with the memory of the index full, enrolments of faces are refused
// before anything is written, and searches and deletions go on.
func TestIndexMemory(t *testing.T) {
	h := open(t, plan{engine: func(o *Options) { o.IndexMemory = 4 << 20 }})
	ctx := context.Background()
	var full error
	n := 0
	for ; n < 10_000; n++ {
		req := EnrollRequest{Caller: clerk, Subject: fmt.Sprintf("s-%d", n), Encounter: Encounter{ID: "e", Samples: modelSamples(0, 1)}}
		if _, full = h.engine.Enroll(ctx, req); full != nil {
			break
		}
	}
	if reasonOf(full) != ReasonMemory || !errors.Is(full, ErrOverloaded) {
		t.Fatalf("enrolment %d: %v, want %s", n, full, ReasonMemory)
	}
	size := h.size()
	if _, err := h.engine.Enroll(ctx, EnrollRequest{Caller: clerk, Subject: "late", Encounter: Encounter{ID: "e", Samples: modelSamples(0, 1)}}); reasonOf(err) != ReasonMemory {
		t.Errorf("next enrolment: %v, want %s", err, ReasonMemory)
	}
	if h.size() != size {
		t.Errorf("a refused enrolment wrote %d entries", h.size()-size)
	}
	res, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: modelSamples(0, 1)}})
	if err != nil || len(res.Candidates) == 0 || res.Subjects != uint64(n) {
		t.Errorf("search beside a full index: %+v, %v", res, err)
	}
	for i := range n {
		if _, err := h.engine.DeleteSubject(ctx, clerk, "", fmt.Sprintf("s-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.engine.Enroll(ctx, EnrollRequest{Caller: clerk, Subject: "later", Encounter: Encounter{ID: "e", Samples: modelSamples(0, 1)}}); err != nil {
		t.Errorf("enrolment after deletions: %v", err)
	}
}
