package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"immis/templates"
)

// blocks counts the blocks of all components in whole units.
func (f *jpegFile) blocks() int {
	n := 0
	for _, c := range f.components {
		n += f.componentBlocks(c)
	}
	return n
}

func (f *jpegFile) componentBlocks(c jpegComponent) int {
	across, down := f.units()
	return across * down * c.h * c.v
}

// units is how many times the sampling factors of the first component fit the image;
// the decoder pads to that, and the first component has the largest factors.
func (f *jpegFile) units() (across, down int) {
	h, v := f.components[0].h*jpegBlock, f.components[0].v*jpegBlock
	return (f.info.Width + h - 1) / h, (f.info.Height + v - 1) / v
}

// cost is a byte for each sample, four more for each coefficient of a progressive
// picture, and four a pixel where RGB is put together.
func (f *jpegFile) cost() int {
	n := f.blocks() * jpegBlock * jpegBlock
	if f.progressive {
		n *= 5
	}
	if f.mayBeRGB() {
		n += 4 * f.info.Width * f.info.Height
	}
	return n
}

// mayBeRGB tells whether the decoder may take the three components for RGB: where
// the Adobe segment or their names say so, and JFIF does not contradict.
func (f *jpegFile) mayBeRGB() bool {
	if len(f.components) != 3 {
		return false
	}
	return f.rgb || f.components[0].id == 'R' && f.components[1].id == 'G' && f.components[2].id == 'B'
}

func (f *jpegFile) pixels() (image.Image, error) {
	// A block takes at least a bit, of a sequential picture two.
	bits := f.blocks()
	if !f.progressive {
		bits *= 2
	}
	if f.entropy < bits/8 {
		return nil, templates.BadAt(f.firstScan, templates.ReasonTruncated, "JPEG scans have", fmt.Sprintf("%d bytes", f.entropy),
			fmt.Sprintf(">= %d for %d x %d pixels", bits/8, f.info.Width, f.info.Height))
	}
	m, err := jpeg.Decode(bytes.NewReader(f.data))
	switch unsupported := jpeg.UnsupportedError(""); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, templates.BadAt(f.firstScan, templates.ReasonTruncated, "JPEG scans", "end early", "all blocks")
	case errors.As(err, &unsupported):
		return nil, templates.BadAt(f.firstScan, templates.ReasonUnsupported, "JPEG", fmt.Sprintf("(%v)", err), "a usual picture")
	case err != nil:
		return nil, templates.BadAt(f.firstScan, templates.ReasonMalformed, "JPEG scans", fmt.Sprintf("(%v)", err), "blocks as the header says")
	}
	return m, nil
}
