package face

import (
	"math"
	"math/rand/v2"
	"testing"
)

func unit(r *rand.Rand, dim int) []float32 {
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

// cosine is the slow twin in float64.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestCompareIsCosine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	worst := 0.0
	for _, dim := range []int{16, 17, 128, 511, 512, 4096} {
		for range 200 {
			a, b := unit(r, dim), unit(r, dim)
			s := Compare(a, b)
			worst = max(worst, math.Abs(float64(s)-cosine(a, b)))
			if s != Compare(b, a) {
				t.Fatalf("dimension %d: swapped vectors give %v, want %v", dim, Compare(b, a), s)
			}
			if self := Compare(a, a); self > 1 || self < 1-2e-6 {
				t.Fatalf("dimension %d: a vector with itself gives %v, want 1", dim, self)
			}
			for i := range b {
				b[i] = -a[i]
			}
			if opposite := Compare(a, b); opposite < -1 || opposite > -1+2e-6 {
				t.Fatalf("dimension %d: opposite vectors give %v, want -1", dim, opposite)
			}
		}
	}
	t.Logf("largest error against float64: %.2g", worst)
	if worst > 1e-6 {
		t.Fatalf("largest error %.3g, want <= 1e-6", worst)
	}
}

func TestCompareDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	a, b := unit(r, 512), unit(r, 512)
	if n := testing.AllocsPerRun(100, func() { sink = Compare(a, b) }); n != 0 {
		t.Fatalf("%v allocations per comparison, want 0", n)
	}
}

var sink float32

func BenchmarkCompare(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 1))
	x, y := unit(r, 512), unit(r, 512)
	b.Run("modality=face/dim=512", func(b *testing.B) {
		for b.Loop() {
			sink = Compare(x, y)
		}
	})
}
