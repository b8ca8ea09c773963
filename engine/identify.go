package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"immis/index"
	"immis/store"
	"immis/templates"
)

// fastHits is how many subjects nearest by face have their fingers compared in
// fast mode.
const fastHits = 200

// Identify searches who the probe is. Every answer has its ledger entry before
// it is given. Errors: *templates.InputError, ErrNotFound (stored probe or
// gallery), ErrPrecondition (nothing searchable or comparable), ErrOverloaded,
// ErrNotReady, the context's within 20 ms.
func (e *Engine) Identify(ctx context.Context, req IdentifyRequest) (IdentifyResult, error) {
	start := time.Now()
	if err := e.checkReady(req.Caller); err != nil {
		return IdentifyResult{}, err
	}
	if req.MaxCandidates == 0 {
		req.MaxCandidates = 10
	}
	if req.MaxCandidates < 1 || req.MaxCandidates > maxCandidates {
		return IdentifyResult{}, templates.Bad(templates.ReasonOutOfRange, "max_candidates", req.MaxCandidates, "1..100")
	}
	if req.Mode > ModeFast {
		return IdentifyResult{}, templates.Bad(templates.ReasonOutOfRange, "mode", uint8(req.Mode), "exact or fast")
	}
	f, err := e.newFilter(req.Caller, req.Galleries, &req.Filter)
	if err != nil {
		return IdentifyResult{}, err
	}
	leave, err := e.admit.enter(ctx)
	if err != nil {
		return IdentifyResult{}, err
	}
	defer func() { leave() }()
	p, object, err := e.identifyProbe(ctx, req, f)
	if err != nil {
		return IdentifyResult{}, e.refused(ctx, req.Caller, KindIdentify, object, err)
	}
	if p.indexOnly() {
		leave()
		if leave, err = e.passes.enter(ctx); err != nil {
			leave = func() {}
			return IdentifyResult{}, e.refused(ctx, req.Caller, KindIdentify, object, err)
		}
	}
	res, err := e.search(ctx, p, f, req.MaxCandidates, req.Mode)
	if err != nil {
		return IdentifyResult{}, e.refused(ctx, req.Caller, KindIdentify, object, err)
	}
	receipt, err := e.logRead(ctx, req.Caller, KindIdentify, object, res.Outcome.result(), e.identifyDetail(&req, &res))
	if err != nil {
		return IdentifyResult{}, err
	}
	res.Entry = receipt.Number
	e.metrics.identify(res.Mode, res.Comparisons, time.Since(start))
	return res, nil
}

// searchesPerPass is how many searches the index may work on at once.
const searchesPerPass = 32

// indexOnly tells whether the index alone answers.
func (p *probe) indexOnly() bool { return len(p.fingers) == 0 && p.models() == 1 }

// identifyProbe takes exactly one source; a stored subject is not searched for in itself.
func (e *Engine) identifyProbe(ctx context.Context, req IdentifyRequest, f *filter) (*probe, store.ID, error) {
	ref, stored, err := req.Probe.stored()
	if err != nil {
		return nil, store.ID{}, err
	}
	if !stored {
		p, err := e.newProbe(ctx, "probe.samples", req.Probe.Samples, &budget{})
		if err != nil {
			return nil, store.ID{}, err
		}
		return p, store.ID{}, p.keep(req.Filter.Modalities)
	}
	p, s, err := e.storedProbe(ctx, req.Caller, ref)
	if err != nil {
		return nil, e.subjectID(ref.Subject), err
	}
	f.without = s
	return p, s.id, p.keep(req.Filter.Modalities)
}

// stored tells whether a source names a stored subject or encounter, and refuses
// none or several.
func (p *ProbeSource) stored() (EncounterRef, bool, error) {
	n := 0
	var ref EncounterRef
	if p.Subject != "" {
		n++
		ref = EncounterRef{Subject: p.Subject}
	}
	if p.Encounter != nil {
		n++
		ref = *p.Encounter
		if err := checkIdentifier("encounter_id", ref.Encounter, true); err != nil {
			return ref, false, err
		}
	}
	stored := n > 0
	if len(p.Samples) > 0 {
		n++
	}
	if n > 1 {
		return ref, false, templates.Bad(ReasonClaim, "source", n, "exactly one of samples, subject, encounter")
	}
	if stored {
		return ref, true, checkSubject(ref.Subject)
	}
	return ref, false, nil
}

// found is a subject with its evidence, before it is shown.
type found struct {
	subject *subject
	state   *subjectState
	log10LR float64
	// raw is the sum of the scores that the evidence rests on: beyond the range a
	// calibration can speak for, likelihood ratios are equal and scores still tell the
	// nearer from the farther. Of several photos only the best counts there and so here:
	// the index finds who is nearest to one, not to all together.
	raw float64
	// comparisons are those the rank rests on: made again for the answer, they
	// could be of a person who was withdrawn meanwhile, with nothing left to show.
	comparisons []comparison
}

// better orders candidates: more evidence first, then higher scores, then the
// order of enrolment.
func better(a, b found) int {
	if c := cmp.Compare(b.log10LR, a.log10LR); c != 0 {
		return c
	}
	if c := cmp.Compare(b.raw, a.raw); c != 0 {
		return c
	}
	return cmp.Compare(a.state.first(), b.state.first())
}

// search finds the best candidates. Exact mode compares every view of everyone;
// fast mode compares the fingers of those nearest by face only.
func (e *Engine) search(ctx context.Context, p *probe, f *filter, k int, mode SearchMode) (IdentifyResult, error) {
	res := IdentifyResult{Mode: ModeExact, Outcome: OutcomeNonMatch, Version: e.register.version.Load()}
	all := e.register.all()
	subjects := all
	c := &comparer{ctx: ctx, probe: p, narrow: f.narrow}
	var err error
	// Who is bounded to a part of the gallery is told the numbers of that part only.
	bounded := len(f.galleries) > 0 || f.narrow != nil || !f.everyone && e.register.closed.Load() > 0
	var within reach
	if bounded {
		if within, err = f.reach(ctx, p, all); err != nil {
			return res, err
		}
		res.Subjects = within.subjects
	} else {
		res.Subjects = e.register.others(f.without)
	}
	switch {
	case p.indexOnly():
		subjects, err = e.nearest(ctx, c, f, k, mode)
	case len(p.faces) > 0 && mode == ModeFast:
		res.Mode = ModeFast
		subjects, err = e.nearest(ctx, c, f, max(fastHits, k), mode)
	}
	if err != nil {
		return res, err
	}
	if c.fast {
		res.Mode, res.SureAbove = ModeFast, c.sure
	}
	if f.seesAll(e.register) { // else the number would tell of people the principal may not know of
		res.Excluded = within.excluded
	}
	if bounded && c.made > 0 {
		c.made = within.faces
	}
	best, err := e.rank(ctx, c, f, subjects, k)
	if err != nil {
		return res, err
	}
	if c.made == 0 && res.Subjects > 0 {
		return res, &Error{Reason: ReasonNotComparable, Err: ErrPrecondition, What: "search", Got: "a probe that nobody here can be compared with", Want: "a face vector of a model in use, or a finger"}
	}
	for _, b := range best {
		cand, err := e.candidate(b.subject.external, b.comparisons, int(res.Subjects))
		if err != nil {
			return res, err
		}
		res.Candidates = append(res.Candidates, cand)
	}
	if len(res.Candidates) > 0 {
		res.Outcome = res.Candidates[0].Outcome
	}
	res.Comparisons = c.made
	return res, nil
}

// rank compares the probe with each subject and keeps the k best.
func (e *Engine) rank(ctx context.Context, c *comparer, f *filter, subjects []*subject, k int) ([]found, error) {
	var best []found
	for i, s := range subjects {
		if i%8 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		st := s.state.Load()
		if !f.accepts(s, st) {
			continue
		}
		cs := c.compare(st.encounters)
		if len(cs) == 0 { // nothing in common, or cut short
			if err := cmp.Or(c.err, ctx.Err()); err != nil {
				return nil, err
			}
			continue
		}
		w, err := e.opts.Calibration.Weigh(evidenceOf(cs))
		if err != nil {
			return nil, fmt.Errorf("weigh evidence: %w", err)
		}
		it := found{subject: s, state: st, log10LR: w.LLR}
		for _, t := range w.Terms {
			it.raw += float64(t.Score)
		}
		if len(best) == k && better(best[k-1], it) <= 0 {
			continue
		}
		it.comparisons = slices.Clone(cs) // cs is valid until the next subject
		at, _ := slices.BinarySearchFunc(best, it, better)
		best = slices.Insert(best, at, it)
		best = best[:min(len(best), k)]
	}
	return best, nil
}

// nearest returns the k subjects nearest by each face, all that tie with the last of
// them included. For a probe of one face model and no fingers the exact candidates are
// among these, since evidence grows with the best score.
func (e *Engine) nearest(ctx context.Context, c *comparer, f *filter, k int, mode SearchMode) ([]*subject, error) {
	seen := map[*subject]bool{}
	var out []*subject
	for i := range c.probe.faces {
		pf := &c.probe.faces[i]
		m := e.register.model(pf.model)
		if m == nil {
			continue
		}
		if m.index.Dim() != pf.Dim() {
			return nil, templates.Bad(templates.ReasonDimension, "face vector of a known model", pf.Dim(), m.index.Dim())
		}
		near, err := e.nearestTo(ctx, c, m, pf.Probe, k, f, mode)
		if err != nil {
			return nil, err
		}
		for _, s := range near {
			if !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// nearestTo asks the index for more people until there are k and the last is worse
// than the k-th, or there are no more. People who left, or left a gallery, since the
// index looked are dropped.
func (e *Engine) nearestTo(ctx context.Context, c *comparer, m *model, p *index.Probe, k int, f *filter, mode SearchMode) ([]*subject, error) {
	q := index.Query{Probe: p, K: k + 16, Filter: f.rows(e.register)}
	if mode == ModeFast {
		q.Mode = index.Fast
	}
	for ; ; q.K = min(4*q.K, index.MaxK) {
		answer, err := m.index.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		c.made += uint64(answer.Rows)
		if answer.Mode == index.Fast {
			c.fast, c.sure = true, max(c.sure, answer.Sure)
		}
		var out []*subject
		kth := float32(math.Inf(-1))
		for _, h := range answer.Candidates {
			enc := e.register.encounterOf(h.Key)
			if enc == nil || !f.accepts(enc.subject, enc.subject.state.Load()) || len(out) >= k && h.Score < kth {
				continue
			}
			out = append(out, enc.subject)
			if len(out) == k {
				kth = h.Score
			}
		}
		n := len(answer.Candidates)
		if n < q.K || q.K == index.MaxK || len(out) >= k && answer.Candidates[n-1].Score < kth {
			return out, nil
		}
	}
}

// identifyVersion is that of the detail of a search: 2 added what it was bounded by.
const identifyVersion = 2

// identifyDetail is the sealed part of the entry: mode, version and candidates
// by pseudonym with their evidence, and what the search was bounded by, so that a
// decision can be looked at again.
func (e *Engine) identifyDetail(req *IdentifyRequest, r *IdentifyResult) []byte {
	w := &encoder{}
	w.u8(identifyVersion)
	w.u8(uint8(r.Mode))
	w.u64(r.Version)
	w.u64(r.Subjects)
	w.u64(r.Comparisons)
	w.u32(uint32(len(r.Candidates)))
	for _, c := range r.Candidates {
		id := e.subjectID(c.Subject)
		w.b = append(w.b, id[:]...)
		encodeEvidence(w, c.Outcome, c.Log10LR, c.Scores)
	}
	w.texts(req.Galleries)
	f := &req.Filter
	w.u32(uint32(len(f.Modalities)))
	for _, m := range f.Modalities {
		w.u8(uint8(m))
	}
	w.u8(f.MinQuality)
	w.u8(f.Sex)
	w.texts(f.Nationalities)
	w.u32(uint32(f.BirthYearFrom))
	w.u32(uint32(f.BirthYearTo))
	return w.b
}

func encodeEvidence(w *encoder, o Outcome, log10LR float64, scores []SampleScore) {
	w.u8(uint8(o))
	w.u64(math.Float64bits(log10LR))
	w.u32(uint32(len(scores)))
	for _, s := range scores {
		w.u8(uint8(s.Modality))
		w.u8(uint8(s.Position))
		w.text(s.Model)
		w.u64(math.Float64bits(s.Score))
		w.u64(math.Float64bits(s.Log10LR))
	}
}
