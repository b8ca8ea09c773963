package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"
	"time"

	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// openANSINIST lists the samples of a transaction. Minutiae of Type-9 records become
// records of ISO/IEC 19794-2:2005, pixels without compression PNG: what is kept of a
// transaction is each sample in a form that can be read alone.
func openANSINIST(data []byte) (Contents, error) {
	t, err := ansinist.DecodeTolerant(data, ansinist.TolerateIDC|ansinist.TolerateForeignTags)
	if err != nil {
		return Contents{}, err
	}
	samples, err := t.Samples()
	if err != nil {
		return Contents{}, err
	}
	var c Contents
	pixels := 0
	for i := range samples {
		s := &samples[i]
		if s.Raw {
			// Pixels of 8 bits cannot be more than the bytes; those of 1 bit are eight
			// times as many, and each is written into a PNG.
			if pixels += s.Width * s.Height; pixels > MaxSize {
				return Contents{}, templates.BadAt(t.Records[s.Record].Offset, templates.ReasonOversized, where(s)+": pixels without compression, with the records before",
					pixels, fmt.Sprintf("<= %d", MaxSize))
			}
		}
		for _, m := range s.Missing {
			reason := MissingUnable
			if m.Reason == "XX" {
				reason = MissingAmputated
			}
			if m.Code >= 0 && m.Code <= int(templates.LeftLittle) {
				c.addMissing(templates.Position(m.Code), reason)
			}
		}
		p, err := partOf(t, s)
		if err != nil {
			return Contents{}, ofRecord(where(s), t.Records[s.Record].Offset, err)
		}
		if p != nil {
			c.Parts = append(c.Parts, *p)
		}
	}
	return c, nil
}

// ofRecord names the record; the offset of an error is that in the transaction
// already, or that of the record where it has none.
func ofRecord(name string, offset int, err error) error {
	var bad *templates.InputError
	if errors.As(err, &bad) && bad.Offset != templates.NoOffset {
		offset = 0
	}
	return inside(name, offset, err)
}

func where(s *ansinist.Sample) string { return fmt.Sprintf("record %d of type %d", s.Record+1, s.Type) }

// partOf is nil for a record without data, e.g. of a finger that is only declared missing.
func partOf(t *ansinist.Transaction, s *ansinist.Sample) (*Part, error) {
	p := &Part{
		Where: where(s), Modality: s.Modality, Position: s.Position, Format: s.Format, Data: s.Data, Quality: templates.QualityUnknown,
		Device: clean(strings.Join([]string{s.Make, s.Model, s.Serial}, " ")), Captured: captured(s.Captured),
	}
	if len(s.Codes) == 1 && templates.Position(s.Codes[0]).Several() {
		p.Position = templates.Position(s.Codes[0])
	}
	for _, q := range s.Qualities {
		// Scales other than 0-100 (NFIQ has 1-5) do not fit.
		if (q.Metric == "SQM" || q.Metric == "FQM" || q.Metric == "SQS" || q.Metric == "M1" || q.Metric == "BDQ") && q.Value <= 100 {
			p.Quality, p.QualityAlgorithm = uint8(q.Value), clean(q.Vendor+"/"+q.Algorithm)
			break
		}
	}
	var err error
	switch {
	case s.Type == 9:
		p.Modality, p.Format = templates.ModalityFinger, templates.FormatISO19794_2_2005
		p.Data, p.Position, err = minutiaeOf(t, s)
	case len(s.Data) == 0:
		return nil, nil
	case s.Raw:
		p.Format = templates.FormatPNG
		p.Data, err = pngOf(s)
	case s.Type == 99:
		if p.Format = Sniff(s.Data); p.Format == templates.FormatUnknown || p.Format.Container() {
			p.Format = templates.FormatOther
		}
	case s.Format == templates.FormatUnknown:
		p.Format = templates.FormatOther
	}
	if p.Modality == templates.ModalityFinger && p.Format.Image() && s.PPIX == s.PPIY && s.Type != 99 {
		p.Resolution = float64(s.PPIX)
	}
	return p, err
}

func minutiaeOf(t *ansinist.Transaction, s *ansinist.Sample) ([]byte, templates.Position, error) {
	f, err := t.Finger(s.Record)
	if err != nil {
		return nil, 0, err
	}
	r, err := iso19794.FromFingers([]templates.Finger{*f}, iso19794.Capture{})
	if err != nil {
		return nil, 0, err
	}
	data, err := r.AppendBinary(nil)
	return data, f.Position, err
}

// pngOf writes pixels without compression into a PNG.
func pngOf(s *ansinist.Sample) ([]byte, error) {
	n := s.Width * s.Height
	if n > imaging.DefaultMaxPixels {
		return nil, templates.Bad(templates.ReasonOversized, "image of", fmt.Sprintf("%d x %d pixels", s.Width, s.Height), fmt.Sprintf("<= %d pixels", imaging.DefaultMaxPixels))
	}
	ppi := 0.0
	if s.PPIX == s.PPIY {
		ppi = float64(s.PPIX)
	}
	if s.Bits == 24 {
		m := image.NewNRGBA(image.Rect(0, 0, s.Width, s.Height))
		for i := range n {
			m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = s.Data[3*i], s.Data[3*i+1], s.Data[3*i+2], 0xff
		}
		var out bytes.Buffer
		err := png.Encode(&out, m)
		return out.Bytes(), err
	}
	pixels, bits := s.Data, s.Bits
	switch {
	case bits < 8: // rows begin with a byte of their own, unless two-level rows go on within one
		stride := (s.Width*bits + 7) / 8
		if len(pixels) != stride*s.Height {
			pixels = appendBits(make([]byte, 0, n), pixels, n, bits)
			break
		}
		rows := make([]byte, 0, n)
		for y := range s.Height {
			rows = appendBits(rows, pixels[y*stride:(y+1)*stride], s.Width, bits)
		}
		pixels = rows
	case bits != 8 && bits != 16:
		return nil, templates.Bad(templates.ReasonUnsupported, "pixels of", fmt.Sprintf("%d bits", bits), "1..8, 16 or 24")
	}
	m, err := imaging.FromRaw(pixels, s.Width, s.Height, bits, ppi)
	if err != nil {
		return nil, err
	}
	return imaging.EncodePNG(m)
}

// captured reads YYYYMMDD, with whatever follows left out; zero for anything else.
func captured(s string) time.Time {
	if len(s) < 8 {
		return time.Time{}
	}
	t, err := time.Parse("20060102", s[:8])
	if err != nil || t.Year() < 1900 {
		return time.Time{}
	}
	return t
}

// clean keeps what may stand in the description of a device or an algorithm.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Trim(s, " /")
	if len(s) > templates.MaxProvenanceText {
		s = strings.ToValidUTF8(s[:templates.MaxProvenanceText], "")
	}
	return s
}
