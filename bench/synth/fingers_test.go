package synth

import (
	"math"
	"slices"
	"testing"

	"immis/templates"
)

// backToFinger undoes the known linear part and shift of an impression, bumps
// and noise excepted.
func (look impression) backToFinger() []seenMinutia {
	p := look.pose
	det := p.xx*p.yy - p.xy*p.yx
	turn := math.Atan2(p.yx-p.xy, p.xx+p.yy)
	out := slices.Clone(look.seen)
	for i := range out {
		x, y := out[i].at.x-p.shift.x, out[i].at.y-p.shift.y
		out[i].at = point{(p.yy*x - p.xy*y) / det, (p.xx*y - p.yx*x) / det}
		out[i].direction -= turn
	}
	return out
}

// pairCount is the obvious score: minutiae of a that have one of b within 12 px
// and 0.4 rad, over the geometric mean of the counts.
func pairCount(a, b []seenMinutia) float64 {
	pairs := 0
	for _, m := range a {
		if slices.ContainsFunc(b, func(o seenMinutia) bool {
			turn := math.Remainder(m.direction-o.direction, 2*math.Pi)
			return math.Hypot(m.at.x-o.at.x, m.at.y-o.at.y) < 12 && math.Abs(turn) < 0.4
		}) {
			pairs++
		}
	}
	return float64(pairs) / math.Sqrt(float64(len(a)*len(b)))
}

func TestFingerMinutiaeAreWellFormed(t *testing.T) {
	for _, difficulty := range []float64{0.01, 1, 2} {
		w := newWorld(t, Config{Seed: 11, People: 1, FingerDifficulty: difficulty})
		for i := range 400 {
			position := templates.Position(1 + i%10)
			f := w.Finger(i, position, i%3)
			if f.Position != position || f.Width != ImageWidth || f.Height != ImageHeight || f.Quality > 100 {
				t.Fatalf("finger %d: header %v %v %v quality %v", i, f.Position, f.Width, f.Height, f.Quality)
			}
			if err := f.Validate(); err != nil {
				t.Fatalf("finger %d: %v", i, err)
			}
			if n := len(f.Minutiae); n < leastMinutiae || n > templates.MaxMinutiae {
				t.Fatalf("finger %d: %d minutiae, want 8..255", i, n)
			}
			for j, m := range f.Minutiae {
				if m.X >= ImageWidth*templates.UnitsPerPixel || m.Y >= ImageHeight*templates.UnitsPerPixel || m.Quality > 100 ||
					m.Type != templates.MinutiaEnding && m.Type != templates.MinutiaBifurcation {
					t.Fatalf("finger %d: minutia %+v", i, m)
				}
				if j > 0 {
					if p := f.Minutiae[j-1]; p.Y > m.Y || p.Y == m.Y && p.X >= m.X {
						t.Fatalf("finger %d: minutia %d not in order of rows, or doubled", i, j)
					}
				}
			}
		}
	}
}

func TestFingerStatistics(t *testing.T) {
	w := newWorld(t, Config{Seed: 12, People: 1})
	const n = 3000
	total, squares, few, bifurcated, forged := 0, 0, 0, 0, 0
	for i := range n {
		look := w.look(i, templates.Position(1+i%10), 0)
		c := len(look.seen)
		total += c
		squares += c * c
		if c < 15 {
			few++
		}
		for _, m := range look.seen {
			if m.kind == templates.MinutiaBifurcation {
				bifurcated++
			}
			if m.master < 0 {
				forged++
			}
		}
	}
	mean := float64(total) / n
	sd := math.Sqrt(float64(squares)/n - mean*mean)
	t.Logf("minutiae %.1f +- %.1f, %.1f %% below 15, %.0f %% bifurcations, %.1f %% spurious",
		mean, sd, 100*float64(few)/n, 100*float64(bifurcated)/float64(total), 100*float64(forged)/float64(total))
	if mean < 42 || mean > 54 {
		t.Errorf("mean %.1f minutiae, want 42-54", mean)
	}
	if sd < 10 || sd > 23 {
		t.Errorf("standard deviation %.1f minutiae, want 10-23", sd)
	}
	if share := float64(few) / n; share > 0.05 {
		t.Errorf("share below 15 minutiae %.3f, want <= 0.05", share)
	}
	if share := float64(bifurcated) / float64(total); share < 0.4 || share > 0.55 {
		t.Errorf("share of bifurcations %.2f, want 0.40-0.55", share)
	}
}

func TestFingerClassShares(t *testing.T) {
	counts := map[pattern]int{}
	const n = 20_000
	for i := range n {
		s := newStream(1, drawFinger, uint64(i), 2)
		counts[drawPattern(&s, templates.RightIndex)]++
	}
	for p, want := range map[pattern]float64{arch: 0.04, tentedArch: 0.03, rightLoop: 0.65 * 0.94, leftLoop: 0.65 * 0.06, whorl: 0.28} {
		if got := float64(counts[p]) / n; math.Abs(got-want) > 5*math.Sqrt(want/n) {
			t.Errorf("pattern %d: share %.4f, want %.4f", p, got, want)
		}
	}
}

// Around a core the orientation turns by half a turn counter-clockwise, around a
// delta clockwise, and nowhere around an arch: that is what the words mean.
func TestFlowTurnsAroundItsPoles(t *testing.T) {
	for i := range 200 {
		s := newStream(1, drawFinger, uint64(i), 1)
		f := drawFlow(&s, templates.LeftThumb)
		turns := func(c point) float64 {
			sum, last := 0.0, f.orientation(point{c.x + 4, c.y})
			for step := 1; step <= 720; step++ {
				a := 2 * math.Pi * float64(step) / 720
				next := f.orientation(point{c.x + 4*math.Cos(a), c.y + 4*math.Sin(a)})
				sum += math.Remainder(next-last, math.Pi)
				last = next
			}
			return math.Round(sum/math.Pi*100) / 100
		}
		for _, c := range f.cores {
			if got := turns(c); got != 1 {
				t.Fatalf("finger %d: %v half turns around a core, want 1", i, got)
			}
		}
		for _, d := range f.deltas {
			if got := turns(d); got != -1 {
				t.Fatalf("finger %d: %v half turns around a delta, want -1", i, got)
			}
		}
		if got := turns(point{150, 150}); got != 0 {
			t.Fatalf("finger %d: %v half turns around an empty place, want 0", i, got)
		}
	}
}

func TestMatedImpressionsAlign(t *testing.T) {
	score := func(difficulty float64) (mated, other []float64) {
		w := newWorld(t, Config{Seed: 13, People: 1, FingerDifficulty: difficulty})
		for i := range 600 {
			position := templates.Position(1 + i%10)
			a := w.look(i, position, 0).backToFinger()
			mated = append(mated, pairCount(a, w.look(i, position, 1).backToFinger()))
			other = append(other, pairCount(a, w.look(i+1, position, 0).backToFinger()))
		}
		slices.Sort(mated)
		slices.Sort(other)
		return mated, other
	}
	last := 1.1
	for _, difficulty := range []float64{0.05, 0.5, 1, 2} {
		mated, other := score(difficulty)
		median, high := quantileOf(mated, 0.5), quantileOf(other, 0.99)
		t.Logf("difficulty %v: mated 1 %% %.3f median %.3f, non-mated median %.3f 99 %% %.3f",
			difficulty, quantileOf(mated, 0.01), median, quantileOf(other, 0.5), high)
		if median >= last {
			t.Errorf("difficulty %v: mated median %.3f, want less than %.3f at less difficulty", difficulty, median, last)
		}
		if difficulty <= 1 && median < high+0.2 {
			t.Errorf("difficulty %v: mated median %.3f, want well above the non-mated 99 %% of %.3f", difficulty, median, high)
		}
		last = median
	}
}

// Without the transform nothing lines up as well: the placement is really there.
func TestImpressionsMove(t *testing.T) {
	w := newWorld(t, Config{Seed: 13, People: 1})
	raw, known := 0.0, 0.0
	for i := range 200 {
		a, b := w.look(i, templates.RightIndex, 0), w.look(i, templates.RightIndex, 1)
		raw += pairCount(a.seen, b.seen) / 200
		known += pairCount(a.backToFinger(), b.backToFinger()) / 200
	}
	if raw > known/2 {
		t.Errorf("mean score without the transform %.3f, with it %.3f, want at most half", raw, known)
	}
}

// The pose's direction is the derivative of its position, the slow way.
func TestPoseTurnsDirectionsByItsDerivative(t *testing.T) {
	for i := range 300 {
		s := newStream(2, drawImpression, uint64(i), 0)
		p := drawPose(&s, 2)
		at := inEllipse(&s)
		direction := s.between(-math.Pi, math.Pi)
		const h = 1e-5
		q0, got := p.apply(at, direction)
		q1, _ := p.apply(point{at.x + h*math.Cos(direction), at.y + h*math.Sin(direction)}, direction)
		want := math.Atan2(q1.y-q0.y, q1.x-q0.x)
		if math.Abs(math.Remainder(got-want, 2*math.Pi)) > 1e-5 {
			t.Fatalf("direction %v, want %v", got, want)
		}
	}
}

// Two minutiae of a master are never closer than the hard core.
func TestMasterKeepsDistance(t *testing.T) {
	for i := range 100 {
		s := newStream(3, drawFinger, uint64(i), 1)
		m := masterFinger(&s, templates.RightThumb)
		for a := range m {
			for b := range a {
				if d := math.Hypot(m[a].at.x-m[b].at.x, m[a].at.y-m[b].at.y); d < hardCore {
					t.Fatalf("finger %d: two minutiae %v px apart, want >= %v", i, d, hardCore)
				}
			}
		}
	}
}

// The grid answers what comparing with every place answers.
func TestSpacingAgreesWithPlainLoop(t *testing.T) {
	s := newStream(6, drawFinger, 0, 0)
	var g spacing
	var all []point
	partial := 0
	for range masterMaximum {
		p := inEllipse(&s)
		want := 1.0
		for _, q := range all {
			want *= tolerance(q, p)
		}
		if got := g.room(p); math.Abs(got-want) > 1e-12 {
			t.Fatalf("room %v after %d places, want %v", got, len(all), want)
		}
		if want > 0 && want < 1 {
			partial++
		}
		g.add(p)
		all = append(all, p)
	}
	if partial < 50 {
		t.Errorf("%d places were tolerated in part, want at least 50: the comparison says little", partial)
	}
}

// The grid's cells reach the ends of the ellipse with a rim to spare.
func TestSpacingCoversTheEllipse(t *testing.T) {
	for _, p := range []point{{-masterHalfWidth, 0}, {masterHalfWidth, 0}, {0, -masterHalfHeight}, {0, masterHalfHeight}} {
		c := cell(p)
		if column := c % gridColumns; column < 1 || column > gridColumns-2 {
			t.Errorf("%v in column %d of %d", p, column, gridColumns)
		}
		if row := c / gridColumns; row < 1 || row > gridRows-2 {
			t.Errorf("%v in row %d of %d", p, row, gridRows)
		}
	}
}

// An impression of too few minutiae is filled up, never returned short.
func TestThinFingersAreFilledUp(t *testing.T) {
	var look impression
	s := newStream(4, drawImpression, 1, 1)
	for len(look.seen) < leastMinutiae {
		look.addSpurious(&s, point{contactHalfWidth, contactHalfHeight})
	}
	for _, m := range look.seen {
		if m.master != -1 {
			t.Errorf("minutia claims master %d", m.master)
		}
	}
}

func TestSmoothFieldMoments(t *testing.T) {
	var m1, m2, near, far float64
	const n = 40_000
	for i := range n {
		s := newStream(5, drawFinger, uint64(i), 0)
		f := drawSmoothField(&s, 60)
		p := inEllipse(&s)
		v := f.at(p)
		m1 += v / n
		m2 += v * v / n
		near += v * f.at(point{p.x + 60, p.y}) / n
		far += v * f.at(point{p.x, p.y + 240}) / n
	}
	for name, c := range map[string][2]float64{"mean": {m1, 0}, "variance": {m2, 1}, "correlation at L": {near, math.Exp(-0.5)}, "at 4L": {far, 0}} {
		if math.Abs(c[0]-c[1]) > 0.03 {
			t.Errorf("%s %.3f, want %.3f", name, c[0], c[1])
		}
	}
}

func BenchmarkFinger(b *testing.B) {
	w := newWorld(b, Config{Seed: 1, People: 1})
	for i := 0; b.Loop(); i++ {
		w.Finger(i, templates.RightIndex, 1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "impressions/s")
}
