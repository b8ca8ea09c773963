package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"immis/templates"
	"immis/templates/exchange"
	"immis/templates/imaging"
)

// decoded is one sample with the searchable views found in it.
type decoded struct {
	sample Sample
	// from is the index of the sample in the request; the parts of a container share it.
	from   int
	views  []templates.Template
	pixels int
	// listed marks a part of a container that is no sample of a modality known here,
	// e.g. a palm: the answer names it, nothing of it is kept.
	listed bool
}

// decodeSamples checks and decodes the samples of an encounter or a probe, those
// inside containers one by one, and lists the fingers that a container declares
// missing. All are looked at before anything is kept, so that a request is taken
// whole or not at all. path names the list in errors; b is what the request has used
// up before.
func decodeSamples(ctx context.Context, path string, samples []Sample, now time.Time, b *budget) ([]decoded, []MissingFinger, error) {
	if err := checkCount(path, len(samples), maxSamples); err != nil {
		return nil, nil, err
	}
	out := make([]decoded, 0, len(samples))
	var missing []MissingFinger
	views := 0
	for i := range samples {
		where := fmt.Sprintf("%s[%d]", path, i)
		parts, absent, err := unpack(&samples[i])
		if err != nil {
			return nil, nil, at(where, err)
		}
		missing = append(missing, absent...)
		if err := checkCount(path+" with the parts of containers", len(out)+len(parts), maxSamples); err != nil {
			return nil, nil, err
		}
		for j := range parts {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			p := &parts[j]
			if p.Origin != "" && p.Modality == templates.ModalityUnknown {
				out = append(out, decoded{sample: p.Sample, from: i, listed: true})
				continue
			}
			d, err := decodeSample(&p.Sample, p.ofRecord, now)
			if err != nil {
				if origin := p.Origin; origin != "" {
					err = at(origin, err)
				}
				return nil, nil, at(where, err)
			}
			d.from = i
			out = append(out, d)
			if views += len(d.views); views > maxTemplates {
				return nil, nil, templates.Bad(templates.ReasonOversized, path, fmt.Sprintf("%d views", views), fmt.Sprintf("at most %d", maxTemplates))
			}
			if err := b.take(path, &d); err != nil {
				return nil, nil, err
			}
		}
	}
	return out, missing, nil
}

// part is a sample that came alone or lay in a container.
type part struct {
	Sample
	// ofRecord: Resolution is what the container says of the image, not the sender.
	ofRecord bool
}

// unpack gives the sample itself, or the samples of a container. What was said about
// a container holds for those of its parts about which it says nothing itself; a
// stated resolution for its finger images, and none of them may say another.
func unpack(s *Sample) ([]part, []MissingFinger, error) {
	if !s.Format.Container() {
		return []part{{Sample: *s}}, nil, nil
	}
	switch {
	case len(s.Data) == 0:
		return nil, nil, templates.Bad(templates.ReasonEmpty, "data", "no bytes", "a sample")
	case len(s.Data) > maxSampleBytes:
		return nil, nil, templates.Bad(templates.ReasonOversized, "data", fmt.Sprintf("%d bytes", len(s.Data)), fmt.Sprintf("at most %d", maxSampleBytes))
	case s.Modality != templates.ModalityUnknown || s.Position != templates.PositionUnknown || s.Model != "":
		return nil, nil, templates.Bad(ReasonModality, "modality, position or model", "given for a container", "none: its parts have their own")
	}
	if err := checkRange(s.Resolution); err != nil {
		return nil, nil, err
	}
	c, err := exchange.Open(s.Format, s.Data)
	if err != nil {
		return nil, nil, err
	}
	known := len(c.Missing) > 0
	out := make([]part, len(c.Parts))
	for i := range c.Parts {
		known = known || c.Parts[i].Modality != templates.ModalityUnknown
		p, q := &c.Parts[i], *s
		q.Modality, q.Position, q.Format, q.Data, q.Model = p.Modality, p.Position, p.Format, p.Data, p.Model
		q.Origin = fmt.Sprintf("%v: %s", s.Format, p.Where)
		if p.Quality != templates.QualityUnknown {
			q.Quality, q.QualityAlgorithm = p.Quality, p.QualityAlgorithm
		}
		if p.Device != "" {
			q.CaptureDevice = p.Device
		}
		if !p.Captured.IsZero() {
			q.Captured = p.Captured
		}
		if p.Modality != templates.ModalityFinger || !p.Format.Image() {
			q.Resolution = 0
		}
		if p.Resolution != 0 {
			if _, err := (imaging.Info{PPIX: p.Resolution, PPIY: p.Resolution}).PPI(q.Resolution); err != nil {
				return nil, nil, at(q.Origin, err)
			}
			q.Resolution = p.Resolution
		}
		out[i] = part{Sample: q, ofRecord: p.Resolution != 0}
	}
	if !known {
		return nil, nil, templates.Bad(templates.ReasonNoBiometric, s.Format.String(), fmt.Sprintf("%d parts, none of a face, a finger or an iris", len(c.Parts)), "at least one")
	}
	var missing []MissingFinger
	for _, m := range c.Missing {
		missing = append(missing, MissingFinger{Position: m.Position, Reason: m.Reason})
	}
	return out, missing, nil
}

// budget is what one request may make the engine do, over all its samples: minutiae
// cost time, and each face model an index of its own.
type budget struct {
	minutiae int
	pixels   int
	models   []string
}

func (b *budget) take(path string, d *decoded) error {
	if b.pixels += d.pixels; b.pixels > maxPixels {
		return templates.Bad(templates.ReasonOversized, path, fmt.Sprintf("%d pixels or more in the request", b.pixels), fmt.Sprintf("at most %d", maxPixels))
	}
	for _, v := range d.views {
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

func decodeSample(s *Sample, ofRecord bool, now time.Time) (decoded, error) {
	for _, c := range []error{
		checkText("quality_algorithm", s.QualityAlgorithm, maxIdentifier),
		checkText("capture_device", s.CaptureDevice, maxText),
		checkText("extractor", s.Extractor, maxIdentifier),
		checkText("presentation_attack.algorithm", s.PresentationAttack.Algorithm, maxIdentifier),
		checkTime("captured", s.Captured, now),
		checkResolution(s),
		templates.CheckQuality("quality", s.Quality),
		templates.CheckQuality("presentation_attack.score", s.PresentationAttack.Score),
	} {
		if c != nil {
			return decoded{}, c
		}
	}
	switch {
	case s.Modality < templates.ModalityFace || s.Modality > templates.ModalityIris:
		return decoded{}, templates.Bad(ReasonModality, "modality", s.Modality, "face, finger or iris")
	case s.PresentationAttack.Outcome > 3:
		return decoded{}, templates.Bad(templates.ReasonOutOfRange, "presentation_attack.outcome", s.PresentationAttack.Outcome, "0..3")
	case len(s.Data) == 0:
		return decoded{}, templates.Bad(templates.ReasonEmpty, "data", "no bytes", "a sample")
	case len(s.Data) > maxSampleBytes:
		return decoded{}, templates.Bad(templates.ReasonOversized, "data", fmt.Sprintf("%d bytes", len(s.Data)), fmt.Sprintf("at most %d", maxSampleBytes))
	case s.Format.Modality() != templates.ModalityUnknown && s.Format.Modality() != s.Modality:
		return decoded{}, templates.Bad(ReasonModality, "modality", fmt.Sprintf("%v with format %v", s.Modality, s.Format), s.Format.Modality())
	case s.Modality != templates.ModalityFinger && s.Position != templates.PositionUnknown:
		return decoded{}, templates.Bad(templates.ReasonPosition, fmt.Sprintf("position of %v", s.Modality), uint8(s.Position), "0")
	}
	x, err := exchange.Decode(s.Format, s.Data, exchange.Options{Modality: s.Modality, Model: s.Model, Position: s.Position, Resolution: s.Resolution, OfRecord: ofRecord})
	if err != nil {
		return decoded{}, err
	}
	d := decoded{sample: *s, views: x.Templates, pixels: x.Pixels}
	d.sample.Position = x.Position
	return d, nil
}

// checkResolution refuses a resolution of what has no pixels, and those that no
// scanner has.
func checkResolution(s *Sample) error {
	switch {
	case s.Resolution == 0:
		return nil
	case !s.Format.Image() || s.Modality != templates.ModalityFinger:
		return templates.Bad(templates.ReasonResolution, "resolution_ppi", fmt.Sprintf("stated for a %v as %v", s.Modality, s.Format), "one for finger images only")
	}
	return checkRange(s.Resolution)
}

// checkRange refuses a stated resolution that no scanner has; 0: none was stated.
func checkRange(ppi float64) error {
	if ppi != 0 && !(ppi >= imaging.MinPPI && ppi <= imaging.MaxPPI) { // NaN too
		return templates.Bad(templates.ReasonResolution, "resolution_ppi", ppi, fmt.Sprintf("%d..%d", imaging.MinPPI, imaging.MaxPPI))
	}
	return nil
}

// notSearchable is why searches do not see a sample, empty when they do.
func notSearchable(m templates.Modality, f templates.Format, views int) string {
	switch {
	case views > 0:
		return ""
	case m == templates.ModalityUnknown:
		return ReasonNotKept
	case f.Image() && m != templates.ModalityIris:
		return ReasonImage
	}
	return ReasonKept
}

// report says what became of the samples of an enrolment.
func report(ds []decoded) []SampleReport {
	out := make([]SampleReport, len(ds))
	for i, d := range ds {
		out[i] = SampleReport{Sample: d.from, Searchable: len(d.views) > 0, Views: len(d.views), Reason: notSearchable(d.sample.Modality, d.sample.Format, len(d.views)), Origin: d.sample.Origin}
	}
	return out
}
