package main

import (
	"path/filepath"
	"strconv"
	"strings"

	immisv1 "immis/api/immis/v1"
	"immis/internal/config"
)

// maxSample bounds a sample's file, in bytes; it is the API's bound.
const maxSample = 8 << 20

// sampleFlags name the files of samples.
type sampleFlags struct {
	Face       []string `placeholder:"FILE" sep:"none" help:"Face vector; .f32, .f16 or .i8 tells the encoding."`
	Model      string   `placeholder:"NAME" help:"Model of the face vectors."`
	FaceFormat string   `enum:",float32,float16,int8" default:"" help:"Encoding of the face vectors (float32, float16, int8) if the file's name does not tell."`
	Finger     []string `placeholder:"[POSITION=]FILE" sep:"none" help:"ISO/IEC 19794-2:2005 record; position such as right-index or 2, default: what the record says."`
}

// imageFlags name the files of images, which are kept and not searched.
type imageFlags struct {
	Image      []string `placeholder:"WHAT=FILE" sep:"none" help:"Image to keep, WHAT is face or a finger position; .png, .jpg, .wsq or .jp2."`
	KeepImages bool     `help:"Keep the bytes of images, sealed."`
}

func (f *sampleFlags) empty() bool { return len(f.Face) == 0 && len(f.Finger) == 0 }

// samples reads the files.
func (f *sampleFlags) samples() ([]*immisv1.Sample, error) {
	var out []*immisv1.Sample
	for _, path := range f.Face {
		if f.Model == "" {
			return nil, usage("model is missing: face vectors need --model, vectors of different models are never compared")
		}
		format, err := faceFormat(path, f.FaceFormat)
		if err != nil {
			return nil, err
		}
		data, err := config.ReadFile(path, maxSample)
		if err != nil {
			return nil, fileError(path, err)
		}
		out = append(out, &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: format, Data: data, Model: f.Model})
	}
	for _, arg := range f.Finger {
		position, path := immisv1.Position_POSITION_UNSPECIFIED, arg
		if name, rest, ok := strings.Cut(arg, "="); ok {
			p, err := parsePosition(name)
			if err != nil {
				return nil, err
			}
			position, path = p, rest
		}
		data, err := config.ReadFile(path, maxSample)
		if err != nil {
			return nil, fileError(path, err)
		}
		out = append(out, &immisv1.Sample{
			Modality: immisv1.Modality_MODALITY_FINGER, Position: position, Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: data,
		})
	}
	return out, nil
}

func (f *imageFlags) samples() ([]*immisv1.Sample, error) {
	var out []*immisv1.Sample
	for _, arg := range f.Image {
		what, path, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, usage("image %q, want face=FILE or POSITION=FILE", arg)
		}
		s := &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE}
		if what != "face" {
			p, err := parsePosition(what)
			if err != nil {
				return nil, err
			}
			s.Modality, s.Position = immisv1.Modality_MODALITY_FINGER, p
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png":
			s.Format = immisv1.Format_FORMAT_PNG
		case ".jpg", ".jpeg":
			s.Format = immisv1.Format_FORMAT_JPEG
		case ".wsq":
			s.Format = immisv1.Format_FORMAT_WSQ
		case ".jp2":
			s.Format = immisv1.Format_FORMAT_JPEG2000
		default:
			return nil, usage("image %s, want .png, .jpg, .wsq or .jp2", path)
		}
		var err error
		if s.Data, err = config.ReadFile(path, maxSample); err != nil {
			return nil, fileError(path, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func fileError(path string, err error) error { return usage("read %s: %v", path, err) }

// faceFormat tells the encoding of a vector file from a name or its extension.
func faceFormat(path, name string) (immisv1.Format, error) {
	if name == "" {
		name = strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	}
	switch name {
	case "float32", "f32":
		return immisv1.Format_FORMAT_FACE_FLOAT32, nil
	case "float16", "f16":
		return immisv1.Format_FORMAT_FACE_FLOAT16, nil
	case "int8", "i8":
		return immisv1.Format_FORMAT_FACE_INT8, nil
	}
	return 0, usage("encoding of %s is not known: name it .f32, .f16 or .i8, or give --face-format", path)
}

// positionName is a finger position as it stands on the command line.
func positionName(p immisv1.Position) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(p.String(), "POSITION_")), "_", "-")
}

func parsePosition(name string) (immisv1.Position, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n <= 10 {
		return immisv1.Position(n), nil
	}
	for p := immisv1.Position_POSITION_RIGHT_THUMB; p <= immisv1.Position_POSITION_LEFT_LITTLE; p++ {
		if positionName(p) == name {
			return p, nil
		}
	}
	return 0, usage("finger position %q, want 1 to 10 or right-thumb, right-index, right-middle, right-ring, right-little, left-thumb, ... left-little", name)
}
