package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestSeveralPhotosOfOneProbe: who is first does not depend on how many candidates are
// asked for, also where all are beyond what a calibration can tell apart and each photo
// of the probe has another one nearest to it.
func TestSeveralPhotosOfOneProbe(t *testing.T) {
	h := open(t, plan{idle: true})
	photo := func(a, b float64) Sample {
		v := make([]float32, 16)
		v[0], v[1], v[2] = float32(a), float32(b), float32(math.Sqrt(max(0, 1-a*a-b*b)))
		return vectorSample("m", v)
	}
	for i, at := range [][2]float64{{0.83, 0.55}, {0.7, 0.7}, {0.55, 0.83}} {
		mustEnroll(t, h, EnrollRequest{Caller: clerk, Subject: fmt.Sprint(i), Encounter: Encounter{ID: "e", Samples: []Sample{photo(at[0], at[1])}}})
	}
	search := func(k int) []string {
		r, err := h.engine.Identify(context.Background(), IdentifyRequest{Caller: clerk, MaxCandidates: k,
			Probe: ProbeSource{Samples: []Sample{photo(1, 0), photo(0, 1)}}})
		if err != nil {
			t.Fatal(err)
		}
		return names(r.Candidates)
	}
	all := search(3)
	for k := range 3 {
		if got := search(k + 1); !slices.Equal(got, all[:k+1]) {
			t.Errorf("%d candidates: %v, want the first of %v", k+1, got, all)
		}
	}
}
