package ansinist

import (
	"bytes"

	"immis/templates"
)

// leastPPI is the least scanning resolution of the standard, 19.69 pixels per mm.
const leastPPI = templates.NormalPPI

// fillBinary tells the sample of a record of types 3-6.
func (t *Transaction) fillBinary(s *Sample, r *Record) error {
	h := r.Header
	s.Impression = int(h.Impression)
	for _, code := range h.Positions {
		if code != 255 {
			s.Codes = append(s.Codes, int(code))
		}
	}
	s.Modality = ridgeModality(s.Codes)
	s.Compression = codeName(r.Type, h.Compression)
	s.Format, s.Raw = compression(s.Compression)
	s.Width, s.Height = int(h.Width), int(h.Height)
	s.Bits, s.Data = 8, r.Image
	if r.Type == 5 || r.Type == 6 {
		s.Bits = 1
	}
	ppi, err := t.binaryPPI(s.Record, r)
	s.PPIX, s.PPIY = ppi, ppi
	return err
}

// binaryPPI is the resolution of a binary record: 500 ppi or, by ISR, that of
// the scanner in field 1.011; in types 3 and 5 half of it. 0 where the scanner's
// is needed and not stated.
func (t *Transaction) binaryPPI(index int, r *Record) (int, error) {
	ppi := 1.0 * leastPPI
	switch r.Header.Scan {
	case 0:
	case 1:
		perMM, err := nativePerMM(&t.Records[0])
		if err != nil {
			return 0, err
		}
		ppi = perMM * leastPPI / 19.69
	default:
		return 0, templates.BadAt(r.Offset, templates.ReasonOutOfRange, recordPath(index, r.Type, "image scanning resolution"), r.Header.Scan, "0 or 1")
	}
	if r.Type == 3 || r.Type == 5 {
		ppi /= 2
	}
	return int(ppi + 0.5), nil
}

// nativePerMM reads field 1.011, NSR: pixels per mm with two places behind the
// point; 0 where there is none.
func nativePerMM(r *Record) (float64, error) {
	f := r.Field(fieldNative)
	if f == nil || len(f.Value) == 0 {
		return 0, nil
	}
	whole, part, point := bytes.Cut(f.Value, []byte("."))
	n, ok := decimal(whole, 3)
	fraction, scale := 0, 1.0
	if point {
		var okPart bool
		fraction, okPart = decimal(part, 3)
		ok = ok && okPart
		for range part {
			scale *= 10
		}
	}
	if !ok {
		return 0, templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(0, f, ""), "is not a resolution", `pixels per mm like "19.69"`)
	}
	return float64(n) + float64(fraction)/scale, nil
}
