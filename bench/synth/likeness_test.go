package synth_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"immis/bench/synth"
	"immis/matcher/finger"
	"immis/templates"
	"immis/templates/iso19794"
)

const realMinutiae = "../../../shared/data/fingerprints/minutiae/mindtct"

// The figures of impression.go are fitted to the first two sets and reported on
// the other two.
var realSets = [4]string{"fvc2002_DB1_B", "fvc2004_DB2_B", "fvc2002_DB3_B", "fvc2004_DB4_B"}

type fingerSet [][8]templates.Finger

// scores are those of one score function.
type scores struct{ mated, nonMated []float64 }

func (s *scores) add(o scores) {
	s.mated, s.nonMated = append(s.mated, o.mated...), append(s.nonMated, o.nonMated...)
}

// comparison scores by matcher/finger: every mated pair, and every pair of
// impressions of different fingers of a set of ten whose numbers differ by two.
func comparison(all fingerSet) scores {
	prepared := make([][8]*finger.Template, len(all))
	for f := range all {
		for i := range 8 {
			prepared[f][i] = finger.Prepare(&all[f][i])
		}
	}
	var c finger.Comparer
	return eachPair(len(all), 1, func(f, i, g, j int) float64 {
		return float64(c.Compare(prepared[f][i], prepared[g][j]))
	})
}

// plainCount scores by the number of pairs under the best rigid motion that lays
// one minutia on another: slow, so every fourth pair only.
func plainCount(all fingerSet) scores {
	return eachPair(len(all), 4, func(f, i, g, j int) float64 {
		return float64(mostPairs(all[f][i].Minutiae, all[g][j].Minutiae))
	})
}

func eachPair(fingers, every int, score func(f, i, g, j int) float64) scores {
	var out scores
	n := 0
	for f := range fingers {
		for i := range 8 {
			for j := range i {
				if n++; n%every == 0 {
					out.mated = append(out.mated, score(f, i, f, j))
				}
			}
		}
		for g := f / 10 * 10; g < f; g++ {
			for i := 0; i < 8; i += every {
				out.nonMated = append(out.nonMated, score(f, i, g, (i+2)%8))
			}
		}
	}
	return out
}

// mostPairs tries every pair of minutiae as the one that coincides.
func mostPairs(a, b []templates.Minutia) int {
	type place struct{ x, y, turn float32 }
	places := func(all []templates.Minutia) []place {
		out := make([]place, len(all))
		for i, m := range all {
			out[i] = place{float32(m.X) / templates.UnitsPerPixel, -float32(m.Y) / templates.UnitsPerPixel, float32(m.Angle) / 65536}
		}
		return out
	}
	p, q := places(a), places(b)
	slices.SortFunc(q, func(a, b place) int { return int(a.y*8) - int(b.y*8) })
	best := 0
	for _, o := range p {
		for _, r := range q {
			turn := r.turn - o.turn
			turn -= float32(math.Floor(float64(turn) + 0.5))
			if turn < -0.125 || turn > 0.125 {
				continue
			}
			sin64, cos64 := math.Sincos(2 * math.Pi * float64(turn))
			sin, cos := float32(sin64), float32(cos64)
			count := 0
			for _, m := range p {
				x := r.x + cos*(m.x-o.x) - sin*(m.y-o.y)
				y := r.y + sin*(m.x-o.x) + cos*(m.y-o.y)
				from, _ := slices.BinarySearchFunc(q, y-10, func(e place, y float32) int { return int(math.Floor(float64(e.y - y))) })
				for k := from; k < len(q) && q[k].y <= y+10; k++ {
					dx, dt := q[k].x-x, q[k].turn-m.turn-turn
					if dx > -10 && dx < 10 {
						if dt -= float32(math.Floor(float64(dt) + 0.5)); dt > -0.06 && dt < 0.06 {
							count++
							break
						}
					}
				}
			}
			best = max(best, count)
		}
	}
	return best
}

func readRealSet(t *testing.T, set string) fingerSet {
	t.Helper()
	out := make(fingerSet, 10)
	found, err := filepath.Glob(filepath.Join(realMinutiae, set, "*.iso"))
	if err != nil || len(found) != 80 {
		t.Fatalf("read %s: %d records (%v), want 80", set, len(found), err)
	}
	for _, path := range found {
		var f, i int
		if _, err := fmt.Sscanf(filepath.Base(path), "%d_%d.iso", &f, &i); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		record, err := iso19794.Decode(data)
		if err != nil {
			t.Fatalf("decode %s: %v", path, err)
		}
		views, err := record.Fingers()
		var bad *templates.InputError
		if errors.As(err, &bad) && bad.Reason == templates.ReasonMinutiaCount {
			continue // the extractor found nothing: scores 0
		}
		if err != nil || len(views) != 1 {
			t.Fatalf("read %s: %d views, %v", path, len(views), err)
		}
		out[f-101][i-1] = views[0]
	}
	return out
}

// distance is that of Kolmogorov and Smirnov: the largest gap between two
// distribution functions.
func distance(a, b []float64) float64 {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	worst, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		v := min(a[i], b[j])
		for i < len(a) && a[i] <= v {
			i++
		}
		for j < len(b) && b[j] <= v {
			j++
		}
		worst = max(worst, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return worst
}

func median(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }

// TestLikenessToRealFingers says how near the scores of minutiae-only impressions
// are to those of real ones: the fvc preset must stay within 0.30 of every one of
// four distributions.
func TestLikenessToRealFingers(t *testing.T) {
	if _, err := os.Stat(realMinutiae); err != nil {
		t.Skip("SKIPPED: evaluation data ../shared/data/fingerprints is not here")
	}
	difficulty, err := synth.FingerPreset("fvc")
	if err != nil {
		t.Fatal(err)
	}
	w, err := synth.New(synth.Config{Seed: 2002, People: 40, FingerDifficulty: difficulty})
	if err != nil {
		t.Fatal(err)
	}
	made := make(fingerSet, 40)
	for f := range made {
		for i := range 8 {
			made[f][i] = w.Finger(f, templates.Position(1+f%10), i)
		}
	}
	for name, score := range map[string]func(fingerSet) scores{"comparison": comparison, "pair count": plainCount} {
		ours := score(made)
		var real [4]scores
		for i, set := range realSets {
			real[i] = score(readRealSet(t, set))
		}
		var fitted, others, pooled scores
		for i := range real {
			if i < 2 {
				fitted.add(real[i])
			} else {
				others.add(real[i])
			}
			pooled.add(real[i])
		}
		for _, part := range []struct {
			name string
			real scores
		}{{"fitted", fitted}, {"others", others}, {"pooled", pooled}} {
			mated, nonMated := distance(ours.mated, part.real.mated), distance(ours.nonMated, part.real.nonMated)
			t.Logf("%-10s %s: mated %.3f (median %.3f, real %.3f), non-mated %.3f (median %.3f, real %.3f)", name, part.name,
				mated, median(ours.mated), median(part.real.mated), nonMated, median(ours.nonMated), median(part.real.nonMated))
			if part.name == "pooled" && max(mated, nonMated) > 0.30 {
				t.Errorf("%s, pooled: distance %.3f and %.3f, want <= 0.30", name, mated, nonMated)
			}
		}
	}
}
