// Package jpeg2000 decodes JPEG 2000 images, ISO/IEC 15444-1: JP2 files and
// bare codestreams, as they stand in finger, face and iris records. It refuses
// to guess and to repair: a codestream that lost its end is an error, because
// what would be shown is not what was captured. It does not encode, and does
// not read the parts that no biometric record uses: high-throughput blocks
// (Part 15), Part 2 extensions, packed packet headers (PPM, PPT), palettes.
package jpeg2000

import (
	"fmt"
	"image"

	"immis/templates"
)

// Bounds of what is decoded.
const (
	// DefaultPixels is the bound on width*height*components when Limits states
	// none: a card of ten fingers, 8 by 8 inches at 1,000 ppi.
	DefaultPixels = 64 << 20
	// MaxBytes is the largest input accepted, in bytes.
	MaxBytes = 1 << 30

	maxComponents = 4
	maxBits       = 16

	// An image of more than freeSamples samples needs a byte for each
	// samplesPerByte: no sensor's noise compresses better, while an empty image
	// of any size takes a hundred bytes.
	freeSamples    = 4 << 20
	samplesPerByte = 1000
	// The same for what takes the time: samples visited by coding passes, and
	// blocks visited by packet headers, which cost as much as blockVisit samples.
	freeVisits    = 24 << 20
	visitsPerByte = 2048
	blockVisit    = 128
)

// Config is what the headers say about an image.
type Config struct {
	// Width and Height are in pixels of the reference grid, at least 1.
	Width, Height int
	// Components is 1 (grey), 3 (colour) or 4 (colour and opacity).
	Components int
	// Bits is the largest precision of a component, 1..16.
	Bits int
	// PPIX and PPIY are the capture resolution of the res box in pixels per inch,
	// 0 when it is not stated. The display resolution says how large to show an
	// image, not how it was captured, and is not used.
	PPIX, PPIY float64
	// Codestream is true for a bare codestream without JP2 boxes.
	Codestream bool
}

// Limits bound what Decode spends on an input. The zero value is the default.
type Limits struct {
	// Pixels bounds width*height*components; 0 means DefaultPixels. A decoded
	// image costs about seven bytes for each at its peak.
	Pixels int
}

// DecodeConfig reads the headers up to the size of the image, and no image
// data. Errors wrap a *templates.InputError: EMPTY, OVERSIZED, TRUNCATED,
// TRAILING_BYTES, WRONG_LENGTH, WRONG_MAGIC, OUT_OF_RANGE, MALFORMED,
// UNSUPPORTED, IMPOSSIBLE_RESOLUTION.
func DecodeConfig(data []byte) (Config, error) {
	_, c, err := open(data)
	if err != nil {
		return Config{}, fmt.Errorf("decode JPEG 2000 header: %w", err)
	}
	return c, nil
}

// Decode reads an image: *image.Gray for 1 component, *image.NRGBA for 3 and 4.
// Samples of more than 8 bits lose their low bits, samples of fewer are spread
// over 0..255, signed samples are moved up by half their range. Subsampled
// components (by 2 or 4) are repeated. sYCC becomes sRGB, also where only the
// subsampling of its colours tells it; ICC profiles are not applied. A fourth
// component is opacity.
//
// Errors are those of DecodeConfig. TRUNCATED is also the answer to a missing
// tile, packet or end-of-codestream marker. Bytes after that marker are
// accepted inside a jp2c box (encoders with a target size pad there) and
// refused in a bare codestream. Memory and time are bounded by l and by the
// bytes at hand before anything is allocated; the result depends on the bytes
// alone.
func Decode(data []byte, l Limits) (image.Image, Config, error) {
	img, c, err := decode(data, l)
	if err != nil {
		return nil, Config{}, fmt.Errorf("decode JPEG 2000 image: %w", err)
	}
	return img, c, nil
}

func decode(data []byte, l Limits) (image.Image, Config, error) {
	f, c, err := open(data)
	if err != nil {
		return nil, c, err
	}
	limit := l.Pixels
	if limit <= 0 {
		limit = DefaultPixels
	}
	// Sides are below 2^32 and there are at most 4 components: no overflow when
	// the product of the sides is checked first.
	pixels := limit / c.Components
	if c.Width > pixels || c.Height > pixels/c.Width {
		return nil, c, templates.BadAt(f.size.at, templates.ReasonOversized, "image of",
			fmt.Sprintf("%dx%d pixels, %d components", c.Width, c.Height, c.Components), fmt.Sprintf("<= %d samples", limit))
	}
	if samples := c.Width * c.Height * c.Components; samples > freeSamples+len(data)*samplesPerByte {
		return nil, c, templates.BadAt(f.size.at, templates.ReasonOversized, "image of",
			fmt.Sprintf("%d samples in %d bytes", samples, len(data)), fmt.Sprintf("<= %d per byte", samplesPerByte))
	}
	planes, err := decodeCodestream(data, f)
	if err != nil {
		return nil, c, err
	}
	return f.picture(planes), c, nil
}

// file is what is known of an input before its codestream is decoded.
type file struct {
	// start and end delimit the codestream in the input.
	start, end int
	boxed      bool
	size       size
	// markers is the offset of the first marker after SIZ.
	markers int
	// boxes is the zero value in a bare codestream.
	boxes header
}

// open reads the boxes, if any, and the SIZ marker segment.
func open(data []byte) (*file, Config, error) {
	if len(data) == 0 {
		return nil, Config{}, templates.BadAt(0, templates.ReasonEmpty, "image", "is empty", "a JP2 file or a codestream")
	}
	if len(data) > MaxBytes {
		return nil, Config{}, templates.BadAt(0, templates.ReasonOversized, "image of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxBytes))
	}
	f := &file{end: len(data)}
	if data[0] != socMarker>>8 {
		f.boxed = true
		if err := f.readBoxes(data); err != nil {
			return nil, Config{}, err
		}
	}
	if err := f.readSize(data); err != nil {
		return nil, Config{}, err
	}
	c := Config{
		Width: f.size.x1 - f.size.x0, Height: f.size.y1 - f.size.y0,
		Components: len(f.size.components), Codestream: !f.boxed,
		PPIX: f.boxes.ppiX, PPIY: f.boxes.ppiY,
	}
	for _, k := range f.size.components {
		c.Bits = max(c.Bits, k.bits)
	}
	if f.boxed {
		if err := f.checkBoxes(c); err != nil {
			return nil, Config{}, err
		}
	}
	return f, c, nil
}
