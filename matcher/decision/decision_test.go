package decision

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"immis/templates"
)

func faceAt(s float32) FaceEvidence { return FaceEvidence{Model: "fused_512", Similarity: s} }

func fingerAt(p templates.Position, s float32) FingerEvidence {
	return FingerEvidence{Position: p, Score: s}
}

func TestDecisionsOfTypicalEvidence(t *testing.T) {
	for _, c := range []struct {
		name     string
		evidence Evidence
		searched int
		want     Outcome
		reasons  []Reason
	}{
		{"nothing", Evidence{}, 1, NonMatch, []Reason{FaceMissing, FingersMissing}},
		{"face, verification", Evidence{Faces: []FaceEvidence{faceAt(0.40)}}, 1, Match, []Reason{FaceSimilar, FingersMissing}},
		{"weak face, verification", Evidence{Faces: []FaceEvidence{faceAt(0.28)}}, 1, Refer, []Reason{FaceInconclusive, FingersMissing}},
		{"foreign face, verification", Evidence{Faces: []FaceEvidence{faceAt(0.1)}}, 1, NonMatch, []Reason{FaceDissimilar, FingersMissing}},
		{"face in 2,000", Evidence{Faces: []FaceEvidence{faceAt(0.51)}}, 2000, Match, []Reason{FaceSimilar, FingersMissing}},
		{"the same face in 2,000,000", Evidence{Faces: []FaceEvidence{faceAt(0.51)}}, 2000000, NonMatch, []Reason{FaceSimilar, FingersMissing}},
		{"look-alike in 2,000", Evidence{Faces: []FaceEvidence{faceAt(0.45)}}, 2000, Refer, []Reason{FaceSimilar, FingersMissing}},
		{"best impostor of 2,000", Evidence{Faces: []FaceEvidence{faceAt(0.33)}}, 2000, NonMatch, []Reason{FaceSimilar, FingersMissing}},
		{"one finger, verification", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.6)}}, 1, Match, []Reason{FaceMissing, FingersAgree}},
		{"one perfect finger in 2,000", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.95)}}, 2000, NonMatch, []Reason{FaceMissing, FingersAgree}},
		{"one perfect finger in 1,000", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.95)}}, 1000, Refer, []Reason{FaceMissing, FingersAgree}},
		{"two fingers in 2,000", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.7), fingerAt(7, 0.66)}}, 2000, Match, []Reason{FaceMissing, FingersAgree}},
		{"two views of one finger in 2,000", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.9), fingerAt(2, 0.9)}}, 2000, NonMatch, []Reason{FaceMissing, FingersAgree}},
		{"two foreign fingers", Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.2), fingerAt(7, 0.005)}}, 1, NonMatch, []Reason{FaceMissing, FingersDiffer}},
		{"fair face and fair finger in 2,000", Evidence{Faces: []FaceEvidence{faceAt(0.42)}, Fingers: []FingerEvidence{fingerAt(2, 0.6)}}, 2000, Match, []Reason{FaceSimilar, FingersAgree}},
		{"aged face, good fingers", Evidence{Faces: []FaceEvidence{faceAt(0.12)}, Fingers: []FingerEvidence{fingerAt(2, 0.8), fingerAt(7, 0.8)}}, 2000, Refer, []Reason{FaceDissimilar, FingersAgree, ModalitiesConflict}},
		{"five good fingers", Evidence{Fingers: []FingerEvidence{fingerAt(1, .8), fingerAt(2, .8), fingerAt(3, .8), fingerAt(4, .8), fingerAt(5, .8)}}, 1, Match, []Reason{FaceMissing, FingersAgree, TotalLimited}},
	} {
		d, err := Decide(Provisional(), DefaultPolicy(), c.evidence, c.searched)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d.Outcome != c.want || !slices.Equal(d.Reasons, c.reasons) {
			t.Errorf("%s: LLR %.2f (match at %.2f, refer at %.2f) is %v %v, want %v %v",
				c.name, d.Weight.LLR, d.MatchAt, d.ReferAt, d.Outcome, d.Reasons, c.want, c.reasons)
		}
	}
}

func randomEvidence(r *rand.Rand) Evidence {
	var e Evidence
	for range r.IntN(4) {
		e.Faces = append(e.Faces, FaceEvidence{Model: []string{"fused_512", "mbf_y1_128", "other"}[r.IntN(3)], Similarity: 2*r.Float32() - 1})
	}
	for range r.IntN(8) {
		e.Fingers = append(e.Fingers, fingerAt(templates.Position(r.IntN(11)), r.Float32()))
	}
	return e
}

func TestTermsAddUpInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := Provisional()
	limited := 0
	for range 5000 {
		w, err := c.Weigh(randomEvidence(r))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r.Shuffle(len(w.Terms), func(i, j int) { w.Terms[i], w.Terms[j] = w.Terms[j], w.Terms[i] })
			sum := 0.0
			for _, term := range w.Terms {
				sum += term.LLR
			}
			if sum != w.LLR {
				t.Fatalf("terms %+v add up to %v, want %v", w.Terms, sum, w.LLR)
			}
		}
		if math.Abs(w.LLR) > c.TotalLimit {
			t.Fatalf("total %v, want within +-%v", w.LLR, c.TotalLimit)
		}
		if slices.ContainsFunc(w.Terms, func(t Term) bool { return t.Reason == TotalLimited }) {
			limited++
		}
	}
	if limited == 0 {
		t.Fatal("no evidence reached the limit")
	}
}

func TestOrderOfSamplesDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	c, p := Provisional(), DefaultPolicy()
	for range 2000 {
		e := randomEvidence(r)
		want, err := Decide(c, p, e, 50)
		if err != nil {
			t.Fatal(err)
		}
		before := Evidence{slices.Clone(e.Faces), slices.Clone(e.Fingers)}
		r.Shuffle(len(e.Faces), func(i, j int) { e.Faces[i], e.Faces[j] = e.Faces[j], e.Faces[i] })
		r.Shuffle(len(e.Fingers), func(i, j int) { e.Fingers[i], e.Fingers[j] = e.Fingers[j], e.Fingers[i] })
		shuffled := Evidence{slices.Clone(e.Faces), slices.Clone(e.Fingers)}
		got, err := Decide(c, p, e, 50)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("evidence %+v decides %+v, in other order %+v", before, want, got)
		}
		if !reflect.DeepEqual(e, shuffled) {
			t.Fatalf("the caller's evidence was changed to %+v", e)
		}
	}
}

func TestOneFingerCountsOnce(t *testing.T) {
	c := Provisional()
	weigh := func(fingers ...FingerEvidence) float64 {
		w, err := c.Weigh(Evidence{Fingers: fingers})
		if err != nil {
			t.Fatal(err)
		}
		return w.LLR
	}
	one := weigh(fingerAt(3, 0.6))
	for name, got := range map[string]float64{
		"a second, worse view":               weigh(fingerAt(3, 0.6), fingerAt(3, 0.1)),
		"the same view again":                weigh(fingerAt(3, 0.6), fingerAt(3, 0.6)),
		"an unknown finger beside":           weigh(fingerAt(0, 0.9), fingerAt(3, 0.6)),
		"an unknown finger that is the best": weigh(fingerAt(3, 0.6), fingerAt(0, 0.6)),
		"unknown fingers alone":              weigh(fingerAt(0, 0.6), fingerAt(0, 0.5)),
	} {
		if got != one {
			t.Errorf("%s: LLR %v, want %v", name, got, one)
		}
	}
	if two := weigh(fingerAt(3, 0.6), fingerAt(4, 0.6)); two != 2*one {
		t.Errorf("two fingers: LLR %v, want %v", two, 2*one)
	}
	w, err := c.Weigh(Evidence{Faces: []FaceEvidence{faceAt(0.5), faceAt(0.3), faceAt(0.5)}})
	if err != nil {
		t.Fatal(err)
	}
	if single, _ := c.Weigh(Evidence{Faces: []FaceEvidence{faceAt(0.5)}}); w.LLR != single.LLR {
		t.Errorf("three photos: LLR %v, want %v, that of the best", w.LLR, single.LLR)
	}
}

func TestMissingModalityIsNeutral(t *testing.T) {
	c := Provisional()
	a, _ := c.Weigh(Evidence{Faces: []FaceEvidence{faceAt(0.4)}})
	b, _ := c.Weigh(Evidence{Fingers: []FingerEvidence{fingerAt(2, 0.5)}})
	both, _ := c.Weigh(Evidence{Faces: []FaceEvidence{faceAt(0.4)}, Fingers: []FingerEvidence{fingerAt(2, 0.5)}})
	none, _ := c.Weigh(Evidence{})
	if a.LLR+b.LLR != both.LLR || none.LLR != 0 {
		t.Fatalf("face %v, finger %v, both %v, none %v", a.LLR, b.LLR, both.LLR, none.LLR)
	}
}

func TestBadEvidenceIsRefused(t *testing.T) {
	nan := float32(math.NaN())
	for name, e := range map[string]Evidence{
		"NaN similarity":    {Faces: []FaceEvidence{faceAt(nan)}},
		"similarity of 1.1": {Faces: []FaceEvidence{faceAt(1.1)}},
		"NaN score":         {Fingers: []FingerEvidence{fingerAt(1, nan)}},
		"negative score":    {Fingers: []FingerEvidence{fingerAt(1, -0.1)}},
		"score of 1.5":      {Fingers: []FingerEvidence{fingerAt(1, 1.5)}},
		"position 11":       {Fingers: []FingerEvidence{fingerAt(11, 0.5)}},
	} {
		if d, err := Decide(Provisional(), DefaultPolicy(), e, 1); err == nil || d.Outcome != NonMatch {
			t.Errorf("%s: %v, error %v; want an error", name, d.Outcome, err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	c, p := Provisional(), DefaultPolicy()
	e := Evidence{Faces: []FaceEvidence{faceAt(0.5)}, Fingers: []FingerEvidence{fingerAt(2, 0.7), fingerAt(7, 0.6)}}
	b.Run("modality=both/fingers=2", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decide(c, p, e, 2000); err != nil {
				b.Fatal(err)
			}
		}
	})
}
