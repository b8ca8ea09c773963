package engine

import (
	"cmp"
	"context"
	"sync"
	"time"

	"immis/store"
	"immis/templates"
)

// Verify compares the probe with a claim: a subject, one of its encounters, or
// other samples. The entry is in the ledger before the answer, also when the
// claimed subject is unknown or forbidden; those two take one path.
func (e *Engine) Verify(ctx context.Context, req VerifyRequest) (VerifyResult, error) {
	start := time.Now()
	if err := e.checkReady(req.Caller); err != nil {
		return VerifyResult{}, err
	}
	ref, stored, err := req.Claim.stored()
	if err != nil {
		return VerifyResult{}, err
	}
	leave, err := e.preparing.enter(ctx)
	if err != nil {
		return VerifyResult{}, err
	}
	leave = sync.OnceFunc(leave)
	defer leave()
	b := &budget{}
	p, err := e.newProbe(ctx, "probe.samples", req.Probe, b)
	if err != nil {
		return VerifyResult{}, err
	}
	var comparisons []comparison
	var object store.ID
	if stored {
		object = e.subjectID(ref.Subject)
		comparisons, err = e.compareClaim(ctx, p, req.Caller, ref)
	} else {
		comparisons, err = e.compareSamples(ctx, p, req.Claim.Samples, b)
	}
	leave() // the ledger needs no core
	if err == nil && len(comparisons) == 0 {
		err = &Error{Reason: ReasonNotComparable, Err: ErrPrecondition, What: "verify", Got: "a probe and a claim without a common finger or face model", Want: "at least one in common"}
	}
	if err != nil {
		return VerifyResult{}, e.refused(ctx, req.Caller, KindVerify, object, err)
	}
	c, err := e.candidate(ref.Subject, comparisons, 1)
	if err != nil {
		return VerifyResult{}, err
	}
	w := &encoder{}
	w.u8(recordVersion)
	encodeEvidence(w, c.Outcome, c.Log10LR, c.Scores)
	receipt, err := e.logRead(ctx, req.Caller, KindVerify, object, c.Outcome.result(), w.b)
	if err != nil {
		return VerifyResult{}, err
	}
	e.metrics.verify(len(comparisons), time.Since(start))
	return VerifyResult{Outcome: c.Outcome, Log10LR: c.Log10LR, Scores: c.Scores, Reasons: c.Reasons, Entry: receipt.Number}, nil
}

func (e *Engine) compareClaim(ctx context.Context, p *probe, c Caller, ref EncounterRef) ([]comparison, error) {
	_, st, err := e.visible(c, ref.Subject)
	if err != nil {
		return nil, err
	}
	encounters := st.encounters
	if ref.Encounter != "" {
		encounters = nil
		for _, enc := range st.encounters {
			if enc.external == ref.Encounter {
				encounters = append(encounters, enc)
			}
		}
		if encounters == nil {
			return nil, notFound()
		}
	}
	comparer := &comparer{ctx: ctx, probe: p}
	out := comparer.compare(encounters)
	return out, cmp.Or(comparer.err, ctx.Err())
}

func (e *Engine) compareSamples(ctx context.Context, p *probe, samples []Sample, b *budget) ([]comparison, error) {
	if len(samples) == 0 {
		return nil, templates.Bad(ReasonClaim, "claim", "none", "exactly one of samples, subject, encounter")
	}
	claim, err := e.newProbe(ctx, "claim.samples", samples, b)
	if err != nil {
		return nil, err
	}
	return compareProbes(ctx, p, claim)
}
