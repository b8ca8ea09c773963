package demo

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
)

// checkEmpty refuses a server that holds people: they would be found too, and
// the twin does not know them.
func (p *play) checkEmpty(ctx context.Context, _ *Result) error {
	ctx, cancel := request(ctx)
	defer cancel()
	s, err := p.admin.GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: purpose("")})
	if err != nil {
		return err
	}
	if s.GetSubjects() != 0 {
		return fmt.Errorf("the server holds %d subjects, want an empty one: choose another data folder", s.GetSubjects())
	}
	return nil
}

func (p *play) createGalleries(ctx context.Context, _ *Result) error {
	for _, g := range []*immisv1.Gallery{
		{GalleryId: galleryAsylum, Description: "Demo: synthetic applicants for asylum"},
		{GalleryId: galleryProtection, Description: "Demo: synthetic people under temporary protection"},
	} {
		ctx, cancel := request(ctx)
		_, err := p.galleries.CreateGallery(ctx, &immisv1.CreateGalleryRequest{Context: purpose(""), RequestId: "demo/create/" + g.GetGalleryId(), Gallery: g})
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", g.GetGalleryId(), err)
		}
	}
	return nil
}

// enrollRequest is one visit at an enrolment station: ten fingers and a face.
func (p *play) enrollRequest(person, visit int, subject string) (*immisv1.EnrollRequest, error) {
	samples, err := bench.Samples(p.world, person, visit, true, bench.AllFingers()...)
	if err != nil {
		return nil, err
	}
	declared, documents := bench.Declared(p.world.Visit(person, visit).Identity)
	return &immisv1.EnrollRequest{
		Context: purpose(""), RequestId: "demo/enroll/" + subject, SubjectId: subject,
		Encounter: &immisv1.Encounter{
			Station: "demo-station", Operator: "demo", Galleries: []string{galleryOf(person)},
			BiographicData: declared, Documents: documents, Samples: samples,
		},
	}, nil
}

// enroll enrolls everybody, from several callers at once. The twin gets the same
// bytes.
func (p *play) enroll(ctx context.Context, res *Result) error {
	begun := time.Now()
	var done atomic.Int64
	err := bench.Each(ctx, p.Callers, p.People, func(ctx context.Context, i int) error {
		req, err := p.enrollRequest(i, visitEnroll, subjectID(i))
		if err != nil {
			return err
		}
		ctx, cancel := request(ctx)
		defer cancel()
		answer, err := p.enrollment.Enroll(ctx, req)
		if err != nil {
			return fmt.Errorf("%s: %w", subjectID(i), err)
		}
		for _, s := range answer.GetSamples() {
			if !s.GetSearchable() {
				return fmt.Errorf("%s: sample %d is not searchable: %s", subjectID(i), s.GetSample(), s.GetReason())
			}
		}
		if err := p.twin.Add(i, req.GetEncounter().GetSamples()); err != nil {
			return err
		}
		p.Progress.Tell(PhaseEnroll, int(done.Add(1)), p.People)
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(begun)
	ctx, cancel := request(ctx)
	defer cancel()
	s, err := p.admin.GetStatistics(ctx, &immisv1.GetStatisticsRequest{Context: purpose("")})
	if err != nil {
		return err
	}
	res.Enrolled = int(s.GetSubjects())
	res.EnrollSeconds = bench.Seconds(took)
	res.EnrollPerSecond = float64(int(10*float64(p.People)/took.Seconds())) / 10
	return nil
}
