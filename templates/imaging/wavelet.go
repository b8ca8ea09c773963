package imaging

import (
	"image"
	"math"

	"immis/templates"
	"immis/templates/imaging/jpeg2000"
	"immis/templates/imaging/wsq"
)

// Bytes that our wavelet decoders take for a sample at their peak, picture included.
const (
	wsqBytes      = 8
	jpeg2000Bytes = 5
)

func openWSQ(data []byte) (opened, error) {
	c, err := wsq.DecodeConfig(data)
	if err != nil {
		return opened{}, err
	}
	const at = templates.NoOffset
	if err := checkSize("WSQ", c.Width, at, c.Height, at); err != nil {
		return opened{}, err
	}
	ppi := float64(c.PPI)
	return opened{
		info: Info{Format: templates.FormatWSQ, Width: c.Width, Height: c.Height, Bits: 8, PPIX: ppi, PPIY: ppi, Orientation: 1},
		// The size was compared with the caller's bounds before pixels is called.
		sizeAt: at, cost: wsqBytes * c.Width * c.Height, grey: true,
		pixels: func() (image.Image, error) {
			m, _, err := wsq.Decode(data, c.Width*c.Height)
			if err != nil {
				return nil, err
			}
			return m, nil
		},
	}, nil
}

func openJPEG2000(data []byte) (opened, error) {
	c, err := jpeg2000.DecodeConfig(data)
	if err != nil {
		return opened{}, err
	}
	const at = templates.NoOffset
	if err := checkSize("JPEG 2000", c.Width, at, c.Height, at); err != nil {
		return opened{}, err
	}
	samples := c.Width * c.Height * c.Components
	return opened{
		info: Info{
			Format: templates.FormatJP2, Width: c.Width, Height: c.Height, Colour: c.Components > 1, Bits: c.Bits,
			PPIX: wholePPI(c.PPIX), PPIY: wholePPI(c.PPIY), Orientation: 1,
		},
		sizeAt: at, cost: jpeg2000Bytes * samples, grey: c.Components == 1,
		pixels: func() (image.Image, error) {
			m, _, err := jpeg2000.Decode(data, jpeg2000.Limits{Pixels: samples})
			return m, err
		},
	}, nil
}

// wholePPI undoes the rounding of fractions of pixels per metre.
func wholePPI(ppi float64) float64 {
	if whole := math.Round(ppi); math.Abs(ppi-whole) < 0.01 {
		return whole
	}
	return ppi
}
