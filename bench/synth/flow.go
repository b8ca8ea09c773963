package synth

import (
	"math"

	"immis/templates"
)

// Coordinates of a finger: pixels at 500 ppi, origin at the center of the pad, x
// to the right, y up, angles counter-clockwise. Only the impression turns them
// into image coordinates with y down.

// pattern is the Henry class of a finger.
type pattern uint8

const (
	arch pattern = iota
	tentedArch
	leftLoop
	rightLoop
	whorl
)

// drawPattern draws a class with the shares of large collections: arch 4 %,
// tented arch 3 %, loops 65 %, whorls 28 %. Of the loops, 94 % open towards the
// little finger: to the right on a right hand, to the left on a left one.
func drawPattern(s *stream, position templates.Position) pattern {
	v := s.uniform()
	ulnar := s.chance(0.94)
	right := position <= templates.RightLittle
	switch {
	case v < 0.04:
		return arch
	case v < 0.07:
		return tentedArch
	case v < 0.35:
		return whorl
	case ulnar == right:
		return rightLoop
	}
	return leftLoop
}

// point is a position in pixels.
type point struct{ x, y float64 }

// flow is the orientation of the ridges of one finger: the zero-pole model of
// Sherlock and Monro (1993), half the angle seen from each core minus half the
// angle seen from each delta, plus a smooth deviation, because fingers of one
// class are not copies of one rigid model.
type flow struct {
	pattern   pattern
	cores     []point
	deltas    []point
	turn      float64 // rad, added everywhere
	steepness float64 // of an arch
	deviation smoothField
}

// deviationSD is the standard deviation of the smooth deviation, rad.
const deviationSD = 0.12

func drawFlow(s *stream, position templates.Position) flow {
	f := flow{pattern: drawPattern(s, position)}
	f.turn = float64(0.08 * s.gauss())
	f.steepness = s.between(0.5, 1.1)
	near := func(x, y, sd float64) point {
		return point{x + float64(sd*s.gauss()), y + float64(sd*s.gauss())}
	}
	switch f.pattern {
	case tentedArch:
		f.cores = []point{near(0, 5, 8)}
		f.deltas = []point{near(0, -70, 10)}
	case leftLoop:
		f.cores = []point{near(0, 18, 12)}
		f.deltas = []point{near(72, -78, 16)}
	case rightLoop:
		f.cores = []point{near(0, 18, 12)}
		f.deltas = []point{near(-72, -78, 16)}
	case whorl:
		f.cores = []point{near(0, 32, 9), near(0, -12, 12)}
		f.deltas = []point{near(-82, -82, 16), near(82, -82, 16)}
	}
	f.deviation = drawSmoothField(s, 90)
	return f
}

// orientation returns the direction of the ridge at p in [-pi/2, pi/2] rad.
func (f *flow) orientation(p point) float64 {
	theta := f.turn + float64(deviationSD*f.deviation.at(p))
	if f.pattern == arch {
		// A wave of one hump, 320 px wide, that flattens away from its middle.
		across := math.Max(-1, math.Min(1, p.x/160))
		sin, _ := sincos(math.Pi * across)
		up := (p.y + 10) / 100
		slope := f.steepness * sin * exp(-float64(up*up))
		theta += atan2(-slope, 1)
	}
	for _, c := range f.cores {
		theta += float64(0.5 * atan2(p.y-c.y, p.x-c.x))
	}
	for _, d := range f.deltas {
		theta -= float64(0.5 * atan2(p.y-d.y, p.x-d.x))
	}
	return theta - float64(math.Pi*math.Floor(theta/math.Pi+0.5))
}

// smoothField is a random function of the plane with mean 0, variance 1 and
// correlation exp(-d^2 / 2 L^2) over distance d: the sum of a few plane waves
// whose wave vectors are Gaussian with deviation 1/L (the spectral method).
type smoothField struct {
	waves [fieldWaves]struct{ kx, ky, phase float64 } // turns per px, turns
}

// fieldWaves waves suffice: the value at a point is already close to Gaussian.
const fieldWaves = 8

func drawSmoothField(s *stream, length float64) smoothField {
	var f smoothField
	for i := range f.waves {
		w := &f.waves[i]
		w.kx = s.gauss() / (2 * math.Pi * length)
		w.ky = s.gauss() / (2 * math.Pi * length)
		w.phase = s.uniform()
	}
	return f
}

func (f *smoothField) at(p point) float64 {
	sum := 0.0
	for i := range f.waves {
		w := &f.waves[i]
		sum += wave(float64(w.kx*p.x) + float64(w.ky*p.y) + w.phase)
	}
	return float64(sum * 0.5) // sqrt(2/8)
}
