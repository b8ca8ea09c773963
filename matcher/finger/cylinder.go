package finger

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"

	"immis/templates"
)

// Parameters of the neighborhood, in pixels at 500 ppi and radians. Source:
// Minutia Cylinder-Code (MCC 8b of the 2010 paper), sizes as measured best here.
const (
	radius       = 70.0
	cellsAcross  = 8
	cells        = cellsAcross * cellsAcross
	directions   = 6
	cellSize     = 2 * radius / cellsAcross
	sigmaPlace   = 28.0 / 3
	sigmaTurn    = 2 * math.Pi / 9
	occupied     = 0.01 // contribution from which a cell counts as occupied
	validMargin  = 50.0 // a cell is known if it lies in the hull or this close to it
	cellsInDisc  = 52   // cells whose center is within the radius
	minKnown     = 31   // 60 % of cellsInDisc: known cells a cylinder, or a pair, must have
	minNeighbors = 2    // minutiae that contribute to a cylinder
	rotationGate = quarterTurn
)

// cylinder is the neighborhood of one minutia in its own frame: 6 layers of
// direction difference over one 8 x 8 grid. Bit 8*row+column of a layer is set
// when minutiae lie near that cell with that direction difference; bit of known
// is set when the cell is inside the print. 64 bytes, one cache line.
type cylinder struct {
	layers [directions]uint64
	known  uint64
	root   float32 // square root of the number of set bits
	angle  uint16
	at     uint8 // index into Template.minutiae
}

// kernels are the tables of all neighborhoods: constant, made at first use.
var kernels = sync.OnceValue(newBlur)

// blur holds the two kernels of a neighborhood.
type blur struct {
	// place[d] is the spatial weight at a squared distance of d px^2.
	place [cutSquared + 1]float64
	// turn[k] is the share of a direction difference that is blurred into the
	// layer whose center is k/768 of a turn away. Directions of exchange formats
	// are multiples of 1/256 of a turn and layer centers of 1/12: none is rounded.
	turn [turnSteps/2 + 1]float64
	// center is cellCenter of each row and column.
	center [cellsAcross]float64
}

const (
	cutSquared = 784 // (3 sigmaPlace)^2: farther contributions are left out
	turnSteps  = 768
)

func newBlur() *blur {
	var b blur
	for k := range b.center {
		b.center[k] = cellCenter(k)
	}
	for d := range b.place {
		b.place[d] = expNeg(float64(d)/(2*sigmaPlace*sigmaPlace)) / (sigmaPlace * math.Sqrt2 * math.SqrtPi)
	}
	const step, half = 2 * math.Pi / turnSteps, turnSteps / directions / 2
	var below [turnSteps/2 + 2*half + 1]float64 // distribution function from -half on
	for k := range below {
		below[k] = gaussIntegral(float64(float64(k-half)*step) / sigmaTurn)
	}
	for k := range b.turn {
		b.turn[k] = below[k+2*half] - below[k]
	}
	return &b
}

// shares splits a direction difference over the six layers; layer k is centered
// at -pi + (k + 1/2) pi/3.
func (b *blur) shares(out *[directions]float64, difference int) {
	at := ((difference+halfTurn)*turnSteps + halfTurn) >> 16 // 0..768 from -pi on
	for k := range out {
		d := at - (2*k+1)*turnSteps/(2*directions)
		if d < 0 {
			d = -d
		}
		if d > turnSteps/2 {
			d = turnSteps - d
		}
		out[k] = b.turn[d]
	}
}

// buildCylinders gives one cylinder for every minutia whose neighborhood is
// known well enough: >= 31 of 52 cells and >= 2 contributing neighbors.
func buildCylinders(ms []minutia, hull []vertex) []cylinder {
	kernels := kernels()
	var space [templates.MaxMinutiae]cylinder
	out := space[:0]
	for i := range ms {
		c := cylinder{angle: ms[i].angle, at: uint8(i)}
		sin, cos := sincos(ms[i].angle)
		c.known = kernels.knownCells(&ms[i], hull, sin, cos)
		if bits.OnesCount64(c.known) < minKnown {
			continue
		}
		var mass [cells][directions]float64
		neighbors := 0
		for j := range ms {
			if j != i && kernels.spread(&mass, c.known, &ms[i], &ms[j], sin, cos) {
				neighbors++
			}
		}
		if neighbors < minNeighbors {
			continue
		}
		set := 0
		for known := c.known; known != 0; known &= known - 1 {
			cell := bits.TrailingZeros64(known)
			for k, m := range mass[cell] {
				var hit uint64 // without a branch: half of the cells are occupied
				if m >= occupied {
					hit = 1
				}
				c.layers[k] |= hit << cell
				set += int(hit)
			}
		}
		if set == 0 {
			continue
		}
		c.root = float32(math.Sqrt(float64(set)))
		out = append(out, c)
	}
	// By angle: the partners of a direction gate then lie side by side.
	slices.SortStableFunc(out, func(a, b cylinder) int { return cmp.Compare(a.angle, b.angle) })
	return append([]cylinder(nil), out...)
}

// cellCenter is the place of a cell on one axis of the minutia's frame.
func cellCenter(k int) float64 { return float64((float64(k) - (cellsAcross-1)/2.0) * cellSize) }

// knownCells marks the cells of the disc that lie in the print.
func (b *blur) knownCells(m *minutia, hull []vertex, sin, cos float64) uint64 {
	// A disc of radius inner around the minutia lies in the hull, so what is at most
	// validMargin farther away is near the hull; most minutiae need no other test.
	sure := validMargin + inner(hull, m.x, m.y) - 1.0/16
	sure = float64(sure * sure)
	var known uint64
	for row := range cellsAcross {
		v := b.center[row]
		for column := range cellsAcross {
			u := b.center[column]
			d := float64(u*u) + float64(v*v)
			if d > radius*radius {
				continue
			}
			x := float64(m.x) + (float64(u*cos) - float64(v*sin))
			y := float64(m.y) + (float64(u*sin) + float64(v*cos))
			if d < sure || within(hull, float32(x), float32(y), validMargin) {
				known |= 1 << (row*cellsAcross + column)
			}
		}
	}
	return known
}

// near is the last row or column whose center is not beyond x, 0 for none.
func (b *blur) near(x float64) int { return max(0, int((x-b.center[0])/cellSize)) }

// spread adds what neighbor n contributes to the known cells of the cylinder of m
// and tells whether it is near enough to contribute at all.
func (b *blur) spread(mass *[cells][directions]float64, known uint64, m, n *minutia, sin, cos float64) bool {
	const cut = 3 * sigmaPlace
	dx, dy := float64(n.x)-float64(m.x), float64(n.y)-float64(m.y)
	if d := float64(dx*dx) + float64(dy*dy); d > (radius+cut)*(radius+cut) {
		return false
	}
	u := float64(dx*cos) + float64(dy*sin)
	v := float64(dy*cos) - float64(dx*sin)
	var share [directions]float64
	b.shares(&share, turn(n.angle, m.angle))
	// Rows and columns that may lie within the cut; the test below decides.
	firstRow, endRow := b.near(v-cut), b.near(v+cut)+2
	firstColumn, endColumn := b.near(u-cut), b.near(u+cut)+2
	for row := firstRow; row < min(endRow, cellsAcross); row++ {
		dv := b.center[row] - v
		inRow := known >> (row * cellsAcross) & (1<<cellsAcross - 1)
		if dv > cut || dv < -cut || inRow == 0 {
			continue
		}
		dv2 := float64(dv * dv)
		for column := firstColumn; column < min(endColumn, cellsAcross); column++ {
			du := b.center[column] - u
			d := float64(du*du) + dv2
			if d > cutSquared || inRow>>column&1 == 0 {
				continue
			}
			place, cell := b.place[int(d)], &mass[row*cellsAcross+column]
			cell[0] += float64(place * share[0])
			cell[1] += float64(place * share[1])
			cell[2] += float64(place * share[2])
			cell[3] += float64(place * share[3])
			cell[4] += float64(place * share[4])
			cell[5] += float64(place * share[5])
		}
	}
	return true
}

// similarity is 1 - |a xor b| / (|a| + |b|) over the cells known in both, with
// the norm sqrt(number of bits), 0..1; 0 when fewer than 31 cells are known in
// both. Directions more than a quarter turn apart are the caller's to refuse.
func similarity(a, b *cylinder) float32 {
	known := a.known & b.known
	return similarityOf(a, b, known, difference(a, b, known))
}

// difference is the number of bits that differ in the given cells.
func difference(a, b *cylinder, known uint64) int {
	return bits.OnesCount64((a.layers[0]^b.layers[0])&known) +
		bits.OnesCount64((a.layers[1]^b.layers[1])&known) +
		bits.OnesCount64((a.layers[2]^b.layers[2])&known) +
		bits.OnesCount64((a.layers[3]^b.layers[3])&known) +
		bits.OnesCount64((a.layers[4]^b.layers[4])&known) +
		bits.OnesCount64((a.layers[5]^b.layers[5])&known)
}

// similarityOf is similarity for who has counted the difference already.
func similarityOf(a, b *cylinder, known uint64, differ int) float32 {
	if bits.OnesCount64(known) < minKnown {
		return 0
	}
	sum := a.root + b.root
	if known != a.known || known != b.known { // one side hides cells of the other
		sum = rootWithin(a, known) + rootWithin(b, known)
	}
	if sum == 0 {
		return 0
	}
	return 1 - float32(math.Sqrt(float64(differ)))/sum
}

// rootWithin is the norm of a cylinder over some of its cells.
func rootWithin(c *cylinder, known uint64) float32 {
	n := 0
	for _, layer := range c.layers {
		n += bits.OnesCount64(layer & known)
	}
	return float32(math.Sqrt(float64(n)))
}
