package finger

import "math"

// vertex is a corner of the convex hull of the minutiae, in pixels at 500 ppi, y up.
type vertex struct{ x, y float32 }

// convexHull gives the hull of the minutiae counter-clockwise, without collinear
// corners: one vertex for one place, two for a line. The minutiae must be sorted
// by y, then x. Method: Andrew's monotone chain.
func convexHull(sorted []minutia) []vertex {
	chain := func(hull []vertex, floor int, m *minutia) []vertex {
		for len(hull) >= floor+2 && cross(hull[len(hull)-2], hull[len(hull)-1], vertex{m.x, m.y}) <= 0 {
			hull = hull[:len(hull)-1]
		}
		return append(hull, vertex{m.x, m.y})
	}
	hull := make([]vertex, 0, 16)
	for i := range sorted {
		hull = chain(hull, 0, &sorted[i])
	}
	floor := len(hull) - 1
	for i := len(sorted) - 2; i >= 0; i-- {
		hull = chain(hull, floor, &sorted[i])
	}
	if len(hull) > 1 {
		hull = hull[:len(hull)-1] // the first corner came back
	}
	if len(hull) == 2 && hull[0] == hull[1] {
		hull = hull[:1]
	}
	return hull
}

// cross is positive when a, b, c turn left. Coordinates are multiples of 1/16
// below 4096, so float64 holds the products exactly.
func cross(a, b, c vertex) float64 {
	ux, uy := float64(b.x)-float64(a.x), float64(b.y)-float64(a.y)
	vx, vy := float64(c.x)-float64(a.x), float64(c.y)-float64(a.y)
	return float64(ux*vy) - float64(uy*vx)
}

// within tells whether (x, y) lies in the hull or at most margin pixels outside.
// It is the exact Euclidean margin, with round corners: shifted edges would let
// the area of a thin print grow to an endless strip.
func within(hull []vertex, x, y, margin float32) bool {
	limit := float64(float64(margin) * float64(margin))
	inside := len(hull) > 2
	for i := range hull {
		a := hull[i]
		b := hull[0]
		if i+1 < len(hull) {
			b = hull[i+1]
		}
		ex, ey := float64(b.x-a.x), float64(b.y-a.y)
		px, py := float64(x-a.x), float64(y-a.y)
		side := float64(ex*py) - float64(ey*px)
		if side >= 0 {
			continue // on the inner side of this edge
		}
		inside = false
		length := float64(ex*ex) + float64(ey*ey)
		along := float64(ex*px) + float64(ey*py)
		if along >= 0 && along <= length {
			if float64(side*side) <= float64(limit*length) {
				return true
			}
			continue
		}
		if float64(px*px)+float64(py*py) <= limit {
			return true
		}
		qx, qy := float64(x-b.x), float64(y-b.y)
		if float64(qx*qx)+float64(qy*qy) <= limit {
			return true
		}
	}
	if len(hull) > 2 || len(hull) == 0 {
		return inside
	}
	// A point or a line: the point itself may be on it, which no side test saw.
	return distanceToSegment(hull[0], hull[len(hull)-1], x, y) <= limit
}

// inner is the distance of a place inside the hull from its nearest edge, in
// pixels; 0 outside, and for a point or a line.
func inner(hull []vertex, x, y float32) float64 {
	if len(hull) < 3 {
		return 0
	}
	near := math.Inf(1)
	for i := range hull {
		a, b := hull[i], hull[0]
		if i+1 < len(hull) {
			b = hull[i+1]
		}
		ex, ey := float64(b.x-a.x), float64(b.y-a.y)
		side := float64(ex*float64(y-a.y)) - float64(ey*float64(x-a.x))
		if side <= 0 {
			return 0
		}
		near = min(near, float64(side*side)/(float64(ex*ex)+float64(ey*ey)))
	}
	return math.Sqrt(near)
}

// distanceToSegment is the squared distance of (x, y) from the segment ab.
func distanceToSegment(a, b vertex, x, y float32) float64 {
	ex, ey := float64(b.x-a.x), float64(b.y-a.y)
	px, py := float64(x-a.x), float64(y-a.y)
	length := float64(ex*ex) + float64(ey*ey)
	if length > 0 {
		f := min(1, max(0, (float64(ex*px)+float64(ey*py))/length))
		px, py = px-float64(f*ex), py-float64(f*ey)
	}
	return float64(px*px) + float64(py*py)
}
