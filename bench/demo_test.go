package bench_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	immisv1 "immis/api/immis/v1"
	"immis/bench/demo"
)

func runDemo(t *testing.T, cfg demo.Config, conn grpc.ClientConnInterface) *demo.Result {
	t.Helper()
	r, err := demo.Run(t.Context(), cfg, conn)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDemo tells the story to a real server at the default difficulty: server and
// twin agree, those who enroll again are recognized, the erased person is gone,
// the ledger is proved.
func TestDemo(t *testing.T) {
	r := runDemo(t, demo.Config{People: 120, Returning: 24, Verified: 24, Seed: 3}, startServer(t))
	if f := r.Faults(); len(f) > 0 {
		t.Error("faults:", f)
	}
	if r.Enrolled != 120 || r.Identified+r.Missed != 24 || r.Identified < 20 || r.FalseMatches != 0 {
		t.Errorf("enrolled %d, identified %d, missed %d, false %d; want 120, at least 20, together 24, and 0", r.Enrolled, r.Identified, r.Missed, r.FalseMatches)
	}
	v := r.Verify
	if mated, impostors := v.MatedMatch+v.MatedRefer+v.MatedNonMatch, v.ImpostorMatch+v.ImpostorRefer+v.ImpostorNonMatch; mated != 18 || impostors != 6 {
		t.Errorf("verified %d travellers and %d impostors, want 18 and 6", mated, impostors)
	}
	if v != r.TwinVerify {
		t.Errorf("verifications %+v, the twin %+v", v, r.TwinVerify)
	}
	if len(r.Duplicates) != 6 {
		t.Fatalf("%d duplicate checks, want 6", len(r.Duplicates))
	}
	for _, d := range r.Duplicates {
		if !d.Right {
			t.Errorf("duplicate check of %s (in truth %q): %s %v", d.Subject, d.Truth, d.State, d.Found)
		}
	}
	if !r.Erasure.FoundBefore || r.Erasure.FoundAfter || r.Erasure.ReadableAfter || r.Erasure.KeyEpoch == 0 {
		t.Errorf("erasure %+v, want found before and not after", r.Erasure)
	}
	if r.Ledger.Entries < 120+26+24 {
		t.Errorf("%d ledger entries, want one for each answer at least", r.Ledger.Entries)
	}
	if r.Example == nil || r.Example.Declared == r.Example.Enrolled {
		t.Errorf("example %+v, want two names", r.Example)
	}
}

// TestDemoMisses: with the faces of the measured network some people are missed,
// and the twin misses the same.
func TestDemoMisses(t *testing.T) {
	r := runDemo(t, demo.Config{People: 240, Returning: 60, Verified: 12, Difficulty: 1}, startServer(t))
	if f := r.Faults(); len(f) > 0 {
		t.Error("faults:", f)
	}
	if r.Missed == 0 || r.TwinMissed != r.Missed {
		t.Errorf("missed %d, the twin %d; want the same, and some", r.Missed, r.TwinMissed)
	}
}

// TestDemoRefusesPeople: a server that holds people is not touched.
func TestDemoRefusesPeople(t *testing.T) {
	conn := startServer(t)
	_, err := immisv1.NewEnrollmentServiceClient(conn).Enroll(t.Context(), &immisv1.EnrollRequest{
		Context: &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_TEST},
		Encounter: &immisv1.Encounter{MissingFingers: []*immisv1.MissingFinger{{
			Position: immisv1.Position_POSITION_RIGHT_THUMB, Reason: immisv1.MissingFingerReason_MISSING_FINGER_REASON_UNABLE,
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = demo.Run(t.Context(), demo.Config{People: 20}, conn); err == nil || !strings.Contains(err.Error(), "holds 1 subjects") {
		t.Errorf("error %v, want a refusal that names what the server holds", err)
	}
}

// liar changes answers of a real server on their way.
type liar struct {
	grpc.ClientConnInterface
	lie func(answer any)
}

func (l liar) Invoke(ctx context.Context, method string, in, out any, opts ...grpc.CallOption) error {
	err := l.ClientConnInterface.Invoke(ctx, method, in, out, opts...)
	if err == nil {
		l.lie(out)
	}
	return err
}

// TestDemoSeesLies gives the comparison with the twin its teeth: each answer that
// is changed on its way is a fault.
func TestDemoSeesLies(t *testing.T) {
	for _, c := range []struct {
		name string
		want string
		lie  func(answer any) bool
	}{
		{"one search finds nobody", "differ in 1 answers", func(answer any) bool {
			a, ok := answer.(*immisv1.IdentifyResponse)
			if !ok || a.GetOutcome() != immisv1.Outcome_OUTCOME_MATCH {
				return false
			}
			a.Outcome, a.Candidates = immisv1.Outcome_OUTCOME_NON_MATCH, nil
			return true
		}},
		{"one search finds another person", "differ in 1 answers", func(answer any) bool {
			a, ok := answer.(*immisv1.IdentifyResponse)
			if !ok || a.GetOutcome() != immisv1.Outcome_OUTCOME_MATCH {
				return false
			}
			a.Candidates[0].SubjectId = "demo-000019"
			return true
		}},
		{"an impostor passes", "differ in 1 answers", func(answer any) bool {
			a, ok := answer.(*immisv1.VerifyResponse)
			if !ok || a.GetOutcome() != immisv1.Outcome_OUTCOME_NON_MATCH {
				return false
			}
			a.Outcome = immisv1.Outcome_OUTCOME_MATCH
			return true
		}},
		{"an entry is changed", "does not cover", func(answer any) bool {
			a, ok := answer.(*immisv1.ListEntriesResponse)
			if !ok || len(a.GetEntries()) == 0 {
				return false
			}
			a.Entries[0].Header[0] ^= 1
			return true
		}},
		{"a head is changed", "signature", func(answer any) bool {
			a, ok := answer.(*immisv1.GetHeadResponse)
			if !ok {
				return false
			}
			a.Note = []byte(strings.Replace(string(a.GetNote()), "\n", "x\n", 1))
			return true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lied := make(chan struct{}, 1)
			conn := liar{startServer(t), func(answer any) {
				if len(lied) == 0 && c.lie(answer) {
					lied <- struct{}{}
				}
			}}
			// One caller at a time after the enrolment, so one lie is one lie.
			r := runDemo(t, demo.Config{People: 20, Returning: 6, Verified: 8, Again: 1}, conn)
			if len(lied) == 0 {
				t.Fatal("there was nothing to lie about")
			}
			if got := strings.Join(r.Faults(), "; "); !strings.Contains(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
		})
	}
}

// TestDemoIsCancelled: the story ends soon after its context.
func TestDemoIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := demo.Config{People: 2000, Progress: func(phase string, done, _ int) {
		if phase == demo.PhaseEnroll && done == 20 {
			cancel()
		}
	}}
	if _, err := demo.Run(ctx, cfg, startServer(t)); err == nil || ctx.Err() == nil {
		t.Errorf("error %v after a cancellation, want one", err)
	}
}
