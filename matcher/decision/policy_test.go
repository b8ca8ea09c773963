package decision

import (
	"math"
	"testing"
)

func TestThresholdsRiseWithTheSearch(t *testing.T) {
	p := Policy{MatchLLR: 2, ReferLLR: 0.5}
	for _, n := range []int{1, 2, 3, 7, 10, 99, 1000, 2000, 5749, 65536, 1 << 20, 100_000_000, math.MaxInt} {
		match, refer := p.Thresholds(n)
		want := math.Log10(float64(n))
		if math.Abs(match-2-want) > 1.0/2048+1e-6 || match-refer != 1.5 {
			t.Errorf("%d persons: thresholds %v and %v, want a raise of %v", n, match, refer, want)
		}
	}
	for _, n := range []int{0, -5} {
		if match, _ := p.Thresholds(n); match != 2 {
			t.Errorf("%d persons: match at %v, want 2", n, match)
		}
	}
	for n, want := range map[uint64]float64{1: 0, 10: 1, 100: 2, 1_000_000: 6} {
		if got := log10(n); got != want {
			t.Errorf("log10(%d): got %v, want %v", n, got, want)
		}
	}
}

func TestPolicyIsChecked(t *testing.T) {
	for _, p := range []Policy{
		{MatchLLR: 1, ReferLLR: 2},
		{MatchLLR: math.NaN()},
		{MatchLLR: 2, ReferLLR: math.NaN()},
		{MatchLLR: math.Inf(1)},
		{MatchLLR: 2, ReferLLR: -1000},
	} {
		if err := p.Validate(); err == nil {
			t.Errorf("%+v passes, want an error", p)
		}
		if _, err := Decide(Provisional(), p, Evidence{}, 1); err == nil {
			t.Errorf("%+v decides, want an error", p)
		}
	}
	for _, p := range []Policy{DefaultPolicy(), {MatchLLR: 3, ReferLLR: 3}, {MatchLLR: 0, ReferLLR: -2}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestThresholdsAreInclusive(t *testing.T) {
	c := &Calibration{Finger: Line{Slope: 10, Floor: -10, Cap: 10}, TotalLimit: 20}
	e := Evidence{Fingers: []FingerEvidence{{Position: 1, Score: 0.25}}} // exactly 2.5
	for _, k := range []struct {
		policy Policy
		want   Outcome
	}{
		{Policy{MatchLLR: 2.5, ReferLLR: 1}, Match},
		{Policy{MatchLLR: 2.5 + 1.0/1024, ReferLLR: 2.5}, Refer},
		{Policy{MatchLLR: 3, ReferLLR: 2.5 + 1.0/1024}, NonMatch},
		{Policy{MatchLLR: 2.5, ReferLLR: 2.5}, Match},
	} {
		d, err := Decide(c, k.policy, e, 1)
		if err != nil || d.Outcome != k.want {
			t.Errorf("%+v: %v (%v), want %v", k.policy, d.Outcome, err, k.want)
		}
	}
	// No evidence is a non-match even under a policy that asks for nothing.
	if d, err := Decide(c, Policy{MatchLLR: -5, ReferLLR: -5}, Evidence{}, 1); err != nil || d.Outcome != NonMatch {
		t.Errorf("no evidence: %v (%v), want non_match", d.Outcome, err)
	}
}

func TestOutcomeNames(t *testing.T) {
	for o, want := range map[Outcome]string{Match: "match", Refer: "refer", NonMatch: "non_match", 9: "outcome(9)"} {
		if o.String() != want {
			t.Errorf("outcome %d is called %q, want %q", uint8(o), o, want)
		}
	}
}
