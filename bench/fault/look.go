package fault

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
)

// get returns a subject as it is shown, nil when the server knows none.
func (a *api) get(ctx context.Context, id string) (*immisv1.GetSubjectResponse, error) {
	out, err := call(ctx, a.enrollment.GetSubject, &immisv1.GetSubjectRequest{Context: purpose(), SubjectId: id, IncludeSamples: true})
	if status.Code(err) == codes.NotFound {
		return nil, nil
	}
	return out, err
}

// classify says what a difference between a subject and its model means.
func (st state) classify(found bool) class {
	switch {
	case st.status == live && !found:
		return lost
	case st.status != live && found:
		return resurrected
	}
	return other
}

// see reads a subject and compares it with the model.
func (a *attack) see(ctx context.Context, c *api, s *subject, st state) error {
	found, err := c.get(ctx, s.id)
	if err != nil {
		return a.unexpected("get of "+s.id, err)
	}
	a.f.count(&a.f.r.Reads, 1)
	if d := st.differs(found); d != "" {
		a.f.add(st.classify(found != nil), "get: subject %s (%s) %s", s.id, s.story(), d)
	}
	return nil
}

// probe is the face that a subject was last enrolled with, or would have been.
func (a *attack) probe(s *subject, st state) *immisv1.Probe {
	visit := 0
	if n := len(st.encounters); n > 0 {
		visit = st.encounters[n-1].visit
	}
	return &immisv1.Probe{Samples: []*immisv1.Sample{a.people.face(s.person, visit)}}
}

// identify searches for the person of a subject. known, when not nil, is the
// state of every subject, and every candidate must be live in it.
func (a *attack) identify(ctx context.Context, c *api, s *subject, st state, known map[string]state) error {
	out, err := call(ctx, c.recognition.Identify, &immisv1.IdentifyRequest{Context: purpose(), MaxCandidates: 5,
		Probe: &immisv1.IdentifyRequest_Samples{Samples: a.probe(s, st)}})
	if status.Code(err) == codes.FailedPrecondition && st.status != live {
		return nil // nobody is enrolled with this model
	}
	if err != nil {
		return a.unexpected("identify of "+s.id, err)
	}
	a.f.count(&a.f.r.Reads, 1)
	found := false
	for _, x := range out.GetCandidates() {
		found = found || x.GetSubjectId() == s.id
		if known != nil && known[x.GetSubjectId()].status != live {
			a.f.add(resurrected, "identify: candidate %s is %v", x.GetSubjectId(), known[x.GetSubjectId()].status)
		}
	}
	if found != (st.status == live) {
		a.f.add(st.classify(found), "identify: subject %s (%s) is %v, found %v", s.id, s.story(), st.status, found)
	}
	return nil
}

// verify compares the person with the claim to be the subject.
func (a *attack) verify(ctx context.Context, c *api, s *subject, st state) error {
	out, err := call(ctx, c.recognition.Verify, &immisv1.VerifyRequest{Context: purpose(), Probe: a.probe(s, st),
		Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: s.id}})
	if status.Code(err) == codes.NotFound {
		a.f.count(&a.f.r.Reads, 1)
		if st.status == live {
			a.f.add(lost, "verify: subject %s (%s) is live and was not found", s.id, s.story())
		}
		return nil
	}
	if err != nil {
		return a.unexpected("verify of "+s.id, err)
	}
	a.f.count(&a.f.r.Reads, 1)
	switch {
	case st.status != live:
		a.f.add(resurrected, "verify: subject %s (%s) is %v and was compared", s.id, s.story(), st.status)
	case out.GetOutcome() != immisv1.Outcome_OUTCOME_MATCH:
		a.f.add(other, "verify: subject %s (%s): %v with the sample it was enrolled with", s.id, s.story(), out.GetOutcome())
	}
	return nil
}

// unexpected passes on that the process went away, and notes everything else as
// a violation: none of these calls may fail.
func (a *attack) unexpected(what string, err error) error {
	if !errors.Is(err, errCut) {
		a.f.add(other, "%s: %s", what, short(err.Error()))
		return nil
	}
	return err
}

// story is what was asked about a subject, for violations.
func (s *subject) story() string {
	text := ""
	for _, x := range s.steps {
		text += " " + string(x.kind)
		if x.answer == nil {
			text += "(cut)"
		}
	}
	if text == "" {
		return "nothing asked"
	}
	return text[1:]
}
