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
			if p, ok := ansinist.FingerPosition(m.Code); ok && p != templates.PositionUnknown {
				c.addMissing(p, reason)
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
	p.Quality, p.QualityAlgorithm = qualityOf(s)
	var err error
	if p.Modality == templates.ModalityFinger && s.Type != 9 && s.Type != 99 {
		// What the record says counts before what its image says: a scanner knows, a
		// program that wrote the image may not have known.
		if p.Resolution, err = (imaging.Info{PPIX: float64(s.PPIX), PPIY: float64(s.PPIY)}).PPI(0); err != nil {
			return nil, err
		}
	}
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
	if err != nil {
		return p, err
	}
	if !p.Format.Image() {
		p.Resolution = 0
		return p, nil
	}
	return p, sizeAsStated(s, p)
}

// sizeAsStated compares the size in the header of an image with that in its record:
// segments and minutiae are counted in the record's pixels. An image that has no header
// is refused where it is read.
func sizeAsStated(s *ansinist.Sample, p *Part) error {
	if s.Width == 0 && s.Height == 0 {
		return nil
	}
	info, err := imaging.Inspect(p.Format, p.Data)
	if err == nil && (info.Width != s.Width || info.Height != s.Height) {
		return templates.Bad(templates.ReasonMalformed, "image", fmt.Sprintf("is of %d x %d pixels", info.Width, info.Height),
			fmt.Sprintf("%d x %d as its record says", s.Width, s.Height))
	}
	return nil
}

// qualityOf is the quality of the image where the record states one. Scales other than
// 0-100 (NFIQ has 1-5) do not fit; SQM tells how well a slap was cut, not how good it
// is; and of several fingers in an image each has its own.
func qualityOf(s *ansinist.Sample) (uint8, string) {
	const none = -2
	quality, algorithm, code := uint8(templates.QualityUnknown), "", none
	for _, q := range s.Qualities {
		switch q.Metric {
		case "FQM", "SQS", "M1", "BDQ":
		default:
			continue
		}
		if code != none && q.Code != code {
			return templates.QualityUnknown, ""
		}
		if code == none && q.Value <= 100 {
			quality, algorithm, code = uint8(q.Value), clean(q.Vendor+"/"+q.Algorithm), q.Code
		}
	}
	if len(s.Codes) == 1 && code > 0 && code != s.Codes[0] {
		return templates.QualityUnknown, ""
	}
	return quality, algorithm
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
	case bits < 8:
		pixels = unpacked(pixels, s.Width, s.Height, bits) // their number has been checked
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
