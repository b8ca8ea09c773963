// Package decision turns the comparisons of two persons' samples into one fused
// log-likelihood ratio and, under a policy, into match, refer or non-match. It
// is pure: no clock, no gallery, no store. It refuses to compare samples
// (matcher/finger and matcher/face do), to decide with legal effect (a match is
// a statement about samples, and what follows is a person's decision) and to
// hide how it came to a value: the terms of a Weight add up to its total exactly.
//
// The constants of Provisional are what the name says: uncalibrated for any
// operation, fitted on small public sets (see calibration.go). They order
// candidates and make thresholds explainable; they are not error rates.
package decision

import (
	"cmp"
	"fmt"
	"slices"

	"immis/templates"
)

// Evidence is what the comparisons of one probe person with one reference
// person gave. A missing modality is an empty list and contributes 0. The order
// of the lists has no influence.
type Evidence struct {
	Faces   []FaceEvidence
	Fingers []FingerEvidence
}

// FaceEvidence is one face comparison: cosine -1..1 of two vectors of Model.
type FaceEvidence struct {
	Model      string
	Similarity float32
}

// FingerEvidence is one comparison of two views of the finger at Position:
// a finger.Score, 0..1.
type FingerEvidence struct {
	Position templates.Position
	Score    float32
}

// Term is one summand of a Weight.
type Term struct {
	// Reason is a stable code: face_similar, face_inconclusive, face_dissimilar,
	// finger_agrees, finger_inconclusive, finger_differs, total_limited.
	Reason Reason
	// Modality is face or finger; unknown for total_limited.
	Modality templates.Modality
	// Position is that of a finger term, Model that of a face term.
	Position templates.Position
	Model    string
	// Score is the similarity or finger score that counted.
	Score float32
	// LLR is the summand, log10 of the likelihood ratio "one person" against
	// "two persons", a multiple of 1/1024.
	LLR float64
}

// Weight is the fused evidence.
type Weight struct {
	// LLR is log10 of the likelihood ratio, a multiple of 1/1024. It is the sum
	// of the terms, exact in any order of addition.
	LLR float64
	// Terms are ordered: faces by model, fingers by position, the limit.
	Terms []Term
}

// Weigh fuses evidence by the calibration.
//
//   - Of several comparisons with one face model, and of several with one finger
//     position, the best counts alone: two samples of one finger are not two
//     fingers.
//   - Several face models look at the same face: their mean counts.
//   - Fingers of unknown position could be any of the known ones: they count,
//     as one finger, only when no finger of known position was compared.
//   - The sum is limited to +-TotalLimit, visibly, by a term of its own.
//
// Taking the best of several raises non-mated values a little; the calibration
// does not know how many there were. An error names a value that is no
// similarity or score (NaN, out of range) or no position.
func (c *Calibration) Weigh(e Evidence) (Weight, error) {
	faces, err := bestFaces(e.Faces)
	if err != nil {
		return Weight{}, err
	}
	fingers, err := bestFingers(e.Fingers)
	if err != nil {
		return Weight{}, err
	}
	var w Weight
	for _, f := range faces {
		llr := quantize(c.face(f.Model).at(f.Similarity) / float64(len(faces)))
		w.add(Term{Reason: judge(llr, FaceSimilar, FaceInconclusive, FaceDissimilar),
			Modality: templates.ModalityFace, Model: f.Model, Score: f.Similarity, LLR: llr})
	}
	for _, f := range fingers {
		llr := quantize(c.Finger.at(f.Score))
		w.add(Term{Reason: judge(llr, FingerAgrees, FingerInconclusive, FingerDiffers),
			Modality: templates.ModalityFinger, Position: f.Position, Score: f.Score, LLR: llr})
	}
	limit := quantize(c.TotalLimit)
	if over := w.LLR - min(limit, max(-limit, w.LLR)); over != 0 {
		w.add(Term{Reason: TotalLimited, LLR: -over})
	}
	return w, nil
}

func (w *Weight) add(t Term) {
	w.Terms = append(w.Terms, t)
	w.LLR += t.LLR
}

// bestFaces keeps the highest similarity per model, ordered by model.
func bestFaces(list []FaceEvidence) ([]FaceEvidence, error) {
	for _, f := range list {
		// Written so that NaN fails. The slack is for cosines rounded past 1.
		if !(f.Similarity >= -1.00001 && f.Similarity <= 1.00001) {
			return nil, fmt.Errorf("weigh face: similarity %v, want -1..1", f.Similarity)
		}
	}
	sorted := slices.SortedFunc(slices.Values(list), func(a, b FaceEvidence) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(b.Similarity, a.Similarity))
	})
	return slices.CompactFunc(sorted, func(a, b FaceEvidence) bool { return a.Model == b.Model }), nil
}

// bestFingers keeps the highest score per position, ordered by position, and
// the unknown position only when it is alone.
func bestFingers(list []FingerEvidence) ([]FingerEvidence, error) {
	for _, f := range list {
		if !(f.Score >= 0 && f.Score <= 1) {
			return nil, fmt.Errorf("weigh finger %d: score %v, want 0..1", f.Position, f.Score)
		}
		if f.Position > templates.LeftLittle {
			return nil, fmt.Errorf("weigh finger: position %d, want 0..10", f.Position)
		}
	}
	sorted := slices.SortedFunc(slices.Values(list), func(a, b FingerEvidence) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(b.Score, a.Score))
	})
	best := slices.CompactFunc(sorted, func(a, b FingerEvidence) bool { return a.Position == b.Position })
	if len(best) > 1 && best[0].Position == templates.PositionUnknown {
		best = best[1:]
	}
	return best, nil
}
