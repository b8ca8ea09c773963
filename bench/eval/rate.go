package eval

import (
	"encoding/json"
	"fmt"
	"math"
)

// Number is a float64 that JSON can hold when it is infinite, as null: a threshold
// that nothing reaches.
type Number float64

// MarshalJSON writes null for what is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsInf(f, 0) || math.IsNaN(f) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Rate is an error rate with what is known of its certainty. All are shares, 0..1.
type Rate struct {
	Value     float64 `json:"value"`
	Threshold Number  `json:"threshold"`
	FMR       float64 `json:"fmr"`
	FNMR      float64 `json:"fnmr"`
	// Errors in Trials are what Value counts, for the EER those of the mated side.
	Errors int64 `json:"errors"`
	Trials int64 `json:"trials"`
	// Interval holds the 95 % percentile bounds of the bootstrap over persons.
	Interval *Interval `json:"interval_95,omitempty"`
	// Coarse says that only the edges of the histogram's bins were thresholds: the
	// exact value is in From..To.
	Coarse bool    `json:"coarse,omitempty"`
	From   float64 `json:"from,omitempty"`
	To     float64 `json:"to,omitempty"`
	// Beyond says that fewer than one error was allowed in the number of comparisons:
	// the data do not show the FMR asked for. FMRBound is what they show (rule of 3).
	Beyond   bool    `json:"beyond_the_data,omitempty"`
	FMRBound float64 `json:"fmr_upper_bound_95,omitempty"`
	// Few says that fewer than 30 errors stand behind the rate or behind its threshold:
	// by the rule of 30 it is not known within 30 %.
	Few bool `json:"fewer_than_30_errors,omitempty"`
}

// Interval is a confidence interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// asked notes whether errors of trials comparisons bear the threshold.
func (r *Rate) asked(errors, trials int64) {
	if errors < 1 {
		r.Beyond, r.FMRBound = true, RuleOfThree(trials)
	}
	r.Few = errors < 30 || r.Errors < 30
}

// RuleOfThree is the upper 95 % bound of a rate of which no error was seen in n
// independent trials: 3/n, at most 1 (ISO/IEC 19795-1). Comparisons of one person
// are not independent, so it is the least the bound can be.
func RuleOfThree(n int64) float64 {
	if n < 3 {
		return 1
	}
	return 3 / float64(n)
}

// RuleOfThirty is the number of independent trials after which a rate is known
// within 30 % with 90 % confidence: those that give 30 errors (ISO/IEC 19795-1).
func RuleOfThirty(rate float64) float64 {
	return 30 / rate
}

// Failures counts samples of which no template could be made. FTE, the failure-to-enroll
// rate, is the share of them among all samples presented; here every sample is an
// enrolment attempt of one presentation.
type Failures struct {
	Failed   int64 `json:"failed"`
	Attempts int64 `json:"attempts"`
}

// FTE is the failure-to-enroll rate, 0 without attempts.
func (f Failures) FTE() float64 {
	if f.Attempts == 0 {
		return 0
	}
	return float64(f.Failed) / float64(f.Attempts)
}

// String is the rate in per cent with its bounds.
func (r Rate) String() string {
	s := fmt.Sprintf("%.2f %%", 100*r.Value)
	if r.Interval != nil {
		s += fmt.Sprintf(" (%.2f-%.2f)", 100*r.Interval.Low, 100*r.Interval.High)
	}
	return s
}
