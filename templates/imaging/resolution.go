package imaging

import (
	"fmt"
	"math"

	"immis/templates"
)

// MinPPI and MaxPPI bound what a fingerprint can be captured with, in pixels per inch.
// 72 and 96, which programs write that do not know, are below.
const (
	MinPPI = 100
	MaxPPI = 2000
)

const (
	centimetresPerInch = 2.54
	metresPerInch      = 0.0254

	// squareTolerance is how far the axes of square pixels may differ: what
	// rounding to whole pixels per cm does to them, and no more.
	squareTolerance = 0.01
	// statedTolerance is how far a caller may contradict a file.
	statedTolerance = 0.02
)

// PPI is the resolution to work with, in pixels per inch: stated where the caller
// states one (MinPPI..MaxPPI), else what the file says; 0 where neither does.
//
// The error is IMPOSSIBLE_RESOLUTION for a stated one out of range or more than 2 %
// off a possible one of an axis in the file; for axes in the file that differ by more
// than 1 %; and, with none stated, for a file's that is out of range or has one axis only.
func (i Info) PPI(stated float64) (float64, error) {
	possible := possiblePPI(i.PPIX) && possiblePPI(i.PPIY)
	file := fmt.Sprintf("%g x %g ppi", i.PPIX, i.PPIY)
	switch {
	case stated != 0 && !possiblePPI(stated):
		return 0, templates.Bad(templates.ReasonResolution, "stated resolution", fmt.Sprintf("%g ppi", stated), rangePPI)
	case i.PPIX > 0 && i.PPIY > 0 && math.Abs(i.PPIX-i.PPIY) > squareTolerance*math.Min(i.PPIX, i.PPIY):
		return 0, templates.Bad(templates.ReasonResolution, "resolution in the file", file, "square pixels")
	case stated != 0 && (contradicts(stated, i.PPIX) || contradicts(stated, i.PPIY)):
		return 0, templates.Bad(templates.ReasonResolution, "stated resolution", fmt.Sprintf("%g ppi", stated),
			fmt.Sprintf("within 2 %% of the %s in the file", file))
	case stated != 0:
		return stated, nil
	case i.PPIX == 0 && i.PPIY == 0:
		return 0, nil
	case !possible:
		return 0, templates.Bad(templates.ReasonResolution, "resolution in the file", file, rangePPI+" on both axes, or one stated beside the file")
	}
	return (i.PPIX + i.PPIY) / 2, nil
}

const rangePPI = "100..2000 ppi"

// possiblePPI is false for NaN, too.
func possiblePPI(ppi float64) bool { return ppi >= MinPPI && ppi <= MaxPPI }

// contradicts is false for what a file cannot mean.
func contradicts(stated, file float64) bool {
	return possiblePPI(file) && math.Abs(stated-file) > statedTolerance*file
}

// ppiFromMetre turns whole pixels per metre into pixels per inch. Whole pixels per
// inch were rounded or cut to reach them (19685 is 500 ppi, not 499.999), so the
// nearest whole number is taken back where it explains the value.
func ppiFromMetre(n float64) float64 { return nearestPPI(n, metresPerInch, 1) }

// ppiFromCentimetre does so for pixels per cm. They are too coarse to tell 500 from
// 499 ppi: hundreds are taken back (197 is 500 ppi, 394 is 1,000), others, such as
// the 508 ppi of 200 per cm, stand as they are.
func ppiFromCentimetre(n float64) float64 { return nearestPPI(n, centimetresPerInch, 100) }

func nearestPPI(n, lengthPerInch, step float64) float64 {
	exact := n * lengthPerInch
	whole := math.Round(exact/step) * step
	off := whole/lengthPerInch - n
	if n != math.Trunc(n) { // not rounded by the writer to a whole number
		if math.Abs(off) < 0.01 {
			return whole
		}
		return exact
	}
	if off > -0.51 && off < 1 && whole > 0 { // rounded: within half; cut: less than 1 below
		return whole
	}
	return exact
}

// aspectOnly is the resolution of a file that states the shape of its pixels and no
// unit: nothing for square ones. For others it is the shape itself, below MinPPI, so
// that a fingerprint is refused.
func aspectOnly(x, y float64) (ppix, ppiy float64) {
	if x == y {
		return 0, 0
	}
	n := math.Max(math.Max(x, y), 1)
	return x / n, y / n
}
