package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"immis/templates"
	"immis/templates/exchange"
)

// decoded is one sample with the searchable views found in it.
type decoded struct {
	sample Sample
	views  []templates.Template
}

// decodeSamples checks and decodes the samples of an encounter or a probe. All
// are looked at before anything is kept, so that a request is taken whole or not
// at all. path names the list in errors; b is what the request has used up before.
func decodeSamples(ctx context.Context, path string, samples []Sample, now time.Time, b *budget) ([]decoded, error) {
	if err := checkCount(path, len(samples), maxSamples); err != nil {
		return nil, err
	}
	out := make([]decoded, len(samples))
	views := 0
	for i := range samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := decodeSample(&samples[i], now)
		if err != nil {
			return nil, at(fmt.Sprintf("%s[%d]", path, i), err)
		}
		out[i] = d
		if views += len(d.views); views > maxTemplates {
			return nil, templates.Bad(templates.ReasonOversized, path, fmt.Sprintf("%d views", views), fmt.Sprintf("at most %d", maxTemplates))
		}
		if err := b.take(path, d.views); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// budget is what one request may make the engine do, over all its samples: minutiae
// cost time, and each face model an index of its own.
type budget struct {
	minutiae int
	models   []string
}

func (b *budget) take(path string, views []templates.Template) error {
	for _, v := range views {
		switch {
		case v.Finger != nil:
			b.minutiae += len(v.Finger.Minutiae)
		case v.Face != nil && !slices.Contains(b.models, v.Face.Model):
			b.models = append(b.models, v.Face.Model)
		}
	}
	if b.minutiae > maxMinutiae {
		return templates.Bad(templates.ReasonOversized, path, fmt.Sprintf("%d minutiae or more in the request", b.minutiae), fmt.Sprintf("at most %d", maxMinutiae))
	}
	if len(b.models) > maxRequestModels {
		return templates.Bad(templates.ReasonOversized, path, fmt.Sprintf("%d face models or more in the request", len(b.models)), fmt.Sprintf("at most %d", maxRequestModels))
	}
	return nil
}

// at puts the path of a sample in front of the field of an input error.
func at(path string, err error) error {
	if in := new(templates.InputError); errors.As(err, &in) {
		c := *in
		c.Field = path + ": " + in.Field
		return &c
	}
	return fmt.Errorf("%s: %w", path, err)
}

func decodeSample(s *Sample, now time.Time) (decoded, error) {
	for _, c := range []error{
		checkText("quality_algorithm", s.QualityAlgorithm, maxIdentifier),
		checkText("capture_device", s.CaptureDevice, maxText),
		checkText("extractor", s.Extractor, maxIdentifier),
		checkText("presentation_attack.algorithm", s.PresentationAttack.Algorithm, maxIdentifier),
		checkTime("captured", s.Captured, now),
		templates.CheckQuality("quality", s.Quality),
		templates.CheckQuality("presentation_attack.score", s.PresentationAttack.Score),
	} {
		if c != nil {
			return decoded{}, c
		}
	}
	switch {
	case s.Modality != templates.ModalityFace && s.Modality != templates.ModalityFinger:
		return decoded{}, templates.Bad(ReasonModality, "modality", s.Modality, "face or finger")
	case s.PresentationAttack.Outcome > 3:
		return decoded{}, templates.Bad(templates.ReasonOutOfRange, "presentation_attack.outcome", s.PresentationAttack.Outcome, "0..3")
	case len(s.Data) == 0:
		return decoded{}, templates.Bad(templates.ReasonEmpty, "data", "no bytes", "a sample")
	case len(s.Data) > maxSampleBytes:
		return decoded{}, templates.Bad(templates.ReasonOversized, "data", fmt.Sprintf("%d bytes", len(s.Data)), fmt.Sprintf("at most %d", maxSampleBytes))
	case s.Format.Modality() != templates.ModalityUnknown && s.Format.Modality() != s.Modality:
		return decoded{}, templates.Bad(ReasonModality, "modality", fmt.Sprintf("%v with format %v", s.Modality, s.Format), s.Format.Modality())
	case s.Modality == templates.ModalityFace && s.Position != templates.PositionUnknown:
		return decoded{}, templates.Bad(templates.ReasonPosition, "position of a face", uint8(s.Position), "0")
	}
	opts := exchange.Options{Model: s.Model, Position: s.Position}
	views, err := exchange.Decode(s.Format, s.Data, opts)
	if err != nil {
		return decoded{}, err
	}
	d := decoded{sample: *s, views: views}
	if len(views) == 1 && views[0].Finger != nil && s.Position == templates.PositionUnknown {
		d.sample.Position = views[0].Finger.Position
	}
	return d, nil
}

// report says what became of the samples of an enrolment.
func report(ds []decoded) []SampleReport {
	out := make([]SampleReport, len(ds))
	for i, d := range ds {
		out[i] = SampleReport{Sample: i, Searchable: len(d.views) > 0, Views: len(d.views)}
		if len(d.views) == 0 {
			out[i].Reason = ReasonImage
		}
	}
	return out
}
