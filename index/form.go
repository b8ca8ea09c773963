package index

import (
	"fmt"
	"math"
	"sync"

	"immis/internal/simd"
)

// form is how the vectors of one dimension become rows and probes.
//
// A vector is rotated first, by an orthogonal pseudo-random rotation: scores do not
// change, and no dimension is larger than others any more, whatever the network that
// made the vector. Each dimension of a row is then close to a normal deviate of
// standard deviation 1/sqrt(dim), so one scale serves all rows.
type form struct {
	dim      int
	rotation *simd.Rotation
	// codeScale turns a dimension into its 8-bit code: codeRange standard deviations
	// become 127.
	codeScale float32
	bits      bool // whether there is a plane of bits

	pool sync.Pool
}

// codeRange is the largest dimension that a code can hold, in standard deviations.
// Less cuts off more, more makes coarser steps.
const codeRange = 5

// wideResidual is the residual above which a row is not trusted to its code: it is
// wide, and scored by itself in every search. Steps of 5/127 standard deviations give
// ordinary rows a residual of 5/127/sqrt(12) = 0.0114, whatever the dimension; at 512
// dimensions a row with a dimension beyond 5.24 standard deviations is wide, which is
// one of 12,000.
const wideResidual = 0.0155

var forms sync.Map // dim -> *form; rotations are the same for all indexes

func formOf(dim int) *form {
	if f, ok := forms.Load(dim); ok {
		return f.(*form)
	}
	f, _ := forms.LoadOrStore(dim, &form{
		dim: dim, rotation: simd.NewRotation(dim), bits: dim >= fastDim,
		codeScale: float32(127 * math.Sqrt(float64(dim)) / codeRange),
	})
	return f.(*form)
}

// packed is rows on their way into segments.
type packed struct {
	half     []simd.F16
	codes    []int8
	bits     []uint32
	residual []float32
	scratch  []float32
}

// unitError is how far from 1 the length of a vector may be.
const unitError = 0.01

// checkVector refuses what is no direction: a wrong dimension, a value that is not
// finite, a length that is not 1.
func checkVector(what string, v []float32, dim int) error {
	if len(v) != dim {
		return &InputError{what, fmt.Sprintf("%d dimensions", len(v)), fmt.Sprint(dim)}
	}
	// What is not finite makes the length so.
	length := math.Sqrt(float64(simd.Dot(v, v)))
	if math.Abs(length-1) <= unitError {
		return nil
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return &InputError{what, fmt.Sprintf("element %d is %v", i, x), "a finite number"}
		}
	}
	return &InputError{what, fmt.Sprintf("length %.4g", length), "unit length"}
}

// pack checks rows and makes their forms. give takes the memory back.
func (f *form) pack(rows []Row) (*packed, error) {
	p, _ := f.pool.Get().(*packed)
	if p == nil {
		p = &packed{scratch: make([]float32, f.dim)}
	}
	words := simd.BitWords(f.dim)
	p.half, p.codes = sized(p.half, len(rows)*f.dim), sized(p.codes, len(rows)*f.dim)
	p.bits, p.residual = sized(p.bits, len(rows)*words), sized(p.residual, len(rows))
	for i := range rows {
		if err := checkVector("vector", rows[i].Vector, f.dim); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		half, codes := p.half[i*f.dim:(i+1)*f.dim], p.codes[i*f.dim:(i+1)*f.dim]
		f.rotation.Apply(p.scratch, rows[i].Vector)
		simd.ToF16(half, p.scratch)
		// From here on the row is its 16-bit form, so that the other forms can be made
		// from it again.
		simd.FromF16(p.scratch, half)
		simd.QuantizeInt8(codes, p.scratch, f.codeScale)
		p.residual[i] = simd.Residual(p.scratch, codes, f.codeScale)
		simd.SignBits(p.bits[i*words:(i+1)*words], p.scratch)
	}
	return p, nil
}

func (f *form) give(p *packed) { f.pool.Put(p) }

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
