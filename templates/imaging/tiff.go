package imaging

import (
	"fmt"
	"image"
	"image/color"
	"slices"

	"immis/templates"
)

// Values of TIFF 6.0 that are read.
const (
	tiffNone       = 1
	tiffLZW        = 5
	tiffDeflate    = 8
	tiffDeflateOld = 32946
	tiffPackBits   = 32773

	tiffWhiteIsZero = 0
	tiffBlackIsZero = 1
	tiffRGB         = 2
	tiffPalette     = 3

	tiffAssociated   = 1 // alpha that the colours were multiplied with
	tiffUnassociated = 2

	// tiffTileStep is what sides of tiles are multiples of.
	tiffTileStep = 16
	// tiffPadding is how many times the image tiles may hold: their padding has to be
	// decompressed, too.
	tiffPadding = 4
	// tiffMaxBlocks is more than the smallest tiles of DefaultMaxPixels.
	tiffMaxBlocks = 1 << 17
)

// tiffFile is what the one directory of a TIFF says. Golang's x/image/tiff is not
// used: it allocates anew for every strip, so that a small file costs gigabytes of
// garbage, and reads neither 4 bits nor what tag 277 says. The tests compare with it.
type tiffFile struct {
	dir  *tiffDir
	info Info

	compression, photometric, predictor int
	// samples per pixel, extra of them no colour; alpha is tiffAssociated,
	// tiffUnassociated or 0.
	samples, extra, alpha int
	palette               color.Palette

	// Blocks are strips as wide as the image or tiles: blockWidth x blockHeight
	// pixels, across in a row. Of the last strip only the rows of the image are there.
	tiled                           bool
	blockWidth, blockHeight, across int
	offsets, sizes                  []int
	blocksAt                        int // where the tag of the offsets stands
}

// openTIFF reads the one directory. A TIFF states no length of its own, so that bytes
// which nothing points to are not noticed.
func openTIFF(data []byte, whole bool) (opened, error) {
	dir, err := readTIFFDir(data)
	if err != nil {
		return opened{}, err
	}
	if dir.next != 0 {
		return opened{}, templates.BadAt(dir.nextAt, templates.ReasonUnsupported, "TIFF pages", "2 or more", "1")
	}
	f := &tiffFile{dir: dir, info: Info{Format: templates.FormatTIFF}}
	for _, step := range []func() error{f.readSize, f.readSamples, f.readColours} {
		if err := step(); err != nil {
			return opened{}, err
		}
	}
	if f.info.PPIX, f.info.PPIY, err = dir.resolution(); err != nil {
		return opened{}, err
	}
	if f.info.Orientation, err = dir.orientation(); err != nil {
		return opened{}, err
	}
	if whole {
		if err := f.readBlocks(); err != nil {
			return opened{}, err
		}
	}
	grey := f.photometric < tiffRGB && f.samples == 1 && f.info.Bits <= 8
	cost := f.info.Width*f.info.Height*f.pixelBytes() + 4*f.blockWidth*f.samples
	return opened{info: f.info, sizeAt: dir.find(tagWidth).at, cost: cost, grey: grey, pixels: f.pixels}, nil
}

func (f *tiffFile) readSize() error {
	for _, s := range []struct {
		tag  int
		into *int
	}{{tagWidth, &f.info.Width}, {tagHeight, &f.info.Height}} {
		if f.dir.find(s.tag) == nil {
			return templates.BadAt(f.dir.nextAt, templates.ReasonMalformed, fmt.Sprintf("TIFF tag %d", s.tag), "is missing", "there")
		}
		var err error
		if *s.into, err = f.dir.number(s.tag, 0); err != nil {
			return err
		}
	}
	return checkSize("TIFF", f.info.Width, f.dir.find(tagWidth).valueAt, f.info.Height, f.dir.find(tagHeight).valueAt)
}

// one reads a tag that may only have some values.
func (f *tiffFile) one(name string, tag, absent int, reason templates.Reason, values ...int) (int, error) {
	v, err := f.dir.number(tag, absent)
	if err != nil {
		return 0, err
	}
	if !slices.Contains(values, v) {
		at := f.dir.nextAt
		if e := f.dir.find(tag); e != nil {
			at = e.valueAt
		}
		return 0, templates.BadAt(at, reason, "TIFF "+name, v, fmt.Sprintf("one of %v", values))
	}
	return v, nil
}

func (f *tiffFile) readSamples() (err error) {
	const no = templates.ReasonUnsupported
	if f.compression, err = f.one("compression", tagCompression, tiffNone, no, tiffNone, tiffLZW, tiffDeflate, tiffDeflateOld, tiffPackBits); err != nil {
		return err
	}
	if f.photometric, err = f.one("photometric interpretation", tagPhotometric, -1, no, tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette); err != nil {
		return err
	}
	colours := 1
	if f.photometric == tiffRGB {
		colours = 3
	}
	most := colours + 1
	if f.photometric == tiffPalette {
		most = colours
	}
	if f.samples, err = f.one("samples per pixel", tagSamples, 1, no, colours, most); err != nil {
		return err
	}
	f.extra = f.samples - colours
	bits, err := f.dir.numbers(tagBits, 1, f.samples)
	if err != nil {
		return err
	}
	f.info.Bits = 1
	if bits != nil {
		at := f.dir.find(tagBits).valueAt
		f.info.Bits = bits[0]
		if len(bits) != f.samples || slices.Min(bits) != slices.Max(bits) {
			return templates.BadAt(at, no, "TIFF bits of a sample", fmt.Sprint(bits), "the same for each sample")
		}
	}
	allowed := []int{1, 2, 4, 8, 16}
	if f.samples > 1 {
		allowed = []int{8, 16}
	} else if f.photometric == tiffPalette {
		allowed = []int{1, 2, 4, 8}
	}
	if !slices.Contains(allowed, f.info.Bits) {
		return templates.BadAt(f.dir.find(tagBits).valueAt, no, "TIFF bits of a sample", f.info.Bits, fmt.Sprintf("one of %v", allowed))
	}
	if _, err = f.one("fill order", tagFillOrder, 1, no, 1); err != nil {
		return err
	}
	if f.samples > 1 {
		if _, err = f.one("planar configuration", tagPlanar, 1, no, 1); err != nil {
			return err
		}
	}
	predictors := []int{1}
	if f.info.Bits >= 8 && f.compression != tiffNone && f.compression != tiffPackBits {
		predictors = []int{1, 2}
	}
	f.predictor, err = f.one("predictor", tagPredictor, 1, no, predictors...)
	return err
}

func (f *tiffFile) readColours() error {
	f.info.Colour = f.photometric >= tiffRGB
	formats, err := f.dir.numbers(tagSampleFormat, 1, f.samples)
	if err != nil {
		return err
	}
	for _, v := range formats {
		if v != 1 {
			return templates.BadAt(f.dir.find(tagSampleFormat).valueAt, templates.ReasonUnsupported, "TIFF sample format", v, "1, unsigned")
		}
	}
	if f.extra > 0 {
		// 0 is a sample of unknown meaning: it is skipped.
		if f.alpha, err = f.one("extra sample", tagExtraSamples, 0, templates.ReasonUnsupported, 0, tiffAssociated, tiffUnassociated); err != nil {
			return err
		}
	}
	if f.photometric != tiffPalette {
		return nil
	}
	n := 1 << f.info.Bits
	values, err := f.dir.numbers(tagColourMap, 3*n, 3*n)
	if err != nil {
		return err
	}
	if values == nil {
		return templates.BadAt(f.dir.nextAt, templates.ReasonMalformed, "TIFF tag 320", "is missing", "a palette")
	}
	f.info.Colour = false
	for i := range n {
		f.info.Colour = f.info.Colour || values[i] != values[n+i] || values[n+i] != values[2*n+i]
		f.palette = append(f.palette, color.RGBA64{uint16(values[i]), uint16(values[n+i]), uint16(values[2*n+i]), 0xffff})
	}
	return nil
}

// pixelBytes is what a pixel takes in the picture.
func (f *tiffFile) pixelBytes() int {
	deep := 1
	if f.info.Bits == 16 {
		deep = 2
	}
	if f.samples == 1 {
		return deep
	}
	return 4 * deep
}

// newPicture allocates what pixels fills.
func (f *tiffFile) newPicture() image.Image {
	r := image.Rect(0, 0, f.info.Width, f.info.Height)
	deep, straight := f.info.Bits == 16, f.alpha == tiffUnassociated
	switch {
	case f.photometric == tiffPalette:
		return image.NewPaletted(r, f.palette)
	case f.samples == 1 && deep:
		return image.NewGray16(r)
	case f.samples == 1:
		return image.NewGray(r)
	case deep && straight:
		return image.NewNRGBA64(r)
	case deep:
		return image.NewRGBA64(r)
	case straight:
		return image.NewNRGBA(r)
	}
	return image.NewRGBA(r)
}
