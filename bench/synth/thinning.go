package synth

import (
	"math"

	"immis/templates"
)

// thin reduces the ridges to lines one pixel wide (Zhang and Suen, 1984). The rim
// of the image stays empty.
func thin(ridges []float32) []uint8 {
	line := make([]uint8, len(ridges))
	var live []int32
	for row := 2; row < masterHeight-2; row++ {
		for at := row*masterWidth + 2; at < (row+1)*masterWidth-2; at++ {
			if ridges[at] > 0 {
				line[at] = 1
				live = append(live, int32(at))
			}
		}
	}
	var gone []int32
	for changed := true; changed; {
		changed = false
		for pass := range 2 {
			gone = gone[:0]
			for _, at := range live {
				if removable(line, int(at), pass) {
					gone = append(gone, at)
				}
			}
			for _, at := range gone {
				line[at] = 0
			}
			changed = changed || len(gone) > 0
			kept := live[:0]
			for _, at := range live {
				if line[at] != 0 {
					kept = append(kept, at)
				}
			}
			live = kept
		}
	}
	return line
}

// around gives the eight neighbors, clockwise from the one above.
func around(at int) [8]int {
	const w = masterWidth
	return [8]int{at - w, at - w + 1, at + 1, at + w + 1, at + w, at + w - 1, at - 1, at - w - 1}
}

func removable(line []uint8, at, pass int) bool {
	n := around(at)
	count, steps := uint8(0), 0
	for i, a := range n {
		count += line[a]
		if line[a] == 0 && line[n[(i+1)&7]] == 1 {
			steps++
		}
	}
	if count < 2 || count > 6 || steps != 1 {
		return false
	}
	up, right, down, left := line[n[0]], line[n[2]], line[n[4]], line[n[6]]
	if pass == 0 {
		return up*right*down == 0 && right*down*left == 0
	}
	return up*right*left == 0 && up*down*left == 0
}

const (
	traceLength = 14 // px followed along each ridge from a minutia
	traceLeast  = 7  // a shorter ridge is a spur or a bridge of the thinning
)

// ridgeMinutiae finds the endings and bifurcations of thinned ridges. The
// direction points into the ridge from its end, and between the branches of a
// bifurcation, as ISO/IEC 19794-2 has it.
func ridgeMinutiae(line []uint8) []trueMinutia {
	var out []trueMinutia
	for row := 3; row < masterHeight-3; row++ {
		for column := 3; column < masterWidth-3; column++ {
			at := row*masterWidth + column
			if line[at] == 0 {
				continue
			}
			p := masterPoint(column, row)
			x, y := p.x/(masterHalfWidth-6), p.y/(masterHalfHeight-6)
			if float64(x*x)+float64(y*y) > 1 {
				continue
			}
			if m, ok := minutiaAt(line, at); ok {
				m.at = p
				out = append(out, m)
			}
		}
	}
	return apart(out)
}

// minutiaAt tells what stands at a pixel of a thinned ridge, if anything.
func minutiaAt(line []uint8, at int) (trueMinutia, bool) {
	n := around(at)
	var starts []int
	for i, a := range n {
		// A diagonal neighbor beside a straight one belongs to the same branch.
		if line[a] == 1 && (i&1 == 0 || line[n[(i+1)&7]] == 0 && line[n[(i+7)&7]] == 0) {
			starts = append(starts, a)
		}
	}
	if len(starts) != 1 && len(starts) != 3 {
		return trueMinutia{}, false
	}
	var ways [3]point
	for i, a := range starts {
		end, steps := trace(line, at, a, starts)
		if steps < traceLeast {
			return trueMinutia{}, false
		}
		d := point{float64(end%masterWidth - at%masterWidth), float64(at/masterWidth - end/masterWidth)}
		length := math.Sqrt(float64(d.x*d.x) + float64(d.y*d.y))
		ways[i] = point{d.x / length, d.y / length}
	}
	m := trueMinutia{kind: templates.MinutiaEnding, direction: atan2(ways[0].y, ways[0].x)}
	if len(starts) == 3 {
		// The two branches are the pair with the smallest angle between them.
		best, sum := -2.0, point{}
		for i := range 3 {
			a, b := ways[i], ways[(i+1)%3]
			if dot := float64(a.x*b.x) + float64(a.y*b.y); dot > best {
				best, sum = dot, point{a.x + b.x, a.y + b.y}
			}
		}
		m.kind, m.direction = templates.MinutiaBifurcation, atan2(sum.y, sum.x)
	}
	return m, true
}

// trace follows a ridge from a minutia and returns where it is after traceLength
// pixels, or where it ends or splits before.
func trace(line []uint8, from, at int, others []int) (end, steps int) {
	last := from
	for steps = 1; steps < traceLength; steps++ {
		next := -1
		for i, a := range around(at) {
			n := around(at)
			if line[a] == 0 || a == last || a == from || steps == 1 && contains(others, a) {
				continue
			}
			if i&1 == 1 && (line[n[(i+1)&7]] == 1 || line[n[(i+7)&7]] == 1) {
				continue
			}
			if touches(a, last) && last != from {
				continue
			}
			if next >= 0 {
				return at, steps
			}
			next = a
		}
		if next < 0 {
			return at, steps
		}
		last, at = at, next
	}
	return at, steps
}

func contains(list []int, v int) bool {
	for _, o := range list {
		if o == v {
			return true
		}
	}
	return false
}

// touches tells whether two pixels are straight neighbors.
func touches(a, b int) bool {
	d := a - b
	return d == 1 || d == -1 || d == masterWidth || d == -masterWidth
}

// minutiaeApart is the least distance of two minutiae of the truth, px: closer
// pairs are two ends of a broken ridge or one crossing seen twice, and both go.
const minutiaeApart = 7.0

func apart(all []trueMinutia) []trueMinutia {
	out := make([]trueMinutia, 0, len(all))
	for i, m := range all {
		alone := true
		for j, o := range all {
			dx, dy := m.at.x-o.at.x, m.at.y-o.at.y
			if i != j && float64(dx*dx)+float64(dy*dy) < minutiaeApart*minutiaeApart {
				alone = false
				break
			}
		}
		if alone {
			out = append(out, m)
		}
	}
	return out
}
