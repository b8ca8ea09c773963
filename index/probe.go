package index

import (
	"fmt"
	"math"

	"immis/internal/simd"
)

// Probe is a vector prepared for search and comparison. It never changes.
type Probe struct {
	dim     int
	rotated []float32
	codes   []int8
	// score of a row = product of its code with codes, times unit; off by at most slack.
	unit, slack float32
	// estimate from bits = asymmetric score times this, for rows that look random.
	bitUnit float32
}

// NewProbe prepares a vector of unit length with MinDim..MaxDim dimensions.
func NewProbe(vector []float32) (*Probe, error) {
	if n := len(vector); n < MinDim || n > MaxDim {
		return nil, &InputError{"probe", fmt.Sprintf("%d dimensions", n), fmt.Sprintf("%d..%d", MinDim, MaxDim)}
	}
	if err := checkVector("probe", vector, len(vector)); err != nil {
		return nil, err
	}
	f := formOf(len(vector))
	p := &Probe{dim: f.dim, rotated: make([]float32, f.dim), codes: make([]int8, f.dim)}
	f.rotation.Apply(p.rotated, vector)
	largest := float32(0)
	for _, v := range p.rotated {
		largest = max(largest, float32(math.Abs(float64(v))))
	}
	scale := 127 / largest
	simd.QuantizeInt8(p.codes, p.rotated, scale)
	residual := float64(simd.Residual(p.rotated, p.codes, scale))
	p.unit = 1 / float32(scale*f.codeScale)
	// With x the row, x' its code, p and p' likewise: p.x - p'.x' = p.(x-x') + (p-p').x',
	// and neither term is larger than the product of the lengths (Cauchy-Schwarz).
	// Lengths are at most 1+unitError; scoreError is for the float arithmetic.
	p.slack = float32((1+unitError)*wideResidual + residual*(1+unitError+wideResidual) + scoreError)
	p.bitUnit = 1 / (scale * float32(math.Sqrt(2*float64(f.dim)/math.Pi)))
	return p, nil
}

// scoreError bounds the rounding of DotF16 and of the conversions of scores.
const scoreError = 1e-5

// clamp cuts what rounding put outside -1..1.
func clamp(score float32) float32 { return min(1, max(-1, score)) }

// Dim is the number of dimensions.
func (p *Probe) Dim() int { return p.dim }
