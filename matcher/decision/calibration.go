package decision

import "math"

// Line maps a similarity to log10 of a likelihood ratio: Slope * (x - Zero),
// clipped to Floor..Cap. An affine map is the logistic regression of the score,
// and the clips say how much the fit data can support at most: beyond them one
// would extrapolate.
type Line struct {
	Zero, Slope float64
	Floor, Cap  float64
}

func (l Line) at(x float32) float64 {
	return min(l.Cap, max(l.Floor, float64(l.Slope*(float64(x)-l.Zero))))
}

// Calibration holds the maps of all kinds of evidence. It is a value to be
// replaced by one fitted to the operation's own data; read-only once in use.
type Calibration struct {
	// Name is written into decisions, so that they can be understood later.
	Name string
	// Finger maps a finger.Score.
	Finger Line
	// Faces maps the cosine of a face model by the model's name.
	Faces map[string]Line
	// OtherFaces serves models that are not in Faces.
	OtherFaces Line
	// TotalLimit bounds the fused value on both sides: fingers of one person are
	// taken as independent, which they are not, and mistakes of people and
	// devices are more frequent than any value beyond it.
	TotalLimit float64
}

func (c *Calibration) face(model string) Line {
	if l, ok := c.Faces[model]; ok {
		return l
	}
	return c.OtherFaces
}

// Provisional is the calibration of the first version. UNCALIBRATED for any
// operation; what it rests on:
//
//   - Finger: logistic regression of scores >= 0.2 of finger.Compare, classes
//     weighed equal, on FVC2002 DB1_B and FVC2004 DB2_B (two extractors, 1,120
//     mated and 11,520 non-mated pairs of 20 fingers). Log-likelihood cost
//     there 0.20; on FVC2002 DB3_B and FVC2004 DB4_B, not used for the fit,
//     0.20. Floor: share of scores near 0 among mated (4 %) and non-mated
//     pairs (70 %). Cap: rule of 3 for the 5,760 different non-mated pairs, none of which
//     scores above 0.6, as 83 % of the mated do: log10(0.83 / (3/5760)).
//   - Faces: ratio of densities between the published quantiles of mated and
//     non-mated cosines of two networks on LFW (generator.json, fused_512 and
//     mbf_y1_128). Cap: the non-mated quantiles end at 1e-6, where errors in
//     the labels begin to decide. Floor: kept small, since a bad photo is more
//     frequent than the quantiles of LFW say.
//
// Models that are not named get the map of fused_512. That is a guess: who uses
// another network must calibrate it.
func Provisional() *Calibration {
	fused := Line{Zero: 0.244, Slope: 20.5, Floor: -2, Cap: 6}
	return &Calibration{
		Name:   "provisional-1",
		Finger: Line{Zero: 0.363, Slope: 8.6, Floor: -1.25, Cap: 3.2},
		Faces: map[string]Line{
			"fused_512":  fused,
			"mbf_y1_128": {Zero: 0.29, Slope: 18, Floor: -2, Cap: 6},
		},
		OtherFaces: fused,
		TotalLimit: 12,
	}
}

// quantize rounds to a multiple of 1/1024. Sums of such values are exact, so
// that terms add up to their total whatever the order.
func quantize(x float64) float64 {
	return math.Floor(float64(x*1024)+0.5) / 1024
}

// log10 is the logarithm of n >= 1 to base 10, rounded to a multiple of 1/1024.
// math.Log10 is compiled to different instructions on different machines.
// Method: binary digits of the logarithm to base 2 by repeated squaring.
func log10(n uint64) float64 {
	x, whole := float64(n), 0.0
	for x >= 2 {
		x /= 2
		whole++
	}
	for digit := 0.5; digit > 1e-8; digit /= 2 {
		if x = float64(x * x); x >= 2 {
			x /= 2
			whole += digit
		}
	}
	return quantize(float64(whole * (math.Ln2 / math.Ln10)))
}
