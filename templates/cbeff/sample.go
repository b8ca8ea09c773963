package cbeff

import (
	"fmt"
	"strings"
	"time"

	"immis/templates"
	"immis/templates/imagerecord"
	"immis/templates/internal/fmr"
)

// Sample is one data block with what its BIR says of it.
type Sample struct {
	// Path names the BIR: "BIR 2.1" is the first below the second below the root,
	// "BIR" is the root itself.
	Path string
	// BIR is the one of the document; nil in samples made for New.
	BIR *BIR
	// Modality is ModalityUnknown where neither the type nor the block tells, and for
	// an ExceptionPhoto: a picture of the person with the hands, no face sample.
	Modality       templates.Modality
	ExceptionPhoto bool
	// Position is the finger, or one of RightFour, LeftFour, Thumbs where the
	// subtype lists just their fingers. Positions are all fingers listed. Left and
	// Right are the sides as given, also of an iris.
	Position    templates.Position
	Positions   []templates.Position
	Left, Right bool
	// Format of Data: a minutiae, finger image or face image record, or a face
	// vector; FormatOther for an iris record.
	Format templates.Format
	// Data is the block. It shares the memory of the document; empty: none.
	Data []byte
	// Model is that of a face vector.
	Model string
	// Captured is when the block was created; zero where it is not said.
	Captured time.Time
	// Quality is the score with "organization/type" of its algorithm; its Value is
	// templates.QualityUnknown where there is none.
	Quality templates.Quality
	// Exception: the sample could not be captured; Data is normally empty.
	Exception bool
	// Offset is where the BDB element starts in the document, or its BIR where there
	// is no such element; templates.NoOffset in a document that was not decoded.
	Offset int
	// Err is why the sample cannot be used, nil if it can or is an exception.
	Err error
}

// Usable tells whether there are data and nothing speaks against them.
func (s *Sample) Usable() bool { return s.Err == nil && len(s.Data) > 0 }

// EntryException and EntryModel are keys of others.
const (
	EntryException = "EXCEPTION"
	EntryModel     = "MODEL"
)

// Samples are the data blocks of the document, in its order: all BIRs with a BDBInfo
// or a BDB. They come with an error, too, each with its own in Err.
//
// Errors are *templates.InputError, with the offset in the document: MALFORMED for a
// document without any BIR of that kind, and for contradictions between type, format
// and the first bytes of a block; ENCRYPTED; UNSUPPORTED for types and formats that
// are not known here; BAD_MODEL for a face vector without one; NO_BIOMETRIC_DATA for
// blocks that are all empty. An empty block beside others is no error of the
// document.
func (d *Document) Samples() ([]Sample, error) {
	samples := collect(&d.Root, "BIR", "", nil)
	if len(samples) == 0 {
		return nil, templates.BadAt(offset(d.Root.at), templates.ReasonMalformed, "document: BIRs with a data block", "none", ">= 1")
	}
	usable := 0
	var first error
	for i := range samples {
		s := &samples[i]
		if s.Usable() {
			usable++
		}
		if first == nil && s.Err != nil && len(s.Data) > 0 {
			first = s.Err
		}
	}
	if first == nil && usable == 0 {
		first = templates.BadAt(samples[0].Offset, templates.ReasonNoBiometric, "document: data blocks", "are all empty", "a block with data")
	}
	return samples, first
}

func collect(b *BIR, path, number string, out []Sample) []Sample {
	if b.BDBInfo != nil || b.BDB != nil {
		out = append(out, newSample(b, path))
	}
	for i := range b.BIRs {
		n := fmt.Sprint(i + 1)
		if number != "" {
			n = number + "." + n
		}
		out = collect(&b.BIRs[i], "BIR "+n, n, out)
	}
	return out
}

// offset is what a mark stands for.
func offset(mark int) int {
	if mark == 0 {
		return templates.NoOffset
	}
	return mark - 1
}

func newSample(b *BIR, path string) Sample {
	s := Sample{Path: path, BIR: b, Data: b.BDB, Offset: offset(b.bdbAt), Quality: templates.Quality{Value: templates.QualityUnknown}}
	if b.bdbAt == 0 {
		s.Offset = offset(b.at)
	}
	s.Exception = strings.EqualFold(strings.Trim(b.Other(EntryException), space), "true")
	info := b.BDBInfo
	if info == nil {
		info = &BDBInfo{}
	}
	s.Captured = info.CreationDate.Time()
	s.readQuality(info.Quality)
	s.Err = s.read(info)
	if s.Err == nil && len(s.Data) == 0 && !s.Exception {
		s.Err = templates.BadAt(s.Offset, templates.ReasonNoBiometric, path+": data block", "is empty", "data")
	}
	return s
}

// read is what type, subtype, format and block say together.
func (s *Sample) read(info *BDBInfo) error {
	at := offset(s.BIR.infoAt)
	if s.BIR.infoAt == 0 {
		at = s.Offset // nothing is said of the block
	}
	if err := s.readType(info, at); err != nil {
		return err
	}
	stated, err := s.readFormat(info.Format, at)
	if err != nil {
		return err
	}
	if m := stated.modality; m != templates.ModalityUnknown && s.Modality != templates.ModalityUnknown && m != s.Modality {
		return templates.BadAt(at, templates.ReasonMalformed, s.Path+": format of a", fmt.Sprintf("%v block in a BIR of type %v", m, s.Modality), "one modality")
	}
	switch {
	case len(s.Data) == 0:
		return nil
	case info.Encryption != nil && *info.Encryption:
		return templates.BadAt(s.Offset, templates.ReasonEncrypted, s.Path+": data block", "is encrypted", "plain data")
	case stated.format.Encoding() != templates.EncodingUnknown:
		s.Format, s.Modality, s.Model = stated.format, templates.ModalityFace, s.BIR.Other(EntryModel)
		return s.checkModel()
	}
	return s.readBlock(stated, at)
}

func (s *Sample) readType(info *BDBInfo, at int) error {
	if len(info.Types) > 1 {
		return templates.BadAt(at, templates.ReasonUnsupported, s.Path+": data block of", fmt.Sprintf("%d types", len(info.Types)), 1)
	}
	if len(info.Types) == 1 {
		switch t := info.Types[0]; t {
		case "Face":
			s.Modality = templates.ModalityFace
		case "Finger":
			s.Modality = templates.ModalityFinger
		case "Iris":
			s.Modality = templates.ModalityIris
		case "ExceptionPhoto":
			s.ExceptionPhoto = true
		default: // one of the schema
			return templates.BadAt(at, templates.ReasonUnsupported, s.Path+": type", t, "Face, Finger, Iris or ExceptionPhoto")
		}
	}
	var known bool
	s.Positions, s.Left, s.Right, known = fingers(info.Subtypes)
	if !known {
		return templates.BadAt(at, templates.ReasonUnsupported, s.Path+": subtype", "is of a vein or palm", "fingers or a side")
	}
	if len(s.Positions) > 0 && s.Modality != templates.ModalityFinger && s.Modality != templates.ModalityUnknown {
		return templates.BadAt(at, templates.ReasonMalformed, s.Path+": subtype", fmt.Sprintf("names fingers in a BIR of type %v", s.Modality), "none")
	}
	s.Position = positionOf(s.Positions)
	return nil
}

// blockKind is what a format number or the first bytes of a block say.
type blockKind struct {
	name     string
	modality templates.Modality
	format   templates.Format // FormatUnknown: one of several
}

// readFormat is what BDBInfo/Format says; the zero kind where it is not there.
func (s *Sample) readFormat(r *Registry, at int) (blockKind, error) {
	if r == nil {
		return blockKind{}, nil
	}
	switch o := strings.ToUpper(strings.Trim(r.Organization, space)); o {
	case "IMMIS":
		f, err := templates.ParseFormat(strings.Trim(r.Type, space))
		if err == nil && f.Encoding() != templates.EncodingUnknown {
			if s.ExceptionPhoto {
				return blockKind{}, templates.BadAt(at, templates.ReasonMalformed, s.Path+": exception photo", "is a face vector", "a face image record")
			}
			return blockKind{name: "face vector", modality: templates.ModalityFace, format: f}, nil
		}
	case "257", "MOSIP":
		if k := numbered(strings.Trim(r.Type, space)); k.name != "" {
			if s.ExceptionPhoto && k.modality == templates.ModalityFace {
				k.modality = templates.ModalityUnknown
			}
			return k, nil
		}
	}
	return blockKind{}, templates.BadAt(at, templates.ReasonUnsupported, s.Path+": format", "is not known",
		"organization 257 with type 2, 7, 8 or 9, or IMMIS with a face vector")
}

// numbered is the kind of a format number of organization 257.
func numbered(number string) blockKind {
	switch number {
	case "2":
		return blockKind{name: "finger minutiae record", modality: templates.ModalityFinger}
	case "7":
		return blockKind{name: "finger image record", modality: templates.ModalityFinger}
	case "8":
		return blockKind{name: "face image record", modality: templates.ModalityFace}
	case "9":
		return blockKind{name: "iris image record", modality: templates.ModalityIris, format: templates.FormatOther}
	}
	return blockKind{}
}

// readBlock compares the first bytes of the block with what is said of it.
func (s *Sample) readBlock(stated blockKind, at int) error {
	found := look(s.Data)
	switch {
	case found.name == "" && stated.name == "":
		return templates.BadAt(at, templates.ReasonUnsupported, s.Path+": format", "is not stated and not to be seen", "a format")
	case found.name == "":
		return templates.BadAt(s.Offset, templates.ReasonMalformed, s.Path+": data block", "has no known signature", "a "+stated.name)
	case stated.name != "" && found.name != stated.name:
		return templates.BadAt(s.Offset, templates.ReasonMalformed, s.Path+": data block", "is a "+found.name, "a "+stated.name)
	case found.format == templates.FormatUnknown:
		return templates.BadAt(s.Offset, templates.ReasonUnsupported, s.Path+": version of a", found.name, "one that is read here")
	case s.ExceptionPhoto:
		if found.modality != templates.ModalityFace {
			return templates.BadAt(s.Offset, templates.ReasonMalformed, s.Path+": exception photo", "is a "+found.name, "a face image record")
		}
	case s.Modality == templates.ModalityUnknown:
		s.Modality = found.modality
	case s.Modality != found.modality:
		return templates.BadAt(s.Offset, templates.ReasonMalformed, s.Path+": data block", fmt.Sprintf("is a %s in a BIR of type %v", found.name, s.Modality), "one modality")
	}
	s.Format = found.format
	return nil
}

// look tells the kind of a block by its first bytes.
func look(data []byte) blockKind {
	if len(data) < 4 {
		return blockKind{}
	}
	var k blockKind
	switch string(data[:4]) {
	case fmr.Magic:
		k = numbered("2")
		k.format = fmr.Sniff(data)
	case "FIR\x00":
		k = numbered("7")
		k.format = imagerecord.Sniff(data)
	case "FAC\x00":
		k = numbered("8")
		k.format = imagerecord.Sniff(data)
	case "IIR\x00":
		k = numbered("9")
	}
	return k
}

func (s *Sample) checkModel() error {
	if err := templates.CheckModel(s.Model); err != nil {
		return templates.BadAt(s.Offset, templates.ReasonModel, s.Path+": entry "+EntryModel+" of", fmt.Sprintf("%d bytes", len(s.Model)), "the model of the vector")
	}
	return nil
}

func (s *Sample) readQuality(q *Quality) {
	if q == nil || q.Score < 0 || q.Score > 100 {
		return
	}
	s.Quality.Value = uint8(q.Score)
	name := q.Algorithm.Organization + "/" + q.Algorithm.Type
	if q.Algorithm.Organization == "" || q.Algorithm.Type == "" {
		name = strings.Trim(name, "/")
	}
	s.Quality.Algorithm = name
	if s.Quality.Validate() != nil { // too long, or not printable: the value still counts
		s.Quality.Algorithm = ""
	}
}
