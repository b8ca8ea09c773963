package demo

import (
	"math"
	"strings"
	"testing"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
	"immis/bench/synth"
	"immis/matcher/decision"
	"immis/matcher/finger"
	"immis/templates"
)

func faceOf(values ...float32) *immisv1.Sample {
	v := make([]float32, 16)
	copy(v, values)
	return &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_FACE_FLOAT32, Model: "test", Data: bench.EncodeVector(v)}
}

// TestTwinFaces: cosines that can be computed in the head. 16 people stand on the
// axes; a probe between two axes is nearer to the one with the larger part.
func TestTwinFaces(t *testing.T) {
	twin := NewTwin(16, 16, probeFingers())
	for row := range 16 {
		v := make([]float32, 16)
		v[row] = float32(row + 1) // any length: the twin scales it
		if err := twin.Add(row, []*immisv1.Sample{faceOf(v...)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		probe   *immisv1.Sample
		best    int
		tied    []int
		outcome immisv1.Outcome
	}{
		{"on axis 3", faceOf(0, 0, 0, 7), 3, nil, immisv1.Outcome_OUTCOME_MATCH},
		{"between 1 and 2, nearer to 2", faceOf(0, 3, 4), 2, nil, immisv1.Outcome_OUTCOME_MATCH},
		{"as near to 4 as to 5", faceOf(0, 0, 0, 0, 1, 1), 4, []int{5}, immisv1.Outcome_OUTCOME_MATCH},
		{"far from all, most from 0", faceOf(-1), 1, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, immisv1.Outcome_OUTCOME_NON_MATCH},
	} {
		a, err := twin.Identify([]*immisv1.Sample{c.probe})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if a.Best != c.best || a.Outcome != c.outcome || len(a.Tied) != len(c.tied) {
			t.Errorf("%s: %+v, want %d, tied %v, %v", c.name, a, c.best, c.tied, c.outcome)
		}
	}
}

// TestTwinEvidence: the evidence of one row is the cosine of the faces and the
// score of each finger with the same finger, nothing else.
func TestTwinEvidence(t *testing.T) {
	w, err := synth.New(synth.Config{Seed: 11, People: 4})
	if err != nil {
		t.Fatal(err)
	}
	twin := NewTwin(4, 512, probeFingers())
	for row := range 4 {
		samples, err := bench.Samples(w, row, 0, true, bench.AllFingers()...)
		if err != nil {
			t.Fatal(err)
		}
		if err := twin.Add(row, samples); err != nil {
			t.Fatal(err)
		}
	}
	samples, err := bench.Samples(w, 2, 1, true, templates.LeftIndex)
	if err != nil {
		t.Fatal(err)
	}
	p, err := twin.read(samples)
	if err != nil {
		t.Fatal(err)
	}
	e := twin.evidence(p, 2, &finger.Comparer{})
	if len(e.Faces) != 1 || len(e.Fingers) != 1 || e.Fingers[0].Position != templates.LeftIndex {
		t.Fatalf("evidence %+v, want one face and the left index", e)
	}
	cosine := 0.0
	for i, x := range w.Face(2, 1) {
		cosine += float64(float64(x) * float64(w.Face(2, 0)[i]))
	}
	if math.Abs(float64(e.Faces[0].Similarity)-cosine) > 1e-6 {
		t.Errorf("cosine %v, want %v", e.Faces[0].Similarity, cosine)
	}
	left, err := bench.FingerSample(w, 2, templates.LeftIndex, 0)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := readFinger(left.GetData())
	if err != nil {
		t.Fatal(err)
	}
	if want := float32(p.fingers[1].Compare(reference)); e.Fingers[0].Score != want {
		t.Errorf("finger score %v, want %v", e.Fingers[0].Score, want)
	}
	a, err := twin.Verify(samples, 2)
	if err != nil {
		t.Fatal(err)
	}
	d, err := decision.Decide(decision.Provisional(), decision.DefaultPolicy(), e, 1)
	if err != nil || a.Log10LR != d.Weight.LLR || (a.Outcome == immisv1.Outcome_OUTCOME_MATCH) != (d.Outcome == decision.Match) {
		t.Errorf("verification %+v, want %+v (%v)", a, d, err)
	}
}

func TestTwinRefuses(t *testing.T) {
	twin := NewTwin(1, 16, probeFingers())
	png := &immisv1.Sample{Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_PNG, Data: []byte{1}}
	short := faceOf(1)
	short.Data = short.Data[:60]
	record := &immisv1.Sample{Position: immisv1.Position_POSITION_RIGHT_INDEX, Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: []byte("FMR\x00")}
	for want, samples := range map[string][]*immisv1.Sample{
		"no face": nil, "format": {png}, "60 bytes": {short}, "twin: row 0": {faceOf(1), record},
	} {
		if err := twin.Add(0, samples); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestTwinOfNobody: without people there is nobody to put forward.
func TestTwinOfNobody(t *testing.T) {
	a, err := NewTwin(0, 16, probeFingers()).Identify([]*immisv1.Sample{faceOf(1)})
	if err != nil || a.Best != -1 || a.Outcome != immisv1.Outcome_OUTCOME_NON_MATCH {
		t.Errorf("%+v (%v), want a non-match and nobody", a, err)
	}
}
