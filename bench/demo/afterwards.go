package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
)

// readRecord reads, as an operator would, the record of one who came back, and
// sets the name declared now beside the name that was enrolled.
func (p *play) readRecord(ctx context.Context, res *Result) error {
	ctx, cancel := request(ctx)
	defer cancel()
	who := p.plan.example(p.world)
	s, err := p.enrollment.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: purpose("demo/first-return"), SubjectId: subjectID(who.person)})
	if err != nil {
		return err
	}
	if len(s.GetEncounters()) != 1 || len(s.GetEncounters()[0].GetBiographicData().GetNames()) == 0 {
		return fmt.Errorf("record %s has %d encounters, want one with a name", subjectID(who.person), len(s.GetEncounters()))
	}
	b := s.GetEncounters()[0].GetBiographicData()
	n := b.GetNames()[0]
	latin := b.GetNames()[len(b.GetNames())-1]
	v := p.world.Visit(who.person, who.visit)
	res.Example = &Example{
		Subject:  subjectID(who.person),
		Declared: describe(v.Surname, v.Given, v.Patronymic, v.SurnameLatin, v.GivenLatin, v.BirthDate.String()),
		Enrolled: describe(n.GetSurname(), n.GetGivenNames(), n.GetPatronymic(), latin.GetSurname(), latin.GetGivenNames(), b.GetBirthDate()),
		Changes:  v.Changes.String(),
	}
	return nil
}

func describe(surname, given, patronymic, surnameLatin, givenLatin, birth string) string {
	return fmt.Sprintf("%s %s %s / %s %s, %s", surname, given, patronymic, surnameLatin, givenLatin, birth)
}

// checkDuplicates enrolls a few people once more, under another name, and one
// new person; then waits for what the duplicate checks find.
func (p *play) checkDuplicates(ctx context.Context, res *Result) error {
	ctx, cancel := request(ctx)
	defer cancel()
	people := append(slices.Clone(p.plan.again), p.plan.newcomer)
	at := map[string]int{}
	var refs []*immisv1.EncounterRef
	for k, person := range people {
		req, err := p.enrollRequest(person, visitAgain, againID(k))
		if err != nil {
			return err
		}
		req.CheckDuplicates = true
		answer, err := p.enrollment.Enroll(ctx, req)
		if err != nil {
			return fmt.Errorf("%s: %w", againID(k), err)
		}
		d := Duplicate{Subject: answer.GetSubjectId(), Found: []string{}}
		if person < p.People {
			d.Truth = subjectID(person)
		}
		at[d.Subject] = k
		res.Duplicates = append(res.Duplicates, d)
		refs = append(refs, &immisv1.EncounterRef{SubjectId: answer.GetSubjectId(), EncounterId: answer.GetEncounterId()})
	}
	stream, err := p.enrollment.WatchDuplicateChecks(ctx, &immisv1.WatchDuplicateChecksRequest{Context: purpose(""), Encounters: refs})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		p.Progress.Tell(PhaseChecks, n, len(refs))
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if n != len(refs) {
				return fmt.Errorf("the stream of duplicate checks ended after %d results, want %d", n, len(refs))
			}
			return nil
		}
		if err != nil {
			return err
		}
		k, asked := at[answer.GetCheck().GetSubjectId()]
		if !asked {
			return fmt.Errorf("duplicate check of %q, which nobody asked for", answer.GetCheck().GetSubjectId())
		}
		res.Duplicates[k].judge(answer.GetCheck())
	}
}

// judge sets a result beside the truth.
func (d *Duplicate) judge(c *immisv1.DuplicateCheck) {
	d.State = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(c.GetState().String(), "DUPLICATE_STATE_")), "_", " ")
	d.Found = append(d.Found, c.GetSubjectIds()...)
	switch c.GetState() {
	case immisv1.DuplicateState_DUPLICATE_STATE_NEW:
		d.Right = d.Truth == ""
		d.Wrong = !d.Right
	case immisv1.DuplicateState_DUPLICATE_STATE_KNOWN:
		d.Right = d.Truth != "" && len(d.Found) > 0 && d.Found[0] == d.Truth
		d.Wrong = !d.Right
	}
}

// erase erases one person and asks for the person again.
func (p *play) erase(ctx context.Context, res *Result) error {
	ctx, cancel := request(ctx)
	defer cancel()
	subject := subjectID(p.plan.erased)
	res.Erasure.Subject = subject
	var err error
	if res.Erasure.FoundBefore, err = p.found(ctx, subject); err != nil {
		return err
	}
	const reference = "demo/erasure-1"
	if _, err := p.enrollment.EraseSubject(ctx, &immisv1.EraseSubjectRequest{Context: purpose(reference), RequestId: "demo/erase", SubjectId: subject}); err != nil {
		return err
	}
	if res.Erasure.FoundAfter, err = p.found(ctx, subject); err != nil {
		return err
	}
	_, err = p.enrollment.GetSubject(ctx, &immisv1.GetSubjectRequest{Context: purpose(reference), SubjectId: subject, IncludeSamples: true})
	if res.Erasure.ReadableAfter = err == nil; err != nil && status.Code(err) != codes.NotFound {
		return err
	}
	epoch, err := p.admin.EndKeyEpoch(ctx, &immisv1.EndKeyEpochRequest{Context: purpose(reference)})
	if err != nil {
		return err
	}
	res.Erasure.KeyEpoch = epoch.GetKeyEpoch()
	return nil
}

// found tells whether a search for the person who is erased, with face and two
// fingers, puts the subject forward, at whatever place and outcome.
func (p *play) found(ctx context.Context, subject string) (bool, error) {
	samples, err := bench.Samples(p.world, p.plan.erased, visitAgain, true, probeFingers()...)
	if err != nil {
		return false, err
	}
	answer, err := p.recognition.Identify(ctx, &immisv1.IdentifyRequest{
		Context: purpose("demo/erasure-1"), Mode: immisv1.SearchMode_SEARCH_MODE_EXACT, MaxCandidates: 100,
		Probe: &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: samples}},
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(answer.GetCandidates(), func(c *immisv1.Candidate) bool { return c.GetSubjectId() == subject }), nil
}
