package finger

import (
	"math"
	"math/bits"
)

// Parameters of the neighborhood, in pixels at 500 ppi and radians. Source:
// Minutia Cylinder-Code (MCC 8b of the 2010 paper), sizes as measured best here.
const (
	radius        = 70.0
	cellsAcross   = 8
	directions    = 6
	cellSize      = 2 * radius / cellsAcross
	sigmaPlace    = 28.0 / 3
	sigmaTurn     = 2 * math.Pi / 9
	occupied      = 0.01 // contribution from which a cell counts as occupied
	validMargin   = 50.0 // a cell is known if it lies in the hull or this close to it
	cellsInDisc   = 52   // cells whose center is within the radius
	minKnown      = 31   // 60 % of cellsInDisc: known cells a cylinder, or a pair, must have
	minNeighbours = 2    // minutiae that contribute to a cylinder
	rotationGate  = quarterTurn
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

// buildCylinders gives one cylinder for every minutia whose neighborhood is
// known well enough: >= 31 of 52 cells and >= 2 contributing neighbors.
func buildCylinders(ms []minutia, hull []vertex) []cylinder {
	out := make([]cylinder, 0, len(ms))
	for i := range ms {
		c := cylinder{angle: ms[i].angle, at: uint8(i)}
		sin, cos := sincos(ms[i].angle)
		c.known = knownCells(&ms[i], hull, sin, cos)
		if bits.OnesCount64(c.known) < minKnown {
			continue
		}
		var mass [directions][cellsAcross * cellsAcross]float64
		neighbors := 0
		for j := range ms {
			if j != i && spread(&mass, &ms[i], &ms[j], sin, cos) {
				neighbors++
			}
		}
		if neighbors < minNeighbours {
			continue
		}
		set := 0
		for k := range mass {
			for cell, m := range mass[k] {
				if m >= occupied {
					c.layers[k] |= 1 << cell
				}
			}
			c.layers[k] &= c.known
			set += bits.OnesCount64(c.layers[k])
		}
		if set == 0 {
			continue
		}
		c.root = float32(math.Sqrt(float64(set)))
		out = append(out, c)
	}
	exact := make([]cylinder, len(out))
	copy(exact, out)
	return exact
}

// cellCenter is the place of a cell on one axis of the minutia's frame.
func cellCenter(k int) float64 { return float64((float64(k) - (cellsAcross-1)/2.0) * cellSize) }

// knownCells marks the cells of the disc that lie in the print.
func knownCells(m *minutia, hull []vertex, sin, cos float64) uint64 {
	var known uint64
	for row := range cellsAcross {
		v := cellCenter(row)
		for column := range cellsAcross {
			u := cellCenter(column)
			if float64(u*u)+float64(v*v) > radius*radius {
				continue
			}
			x := float64(m.x) + (float64(u*cos) - float64(v*sin))
			y := float64(m.y) + (float64(u*sin) + float64(v*cos))
			if within(hull, float32(x), float32(y), validMargin) {
				known |= 1 << (row*cellsAcross + column)
			}
		}
	}
	return known
}

// spread adds what neighbor n contributes to the cylinder of m and tells
// whether it is near enough to contribute at all.
func spread(mass *[directions][cellsAcross * cellsAcross]float64, m, n *minutia, sin, cos float64) bool {
	const cut = 3 * sigmaPlace
	dx, dy := float64(n.x)-float64(m.x), float64(n.y)-float64(m.y)
	if d := float64(dx*dx) + float64(dy*dy); d > (radius+cut)*(radius+cut) {
		return false
	}
	u := float64(dx*cos) + float64(dy*sin)
	v := float64(dy*cos) - float64(dx*sin)
	var share [directions]float64
	shareOfDirections(&share, turn(n.angle, m.angle))
	for row := range cellsAcross {
		dv := cellCenter(row) - v
		if dv > cut || dv < -cut {
			continue
		}
		for column := range cellsAcross {
			du := cellCenter(column) - u
			d := float64(du*du) + float64(dv*dv)
			if d > cut*cut {
				continue
			}
			place := expNeg(d/(2*sigmaPlace*sigmaPlace)) / (sigmaPlace * math.Sqrt2 * math.SqrtPi)
			for k := range share {
				mass[k][row*cellsAcross+column] += float64(place * share[k])
			}
		}
	}
	return true
}

// shareOfDirections splits a direction difference, blurred by sigmaTurn, over
// the six layers; layer k is centered at -pi + (k + 1/2) pi/3.
func shareOfDirections(share *[directions]float64, difference int) {
	const width = 2 * math.Pi / directions
	for k := range share {
		center := -math.Pi + float64((float64(k)+0.5)*width)
		d := float64(float64(difference)*radPerUnit) - center
		if d > math.Pi {
			d -= 2 * math.Pi
		} else if d < -math.Pi {
			d += 2 * math.Pi
		}
		share[k] = gaussIntegral((d+width/2)/sigmaTurn) - gaussIntegral((d-width/2)/sigmaTurn)
	}
}

// similarity is 1 - |a xor b| / (|a| + |b|) over the cells known in both, with
// the norm sqrt(number of bits), 0..1; 0 when fewer than 31 cells are known in
// both. Directions more than a quarter turn apart are the caller's to refuse.
func similarity(a, b *cylinder) float32 {
	known := a.known & b.known
	if bits.OnesCount64(known) < minKnown {
		return 0
	}
	differ := bits.OnesCount64((a.layers[0]^b.layers[0])&known) +
		bits.OnesCount64((a.layers[1]^b.layers[1])&known) +
		bits.OnesCount64((a.layers[2]^b.layers[2])&known) +
		bits.OnesCount64((a.layers[3]^b.layers[3])&known) +
		bits.OnesCount64((a.layers[4]^b.layers[4])&known) +
		bits.OnesCount64((a.layers[5]^b.layers[5])&known)
	ra, rb := a.root, b.root
	// The stored root is right as long as the other side hides no cell.
	if known != a.known {
		ra = rootWithin(a, known)
	}
	if known != b.known {
		rb = rootWithin(b, known)
	}
	sum := ra + rb
	if sum == 0 {
		return 0
	}
	return 1 - float32(math.Sqrt(float64(differ)))/sum
}

// rootWithin is the norm of a cylinder over some of its cells.
func rootWithin(c *cylinder, known uint64) float32 {
	n := 0
	for k := range c.layers {
		n += bits.OnesCount64(c.layers[k] & known)
	}
	return float32(math.Sqrt(float64(n)))
}
