package cbeff

import (
	"slices"

	"immis/templates"
)

var fingerNames = [...]string{"Thumb", "IndexFinger", "MiddleFinger", "RingFinger", "LittleFinger"}

// fingers reads a subtype: the sides and the fingers in it, each combined with each.
// Fingers without a side are no positions. known is false for veins and palms.
func fingers(subtypes []string) (positions []templates.Position, left, right, known bool) {
	var listed [len(fingerNames)]bool
	for _, s := range subtypes {
		switch i := slices.Index(fingerNames[:], s); {
		case i >= 0:
			listed[i] = true
		case s == "Left":
			left = true
		case s == "Right":
			right = true
		default:
			return nil, false, false, false
		}
	}
	for _, side := range [...]struct {
		given bool
		thumb templates.Position
	}{{right, templates.RightThumb}, {left, templates.LeftThumb}} {
		for i := range listed {
			if side.given && listed[i] {
				positions = append(positions, side.thumb+templates.Position(i))
			}
		}
	}
	return positions, left, right, true
}

// members are the fingers of a position, the inverse of positionOf.
func members(p templates.Position) []templates.Position {
	switch p {
	case templates.RightFour:
		return []templates.Position{templates.RightIndex, templates.RightMiddle, templates.RightRing, templates.RightLittle}
	case templates.LeftFour:
		return []templates.Position{templates.LeftIndex, templates.LeftMiddle, templates.LeftRing, templates.LeftLittle}
	case templates.Thumbs:
		return []templates.Position{templates.RightThumb, templates.LeftThumb}
	case templates.PositionUnknown:
		return nil
	}
	return []templates.Position{p}
}

// positionOf is the one code of all of the fingers, PositionUnknown where none is.
func positionOf(positions []templates.Position) templates.Position {
	if len(positions) == 1 {
		return positions[0]
	}
	for _, p := range [...]templates.Position{templates.RightFour, templates.LeftFour, templates.Thumbs} {
		if slices.Equal(positions, members(p)) {
			return p
		}
	}
	return templates.PositionUnknown
}

// subtypesOf writes a position: its sides, then its fingers.
func subtypesOf(p templates.Position) []string {
	var out []string
	list := members(p)
	if slices.ContainsFunc(list, func(p templates.Position) bool { return p >= templates.LeftThumb }) {
		out = append(out, "Left")
	}
	if slices.ContainsFunc(list, func(p templates.Position) bool { return p < templates.LeftThumb }) {
		out = append(out, "Right")
	}
	for i, name := range fingerNames {
		if slices.ContainsFunc(list, func(p templates.Position) bool { return int(p-templates.RightThumb)%len(fingerNames) == i }) {
			out = append(out, name)
		}
	}
	return out
}
