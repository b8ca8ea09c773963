package engine

import (
	"context"
	"fmt"
	"slices"

	"immis/index"
	"immis/matcher/decision"
	"immis/matcher/face"
	"immis/matcher/finger"
	"immis/store"
	"immis/templates"
)

// probe is what is asked about: each searchable view prepared once, to be
// compared with many.
type probe struct {
	faces   []probeFace
	fingers []probeFinger
}

type probeFace struct {
	model  string
	vector []float32
	*index.Probe
}

type probeFinger struct {
	position templates.Position
	template *finger.Template
}

// add takes a decoded template, whose vector has unit length.
func (p *probe) add(t templates.Template) error {
	switch {
	case t.Face != nil:
		f, err := index.NewProbe(t.Face.Vector)
		if err != nil {
			return fmt.Errorf("prepare face vector: %w", err)
		}
		p.faces = append(p.faces, probeFace{t.Face.Model, t.Face.Vector, f})
	case t.Finger != nil:
		p.fingers = append(p.fingers, probeFinger{t.Finger.Position, finger.Prepare(t.Finger)})
	}
	return nil
}

// facesOf counts the faces of a model.
func (p *probe) facesOf(model string) (n uint64) {
	for i := range p.faces {
		if p.faces[i].model == model {
			n++
		}
	}
	return n
}

// models counts the face models of the probe.
func (p *probe) models() int {
	seen := map[string]bool{}
	for _, f := range p.faces {
		seen[f.model] = true
	}
	return len(seen)
}

func (p *probe) empty() bool { return len(p.faces) == 0 && len(p.fingers) == 0 }

// newProbe decodes samples; at least one must be searchable.
func (e *Engine) newProbe(ctx context.Context, path string, samples []Sample, b *budget) (*probe, error) {
	if len(samples) == 0 {
		return nil, templates.Bad(templates.ReasonEmpty, path, "no samples", "at least one")
	}
	ds, _, err := decodeSamples(ctx, path, samples, e.opts.Clock(), b)
	if err != nil {
		return nil, err
	}
	p := &probe{}
	for _, d := range ds {
		for _, v := range d.views {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := p.add(v); err != nil {
				return nil, err
			}
		}
	}
	if err := e.checkDimensions(path, p); err != nil {
		return nil, err
	}
	return p, p.check(path)
}

// checkDimensions refuses a vector that is not of the dimension its model has here.
func (e *Engine) checkDimensions(path string, p *probe) error {
	for _, f := range p.faces {
		if m := e.register.model(f.model); m != nil && m.index.Dim() != f.Dim() {
			return templates.Bad(templates.ReasonDimension, path+": face vector of a known model", fmt.Sprintf("%d dimensions", f.Dim()), m.index.Dim())
		}
	}
	return nil
}

func (p *probe) check(path string) error {
	if p.empty() {
		return &Error{Reason: ReasonNotSearchable, Err: ErrPrecondition, What: path, Got: "only samples that cannot be searched (images)", Want: "a face vector or a minutiae record"}
	}
	return nil
}

// storedProbe is the probe of a stored subject, or of one encounter of it.
func (e *Engine) storedProbe(ctx context.Context, c Caller, ref EncounterRef) (*probe, *subject, error) {
	s, st, err := e.visible(c, ref.Subject)
	if err != nil {
		return nil, nil, err
	}
	encounters := st.encounters
	if ref.Encounter != "" {
		at := slices.IndexFunc(encounters, func(x *encounter) bool { return x.external == ref.Encounter })
		if at < 0 {
			return nil, nil, notFound()
		}
		encounters = encounters[at : at+1]
	}
	p, err := e.probeOf(ctx, s.id, encounters)
	if err != nil {
		return nil, nil, err
	}
	return p, s, p.check("stored probe")
}

// probeOf opens the stored templates of encounters.
func (e *Engine) probeOf(ctx context.Context, id store.ID, encounters []*encounter) (*probe, error) {
	p := &probe{}
	for _, enc := range encounters {
		rec, _, err := e.openRecord(id, enc.id)
		if err != nil {
			return nil, err
		}
		for _, s := range rec.views() {
			for _, v := range s.views {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				if err := p.add(v); err != nil {
					return nil, err
				}
			}
		}
	}
	return p, nil
}

// comparison is one probe view against the best reference view of a subject.
type comparison struct {
	modality  templates.Modality
	position  templates.Position
	model     string
	score     float32
	encounter *encounter // nil where the reference is not stored
}

// evidenceOf hands comparisons to the decision.
func evidenceOf(comparisons []comparison) decision.Evidence {
	var e decision.Evidence
	for _, c := range comparisons {
		if c.modality == templates.ModalityFace {
			e.Faces = append(e.Faces, decision.FaceEvidence{Model: c.model, Similarity: c.score})
		} else {
			e.Fingers = append(e.Fingers, decision.FingerEvidence{Position: c.position, Score: c.score})
		}
	}
	return e
}

// samePosition: fingers of known position meet their own kind, unknown meets all.
func samePosition(a, b templates.Position) bool {
	return a == b || a == templates.PositionUnknown || b == templates.PositionUnknown
}

// comparer compares a probe with subjects, one after the other.
type comparer struct {
	// ctx ends a comparison of many views early; its caller must then look at it.
	ctx    context.Context
	probe  *probe
	narrow *narrowing // of the references
	finger finger.Comparer
	// made counts comparisons.
	made uint64
	// If the index looked fast, the score from which on it can be relied on.
	fast bool
	sure float32
	out  []comparison
	err  error // a row of the index could not be read
}

// compare computes each probe view against every comparable view of the
// encounters and keeps the best of each. Views that nothing can be compared with
// leave no evidence. The result is valid until the next call.
func (c *comparer) compare(encounters []*encounter) []comparison {
	c.out = c.out[:0]
	for i := range c.probe.faces {
		p := &c.probe.faces[i]
		var best comparison
		for _, enc := range encounters {
			for _, f := range enc.faces {
				if f.model.name != p.model || !c.narrow.lets(enc, f.quality) {
					continue
				}
				score, ok, err := f.model.index.Score(p.Probe, f.key)
				if err != nil {
					c.err = err
					return nil
				}
				if !ok {
					continue
				}
				c.made++
				if best.encounter == nil || score > best.score {
					best = comparison{templates.ModalityFace, templates.PositionUnknown, p.model, score, enc}
				}
			}
		}
		if best.encounter != nil {
			c.out = append(c.out, best)
		}
	}
	for i := range c.probe.fingers {
		p := &c.probe.fingers[i]
		var best comparison
		for _, enc := range encounters {
			for _, f := range enc.fingers {
				if !samePosition(p.position, f.position) || !c.narrow.lets(enc, f.quality) {
					continue
				}
				// A comparison of two fingers costs well under 1 ms, preparing one up to some ms.
				if (c.made%8 == 0 || !f.prepared()) && c.ctx.Err() != nil {
					return nil
				}
				c.made++
				if s := float32(c.finger.Compare(p.template, f.get())); best.encounter == nil || s > best.score {
					best = comparison{templates.ModalityFinger, known(p.position, f.position), "", s, enc}
				}
			}
		}
		if best.encounter != nil {
			c.out = append(c.out, best)
		}
	}
	return c.out
}

// known is the position that at least one of two views states.
func known(a, b templates.Position) templates.Position {
	if a == templates.PositionUnknown {
		return b
	}
	return a
}

// compareProbes compares two probes with each other: neither is stored.
func compareProbes(ctx context.Context, p, claim *probe) ([]comparison, error) {
	var out []comparison
	keep := func(c comparison, first bool) {
		if first {
			out = append(out, c)
		} else if last := &out[len(out)-1]; c.score > last.score {
			*last = c
		}
	}
	for _, a := range p.faces {
		first := true
		for _, b := range claim.faces {
			if a.model == b.model {
				if a.Dim() != b.Dim() {
					return nil, templates.Bad(templates.ReasonDimension, "claim.samples: face vector of the probe's model", fmt.Sprintf("%d dimensions", b.Dim()), a.Dim())
				}
				keep(comparison{modality: templates.ModalityFace, model: a.model, score: face.Compare(a.vector, b.vector)}, first)
				first = false
			}
		}
	}
	for _, a := range p.fingers {
		first := true
		for _, b := range claim.fingers {
			if samePosition(a.position, b.position) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				keep(comparison{modality: templates.ModalityFinger, position: known(a.position, b.position), score: float32(a.template.Compare(b.template))}, first)
				first = false
			}
		}
	}
	return out, nil
}

// candidate fuses comparisons into what is known of one subject. n is how many
// subjects were searched: 1 for a verification.
func (e *Engine) candidate(external string, comparisons []comparison, n int) (Candidate, error) {
	d, err := decision.Decide(e.opts.Calibration, e.opts.Policy, evidenceOf(comparisons), n)
	if err != nil {
		return Candidate{}, fmt.Errorf("decide: %w", err)
	}
	out := Candidate{Subject: external, Log10LR: d.Weight.LLR, Outcome: outcomeOf(d.Outcome)}
	for _, r := range d.Reasons {
		out.Reasons = append(out.Reasons, string(r))
	}
	terms := d.Weight.Terms
	for _, c := range comparisons {
		s := SampleScore{Modality: c.modality, Position: c.position, Model: c.model, Score: float64(c.score)}
		if c.encounter != nil {
			s.Encounter = c.encounter.external
		}
		// A term belongs to the first comparison it was made from; of several samples
		// of one finger only the best has one.
		if i := slices.IndexFunc(terms, func(t decision.Term) bool {
			return t.Modality == c.modality && t.Position == c.position && t.Model == c.model && t.Score == c.score
		}); i >= 0 {
			s.Log10LR = terms[i].LLR
			terms = slices.Delete(slices.Clone(terms), i, i+1)
		}
		out.Scores = append(out.Scores, s)
	}
	return out, nil
}

func outcomeOf(d decision.Outcome) Outcome {
	switch d {
	case decision.Match:
		return OutcomeMatch
	case decision.Refer:
		return OutcomeRefer
	}
	return OutcomeNonMatch
}

func (o Outcome) result() uint8 {
	switch o {
	case OutcomeMatch:
		return resultMatch
	case OutcomeRefer:
		return resultRefer
	}
	return resultNonMatch
}
