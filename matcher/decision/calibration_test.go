package decision

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"immis/matcher/finger"
	"immis/templates"
	"immis/templates/iso19794"
)

// evaluationData is where evaluation data may lie, relative to this package.
const evaluationData = "../../../shared/data"

func TestLineIsClippedAndMonotone(t *testing.T) {
	for _, l := range []Line{Provisional().Finger, Provisional().OtherFaces, Provisional().Faces["mbf_y1_128"]} {
		last := math.Inf(-1)
		for x := float32(-1); x <= 1; x += 0.001 {
			y := l.at(x)
			if y < last || y < l.Floor || y > l.Cap {
				t.Fatalf("%+v at %v: %v after %v", l, x, y, last)
			}
			last = y
		}
		if l.at(-1) != l.Floor || l.at(1) != l.Cap {
			t.Errorf("%+v ends at %v and %v", l, l.at(-1), l.at(1))
		}
	}
}

func TestQuantizeIsExactAndNear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 10000 {
		x := 20*r.Float64() - 10
		q := quantize(x)
		if math.Abs(q-x) > 1.0/2048 || q*1024 != math.Trunc(q*1024) {
			t.Fatalf("%v becomes %v", x, q)
		}
	}
}

// TestFaceLinesAgainstQuantiles compares the lines with ratios of densities
// between neighboring quantiles of mated and non-mated cosines.
func TestFaceLinesAgainstQuantiles(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(evaluationData, "faces/generator.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("SKIPPED: evaluation data ../shared/data/faces is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &models); err != nil {
		t.Fatal(err)
	}
	for name, line := range Provisional().Faces {
		var upper, lower map[string][2]float64 // real and synthetic
		if err := json.Unmarshal(models[name]["imp_q real/synth"], &upper); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(models[name]["gen_q real/synth"], &lower); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tail := []string{"1-0.01", "1-0.001", "1-0.0001", "1-1e-05", "1-1e-06"}
		shares := []string{"0.001", "0.01", "0.05", "0.5", "0.95"}
		for k := 1; k < len(tail); k++ {
			lo, hi := upper[tail[k-1]][0], upper[tail[k]][0]
			mid := (lo + hi) / 2
			// Between two quantiles the tail falls exponentially.
			p0, p1 := rest(t, tail[k-1]), rest(t, tail[k])
			nonMated := math.Sqrt(p0*p1) * math.Log(p0/p1) / (hi - lo)
			mated := 0.0
			for j := 1; j < len(shares); j++ {
				a, b := lower[shares[j-1]][0], lower[shares[j]][0]
				if mid >= a && mid < b {
					mated = (number(t, shares[j]) - number(t, shares[j-1])) / (b - a)
				}
			}
			got, want := line.at(float32(mid)), math.Log10(mated/nonMated)
			t.Logf("%s at cosine %.3f: line %.2f, quantiles %.2f", name, mid, got, want)
			if math.Abs(got-want) > 0.6 {
				t.Errorf("%s at cosine %.3f: line gives %.2f, quantiles %.2f", name, mid, got, want)
			}
		}
	}
}

func rest(t *testing.T, s string) float64 { return number(t, strings.TrimPrefix(s, "1-")) }

func number(t *testing.T, s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestFingerLine repeats the fit of the finger line on its two sets and reports
// the cost on the two others.
func TestFingerLine(t *testing.T) {
	if _, err := os.Stat(evaluationData); err != nil {
		t.Skip("SKIPPED: evaluation data ../shared/data/fingerprints is not here")
	}
	line := Provisional().Finger
	var mated, nonMated []float64
	for _, set := range []string{"fvc2002_DB1_B", "fvc2004_DB2_B"} {
		for _, extractor := range []string{"commercial", "mindtct"} {
			m, n := fingerScores(t, extractor, set)
			mated, nonMated = append(mated, m...), append(nonMated, n...)
		}
	}
	slope, zero := logistic(mated, nonMated, 0.2)
	t.Logf("fit: slope %.2f zero %.3f, constants %.2f and %.3f; cost on the fit sets %.3f", slope, zero, line.Slope, line.Zero, cost(line, mated, nonMated))
	if math.Abs(slope/line.Slope-1) > 0.1 || math.Abs(zero-line.Zero) > 0.02 {
		t.Errorf("fit gives slope %.2f zero %.3f, the constants are %.2f and %.3f: fit again", slope, zero, line.Slope, line.Zero)
	}
	mated, nonMated = nil, nil
	for _, set := range []string{"fvc2002_DB3_B", "fvc2004_DB4_B"} {
		for _, extractor := range []string{"commercial", "mindtct", "fingerjet"} {
			m, n := fingerScores(t, extractor, set)
			t.Logf("%s %s, not used for the fit: cost %.3f", extractor, set, cost(line, m, n))
			mated, nonMated = append(mated, m...), append(nonMated, n...)
		}
	}
	all := cost(line, mated, nonMated)
	t.Logf("sets not used for the fit: cost %.3f", all)
	if all > 0.3 {
		t.Errorf("cost on other sets %.3f, want <= 0.3 (1 is worth nothing)", all)
	}
}

// fingerScores gives the scores of one set by the protocol of the evaluation.
func fingerScores(t *testing.T, extractor, set string) (mated, nonMated []float64) {
	var all [80]*finger.Template
	for k := range all {
		path := filepath.Join(evaluationData, "fingerprints/minutiae", extractor, set, fmt.Sprintf("%d_%d.iso", 101+k/8, 1+k%8))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		record, err := iso19794.Decode(data)
		if err != nil {
			t.Fatalf("decode %s: %v", path, err)
		}
		fingers, err := record.Fingers()
		var bad *templates.InputError
		if errors.As(err, &bad) && bad.Reason == templates.ReasonMinutiaCount {
			fingers, err = []templates.Finger{{}}, nil // nothing was found: scores 0
		}
		if err != nil {
			t.Fatalf("normalize %s: %v", path, err)
		}
		all[k] = finger.Prepare(&fingers[0])
	}
	var c finger.Comparer
	for a := range all {
		for b := a + 1; b < 80; b++ {
			s := float64(c.Compare(all[a], all[b]))
			if a/8 == b/8 {
				mated = append(mated, s)
			} else {
				nonMated = append(nonMated, s)
			}
		}
	}
	return mated, nonMated
}

// logistic fits log10 LR = slope (x - zero) to the scores from least on, with
// the two classes weighed equal before the cut (Newton's method).
func logistic(mated, nonMated []float64, least float64) (slope, zero float64) {
	var a, b float64
	for range 60 {
		var g0, g1, h00, h01, h11 float64
		add := func(list []float64, y float64) {
			w := 0.5 / float64(len(list))
			for _, x := range list {
				if x < least {
					continue
				}
				p := 1 / (1 + math.Exp(-(a + b*x)))
				r, q := w*(y-p), w*p*(1-p)
				g0, g1 = g0+r, g1+r*x
				h00, h01, h11 = h00+q, h01+q*x, h11+q*x*x
			}
		}
		add(mated, 1)
		add(nonMated, 0)
		det := h00*h11 - h01*h01
		a, b = a+(h11*g0-h01*g1)/det, b+(h00*g1-h01*g0)/det
	}
	return b / math.Ln10, -a / b
}

// cost is the log-likelihood-ratio cost Cllr in bits: 0 perfect, 1 worthless
// (Brümmer and du Preez 2006).
func cost(l Line, mated, nonMated []float64) float64 {
	sum := func(list []float64, sign float64) float64 {
		s := 0.0
		for _, x := range list {
			s += math.Log2(1 + math.Pow(10, sign*l.at(float32(x))))
		}
		return s / float64(len(list))
	}
	return (sum(mated, -1) + sum(nonMated, 1)) / 2
}
