package jpeg2000

// tagTree is a tag tree, clause B.10.2: each node holds the least value of the
// four below it, the leaves are the code-blocks of a precinct in raster order.
type tagTree struct {
	nodes []tagNode
	// start is where the nodes of each level start, leaves first.
	start  [32]int32
	width  int
	levels int
}

// tagNode: the value is at least low, and is low once it is known.
type tagNode struct {
	low   uint16
	known bool
}

// tagNodes is how many nodes a tree has, at least one leaf.
func tagNodes(width, height int) int {
	n := width * height
	for width*height > 1 {
		width, height = (width+1)/2, (height+1)/2
		n += width * height
	}
	return n
}

// tagTreeOf is the tree that lies at the start of nodes.
func tagTreeOf(nodes []tagNode, width, height int) tagTree {
	t := tagTree{nodes: nodes, width: width, levels: 1}
	for n := int32(0); width*height > 1; t.levels++ {
		n += int32(width * height)
		t.start[t.levels] = n
		width, height = (width+1)/2, (height+1)/2
	}
	return t
}

// below reads as many bits as tell whether the value of a leaf is below limit,
// which is at most 65535.
func (t *tagTree) below(r *bitReader, leaf, limit int) bool {
	if root := &t.nodes[t.start[t.levels-1]]; !root.known && int(root.low) >= limit {
		return false
	}
	x, y := leaf%t.width, leaf/t.width
	low := uint16(0)
	known := false
	for i := t.levels - 1; i >= 0; i-- {
		// The width of a level is that of the leaves, halved and rounded up.
		width := (t.width + 1<<i - 1) >> i
		n := &t.nodes[int(t.start[i])+y>>i*width+x>>i]
		n.low = max(n.low, low)
		for !n.known && int(n.low) < limit {
			if r.bit() != 0 {
				n.known = true
			} else {
				n.low++
			}
			if r.short {
				return false
			}
		}
		low, known = n.low, n.known
	}
	return known && int(low) < limit
}
