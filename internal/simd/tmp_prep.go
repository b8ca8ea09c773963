package simd

import "math"

type Rotation struct{ dim int }

func NewRotation(dim int) *Rotation { return &Rotation{dim} }
func (r *Rotation) Apply(dst, src []float32) { copy(dst, src) }
func FromF16(dst []float32, src []F16) {
	for i, h := range src {
		dst[i] = h.Float32()
	}
}
func Residual(x []float32, q []int8, scale float32) float32 {
	s := 0.0
	for i := range x {
		d := float64(x[i]) - float64(float64(q[i])/float64(scale))
		s += float64(d * d)
	}
	return float32(float64(math.Sqrt(s)*1.0001) + 1e-6)
}

