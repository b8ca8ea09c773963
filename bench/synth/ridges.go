package synth

import (
	"math"

	"immis/templates"
)

// The ridges of a master finger grow from noise: every place is filtered again and
// again along its own direction and at its own ridge period until stripes fill the
// finger (the method of Cappelli, Maio and Maltoni, 2000). Minutiae appear where
// the stripes of neighboring places do not fit, as they do in the skin. It is done
// at 250 ppi, where a period is four to six pixels, and enlarged at the end.
const (
	growWidth  = 220 // px at 250 ppi; the finger's pad and a rim
	growHeight = 260
	growRadius = 5 // of the filters, px at 250 ppi
	growTaps   = 2*growRadius + 1
	growSteps  = 9
	growGain   = 1.7

	growAcross = 0.42 // deviation of the filters, in periods, across the ridges
	growAlong  = 0.46 // and along them

	filterTurns   = 32 // directions of the filters over half a turn
	filterPeriods = 16
	periodShort   = 3.3 // px at 250 ppi
	periodLong    = 6.3

	periodMean   = 9.1  // px at 500 ppi
	periodSD     = 0.07 // lognormal, finger to finger
	periodField  = 0.07 // lognormal, place to place
	periodLength = 55.0

	masterWidth  = 2 * growWidth // px at 500 ppi
	masterHeight = 2 * growHeight
)

type ridgeFilter [growTaps * growTaps]float32

// ridgeFilters are the Gabor filters of every direction and period: 250 KB.
type ridgeFilters [filterPeriods * filterTurns]ridgeFilter

func newRidgeFilters() *ridgeFilters {
	all := new(ridgeFilters)
	for p := range filterPeriods {
		period := periodShort + float64((periodLong-periodShort)*(float64(p)+0.5)/filterPeriods)
		for t := range filterTurns {
			all[p*filterTurns+t] = newRidgeFilter(period, float64(math.Pi*float64(t)/filterTurns))
		}
	}
	return all
}

// newRidgeFilter answers 1 to a wave of the period along the direction, 0 to a
// constant.
func newRidgeFilter(period, direction float64) ridgeFilter {
	var carrier, window [growTaps * growTaps]float64
	sin, cos := sincos(direction)
	sum, weight := 0.0, 0.0
	for i := range carrier {
		dx, dy := float64(i%growTaps-growRadius), float64(growRadius-i/growTaps)
		across := (float64(dy*cos) - float64(dx*sin)) / period
		along := (float64(dx*cos) + float64(dy*sin)) / period
		a, l := across/growAcross, along/growAlong
		window[i] = exp(-0.5 * (float64(a*a) + float64(l*l)))
		carrier[i] = wave(across)
		sum += float64(window[i] * carrier[i])
		weight += window[i]
	}
	answer := 0.0
	for i := range carrier {
		answer += float64(window[i] * (carrier[i] - sum/weight) * carrier[i])
	}
	var f ridgeFilter
	for i := range f {
		f[i] = float32(window[i] * (carrier[i] - sum/weight) / answer)
	}
	return f
}

// growPlace is a place of the finger with the filter it belongs to.
type growPlace struct {
	at     int32
	filter int32
}

// growRidges returns the finger's ridges at 500 ppi, masterWidth x masterHeight
// with y down and the pad's center in the middle: above 0 is ridge, below valley.
func growRidges(s *stream, filters *ridgeFilters, f *flow) []float32 {
	now, next := make([]float32, growWidth*growHeight), make([]float32, growWidth*growHeight)
	period := periodMean / 2 * s.lognormal(periodSD, 2.5)
	places := drawSmoothField(s, periodLength)
	var grown []growPlace
	for row := growRadius; row < growHeight-growRadius; row++ {
		for column := growRadius; column < growWidth-growRadius; column++ {
			p := point{float64(2*column - growWidth + 1), float64(growHeight - 1 - 2*row)}
			x, y := p.x/(masterHalfWidth+4), p.y/(masterHalfHeight+4)
			if float64(x*x)+float64(y*y) > 1 {
				continue
			}
			here := float64(period * exp(periodField*places.at(p)))
			i := int(math.Floor((here - periodShort) / (periodLong - periodShort) * filterPeriods))
			t := int(math.Floor(float64(f.orientation(p)/math.Pi*filterTurns)+0.5)) & (filterTurns - 1)
			at := row*growWidth + column
			grown = append(grown, growPlace{int32(at), int32(max(0, min(filterPeriods-1, i))*filterTurns + t)})
			now[at] = float32(s.between(-1, 1))
		}
	}
	for range growSteps {
		for _, g := range grown {
			next[g.at] = float32(max(-1, min(1, float32(growGain*filters[g.filter].at(now, int(g.at))))))
		}
		now, next = next, now
	}
	return enlarge(now)
}

// at is the filter's answer at a place. The sums of the rows are independent, so
// that the processor need not wait for each addition.
func (f *ridgeFilter) at(pix []float32, at int) float32 {
	sum := float32(0)
	for row := range growTaps {
		k := (*[growTaps]float32)(f[row*growTaps:])
		from := at + (row-growRadius)*growWidth - growRadius
		p := (*[growTaps]float32)(pix[from:])
		a := float32(k[0]*p[0]) + float32(k[1]*p[1])
		b := float32(k[2]*p[2]) + float32(k[3]*p[3])
		c := float32(k[4]*p[4]) + float32(k[5]*p[5])
		d := float32(k[6]*p[6]) + float32(k[7]*p[7])
		e := float32(k[8]*p[8]) + float32(k[9]*p[9])
		sum += ((a + b) + (c + d)) + (e + float32(k[10]*p[10]))
	}
	return sum
}

// enlarge doubles the size with a cubic that keeps the ridges round.
func enlarge(small []float32) []float32 {
	// The four neighbors of a pixel's first and second half.
	const a, b, c, d = -0.0703125, 0.8671875, 0.2265625, -0.0234375
	wide := make([]float32, masterWidth*growHeight)
	for row := range growHeight {
		for x := 2; x < growWidth-2; x++ {
			p := (*[5]float32)(small[row*growWidth+x-2:])
			o := row*masterWidth + 2*x
			wide[o] = (float32(d*p[0]) + float32(c*p[1])) + (float32(b*p[2]) + float32(a*p[3]))
			wide[o+1] = (float32(a*p[1]) + float32(b*p[2])) + (float32(c*p[3]) + float32(d*p[4]))
		}
	}
	out := make([]float32, masterWidth*masterHeight)
	for y := 2; y < growHeight-2; y++ {
		for x := range masterWidth {
			o := y*masterWidth + x
			p0, p1, p2, p3, p4 := wide[o-2*masterWidth], wide[o-masterWidth], wide[o], wide[o+masterWidth], wide[o+2*masterWidth]
			q := 2*y*masterWidth + x
			out[q] = (float32(d*p0) + float32(c*p1)) + (float32(b*p2) + float32(a*p3))
			out[q+masterWidth] = (float32(a*p1) + float32(b*p2)) + (float32(c*p3) + float32(d*p4))
		}
	}
	return out
}

// masterPoint is the place of a pixel of the ridge image, y up.
func masterPoint(column, row int) point {
	return point{float64(column) + 0.5 - masterWidth/2, masterHeight/2 - 0.5 - float64(row)}
}

// ridgedFlow draws the flow of a finger: the one whose minutiae masterFinger draws.
func ridgedFlow(seed uint64, person int, position templates.Position) flow {
	s := newStream(seed, drawFinger, uint64(person), uint64(position))
	return drawFlow(&s, position)
}
