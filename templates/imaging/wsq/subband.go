package wsq

// The decomposition: five levels, 64 subbands. A split cuts a
// region into four, the low and the high half of its rows and columns. The half
// that lies to the right or below holds a spectrum that runs backwards; when it
// is split again its high half comes first, so that neighbours in the plane stay
// neighbours in frequency.

const (
	subbands = 64
	coded    = 60 // subbands 60..63, the highest diagonal, are never sent
	// The blocks of entropy-coded data end before these subbands.
	block2 = 19
	block3 = 52
)

// rect is a region of the plane, in samples.
type rect struct{ x, y, w, h int }

// node is a region that is split once: highX says that in x the high half is the
// left one, highY that in y it is the upper one.
type node struct {
	rect
	highX, highY bool
	// emptyHH: the highest diagonal quarter is known to be zero.
	emptyHH bool
}

// halves returns the lengths of the first and of the second half of n samples.
func halves(n int, highFirst bool) (first, second int) {
	if highFirst {
		return n / 2, n - n/2
	}
	return n - n/2, n / 2
}

// quarter returns quarter i of a split: 0 upper left, 1 upper right, 2 lower
// left, 3 lower right, as a node that may be split again.
func (n node) quarter(i int) node {
	left, right := halves(n.w, n.highX)
	upper, lower := halves(n.h, n.highY)
	q := node{rect: rect{n.x, n.y, left, upper}}
	if i&1 != 0 {
		q.x, q.w, q.highX = n.x+left, right, true
	}
	if i&2 != 0 {
		q.y, q.h, q.highY = n.y+upper, lower, true
	}
	return q
}

// decompose returns the nodes in the order of analysis (synthesis goes
// backwards) and the 64 subbands of an image, in the order in which they are sent.
func decompose(width, height int) (nodes []node, bands []rect) {
	root := node{rect: rect{0, 0, width, height}, emptyHH: true}
	nodes = append(make([]node, 0, 20), root)
	bands = make([]rect, subbands)
	leaves := func(n node, first int) {
		for i := range 4 {
			bands[first+i] = n.quarter(i).rect
		}
	}
	split := func(n node, first int) { // into 16
		nodes = append(nodes, n)
		for i := range 4 {
			q := n.quarter(i)
			nodes = append(nodes, q)
			leaves(q, first+4*i)
		}
	}
	for i := 1; i <= 2; i++ {
		nodes = append(nodes, root.quarter(i))
		leaves(root.quarter(i), 48+4*i)
	}
	leaves(root.quarter(3), coded)
	low := root.quarter(0)
	nodes = append(nodes, low)
	bands[51] = low.quarter(3).rect
	split(low.quarter(2), 35)
	split(low.quarter(1), 19)
	split(low.quarter(0), 3)
	// The lowest subband of the last split is split once more and takes 0..3.
	lowest := low.quarter(0).quarter(0).quarter(0)
	nodes = append(nodes, lowest)
	leaves(lowest, 0)
	return nodes, bands
}

// blockOf returns the block, 0..2, in which a subband is sent.
func blockOf(k int) int {
	switch {
	case k < block2:
		return 0
	case k < block3:
		return 1
	}
	return 2
}
