package simd

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// plainResidual is the sum of squares in the documented order.
func plainResidual(x []float32, q []int8, scale float32) float32 {
	var lanes [32]float32
	for i := range x {
		scaled := float32(x[i] * scale)
		d := scaled - float32(q[i])
		square := float32(d * d)
		lanes[i%32] = lanes[i%32] + square
	}
	for half := 16; half > 0; half /= 2 {
		for i := range half {
			lanes[i] += lanes[i+half]
		}
	}
	return lanes[0]
}

func conformResidual(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(31, 1))
	check := func(x []float32, q []int8, scale float32) {
		t.Helper()
		got, want := Residual(x, q, scale), residualBound(plainResidual(x, q, scale), len(x), scale)
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("length %d, scale %g: got %g, want %g", len(x), scale, got, want)
		}
	}
	for _, n := range append(dims(), 0) {
		x, q := make([]float32, n), make([]int8, n)
		for _, scale := range []float32{float32(127 * math.Sqrt(float64(n+1)) / 4), 1, 1e-30, 1e30, 1e-45, math.MaxFloat32} {
			for i := range x { // near, as rows are
				x[i] = float32(r.NormFloat64() / math.Sqrt(float64(n)))
			}
			QuantizeInt8(q, x, scale)
			check(x, q, scale)
			for i := range x { // wide exponents, so that any other order shows
				x[i], q[i] = float32(r.NormFloat64()*math.Exp(6*r.NormFloat64()))/scale, int8(r.Uint32())
			}
			check(x, q, scale)
			for i := range x { // anything
				x[i] = math.Float32frombits(r.Uint32())
			}
			check(x, q, scale)
			for i := range x { // squares that are subnormal
				x[i], q[i] = math.Float32frombits(uint32(r.IntN(1<<30))), 0
			}
			check(x, q, scale)
		}
	}
	x, q := make([]float32, 200), make([]int8, 200)
	for i := range x {
		x[i], q[i] = float32(r.NormFloat64()), int8(r.Uint32())
	}
	for shift := range 32 {
		check(x[shift:][:130], q[32-shift:][:130], 40)
	}
}

// exactly is the sum of (x*scale - q)^2, without any rounding: products of finite
// values need 48 bits between 2^-298 and 2^256.
func exactly(x []float32, q []int8, scale float32) *big.Float {
	const bits = 1600
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(v) }
	sum := number(0)
	for i := range x {
		d := number(float64(x[i]))
		d.Mul(d, number(float64(scale)))
		d.Sub(d, number(float64(q[i])))
		sum.Add(sum, d.Mul(d, d))
	}
	return sum
}

// above tells whether bound, times scale, is at least the root of sum.
func above(bound, scale float32, sum *big.Float) bool {
	b := new(big.Float).SetPrec(1600).SetFloat64(float64(bound))
	b.Mul(b, new(big.Float).SetPrec(1600).SetFloat64(float64(scale)))
	return math.IsInf(float64(bound), 1) || b.Mul(b, b).Cmp(sum) >= 0
}

func TestResidualIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "dim")
		scale := rapid.OneOf(rapid.Float32Range(1, 3000), rapid.Float32Range(math.SmallestNonzeroFloat32, math.MaxFloat32)).Draw(t, "scale")
		x, q := make([]float32, n), make([]int8, n)
		near := rapid.SampledFrom([]float64{0, 1e-9, 1e-6, 1e-3, 0.5, 100, 1e10}).Draw(t, "near")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for i := range x {
			q[i] = int8(r.Uint32())
			x[i] = float32((float64(q[i]) + near*r.NormFloat64()) / float64(scale))
			if rapid.IntRange(0, 30).Draw(t, "odd") == 0 {
				x[i] = rapid.Float32().Draw(t, "x")
			}
			x[i] = max(-math.MaxFloat32, min(math.MaxFloat32, x[i])) // NaN stays
			if x[i] != x[i] {
				x[i] = 0
			}
		}
		if bound := Residual(x, q, scale); !above(bound, scale, exactly(x, q, scale)) {
			t.Fatalf("bound %g is less than the norm", bound)
		}
	})
}

// All roundings of a row one way: the values are searched for those of which the square
// loses most.
func TestResidualIsABoundOfBadRows(t *testing.T) {
	r := rand.New(rand.NewPCG(32, 1))
	const dim = 4096
	scale := float32(127 * math.Sqrt(dim) / 4)
	for _, size := range []float64{1e-4, 0.01, 0.3, 1, 100} {
		x, q := make([]float32, dim), make([]int8, dim)
		for i := range x {
			worst := math.Inf(-1)
			for range 100 {
				c := int8(r.Uint32())
				v := float32((float64(c) + size*(r.Float64()-0.5)) / float64(scale))
				d := float32(v*scale) - float32(c)
				e := float64(v)*float64(scale) - float64(c)
				if lost := e*e - float64(float32(d*d)); lost > worst {
					worst, x[i], q[i] = lost, v, c
				}
			}
		}
		bound := Residual(x, q, scale)
		if !above(bound, scale, exactly(x, q, scale)) {
			t.Errorf("size %g: bound %g is less than the norm", size, bound)
		}
	}
}

// The formula of the documentation, and not the float32 below it.
func TestResidualIsRoundedUp(t *testing.T) {
	r := rand.New(rand.NewPCG(34, 1))
	for range 10000 {
		dim, sum, scale := 1+r.IntN(MaxDim), float32(r.ExpFloat64()), float32(1000*r.ExpFloat64())
		chunks := float64((dim + 31) / 32)
		want := (math.Sqrt(float64(sum))*(1+math.Ldexp(chunks+16, -25)) + math.Ldexp(129*math.Sqrt(float64(dim)), -24)) / float64(scale)
		got := residualBound(sum, dim, scale)
		below := math.Nextafter32(got, 0)
		if float64(got) < want*(1-1e-15) || float64(below) > want*(1+1e-15) {
			t.Fatalf("dimension %d, sum %g, scale %g: got %.10g, want the next from %.10g on", dim, sum, scale, got, want)
		}
	}
}

// The bound of a row as the index makes them is hardly more than the norm.
func TestResidualIsClose(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 1))
	for _, dim := range []int{16, 128, 512, 4096} {
		scale, most, largest := float32(127*math.Sqrt(float64(dim))/4), 0.0, float32(0)
		for range 50 {
			x, q := randomUnit(r, dim), make([]int8, dim)
			QuantizeInt8(q, x, scale)
			norm := 0.0
			for i := range x {
				d := float64(x[i]) - float64(q[i])/float64(scale)
				norm += d * d
			}
			bound := Residual(x, q, scale)
			largest = max(largest, bound)
			most = max(most, float64(bound)/math.Sqrt(norm)-1)
		}
		t.Logf("dimension %d: bounds up to %.4f, at most %.1e of it too large", dim, largest, most)
		if most > 1.5e-4 {
			t.Errorf("dimension %d: a bound is %.2g of the norm too large, want <= 1.5e-4", dim, most)
		}
	}
}

func TestResidualOfWhatIsNotFinite(t *testing.T) {
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32} {
		v := make([]float32, 40)
		v[37] = x
		if got := Residual(v, make([]int8, 40), 2); !math.IsInf(float64(got), 1) {
			t.Errorf("%g: got %g, want +Inf", x, got)
		}
	}
	if got := Residual(nil, nil, 1); got != 0 {
		t.Errorf("of nothing: got %g, want 0", got)
	}
}

func TestResidualRefuses(t *testing.T) {
	for name, f := range map[string]func(){
		"lengths":    func() { Residual(make([]float32, 3), make([]int8, 4), 1) },
		"too long":   func() { Residual(make([]float32, MaxDim+1), make([]int8, MaxDim+1), 1) },
		"scale 0":    func() { Residual(nil, nil, 0) },
		"scale -1":   func() { Residual(nil, nil, -1) },
		"scale NaN":  func() { Residual(nil, nil, float32(math.NaN())) },
		"scale +Inf": func() { Residual(nil, nil, float32(math.Inf(1))) },
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, f) })
	}
}
