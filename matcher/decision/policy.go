package decision

import (
	"fmt"
	"slices"

	"immis/templates"
)

// Outcome is the answer about two persons' samples. None of the three is by
// itself a decision with legal effect.
type Outcome uint8

const (
	// NonMatch: the evidence does not speak for one person.
	NonMatch Outcome = iota
	// Refer: a person has to look.
	Refer
	// Match: the evidence speaks for one person as strongly as the policy asks.
	Match
)

// String is the name as used in the API and in metrics.
func (o Outcome) String() string {
	switch o {
	case NonMatch:
		return "non_match"
	case Refer:
		return "refer"
	case Match:
		return "match"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Reason is a stable, machine-readable code; it is never renamed or reused.
type Reason string

// Reasons of terms and of decisions.
const (
	FaceSimilar         Reason = "face_similar"
	FaceInconclusive    Reason = "face_inconclusive"
	FaceDissimilar      Reason = "face_dissimilar"
	FaceMissing         Reason = "face_missing"
	FingerAgrees        Reason = "finger_agrees"
	FingerInconclusive  Reason = "finger_inconclusive"
	FingerDiffers       Reason = "finger_differs"
	FingersAgree        Reason = "fingers_agree"
	FingersInconclusive Reason = "fingers_inconclusive"
	FingersDiffer       Reason = "fingers_differ"
	FingersMissing      Reason = "fingers_missing"
	// ModalitiesConflict: face and fingers speak against each other.
	ModalitiesConflict Reason = "modalities_conflict"
	TotalLimited       Reason = "total_limited"
)

// decided is the log10 likelihood ratio from which on evidence is called similar
// or dissimilar in reasons: ten to one. Reasons have no influence on outcomes.
const decided = 1.0

func judge(llr float64, yes, unsure, no Reason) Reason {
	switch {
	case llr >= decided:
		return yes
	case llr <= -decided:
		return no
	}
	return unsure
}

// Policy says how strong evidence must be, in log10 of the likelihood ratio for
// a comparison of one with one. Searching N persons raises both thresholds by
// log10(N): with N chances the strongest accidental resemblance grows so.
type Policy struct {
	// MatchLLR is the least value of a match. 2 means: a hundred times more
	// likely for one person than for two.
	MatchLLR float64
	// ReferLLR is the least value that a person has to look at, <= MatchLLR.
	// Equal to MatchLLR it means that nobody is asked.
	ReferLLR float64
}

// DefaultPolicy refers from even odds on and matches at a hundred to one. In a
// gallery of 2,000 a face alone matches from a cosine of about 0.503 on and two
// fingers from scores of about 0.67 each; one finger alone is referred at most.
func DefaultPolicy() Policy { return Policy{MatchLLR: 2, ReferLLR: 0} }

// Validate says what is wrong with the policy.
func (p Policy) Validate() error {
	if !(p.MatchLLR >= -100 && p.MatchLLR <= 100) {
		return fmt.Errorf("check policy: match threshold %v, want -100..100", p.MatchLLR)
	}
	if !(p.ReferLLR >= -100 && p.ReferLLR <= p.MatchLLR) {
		return fmt.Errorf("check policy: refer threshold %v, want -100..%v, the match threshold", p.ReferLLR, p.MatchLLR)
	}
	return nil
}

// Thresholds gives the least values of match and refer when so many persons
// were searched; 1 (or less) for a comparison of one with one.
func (p Policy) Thresholds(searched int) (match, refer float64) {
	raise := log10(uint64(max(1, searched)))
	return p.MatchLLR + raise, p.ReferLLR + raise
}

// Decision is an outcome with all that led to it.
type Decision struct {
	Outcome Outcome
	Weight  Weight
	// MatchAt and ReferAt are the thresholds after the raise for Searched.
	MatchAt, ReferAt float64
	Searched         int
	// Calibration is the name of the maps that were used.
	Calibration string
	// Reasons are stable codes, faces first; the same for the same evidence.
	Reasons []Reason
}

// Decide weighs the evidence and sets it against the policy. searched is the
// number of persons the candidate was found among, 1 for a verification. No
// evidence at all is a non-match, whatever the policy. The errors are those of
// Weigh and Validate.
func Decide(c *Calibration, p Policy, e Evidence, searched int) (Decision, error) {
	if err := p.Validate(); err != nil {
		return Decision{}, err
	}
	w, err := c.Weigh(e)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Weight: w, Searched: max(1, searched), Calibration: c.Name, Reasons: w.reasons()}
	d.MatchAt, d.ReferAt = p.Thresholds(searched)
	switch {
	case len(w.Terms) == 0:
		d.Outcome = NonMatch
	case w.LLR >= d.MatchAt:
		d.Outcome = Match
	case w.LLR >= d.ReferAt:
		d.Outcome = Refer
	}
	return d, nil
}

// reasons sums up the terms by modality.
func (w *Weight) reasons() []Reason {
	var face, fingers float64
	var faces, positions int
	limited := false
	for _, t := range w.Terms {
		switch {
		case t.Modality == templates.ModalityFace:
			face += t.LLR
			faces++
		case t.Modality == templates.ModalityFinger:
			fingers += t.LLR
			positions++
		case t.Reason == TotalLimited:
			limited = true
		}
	}
	out := []Reason{FaceMissing, FingersMissing}
	if faces > 0 {
		out[0] = judge(face, FaceSimilar, FaceInconclusive, FaceDissimilar)
	}
	if positions > 0 {
		out[1] = judge(fingers, FingersAgree, FingersInconclusive, FingersDiffer)
	}
	if slices.Contains(out, FaceSimilar) && slices.Contains(out, FingersDiffer) ||
		slices.Contains(out, FaceDissimilar) && slices.Contains(out, FingersAgree) {
		out = append(out, ModalitiesConflict)
	}
	if limited {
		out = append(out, TotalLimited)
	}
	return out
}
