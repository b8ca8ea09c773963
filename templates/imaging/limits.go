package imaging

import (
	"fmt"

	"immis/templates"
)

// Bounds of an image.
const (
	// MaxSide is the largest width or height, in pixels: what JPEG can hold.
	MaxSide = 1<<16 - 1
	// DefaultMaxPixels is a ten-print card of 8 by 8 inches at 600 ppi, or a
	// portrait of 24 megapixels.
	DefaultMaxPixels = 24 << 20
	// DefaultMaxBytes is DefaultMaxPixels in 16 bits.
	DefaultMaxBytes = 48 << 20
)

// Limits bound what decoding one picture may cost. The time is then bounded, too:
// by the pixels, and by the bytes of the file, whose number the caller bounds.
type Limits struct {
	// MaxPixels bounds width times height; 0: DefaultMaxPixels.
	MaxPixels int
	// MaxBytes bounds the memory of samples and coefficients, all copies counted;
	// 0: DefaultMaxBytes. A grey pixel costs 1, a coloured one up to 8, one of a
	// progressive JPEG up to 19 bytes.
	MaxBytes int
}

// check compares what the header announces with the bounds.
func (l Limits) check(p opened) error {
	if l.MaxPixels <= 0 {
		l.MaxPixels = DefaultMaxPixels
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if n := p.info.Width * p.info.Height; n > l.MaxPixels {
		return templates.BadAt(p.sizeAt, templates.ReasonOversized, "image of",
			fmt.Sprintf("%d x %d pixels", p.info.Width, p.info.Height), fmt.Sprintf("<= %d pixels", l.MaxPixels))
	}
	if p.cost > l.MaxBytes {
		return templates.BadAt(p.sizeAt, templates.ReasonOversized, "memory of",
			fmt.Sprintf("%d x %d pixels is %d bytes", p.info.Width, p.info.Height, p.cost), fmt.Sprintf("<= %d", l.MaxBytes))
	}
	return nil
}

// checkSize refuses a width or height that no picture has. The product of two sides
// that pass, times any number of bytes a pixel takes, is far from overflowing.
func checkSize(format string, width, widthAt, height, heightAt int) error {
	for _, s := range []struct {
		name       string
		pixels, at int
	}{{"width", width, widthAt}, {"height", height, heightAt}} {
		if s.pixels < 1 {
			return templates.BadAt(s.at, templates.ReasonOutOfRange, format+" "+s.name, s.pixels, fmt.Sprintf("1..%d", MaxSide))
		}
		if s.pixels > MaxSide {
			return templates.BadAt(s.at, templates.ReasonOversized, format+" "+s.name, s.pixels, fmt.Sprintf("1..%d", MaxSide))
		}
	}
	return nil
}

// truncated is the error of what would end after the end of the file.
func truncated(at int, field string, have, want int) error {
	return templates.BadAt(at, templates.ReasonTruncated, field+" has", fmt.Sprintf("%d bytes", max(have, 0)), fmt.Sprintf("%d", want))
}

// trailing is the error of bytes after the end of a picture, zeros as any other:
// what they are cannot be known, and a picture is stored as it was sent.
func trailing(at int, field string, n int) error {
	return templates.BadAt(at, templates.ReasonTrailing, field+" is followed by", fmt.Sprintf("%d bytes", n), "the end of the file, without padding")
}
