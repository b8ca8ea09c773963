package bench

import (
	"encoding/binary"
	"fmt"
	"math"

	immisv1 "immis/api/immis/v1"
	"immis/bench/synth"
	"immis/templates"
	"immis/templates/iso19794"
)

// EncodeVector writes a face vector as FORMAT_FACE_FLOAT32: little-endian, 4
// bytes a value.
func EncodeVector(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// EncodeFinger writes one finger view as a record of ISO/IEC 19794-2:2005.
func EncodeFinger(f templates.Finger) ([]byte, error) {
	r, err := iso19794.FromFingers([]templates.Finger{f}, iso19794.Capture{})
	if err != nil {
		return nil, fmt.Errorf("encode finger %d: %w", f.Position, err)
	}
	return r.AppendBinary(nil)
}

// FaceSample is one sample of a person's face as a station would send it: number
// 0 at the first visit, then 1, 2, ...
func FaceSample(w *synth.World, person, number int) *immisv1.Sample {
	return &immisv1.Sample{
		Modality: immisv1.Modality_MODALITY_FACE,
		Format:   immisv1.Format_FORMAT_FACE_FLOAT32,
		Data:     EncodeVector(w.Face(person, number)),
		Model:    w.FaceModel(),
	}
}

// FingerSample is one impression of a person's finger as a station would send it.
func FingerSample(w *synth.World, person int, position templates.Position, number int) (*immisv1.Sample, error) {
	data, err := EncodeFinger(w.Finger(person, position, number))
	if err != nil {
		return nil, fmt.Errorf("person %d: %w", person, err)
	}
	return &immisv1.Sample{
		Modality: immisv1.Modality_MODALITY_FINGER,
		Position: immisv1.Position(position),
		Format:   immisv1.Format_FORMAT_ISO_19794_2_2005,
		Data:     data,
	}, nil
}

// Samples are the face, when wanted, and the given fingers of one visit.
func Samples(w *synth.World, person, number int, face bool, fingers ...templates.Position) ([]*immisv1.Sample, error) {
	out := make([]*immisv1.Sample, 0, len(fingers)+1)
	if face {
		out = append(out, FaceSample(w, person, number))
	}
	for _, p := range fingers {
		s, err := FingerSample(w, person, p, number)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// AllFingers are the ten positions, right thumb first.
func AllFingers() []templates.Position {
	out := make([]templates.Position, 0, 10)
	for p := templates.RightThumb; p <= templates.LeftLittle; p++ {
		out = append(out, p)
	}
	return out
}

// Declared is what a visitor declares: the name in Cyrillic and, as a second
// name of the same kind, in the Latin letters of the document.
func Declared(id synth.Identity) (*immisv1.BiographicData, []*immisv1.Document) {
	sex := immisv1.Sex_SEX_FEMALE
	if id.Sex == synth.Male {
		sex = immisv1.Sex_SEX_MALE
	}
	current := immisv1.PersonName_KIND_CURRENT
	return &immisv1.BiographicData{
			Names: []*immisv1.PersonName{
				{Kind: current, Surname: id.Surname, GivenNames: id.Given, Patronymic: id.Patronymic},
				{Kind: current, Surname: id.SurnameLatin, GivenNames: id.GivenLatin},
			},
			BirthDate:     id.BirthDate.String(),
			Sex:           sex,
			Nationalities: []string{id.Nationality},
		}, []*immisv1.Document{
			{Type: "passport", Number: id.Document, Issuer: id.Nationality},
		}
}
