// Package imaging is the one grey image type that extraction and quality work on,
// and what turns bare image files into it: PNG, JPEG, BMP, TIFF, WSQ and JPEG 2000,
// chosen by one visible switch. Memory is bounded from the header before anything
// is allocated. It refuses to guess: a format, a resolution that a file does not
// state, which way up a picture is, or what the missing end of a file held.
package imaging

import (
	"fmt"
	"image"

	"immis/templates"
)

// Image is an 8-bit grey image with its resolution. 0 is black.
type Image struct {
	// Pix holds Width*Height samples, row by row from the top, without padding.
	Pix []uint8
	// Width and Height are in pixels, at least 1.
	Width, Height int
	// PPI is the resolution of both axes in pixels per inch, MinPPI..MaxPPI;
	// 0: not stated.
	PPI float64
}

// Info is what the header of an image file says.
type Info struct {
	Format templates.Format
	// Width and Height are in pixels, 1..MaxSide.
	Width, Height int
	// Colour tells whether the samples are colours; a palette of greys is none.
	Colour bool
	// Bits is the depth of one sample, 1..16; of a palette, that of its index.
	Bits int
	// PPIX and PPIY are pixels per inch as the file states them, not judged;
	// 0: not stated. See PPI.
	PPIX, PPIY float64
	// Orientation is how the picture must be turned to be seen upright, 1..8 as tag
	// 274 of TIFF 6.0 and EXIF; 1 (upright) where the format does not state it.
	Orientation int
}

// Options of Decode. The zero value takes what the file says and the default bounds.
type Options struct {
	// PPI is the resolution as the caller states it, MinPPI..MaxPPI; 0: what the
	// file says, see Info.PPI.
	PPI float64
	// OfRecord: PPI is what a record says of the image in it, and counts even where
	// the file says another resolution: many writers leave there what their library
	// puts in.
	OfRecord bool
	// MaxPixels and MaxBytes are those of Limits.
	MaxPixels, MaxBytes int
}

// opened is an image file whose header was read and whose pixels were not.
type opened struct {
	info Info
	// sizeAt is where the width stands, for errors.
	sizeAt int
	// cost is what pixels will allocate, in bytes, but for tables of fixed size.
	cost int
	// grey tells that pixels gives an *image.Gray that nobody else holds.
	grey bool
	// pixels reads the picture; it is called after the bounds were checked.
	pixels func() (image.Image, error)
}

// open reads the header of an image file; with whole set also everything else that
// can be judged without decoding pixels, up to the end of the file.
func open(f templates.Format, data []byte, whole bool) (opened, error) {
	if len(data) == 0 {
		return opened{}, templates.BadAt(0, templates.ReasonEmpty, "image file of", "0 bytes", "an image")
	}
	switch f {
	case templates.FormatPNG:
		return openPNG(data, whole)
	case templates.FormatJPEG:
		return openJPEG(data, whole)
	case templates.FormatBMP:
		return openBMP(data, whole)
	case templates.FormatTIFF:
		return openTIFF(data, whole)
	case templates.FormatWSQ:
		return openWSQ(data)
	case templates.FormatJP2:
		return openJPEG2000(data)
	}
	return opened{}, templates.Bad(templates.ReasonFormat, "image format", f, "png, jpeg, bmp, tiff, wsq or jp2")
}

// Inspect reads the header of an image file and decodes no pixels. What follows the
// header is not looked at: a file that Inspect accepts may still be damaged.
//
// Errors wrap a *templates.InputError: UNKNOWN_FORMAT for what is no image format,
// EMPTY, WRONG_MAGIC, TRUNCATED, MALFORMED, OUT_OF_RANGE, OVERSIZED for a side above
// MaxSide, UNSUPPORTED.
func Inspect(f templates.Format, data []byte) (Info, error) {
	p, err := open(f, data, false)
	if err != nil {
		return Info{}, fmt.Errorf("inspect %v image: %w", f, err)
	}
	return p.info, nil
}

// Decode reads an image as grey, for fingerprints. Colours become BT.601 luma (of a
// JPEG its own luma component), samples of 16 bits are scaled and rounded (of JPEG 2000
// cut), of less than 8 bits stretched to 0..255, and transparency is laid over white.
// Gamma and colour profiles are not applied.
//
// The resolution is that of Info.PPI. A picture that is not stored upright is
// refused: a mirrored print would be compared as another finger.
//
// Errors wrap a *templates.InputError: those of Inspect, OVERSIZED for what exceeds
// the bounds, TRAILING_BYTES, IMPOSSIBLE_RESOLUTION.
func Decode(f templates.Format, data []byte, o Options) (*Image, error) {
	m, err := decode(f, data, o)
	if err != nil {
		return nil, fmt.Errorf("decode %v image: %w", f, err)
	}
	return m, nil
}

func decode(f templates.Format, data []byte, o Options) (*Image, error) {
	p, err := open(f, data, true)
	if err != nil {
		return nil, err
	}
	if p.info.Orientation != 1 {
		return nil, templates.Bad(templates.ReasonUnsupported, "orientation", p.info.Orientation, "1, upright")
	}
	info := p.info
	if o.OfRecord && o.PPI != 0 {
		info.PPIX, info.PPIY = 0, 0
	}
	ppi, err := info.PPI(o.PPI)
	if err != nil {
		return nil, err
	}
	if !p.grey {
		p.cost += p.info.Width * p.info.Height
	}
	if err := (Limits{o.MaxPixels, o.MaxBytes}).check(p); err != nil {
		return nil, err
	}
	src, err := p.pixels()
	if err != nil {
		return nil, err
	}
	m := grey(src)
	m.PPI = ppi
	return m, nil
}

// DecodePicture reads an image with its colours, for portraits that are shown. The
// picture is one of the types of package image, with its upper left corner at 0, 0,
// as it is stored: turning it upright (Info.Orientation) is left to the viewer, and
// so are gamma and colour profiles. Its resolution is not judged.
//
// Errors are those of Decode.
func DecodePicture(f templates.Format, data []byte, l Limits) (image.Image, Info, error) {
	p, err := open(f, data, true)
	if err == nil {
		err = l.check(p)
	}
	var m image.Image
	if err == nil {
		m, err = p.pixels()
	}
	if err != nil {
		return nil, Info{}, fmt.Errorf("decode %v picture: %w", f, err)
	}
	return m, p.info, nil
}
