package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/engine"
	"immis/internal/config"
	"immis/templates"
	"immis/templates/exchange"
)

// maxSample bounds a sample's file, in bytes; it is the API's bound.
const maxSample = 8 << 20

// sampleFlags name the files of samples.
type sampleFlags struct {
	Face       []string `placeholder:"FILE" sep:"none" help:"Sample of the face: a vector (.f32, .f16 or .i8 tells the encoding), or any known format."`
	Model      string   `placeholder:"NAME" help:"Model of the face vectors."`
	FaceFormat string   `enum:",float32,float16,int8" default:"" help:"Encoding of the face vectors (float32, float16, int8) if the file's name does not tell."`
	Finger     []string `placeholder:"[POSITION=]FILE" sep:"none" help:"Sample of a finger: a minutiae record, or any known format; position such as right-index or 2, default: what the record says."`
	Sample     []string `placeholder:"[WHAT=]FILE" sep:"none" help:"Sample of any known format, containers too; WHAT is face, finger, iris or a finger position, where the file does not tell."`
	Resolution float64  `placeholder:"PPI" help:"Resolution of finger images whose files state none, 100-2000."`
}

// imageFlags name the files of images, which are kept and not searched.
type imageFlags struct {
	Image      []string `placeholder:"WHAT=FILE" sep:"none" help:"Image, WHAT is face, finger, iris or a finger position."`
	KeepImages bool     `help:"Keep the bytes of images, sealed."`
}

func (f *sampleFlags) empty() bool {
	return len(f.Face) == 0 && len(f.Finger) == 0 && len(f.Sample) == 0
}

// stated is what is said about a sample beside its bytes.
type stated struct {
	modality immisv1.Modality
	position immisv1.Position
	// The others are said about all samples of a command: model and ppi go to those that
	// can have one, anyModality where nothing else tells, anyPosition to fingers.
	model       string
	ppi         float64
	anyModality immisv1.Modality
	anyPosition immisv1.Position
}

// samples reads the files.
func (f *sampleFlags) samples() ([]*immisv1.Sample, error) {
	var out []*immisv1.Sample
	add := func(path string, st stated, encoding string) error {
		st.model, st.ppi = f.Model, f.Resolution
		s, err := readSample(path, st, encoding)
		out = append(out, s)
		return err
	}
	for _, path := range f.Face {
		if err := add(path, stated{modality: immisv1.Modality_MODALITY_FACE}, f.FaceFormat); err != nil {
			return nil, err
		}
	}
	for _, arg := range f.Finger {
		what, path, ok := strings.Cut(arg, "=")
		st := stated{modality: immisv1.Modality_MODALITY_FINGER}
		if !ok {
			path = arg
		} else if p, err := parsePosition(what); err != nil {
			return nil, err
		} else {
			st.position = p
		}
		if err := add(path, st, ""); err != nil {
			return nil, err
		}
	}
	for _, arg := range f.Sample {
		what, path, ok := strings.Cut(arg, "=")
		var st stated
		if !ok {
			path = arg
		} else if s, err := parseWhat(what); err != nil {
			return nil, err
		} else {
			st = s
		}
		if err := add(path, st, f.FaceFormat); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// samples reads the files; ppi is the resolution of those that state none.
func (f *imageFlags) samples(ppi float64) ([]*immisv1.Sample, error) {
	var out []*immisv1.Sample
	for _, arg := range f.Image {
		what, path, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, usage("image %q, want face=FILE or POSITION=FILE", arg)
		}
		st, err := parseWhat(what)
		if err != nil {
			return nil, err
		}
		st.ppi = ppi
		s, err := readSample(path, st, "")
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// readSample reads a file and recognises what it holds.
func readSample(path string, st stated, encoding string) (*immisv1.Sample, error) {
	data, err := config.ReadFile(path, maxSample)
	if err != nil {
		return nil, fileError(path, err)
	}
	name := path
	if encoding != "" && exchange.Sniff(data) == templates.FormatUnknown {
		name += "." + encoding
	}
	s, err := newSample(name, data, st)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// newSample makes a sample of a file's bytes. Errors are *templates.InputError: EMPTY,
// UNKNOWN_FORMAT, MODALITY_MISMATCH where nothing tells what an image shows, BAD_MODEL.
func newSample(name string, data []byte, st stated) (*immisv1.Sample, error) {
	if len(data) == 0 {
		return nil, templates.Bad(templates.ReasonEmpty, "file", "is empty", "a sample")
	}
	f := recognize(name, data)
	// A vector may begin with the two bytes of a BMP; longer signatures are no chance.
	if sniffed := exchange.Sniff(data); f.Encoding() != templates.EncodingUnknown && sniffed != templates.FormatUnknown && sniffed != templates.FormatBMP {
		return nil, templates.Bad(templates.ReasonWrongMagic, "file named as a face vector", "is a "+sniffed.String(), "a vector: name the file by what it is")
	}
	if f == templates.FormatUnknown && st.modality == immisv1.Modality_MODALITY_IRIS {
		f = templates.FormatOther // no iris record is read here; its bytes are kept
	}
	s := &immisv1.Sample{Modality: st.modality, Position: st.position, Format: format.ToAPI(f), Data: data}
	switch {
	case f == templates.FormatUnknown && st.modality == immisv1.Modality_MODALITY_FACE:
		return nil, templates.Bad(templates.ReasonFormat, "format", "is not recognized", "a known image or record; face vectors: name it .f32, .f16 or .i8, or give --face-format")
	case f == templates.FormatUnknown:
		return nil, templates.Bad(templates.ReasonFormat, "format", "is not recognized", "one that immis inspect knows; face vectors named .f32, .f16 or .i8")
	case f.Container():
		s.Modality, s.Position = immisv1.Modality_MODALITY_UNSPECIFIED, immisv1.Position_POSITION_UNSPECIFIED
		return s, nil
	case f.Encoding() != templates.EncodingUnknown:
		if st.model == "" {
			return nil, templates.Bad(templates.ReasonModel, "model", "is missing", "--model: vectors of different models are never compared")
		}
		s.Model = st.model
	}
	if s.GetModality() == immisv1.Modality_MODALITY_UNSPECIFIED {
		switch {
		case f.Modality() == templates.ModalityFace:
			s.Modality = immisv1.Modality_MODALITY_FACE
		case f.Modality() == templates.ModalityFinger || st.position != immisv1.Position_POSITION_UNSPECIFIED:
			s.Modality = immisv1.Modality_MODALITY_FINGER
		case st.anyModality != immisv1.Modality_MODALITY_UNSPECIFIED:
			s.Modality = st.anyModality
		default:
			return nil, templates.Bad(engine.ReasonModality, "modality", "is not told by format "+f.String(), "face, finger or iris, stated beside the file")
		}
	}
	if s.GetModality() == immisv1.Modality_MODALITY_FINGER && s.GetPosition() == immisv1.Position_POSITION_UNSPECIFIED {
		s.Position = st.anyPosition
	}
	if f.Image() && s.GetModality() == immisv1.Modality_MODALITY_FINGER {
		s.ResolutionPpi = st.ppi
	}
	return s, nil
}

// recognize tells the format of a file by its content; face vectors, which have no
// signature and may begin with any bytes, by the extension.
func recognize(name string, data []byte) templates.Format {
	name = strings.TrimSuffix(strings.ToLower(name), ageExt)
	switch filepath.Ext(name) {
	case ".f32", ".float32":
		return templates.FormatFaceFloat32
	case ".f16", ".float16":
		return templates.FormatFaceFloat16
	case ".i8", ".int8":
		return templates.FormatFaceInt8
	}
	return exchange.Sniff(data)
}

func fileError(path string, err error) error { return usage("read %s: %v", path, err) }

// parseWhat reads what a sample shows: a modality or a finger position.
func parseWhat(what string) (stated, error) {
	if m, err := parseModality(what); err == nil {
		return stated{modality: m}, nil
	}
	p, err := parsePosition(what)
	if err != nil {
		return stated{}, usage("%q, want face, finger, iris or a finger position such as right-index", what)
	}
	return stated{modality: immisv1.Modality_MODALITY_FINGER, position: p}, nil
}

// modalityName is a modality as it stands on the command line.
func modalityName(m immisv1.Modality) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "MODALITY_"))
}

func parseModality(name string) (immisv1.Modality, error) {
	for _, m := range []immisv1.Modality{immisv1.Modality_MODALITY_FACE, immisv1.Modality_MODALITY_FINGER, immisv1.Modality_MODALITY_IRIS} {
		if modalityName(m) == name {
			return m, nil
		}
	}
	return 0, usage("modality %q, want face, finger or iris", name)
}

// positionName is a finger position as it stands on the command line.
func positionName(p immisv1.Position) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(p.String(), "POSITION_")), "_", "-")
}

// parsePosition reads a position: a code of ISO/IEC 19794-2, or its name; images may
// also show several fingers.
func parsePosition(name string) (immisv1.Position, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		if _, ok := immisv1.Position_name[int32(n)]; ok {
			return immisv1.Position(n), nil
		}
	}
	for n := range immisv1.Position_name {
		if p := immisv1.Position(n); p != immisv1.Position_POSITION_UNSPECIFIED && positionName(p) == name {
			return p, nil
		}
	}
	return 0, usage("finger position %q, want 1 to 10 or right-thumb, right-index, right-middle, right-ring, right-little, left-thumb, ... left-little; images of several fingers right-four, left-four or thumbs", name)
}
