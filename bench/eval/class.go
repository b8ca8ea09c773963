package eval

import (
	"cmp"
	"slices"
)

const defaultKeep = 1 << 20

// Class holds the scores of mated or of non-mated comparisons: a histogram of all
// of them, and the comparisons themselves at the end where errors are made: the
// highest non-mated, the lowest mated. While there are no more than it keeps, it
// holds all. So a thousand million scores take the memory of two million, rates
// at the thresholds that matter are exact and can be resampled by person, and
// rates elsewhere are exact at the edges of the histogram's bins.
//
// What is dropped is dropped by whole bins, so what is kept in the end follows from
// the histogram and does not depend on the order of arrival.
type Class struct {
	histogram
	keep int
	low  bool // keep the lowest
	kept []Comparison
	// edge is where keeping ends, once something was dropped: all scores >= edge are
	// kept, or, of the lowest, all < edge.
	edge    float64
	dropped bool
	sorted  bool
}

func (c *Class) limit() int {
	if c.keep > 0 {
		return c.keep
	}
	return defaultKeep
}

// Exact says whether all comparisons of the class are held.
func (c *Class) Exact() bool { return !c.dropped && len(c.kept) <= c.limit() }

func (c *Class) add(x Comparison) {
	c.histogram.add(x.Score)
	if c.dropped && c.beyond(x) {
		return
	}
	c.kept = append(c.kept, x)
	c.sorted = false
	if len(c.kept) >= 2*c.limit() {
		c.shrink()
	}
}

func (c *Class) beyond(x Comparison) bool { return (x.Score < c.edge) != c.low }

// shrink drops what is more than the class has to keep.
func (c *Class) shrink() {
	if n := int64(c.limit()); c.low {
		c.edge = c.lowest(n)
	} else {
		c.edge = c.highest(n)
	}
	c.dropped = true
	c.kept = slices.DeleteFunc(c.kept, c.beyond)
}

// order is what the class keeps, lowest score first and ties by person.
func (c *Class) order() []Comparison {
	if len(c.kept) > c.limit() || c.dropped {
		c.shrink()
	}
	if !c.sorted {
		slices.SortFunc(c.kept, func(x, y Comparison) int {
			if x.Score != y.Score {
				if x.Score < y.Score {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
		})
		c.sorted = true
	}
	return c.kept
}

func (c *Class) merge(o *Class) {
	c.histogram.merge(&o.histogram)
	c.keep = max(c.keep, o.keep)
	c.sorted = false
	dropped := c.dropped || o.dropped
	c.kept, o.kept = append(c.kept, o.kept...), nil
	if dropped || len(c.kept) >= 2*c.limit() {
		c.shrink()
	}
}
