package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// layout is what the versions differ in.
type layout struct {
	version string
	// equipment is where certification and device stand, after the product
	// identifier; a Long header has everything from the product identifier on four
	// bytes later.
	equipment int
	// bytes: certification and device have a byte and two, not 4 and 12 bits.
	bytes bool
	// shared: the image stands in the header, after the equipment; the view's number
	// and impression share a byte, and nobody says who computed its quality.
	shared      bool
	impressions uint32
	// codes: angles and qualities.
	codes fmr.Codes
}

// layoutOf is the one switch over versions; false for a format that is none.
func layoutOf(f templates.Format) (layout, bool) {
	switch f {
	case templates.FormatANSI378_2004:
		return layout2004(), true
	case templates.FormatANSI378_2007:
		return layout2007(), true
	case templates.FormatANSI378_2009:
		return layout2009(), true
	case templates.FormatANSI378_2009AM1:
		return layout2009AM1(), true
	}
	return layout{}, false
}

func checkFormat(f templates.Format) (layout, error) {
	l, ok := layoutOf(f)
	if !ok {
		return l, templates.Bad(templates.ReasonFormat, "record format", f, "a version of ANSI INCITS 378")
	}
	return l, nil
}

const (
	// imageSize is width, height and both resolutions; countSize the number of views
	// and a reserved byte.
	imageSize = 8
	countSize = 2
	// longSize is what a Long header has more.
	longSize = 4
)

// image is where the image stands in the header of a shared layout, and the number
// of views in others.
func (l layout) image() int {
	if l.bytes {
		return l.equipment + 3
	}
	return l.equipment + 2
}

// count is where the number of views stands.
func (l layout) count() int {
	if l.shared {
		return l.image() + imageSize
	}
	return l.image()
}

// header is its size, without longSize.
func (l layout) header() int { return l.count() + countSize }

// viewHeader is the size of the header of a view: position, number and impression,
// quality, count of minutiae; with an image and the origin of the quality of its own
// where the header has none.
func (l layout) viewHeader() int {
	if l.shared {
		return 4
	}
	return 4 + 1 + 4 + imageSize
}

// size is the length of a view in bytes.
func (l layout) size(v *View) int {
	return l.viewHeader() + len(v.Minutiae)*fmr.LongMinutia + fmr.ViewLeast + len(v.Extended)
}

// whatViews is what views are called in errors.
const whatViews = "finger views"

// view is the path of a part of view i in an error.
func view(i int) fmr.Path { return fmr.Path{Kind: "finger view", Index: i} }

// header is the path of a part of the header.
func header() fmr.Path { return fmr.Path{Kind: "record header", Index: fmr.Header} }
