package fmr

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// Minutia is a minutia as it stands in a record: type (2 bits) and x (14 bits), 2
// reserved bits and y (14 bits), angle, and a quality that some layouts leave out.
type Minutia struct {
	// X and Y are in pixels of the view's image, origin upper left, inside it; on
	// cards in the unit of the card format.
	X, Y uint16
	// Angle is in the unit of the version, counter-clockwise from the x axis:
	// 360/256 degrees in ISO/IEC 19794-2, 2 degrees (0..179) in ANSI INCITS 378.
	Angle uint8
	Type  templates.MinutiaType
	// Quality is 1..100 and 0 for not reported in the versions of 2004 and 2005;
	// later 0..100, NotReported or Failed.
	Quality uint8
}

// Qualities of the versions after 2005 that are no qualities.
const (
	// NotReported: nobody tried to compute one.
	NotReported = 254
	// Failed: an attempt to compute one failed.
	Failed = 255
)

const (
	// LongMinutia and ShortMinutia are the sizes of a minutia with and without a
	// quality.
	LongMinutia  = 6
	ShortMinutia = 5

	// MaxCoordinate is the largest x or y of 14 bits.
	MaxCoordinate = 0x3fff
)

// Minutiae reads n minutiae of size bytes from byte off; next is the byte after
// them. A quality that is left out is NotReported. Errors: TRUNCATED, RESERVED_BITS.
func Minutiae(data []byte, off, n, size int, path Path) (out []Minutia, next int, err error) {
	if need := n*size + ViewLeast; len(data)-off < need {
		return nil, 0, templates.BadAt(off, templates.ReasonTruncated, path.At(fmt.Sprintf("%d minutiae with", n)),
			fmt.Sprintf("%d bytes", len(data)-off), fmt.Sprintf(">= %d", need))
	}
	if n > 0 {
		out = make([]Minutia, n)
	}
	for i := range out {
		b := data[off+i*size:]
		x, y := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if y>>14 != 0 {
			return nil, 0, templates.BadAt(off+i*size+2, templates.ReasonReserved, path.At(fmt.Sprintf("minutia %d: reserved bits", i+1)), y>>14, 0)
		}
		out[i] = Minutia{X: x & MaxCoordinate, Y: y, Type: templates.MinutiaType(x >> 14), Angle: b[4], Quality: NotReported}
		if size == LongMinutia {
			out[i].Quality = b[5]
		}
	}
	return out, off + n*size, nil
}

// AppendMinutiae is the inverse of Minutiae.
func AppendMinutiae(dst []byte, minutiae []Minutia, size int) []byte {
	for _, m := range minutiae {
		dst = binary.BigEndian.AppendUint16(dst, uint16(m.Type)<<14|m.X)
		dst = binary.BigEndian.AppendUint16(dst, m.Y)
		if dst = append(dst, m.Angle); size == LongMinutia {
			dst = append(dst, m.Quality)
		}
	}
	return dst
}

// Codes are what a version writes where: how many angles a turn has and which
// quality stands for none.
type Codes struct {
	// Angles is the number of angles of a full turn, 64, 180 or 256.
	Angles uint32
	// Unreported is the quality that stands for none: 0 in the versions of 2004 and
	// 2005, NotReported later.
	Unreported uint8
}

// later tells whether NotReported and Failed are qualities.
func (c Codes) later() bool { return c.Unreported == NotReported }

// CheckQuality checks a quality of a finger or a minutia; zero is always one.
func (c Codes) CheckQuality(q uint8, at int, field string) error {
	if c.GoodQuality(q) {
		return nil
	}
	want := "0..100"
	if c.later() {
		want = "0..100, 254 or 255"
	}
	return templates.BadAt(at, templates.ReasonQuality, field, q, want)
}

// GoodQuality tells whether CheckQuality accepts a quality.
func (c Codes) GoodQuality(q uint8) bool {
	return q <= 100 || c.later() && (q == NotReported || q == Failed)
}

// CheckMinutiae checks minutiae of size bytes that stand at byte at; those of less
// than LongMinutia hold no quality. Errors:
// MINUTIA_COUNT, MINUTIA_OUTSIDE_IMAGE, OUT_OF_RANGE, QUALITY_OUT_OF_RANGE; they
// name the minutia, counted from 1, and never its coordinates.
func (c Codes) CheckMinutiae(minutiae []Minutia, image Image, size, at int, path Path) error {
	if n := len(minutiae); n > templates.MaxMinutiae {
		return templates.BadAt(at-1, templates.ReasonMinutiaCount, path.At("minutia count"), n, fmt.Sprintf("<= %d", templates.MaxMinutiae))
	}
	for i, m := range minutiae {
		if err := c.checkMinutia(m, image, size, at+i*size); err != nil {
			err.Field = path.At(fmt.Sprintf("minutia %d%s", i+1, err.Field))
			return err
		}
	}
	return nil
}

// checkMinutia leaves the front of the field's path to the caller.
func (c Codes) checkMinutia(m Minutia, image Image, size, at int) *templates.InputError {
	switch {
	case m.X >= image.Width || m.Y >= image.Height || m.X > MaxCoordinate || m.Y > MaxCoordinate:
		return templates.BadAt(at, templates.ReasonMinutiaOutside, "", "lies outside the image",
			fmt.Sprintf("inside %d x %d pixels", min(image.Width, MaxCoordinate+1), min(image.Height, MaxCoordinate+1)))
	case m.Type > templates.MinutiaBifurcation:
		return templates.BadAt(at, templates.ReasonOutOfRange, ": type", m.Type, "0..2")
	case uint32(m.Angle) >= c.Angles:
		return templates.BadAt(at+4, templates.ReasonOutOfRange, ": angle", m.Angle, fmt.Sprintf("0..%d", c.Angles-1))
	case size == LongMinutia && c.GoodQuality(m.Quality):
	case size != LongMinutia && m.Quality == NotReported:
	case size != LongMinutia:
		return templates.BadAt(at, templates.ReasonQuality, ": quality of a minutia without one", m.Quality, NotReported)
	default:
		want := "0..100"
		if c.later() {
			want += ", 254 or 255"
		}
		return templates.BadAt(at+5, templates.ReasonQuality, ": quality", m.Quality, want)
	}
	return nil
}
