package cbeff

import (
	"fmt"
	"strings"

	"immis/templates"
)

// New makes a document of samples, e.g. for an export: one BIR for each below an
// empty root. It takes Modality or ExceptionPhoto, Position, Left and Right of an
// iris, Format, Data, Model, Captured, Quality and Exception. Data are shared.
//
// Errors are *templates.InputError: UNSUPPORTED for a format without a number (bare
// images stand in an image record), UNKNOWN_FINGER_POSITION, BAD_MODEL, and those of
// Samples, which must read back what was given.
func New(samples []Sample) (*Document, error) {
	d := &Document{}
	for i := range samples {
		b, err := newBIR(&samples[i], fmt.Sprintf("sample %d", i+1))
		if err != nil {
			return nil, err
		}
		d.Root.BIRs = append(d.Root.BIRs, *b)
	}
	back, err := d.Samples()
	for i := range back { // an exception alone is a document, too
		if back[i].Err != nil {
			return nil, back[i].Err
		}
	}
	if len(back) == 0 {
		return nil, err
	}
	return d, nil
}

func newBIR(s *Sample, field string) (*BIR, error) {
	b := &BIR{Version: &Version{1, 1}, CBEFFVersion: &Version{1, 1}, BDB: s.Data, BDBInfo: &BDBInfo{CreationDate: NewDateTime(s.Captured)}}
	if b.BDB == nil {
		b.BDB = []byte{}
	}
	info := b.BDBInfo
	switch {
	case s.ExceptionPhoto:
		info.Types = []string{"ExceptionPhoto"}
	case s.Modality == templates.ModalityFace:
		info.Types = []string{"Face"}
	case s.Modality == templates.ModalityFinger:
		info.Types = []string{"Finger"}
	case s.Modality == templates.ModalityIris:
		info.Types = []string{"Iris"}
	default:
		return nil, templates.Bad(templates.ReasonUnsupported, field+": modality", s.Modality, "face, finger or iris")
	}
	if !s.Position.Several() {
		if err := templates.CheckPosition(field+": finger position", s.Position); err != nil {
			return nil, err
		}
	}
	if info.Subtypes = subtypesOf(s.Position); s.Position == templates.PositionUnknown {
		if s.Left {
			info.Subtypes = append(info.Subtypes, "Left")
		}
		if s.Right {
			info.Subtypes = append(info.Subtypes, "Right")
		}
	}
	if err := s.writeFormat(b, field); err != nil {
		return nil, err
	}
	if err := s.Quality.Validate(); err != nil {
		return nil, err
	}
	if s.Quality.Value <= 100 {
		q := &Quality{Score: int(s.Quality.Value)}
		organization, kind, found := strings.Cut(s.Quality.Algorithm, "/")
		if !found {
			organization, kind = "", organization
		}
		q.Algorithm = Registry{organization, kind}
		info.Quality = q
	}
	if s.Exception {
		b.Others = append(b.Others, Entry{EntryException, "true"})
	}
	return b, nil
}

// writeFormat is format, level and model.
func (s *Sample) writeFormat(b *BIR, field string) error {
	number := ""
	switch f := s.Format; f {
	case templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8:
		b.BDBInfo.Format, b.BDBInfo.Level = &Registry{"IMMIS", f.String()}, "Processed"
		b.Others = append(b.Others, Entry{EntryModel, s.Model})
		return nil
	case templates.FormatISO19794_2_2005, templates.FormatISO19794_2_2011, templates.FormatANSI378_2004, templates.FormatANSI378_2007,
		templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1:
		number, b.BDBInfo.Level = "2", "Processed"
	case templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011:
		number, b.BDBInfo.Level = "7", "Raw"
	case templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011:
		number, b.BDBInfo.Level = "8", "Raw"
	case templates.FormatOther:
		if s.Modality == templates.ModalityIris {
			number, b.BDBInfo.Level = "9", "Raw"
		}
	case templates.FormatUnknown:
		if len(s.Data) == 0 && s.Exception {
			return nil
		}
	}
	if number == "" {
		return templates.Bad(templates.ReasonUnsupported, field+": format", s.Format, "a record or a face vector")
	}
	b.BDBInfo.Format = &Registry{"257", number}
	return nil
}
