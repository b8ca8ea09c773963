package main

import (
	"strings"
	"sync/atomic"

	"immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/cbeff"
	"immis/templates/exchange"
	"immis/templates/iso19794"
)

// asStored is the export format that changes nothing.
const asStored = "as-stored"

// exportFormat is the format of that name; FormatUnknown for as-stored.
func exportFormat(name string) (templates.Format, error) {
	if name == asStored {
		return templates.FormatUnknown, nil
	}
	f, err := templates.ParseFormat(name)
	if err == nil {
		switch f {
		case templates.FormatISO19794_2_2005, templates.FormatISO19794_2_2011, templates.FormatANSI378_2004, templates.FormatANSI378_2007,
			templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1, templates.FormatCBEFF:
			return f, nil
		}
	}
	return 0, usage("format %q, want %s", name, strings.Join([]string{asStored, templates.FormatISO19794_2_2005.String(), templates.FormatISO19794_2_2011.String(),
		templates.FormatANSI378_2004.String(), templates.FormatANSI378_2007.String(), templates.FormatANSI378_2009.String(), templates.FormatANSI378_2009AM1.String(),
		templates.FormatCBEFF.String()}, ", "))
}

// converter writes samples in another format.
type converter struct {
	to   templates.Format // FormatUnknown: as stored
	kept atomic.Uint64    // samples that stayed as stored though another format was asked for
}

// encounter converts the samples of an encounter in place. alone tells those that are to
// be written into files of their own; document holds the others, nil for none.
func (c *converter) encounter(e *immisv1.Encounter) (alone []bool, document []byte, err error) {
	alone = make([]bool, len(e.GetSamples()))
	var inside []cbeff.Sample
	for i, m := range e.GetSamples() {
		if len(m.GetData()) == 0 {
			continue // dropped, or never kept
		}
		alone[i] = true
		switch c.to {
		case templates.FormatUnknown:
		case templates.FormatCBEFF:
			s, ok := cbeffSample(m)
			if !ok {
				c.kept.Add(1)
				continue
			}
			inside = append(inside, s)
			alone[i] = false
		default:
			c.minutiae(m)
		}
	}
	if len(inside) == 0 {
		return alone, nil, nil
	}
	d, err := cbeff.New(inside)
	if err != nil {
		return nil, nil, err
	}
	document, err = d.Encode()
	return alone, document, err
}

// minutiae writes a record of minutiae anew; other samples stay.
func (c *converter) minutiae(m *immisv1.Sample) {
	from := format.FromAPI(m.GetFormat())
	if from == c.to || !from.Searchable() || from.Modality() != templates.ModalityFinger {
		return
	}
	data, err := rewrite(from, c.to, m)
	if err != nil {
		c.kept.Add(1)
		return
	}
	m.Data, m.Format = data, format.ToAPI(c.to)
}

func rewrite(from, to templates.Format, m *immisv1.Sample) ([]byte, error) {
	d, err := exchange.Decode(from, m.GetData(), exchange.Options{Position: templates.Position(m.GetPosition())})
	if err != nil {
		return nil, err
	}
	fingers := make([]templates.Finger, len(d.Templates))
	for i, t := range d.Templates {
		fingers[i] = *t.Finger
	}
	switch to {
	case templates.FormatISO19794_2_2005:
		r, err := iso19794.FromFingers(fingers, iso19794.Capture{})
		if err != nil {
			return nil, err
		}
		return r.AppendBinary(nil)
	case templates.FormatISO19794_2_2011:
		r, err := iso19794.FromFingers2011(fingers, iso19794.Capture2011{Time: captured(m)})
		if err != nil {
			return nil, err
		}
		return r.Encode()
	}
	r, err := ansi378.FromFingers(to, fingers, ansi378.Capture{})
	if err != nil {
		return nil, err
	}
	return r.Encode()
}

// cbeffSample is a sample as a document holds it; ok is false when a document cannot.
func cbeffSample(m *immisv1.Sample) (s cbeff.Sample, ok bool) {
	s = cbeff.Sample{
		Position: templates.Position(m.GetPosition()), Format: format.FromAPI(m.GetFormat()), Data: m.GetData(), Model: m.GetModel(), Captured: captured(m),
		Quality: templates.Quality{Value: templates.QualityUnknown},
	}
	switch m.GetModality() {
	case immisv1.Modality_MODALITY_FACE:
		s.Modality = templates.ModalityFace
	case immisv1.Modality_MODALITY_FINGER:
		s.Modality = templates.ModalityFinger
	case immisv1.Modality_MODALITY_IRIS:
		s.Modality = templates.ModalityIris
	}
	if m.Quality != nil {
		s.Quality = templates.Quality{Value: uint8(min(m.GetQuality(), 100)), Algorithm: m.GetQualityAlgorithm()}
	}
	d, err := cbeff.New([]cbeff.Sample{s})
	if err != nil {
		return s, false
	}
	// What cannot be read back must not be the only copy.
	b, err := d.Encode()
	if err != nil {
		return s, false
	}
	_, err = exchange.Open(templates.FormatCBEFF, b)
	return s, err == nil
}
