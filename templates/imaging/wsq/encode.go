package wsq

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"strings"

	"immis/templates"
)

// Options of Encode.
type Options struct {
	// BitRate is the size of the file in bits per pixel, MinBitRate..MaxBitRate.
	// 0.75 (about 1:11) is what police systems exchange at 500 ppi; 2.25 is hard
	// to tell from the original.
	BitRate float64
	// PPI is the resolution in pixels per inch, 1..65535, written into a NIST_COM
	// comment; 0: not stated.
	PPI int
	// Comment is written as a further comment when it is not empty: at most 65533
	// bytes, and no list of attributes of its own.
	Comment string
}

// The bit rates Encode takes, in bits per pixel.
const (
	MinBitRate = 0.1
	MaxBitRate = 8
)

const (
	maxComment = math.MaxUint16 - 2
	minCoded   = 512 // bytes of tables and coefficients that a picture may always take
)

func (o Options) validate() error {
	switch {
	case !(o.BitRate >= MinBitRate && o.BitRate <= MaxBitRate):
		return templates.Bad(templates.ReasonOutOfRange, "bit rate", o.BitRate, fmt.Sprintf("%v..%v bits per pixel", MinBitRate, MaxBitRate))
	case o.PPI < 0 || o.PPI > math.MaxUint16:
		return templates.Bad(templates.ReasonOutOfRange, "resolution", o.PPI, "0..65535 ppi")
	case len(o.Comment) > maxComment:
		return templates.Bad(templates.ReasonOversized, "comment", fmt.Sprintf("%d bytes", len(o.Comment)), fmt.Sprintf("<= %d bytes", maxComment))
	case strings.HasPrefix(o.Comment, nistcom):
		return templates.Bad(templates.ReasonMalformed, "comment", "a list of attributes", "free text: Encode writes the list")
	}
	return nil
}

// Encode compresses an image of 1..65535 pixels each way. The bins are as fine as
// the bit rate allows: the file is at most 1 % larger than BitRate says, and at
// most 3 % smaller unless the picture needs less (a flat one does, whatever the
// rate). The headers take about 700 bytes and the picture is given at least
// minCoded; where the rate allows less, below some 13,000 pixels at 0.75, the file
// becomes larger than the rate says rather than losing the ridges. The result
// depends on the arguments only.
//
// The filters are those with 9 and 7 taps, bins and blocks those of part 3 of the
// specification. It was not certified by the FBI, so encoder and software number
// are written as 0.
//
// Errors wrap a *templates.InputError: EMPTY, OVERSIZED, OUT_OF_RANGE, MALFORMED.
func Encode(img *image.Gray, o Options) ([]byte, error) {
	data, err := encode(img, o, standardTransform())
	if err != nil {
		return nil, fmt.Errorf("encode WSQ: %w", err)
	}
	return data, nil
}

func encode(img *image.Gray, o Options, t transform) ([]byte, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if img == nil || img.Rect.Empty() {
		return nil, templates.Bad(templates.ReasonEmpty, "image", "0 pixels", ">= 1")
	}
	width, height := img.Rect.Dx(), img.Rect.Dy()
	if width > math.MaxUint16 || height > math.MaxUint16 {
		return nil, templates.Bad(templates.ReasonOversized, "image", fmt.Sprintf("%d x %d pixels", width, height), "<= 65535 each way")
	}
	pixels := make([]uint8, 0, width*height)
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		i := img.PixOffset(img.Rect.Min.X, y)
		pixels = append(pixels, img.Pix[i:i+width]...)
	}

	out := []byte{0xFF, markSOI}
	out = appendComment(out, attributes(width, height, o))
	if o.Comment != "" {
		out = appendComment(out, o.Comment)
	}
	out = t.append(out)
	frame, shift, scale := appendFrame(nil, pixels, width, height)

	plane := make([]float32, len(pixels))
	for i, v := range pixels {
		plane[i] = (float32(v) - shift) / scale
	}
	nodes, bands := decompose(width, height)
	decomposeImage(plane, width, nodes, t.analysis())

	// The end of the image counts as a header, as do the block headers.
	fixed := len(out) + 2 + quantLength + len(frame) + 3*(2+blockLength) + 2
	target := o.BitRate * float64(len(pixels)) / 8
	s := newScaler(plane, width, bands)
	s.search(max(target-float64(fixed), minCoded))

	out = s.appendQuantization(out)
	out = append(out, frame...)
	return append(s.appendBlocks(out), 0xFF, markEOI), nil
}

func appendSegment(out []byte, code byte, body int) []byte {
	return binary.BigEndian.AppendUint16(append(out, 0xFF, code), uint16(body+2))
}

func appendComment(out []byte, text string) []byte {
	return append(appendSegment(out, markCOM, len(text)), text...)
}

// appendFrame writes the frame header and returns the shift and the scale as a
// decoder will read them: the mean, and what brings the farthest pixel to 128.
func appendFrame(out []byte, pixels []uint8, width, height int) (frame []byte, shift, scale float32) {
	sum, least, most := 0, pixels[0], pixels[0]
	for _, v := range pixels {
		sum += int(v)
		least, most = min(least, v), max(most, v)
	}
	mean := float64(sum) / float64(len(pixels))
	spread := max(mean-float64(least), float64(most)-mean) / 128
	if spread == 0 { // a flat picture
		spread = 1
	}
	out = appendSegment(out, markSOF, frameLength-2)
	out = append(out, 0, 255)
	out = binary.BigEndian.AppendUint16(out, uint16(height))
	out = binary.BigEndian.AppendUint16(out, uint16(width))
	values := appendScaled16(appendScaled16(nil, mean), spread)
	out = append(out, values...)
	return append(out, 0, 0, 0), scaled16(values), scaled16(values[3:])
}
