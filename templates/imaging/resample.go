package imaging

import (
	"fmt"
	"math"

	"immis/templates"
)

// Resample gives the image at another resolution; the same image where it has that
// resolution already. Both are MinPPI..MaxPPI. A pixel covers the square from its
// index to the next: both images have their upper left corner in the same place, and
// the new width is round(Width * ppi / PPI), the height alike, at least 1.
//
// From twice the resolution on, each new pixel is the mean of the area it covers: what
// a sensor of the lower resolution would see, and nothing rings. Nearer to it, and
// upwards, Lanczos with three lobes, widened downwards: means over areas of 1.0 to 1.9
// pixels blur some places more than others and lose 2 to 12 dB there, and a cubic
// through four points loses up to 6 dB upwards (measured: TestResampleKernels). Both
// are in integers of fixed order, with weights of 14 bits: one image gives the same
// bits on every machine.
//
// Errors wrap a *templates.InputError: IMPOSSIBLE_RESOLUTION where the resolution of
// the image is not stated, or one of the two out of range; OVERSIZED for a result
// above DefaultMaxPixels; those of EncodePNG for an image that is none.
func (m *Image) Resample(ppi float64) (*Image, error) {
	out, err := m.resample(ppi)
	if err != nil {
		return nil, fmt.Errorf("resample image: %w", err)
	}
	return out, nil
}

func (m *Image) resample(ppi float64) (*Image, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.PPI == 0 {
		return nil, templates.Bad(templates.ReasonResolution, "resolution of the image", "is not stated", "in the file, or by the caller")
	}
	if !possiblePPI(ppi) {
		return nil, templates.Bad(templates.ReasonResolution, "wanted resolution", fmt.Sprintf("%g ppi", ppi), rangePPI)
	}
	if ppi == m.PPI {
		return m, nil
	}
	out := &Image{Width: scaledSide(m.Width, ppi, m.PPI), Height: scaledSide(m.Height, ppi, m.PPI), PPI: ppi}
	if n := out.Width * out.Height; n > DefaultMaxPixels {
		return nil, templates.Bad(templates.ReasonOversized, "resampled image of", fmt.Sprintf("%d x %d pixels", out.Width, out.Height),
			fmt.Sprintf("<= %d pixels", DefaultMaxPixels))
	}
	kernel, step := lanczos, m.PPI/ppi
	if step >= areaFrom {
		kernel = area
	}
	out.Pix = resampleDown(resampleAcross(m, kernel(m.Width, out.Width, step)), out.Width, kernel(m.Height, out.Height, step))
	return out, nil
}

func scaledSide(n int, ppi, from float64) int { return max(1, int(math.Round(float64(n)*ppi/from))) }

// areaFrom is from how many old pixels to a new one on the mean over an area is nearer
// to the truth than the other kernel.
const areaFrom = 2

const (
	weightBits = 14 // of a weight of 1
	// fractionBits of a sample are kept between the two passes.
	fractionBits = 6
)

// taps says of which pixels a new one is the sum: those from first on, one for each
// weight. The weights of a new pixel sum to 1<<weightBits.
type taps struct {
	first   []int32
	weights []int32 // width for each new pixel
	width   int
}

// resampleAcross resamples the rows; the samples keep fractionBits.
func resampleAcross(m *Image, t taps) []int16 {
	out := make([]int16, m.Height*len(t.first))
	for y := range m.Height {
		row, to := m.row(y), out[y*len(t.first):][:len(t.first)]
		for x, first := range t.first {
			sum := int32(1) << (weightBits - fractionBits - 1)
			weights := t.weights[x*t.width:][:t.width]
			from := row[first:][:len(weights)]
			for i, w := range weights {
				sum += w * int32(from[i])
			}
			to[x] = int16(sum >> (weightBits - fractionBits))
		}
	}
	return out
}

// resampleDown resamples the columns, a whole row at a time.
func resampleDown(in []int16, width int, t taps) []uint8 {
	out := make([]uint8, len(t.first)*width)
	sums := make([]int32, width)
	for y, first := range t.first {
		for x := range sums {
			sums[x] = 1 << (weightBits + fractionBits - 1)
		}
		for i, w := range t.weights[y*t.width:][:t.width] {
			if w == 0 {
				continue
			}
			row := in[(int(first)+i)*width:][:width]
			for x, v := range row {
				sums[x] += w * int32(v)
			}
		}
		to := out[y*width:][:width]
		for x, sum := range sums {
			to[x] = uint8(min(max(sum>>(weightBits+fractionBits), 0), 255))
		}
	}
	return out
}
