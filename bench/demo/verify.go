package demo

import (
	"context"

	immisv1 "immis/api/immis/v1"
)

// verify checks travellers against who they claim to be: face and two fingers.
func (p *play) verify(ctx context.Context, res *Result) error {
	asks := make([]ask, len(p.plan.claims))
	for i, c := range p.plan.claims {
		asks[i] = ask{kind: KindBoth, person: c.person, claimed: c.claimed}
	}
	if err := p.makeProbes(ctx, asks, visitTravel); err != nil {
		return err
	}
	serverTime, twinTime, err := p.both(ctx, PhaseVerify, asks, p.askVerify, func(_ context.Context, a *ask) (err error) {
		a.twin, err = p.twin.Verify(a.samples, a.claimed)
		return err
	})
	if err != nil {
		return err
	}
	for i := range asks {
		a := &asks[i]
		res.compare("verify", a)
		mated := a.person == a.claimed
		res.Verify.count(mated, a.server.Outcome)
		res.TwinVerify.count(mated, a.twin.Outcome)
	}
	res.FalseMatches += res.Verify.ImpostorMatch
	res.TwinFalseMatches += res.TwinVerify.ImpostorMatch
	server, twin := all(serverTime), all(twinTime)
	res.VerifyP50MS, res.VerifyP99MS, res.TwinVerifyP50MS, res.TwinVerifyP99MS = server.P50MS, server.P99MS, twin.P50MS, twin.P99MS
	return nil
}

func (p *play) askVerify(ctx context.Context, a *ask) error {
	ctx, cancel := request(ctx)
	defer cancel()
	answer, err := p.recognition.Verify(ctx, &immisv1.VerifyRequest{
		Context: purpose(""), Probe: &immisv1.Probe{Samples: a.samples},
		Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: subjectID(a.claimed)},
	})
	if err != nil {
		return err
	}
	a.server = Answer{Outcome: answer.GetOutcome(), Best: a.claimed, Log10LR: answer.GetLog10Lr()}
	return nil
}

func (v *Verification) count(mated bool, o immisv1.Outcome) {
	switch {
	case mated && o == immisv1.Outcome_OUTCOME_MATCH:
		v.MatedMatch++
	case mated && o == immisv1.Outcome_OUTCOME_REFER:
		v.MatedRefer++
	case mated:
		v.MatedNonMatch++
	case o == immisv1.Outcome_OUTCOME_MATCH:
		v.ImpostorMatch++
	case o == immisv1.Outcome_OUTCOME_REFER:
		v.ImpostorRefer++
	default:
		v.ImpostorNonMatch++
	}
}
