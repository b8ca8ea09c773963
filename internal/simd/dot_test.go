package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// plainDot is the slow obvious twin: one loop that follows the documented order.
func plainDot(a, b []float32) float32 {
	var lanes [Lanes]float32
	for i := range a {
		p := a[i] * b[i]
		lanes[i%Lanes] = lanes[i%Lanes] + float32(p)
	}
	for half := Lanes / 2; half > 0; half /= 2 {
		for i := range half {
			lanes[i] += lanes[i+half]
		}
	}
	return lanes[0]
}

func randomUnit(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	norm := 0.0
	for i := range v {
		v[i] = float32(r.NormFloat64())
		norm += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(norm))
	}
	return v
}

func TestDotEqualsPlainLoop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 0; n <= 70; n++ {
		for range 20 {
			a, b := make([]float32, n), make([]float32, n)
			for i := range a {
				// Wide exponents make any other order of the sum visible.
				a[i] = float32(r.NormFloat64() * math.Exp(6*r.NormFloat64()))
				b[i] = float32(r.NormFloat64())
			}
			if got, want := Dot(a, b), plainDot(a, b); math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("length %d: got %x, want %x", n, math.Float32bits(got), math.Float32bits(want))
			}
		}
	}
}

// The bits below were made once and must come out on every machine and with
// every compiler setting (GOAMD64=v3 and arm64 have fused multiply-add).
func TestDotBitsAreFixed(t *testing.T) {
	state := uint64(0x9e3779b97f4a7c15)
	next := func() float32 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return float32(int32(state>>32)) / (1 << 31)
	}
	a, b := make([]float32, 517), make([]float32, 517)
	for i := range a {
		a[i], b[i] = next(), next()
	}
	const want = uint32(0x3f6fd460)
	if got := math.Float32bits(Dot(a, b)); got != want {
		t.Fatalf("got bits %#x, want %#x", got, want)
	}
}

func TestDotError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	worst := 0.0
	for _, dim := range []int{16, 128, 512, 4096} {
		for range 500 {
			a := randomUnit(r, dim)
			b := randomUnit(r, dim)
			mix := float32(r.Float64())
			for i := range b { // from unrelated to identical
				b[i] = mix*a[i] + (1-mix)*b[i]
			}
			exact := 0.0
			for i := range a {
				exact += float64(a[i]) * float64(b[i])
			}
			worst = max(worst, math.Abs(float64(Dot(a, b))-exact))
		}
	}
	t.Logf("largest error against float64: %.2g", worst)
	if worst > 1e-6 {
		t.Fatalf("largest error %.3g, want <= 1e-6", worst)
	}
}

func TestDotRefusesDifferentLengths(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic on vectors of different lengths")
		}
	}()
	Dot(make([]float32, 8), make([]float32, 9))
}

var sink float32

func BenchmarkDot(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, dim := range []int{128, 512} {
		x, y := randomUnit(r, dim), randomUnit(r, dim)
		b.Run(fmt.Sprintf("kernel=portable/dim=%d", dim), func(b *testing.B) {
			b.SetBytes(int64(4 * dim))
			for b.Loop() {
				sink = Dot(x, y)
			}
		})
		b.Run(fmt.Sprintf("kernel=gonum/dim=%d", dim), func(b *testing.B) {
			b.SetBytes(int64(4 * dim))
			vx, vy := blas32.Vector{N: dim, Inc: 1, Data: x}, blas32.Vector{N: dim, Inc: 1, Data: y}
			for b.Loop() {
				sink = blas32.Dot(vx, vy)
			}
		})
	}
}
