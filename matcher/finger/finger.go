// Package finger compares the minutiae of two finger views: how strongly do
// they speak for one and the same finger? Prepare builds the search form of one
// view once; Compare sets it against many others. The comparison is pure,
// symmetric bit by bit, gives the same bits on every machine and allocates
// nothing. It refuses to decide: a Score has no threshold here, that is the
// business of matcher/decision. It reads no images and no exchange formats.
//
// Method, in the order of the files: a Minutia Cylinder-Code neighborhood of
// 384 bits around each minutia (cylinder.go; Cappelli, Ferrara, Maltoni, IEEE
// TPAMI 32(12), 2010, bit variant with R = 70 px), the most similar pairs of
// neighborhoods vote for a rigid motion (seed.go), the best motions are refined
// by least squares over the paired minutiae (align.go), and the pairs are
// weighed against the minutiae in the common area (score.go).
//
// It is written to be read, and is the reference that faster comparisons are
// checked against.
package finger

import (
	"cmp"
	"slices"
	"unsafe"

	"immis/templates"
)

// Score is the strength of evidence that two views show one finger, 0 <= Score
// < 1, larger for stronger. With w = W^2/n (see score.go) it is w/(1+w), a
// monotone map that keeps the order. Comparisons given up early for lack of any
// consistent motion score below 0.01. Two views of one finger are typically at
// 0.5 to 0.9, of different fingers below 0.4 (none of 11,520 pairs of FVC prints
// reached 0.6); a view against itself tends to 1 with the number of
// minutiae. The score is not a probability.
type Score float32

// Template is the search form of one finger view: flat, read-only after
// Prepare, safe for concurrent use. About 85 bytes per minutia.
type Template struct {
	minutiae  []minutia
	cylinders []cylinder // only those of minutiae with a usable neighborhood
	hull      []vertex
	digest    uint64 // orders the two sides of a comparison, see Compare
}

// minutia is one minutia in the frame of comparison: pixels at 500 ppi as
// multiples of 1/16, y up, so that angles and coordinates turn the same way.
type minutia struct {
	x, y  float32
	angle uint16
	index uint8 // place in the Finger that was prepared
}

// Prepare builds the search form of f, about 0.2 ms for 40 minutiae. The
// order of the minutiae, their types and qualities have no influence on scores.
// f must be a valid Finger of the templates package (1..255 minutiae inside the
// image); minutiae beyond 255 are ignored. It keeps no reference to f.
func Prepare(f *templates.Finger) *Template {
	given := f.Minutiae[:min(len(f.Minutiae), templates.MaxMinutiae)]
	t := &Template{minutiae: make([]minutia, len(given))}
	for i, m := range given {
		t.minutiae[i] = minutia{
			x: float32(m.X) / templates.UnitsPerPixel,
			// The height of the image is left out: only differences count.
			y:     -float32(m.Y) / templates.UnitsPerPixel,
			angle: m.Angle,
			index: uint8(i),
		}
	}
	slices.SortFunc(t.minutiae, func(a, b minutia) int {
		return cmp.Or(compareMinutiae(a, b), cmp.Compare(a.index, b.index))
	})
	t.hull = slices.Clip(convexHull(t.minutiae))
	t.cylinders = buildCylinders(t.minutiae, t.hull)
	t.digest = digest(t.minutiae)
	return t
}

// Len is the number of minutiae, 0..255.
func (t *Template) Len() int { return len(t.minutiae) }

// Bytes is the memory the template holds, in bytes.
func (t *Template) Bytes() int {
	return int(unsafe.Sizeof(*t)) +
		cap(t.minutiae)*int(unsafe.Sizeof(minutia{})) +
		cap(t.cylinders)*int(unsafe.Sizeof(cylinder{})) +
		cap(t.hull)*int(unsafe.Sizeof(vertex{}))
}

// compareMinutiae orders by y, then x, then angle, without the index.
func compareMinutiae(a, b minutia) int {
	return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), cmp.Compare(a.angle, b.angle))
}

// digest is FNV-1a over the sorted minutiae without their indices. Nobody needs
// it to be collision-free: before settles ties by content.
func digest(sorted []minutia) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, m := range sorted {
		for _, v := range [3]uint32{uint32(int32(m.x * 16)), uint32(int32(m.y * 16)), uint32(m.angle)} {
			h = (h ^ uint64(v)) * 0x100000001b3
		}
	}
	return h
}

// before is a total order on the content of templates. Compare always starts
// from the same side, whichever was given first: this, and not care about
// rounding, makes the score symmetric.
func (t *Template) before(o *Template) bool {
	if c := cmp.Compare(len(t.minutiae), len(o.minutiae)); c != 0 {
		return c < 0
	}
	if t.digest != o.digest {
		return t.digest < o.digest
	}
	return slices.CompareFunc(t.minutiae, o.minutiae, compareMinutiae) <= 0
}
