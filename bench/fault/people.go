package fault

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	immisv1 "immis/api/immis/v1"
	"immis/bench/synth"
	"immis/templates"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// people makes the samples of synthetic people. Safe for concurrent use.
type people struct{ world *synth.World }

// difficulty keeps the samples of a person so close that recognition is never in
// doubt: what is attacked is the ledger, not the comparison.
const difficulty = 0.05

func newPeople(seed uint64) (*people, error) {
	w, err := synth.New(synth.Config{Seed: seed, People: 1_000_000, FaceDims: 128, FaceDifficulty: difficulty, FingerDifficulty: difficulty})
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	return &people{world: w}, nil
}

// face is sample n of a person's face.
func (p *people) face(person, n int) *immisv1.Sample {
	v := p.world.Face(person, n)
	data := make([]byte, 0, 4*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_FACE_FLOAT32, Data: data, Model: p.world.FaceModel()}
}

// finger is impression n of a person's right index.
func (p *people) finger(person, n int) (*immisv1.Sample, error) {
	f := p.world.Finger(person, templates.RightIndex, n)
	r, err := iso19794.FromFingers([]templates.Finger{f}, iso19794.Capture{})
	if err != nil {
		return nil, fmt.Errorf("finger of person %d: %w", person, err)
	}
	data, err := r.AppendBinary(nil)
	if err != nil {
		return nil, fmt.Errorf("finger of person %d: %w", person, err)
	}
	return &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FINGER, Position: immisv1.Position_POSITION_RIGHT_INDEX,
		Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: data}, nil
}

// image is a picture of noise in the place of a face: one to three parts of a blob.
func (p *people) image(person, n int) (*immisv1.Sample, error) {
	rng := rand.New(rand.NewPCG(uint64(person), uint64(n)))
	m := &imaging.Image{Width: 256, Height: 1 + rng.IntN(2400)}
	m.Pix = make([]byte, m.Width*m.Height)
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32())
	}
	data, err := imaging.EncodePNG(m)
	if err != nil {
		return nil, fmt.Errorf("picture of person %d: %w", person, err)
	}
	return &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_PNG, Data: data}, nil
}

// encounter is visit n of a person: a face, for some also a finger or a kept image.
func (p *people) encounter(id string, person, n int, galleries []string) (*immisv1.Encounter, error) {
	v := p.world.Visit(person, n)
	e := &immisv1.Encounter{
		EncounterId: id, Station: "station-1", Operator: "operator-7", Galleries: galleries,
		BiographicData: &immisv1.BiographicData{
			Names:         []*immisv1.PersonName{{Kind: immisv1.PersonName_KIND_CURRENT, Surname: v.Surname, GivenNames: v.Given, Patronymic: v.Patronymic}},
			BirthDate:     v.BirthDate.String(),
			Nationalities: []string{v.Nationality},
		},
		Documents: []*immisv1.Document{{Type: "passport", Number: v.Document}},
		Samples:   []*immisv1.Sample{p.face(person, n)},
	}
	if (person+n)%4 == 0 {
		f, err := p.finger(person, n)
		if err != nil {
			return nil, err
		}
		e.Samples = append(e.Samples, f)
	}
	if (person+n)%16 == 3 {
		e.KeepImages = true
		m, err := p.image(person, n)
		if err != nil {
			return nil, err
		}
		e.Samples = append(e.Samples, m)
	}
	return e, nil
}
