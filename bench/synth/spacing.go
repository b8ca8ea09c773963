package synth

import "math"

// spacing remembers the places taken on a master finger and tells how much room
// is left at another: a grid of square cells as wide as softCore, so that only
// nine cells can hold a place within that distance. The zero value is empty.
type spacing struct {
	// first holds 1 + the index of the newest place of each cell, next 1 + the
	// index of the one before; 0 ends the chain.
	first  [gridRows * gridColumns]int16
	next   [masterMaximum]int16
	places [masterMaximum]point
	n      int
}

// The grid covers the master's ellipse with a rim of one empty cell, so that
// neighbors need no bounds.
const (
	gridColumns = 2*int(masterHalfWidth)/int(softCore) + 4
	gridRows    = 2*int(masterHalfHeight)/int(softCore) + 4
)

// cell is the index of the cell of p, which is inside the master's ellipse.
func cell(p point) int {
	column := int((p.x+masterHalfWidth)/softCore) + 1
	row := int((p.y+masterHalfHeight)/softCore) + 1
	return row*gridColumns + column
}

// add takes a place. The grid holds masterMaximum.
func (g *spacing) add(p point) {
	c := cell(p)
	g.places[g.n] = p
	g.next[g.n] = g.first[c]
	g.n++
	g.first[c] = int16(g.n)
}

// room is the probability that p is tolerated by the places taken: 0 within
// hardCore of any, rising to 1 at softCore from each.
func (g *spacing) room(p point) float64 {
	probability := 1.0
	middle := cell(p)
	for row := middle - gridColumns; row <= middle+gridColumns; row += gridColumns {
		for c := row - 1; c <= row+1; c++ {
			for i := g.first[c]; i != 0; i = g.next[i-1] {
				probability *= tolerance(g.places[i-1], p)
			}
		}
	}
	return probability
}

// tolerance is the probability that a place at p is tolerated by one at q.
func tolerance(q, p point) float64 {
	dx, dy := q.x-p.x, q.y-p.y
	d2 := float64(dx*dx) + float64(dy*dy)
	switch {
	case d2 >= softCore*softCore:
		return 1
	case d2 < hardCore*hardCore:
		return 0
	}
	return (math.Sqrt(d2) - hardCore) / (softCore - hardCore)
}
