package synth

import (
	"math"

	"immis/templates"
)

// The master finger: what nature drew, before any sensor saw it. Figures are
// those of a generator fitted by hand to the score distributions of touch
// sensors; lengths in pixels at 500 ppi.
const (
	masterHalfWidth  = 205.0 // semi-axes of the ellipse that carries minutiae:
	masterHalfHeight = 245.0 // more than any contact area of impression.go reaches

	density       = 1.15e-3 // candidates per px^2; thinning by distance leaves about 8.8e-4
	densitySD     = 0.18    // lognormal, finger to finger
	fieldSD       = 0.7     // lognormal, place to place within a finger
	fieldLength   = 40.0
	hardCore      = 8.5   // no two minutiae are closer
	softCore      = 19.0  // closer pairs are rarer
	signLength    = 110.0 // correlation length of the side a minutia points to
	directionSD   = 0.06  // rad, about the flow
	bifurcations  = 0.45  // share
	masterMaximum = 1000  // candidates: a bound on work, never met
)

// trueMinutia is one minutia of a master finger.
type trueMinutia struct {
	at        point
	direction float64 // rad, counter-clockwise, y up
	kind      templates.MinutiaType
}

// masterFinger draws the minutiae of a finger: an inhomogeneous Poisson process,
// thinned where points are close, with directions along the flow whose sign is
// correlated over signLength.
func masterFinger(s *stream, position templates.Position) []trueMinutia {
	f := drawFlow(s, position)
	dense := drawSmoothField(s, fieldLength)
	sign := drawSmoothField(s, signLength)

	// Candidates come at the highest density and stay with the probability of the
	// place; the field is cut at 1.5 deviations so that the highest is finite.
	const cut = 1.5
	area := math.Pi * masterHalfWidth * masterHalfHeight
	highest := density * s.lognormal(densitySD, 3) * exp(fieldSD*cut-fieldSD*fieldSD/2)
	mean := float64(area * highest)
	n := int(math.Floor(mean + float64(math.Sqrt(mean)*s.gauss()) + 0.5)) // Poisson, large mean
	n = max(0, min(n, masterMaximum))

	out := make([]trueMinutia, 0, n)
	var taken spacing
	for range n {
		p := inEllipse(s)
		place := s.uniform()
		apart := s.uniform()
		if apart > taken.room(p) || place > exp(fieldSD*(dense.at(p)-cut)) {
			continue
		}
		m := trueMinutia{at: p, kind: templates.MinutiaEnding}
		m.direction = f.orientation(p) + float64(directionSD*s.gauss())
		if sign.at(p) > 0 {
			m.direction += math.Pi
		}
		if s.chance(bifurcations) {
			m.kind = templates.MinutiaBifurcation
		}
		taken.add(p)
		out = append(out, m)
	}
	return out
}

// inEllipse is uniform over the master's ellipse: radius by the square root.
func inEllipse(s *stream) point {
	r := math.Sqrt(s.uniform())
	sin, cos := sincos(2 * math.Pi * s.uniform())
	return point{float64(masterHalfWidth * r * cos), float64(masterHalfHeight * r * sin)}
}
