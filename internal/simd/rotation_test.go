package simd

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// plainRotate follows the description of Rotation in the plainest way.
func plainRotate(v []float32) []float32 {
	dim, n := len(v), 1
	for 2*n <= dim {
		n *= 2
	}
	y, state, set := append([]float32(nil), v...), 0x243f6a8885a308d3+uint64(dim), 0
	step := func(from int, last bool) {
		var signs []uint64
		for range (dim + 63) / 64 {
			signs = append(signs, splitMix64(&state))
		}
		for i := range y {
			inside, mixed := i >= from && i < from+n, set == 2 && (dim%2 == 0 || i != dim/2)
			f := float32(1)
			switch {
			case inside && mixed:
				f = float32(1 / math.Sqrt(float64(2*n)))
			case inside:
				f = float32(1 / math.Sqrt(float64(n)))
			case mixed:
				f = float32(1 / math.Sqrt2)
			}
			if signs[i/64]&(1<<(i%64)) != 0 {
				f = -f
			}
			y[i] = float32(y[i] * f)
		}
		part := y[from : from+n]
		for h := 1; h < n; h *= 2 {
			for i, a := range part {
				if i&h == 0 {
					b := part[i+h]
					part[i], part[i+h] = a+b, a-b
				}
			}
		}
		if n < dim && set%2 == 1 {
			for i := range dim / 2 {
				a, b := y[i], y[i+dim-dim/2]
				sum, difference := a+b, a-b
				if last {
					sum, difference = float32(sum*(math.Sqrt2/2)), float32(difference*(math.Sqrt2/2))
				}
				y[i], y[i+dim-dim/2] = sum, difference
			}
		}
		set++
	}
	for round := range 2 {
		if n == dim {
			step(0, false)
			continue
		}
		step(0, false)
		step(dim-n, round == 1)
	}
	return y
}

func rotated(r *Rotation, v []float32) []float32 {
	y := make([]float32, len(v))
	r.Apply(y, v)
	return y
}

func conformRotate(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(21, 1))
	all := append(dims(), 24, 100, 192, 200, 300, 640, 768, 777, 1000, 1536, 2000, 3000, 3072)
	for _, dim := range all {
		rotation := NewRotation(dim)
		for kind, fill := range []func() float32{
			func() float32 { return float32(r.NormFloat64()) },
			func() float32 { return float32(r.NormFloat64() * math.Exp(9*r.NormFloat64())) }, // any other order shows
			func() float32 { return math.Float32frombits(uint32(r.IntN(1<<24)) | uint32(r.IntN(2))<<31) },
			func() float32 { return float32(r.IntN(3)-1) * 0 },
			func() float32 { return float32(r.IntN(3) - 1) },
			func() float32 { return math.MaxFloat32 * float32(r.IntN(3)-1) },
			func() float32 { return math.Float32frombits(r.Uint32()) }, // infinities and NaN
		} {
			v := make([]float32, dim)
			for i := range v {
				v[i] = fill()
			}
			before, want := append([]float32(nil), v...), plainRotate(v)
			equalFloats(t, fmt.Sprintf("dimension %d, filling %d", dim, kind), rotated(rotation, v), want)
			for i := range v {
				if math.Float32bits(v[i]) != math.Float32bits(before[i]) {
					t.Fatalf("dimension %d: src was changed", dim)
				}
			}
			rotation.Apply(v, v)
			equalFloats(t, fmt.Sprintf("dimension %d, filling %d, in place", dim, kind), v, want)
		}
	}
	// Any alignment, and nothing written behind the end.
	for _, dim := range []int{16, 48, 130, 512} {
		rotation, v := NewRotation(dim), randomUnit(r, dim)
		want := plainRotate(v)
		for shift := range 17 {
			src, dst := make([]float32, dim+20), make([]float32, dim+20)
			copy(src[shift:], v)
			rotation.Apply(dst[17-shift:][:dim], src[shift:][:dim])
			equalFloats(t, fmt.Sprintf("dimension %d, shift %d", dim, shift), dst[17-shift:][:dim], want)
			for i, x := range dst {
				if x != 0 && (i < 17-shift || i >= 17-shift+dim) {
					t.Fatalf("dimension %d: wrote element %d of %d", dim, i-(17-shift), dim)
				}
			}
		}
	}
}

func equalFloats(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d is %x, want %x", what, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
		}
	}
}

// Rows that were rotated by an older version must compare with those of today: these
// numbers never change.
func TestRotationIsFixed(t *testing.T) {
	state := uint64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} { // published for this seed
		if got := splitMix64(&state); got != want {
			t.Errorf("number %d of the generator is %d, want %d", i, got, want)
		}
	}
	for dim, want := range map[int]uint64{16: 0xaa233e868f4fb418, 100: 0x8f6d16aa859a5c13, 192: 0x94fcf352e9947701, 512: 0x8b6a611899a2bd3d, 1000: 0x4e333166293ff59c, 4095: 0xf090b7bbb66b3d44, 4096: 0x434cc493ef277312} {
		v, state := make([]float32, dim), uint64(1234567)
		for i := range v {
			v[i] = float32(int32(splitMix64(&state)>>32)) / (1 << 31)
		}
		h := fnv.New64a()
		for _, x := range rotated(NewRotation(dim), v) {
			b := math.Float32bits(x)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
		if got := h.Sum64(); got != want {
			t.Errorf("dimension %d: sum of bits %#x, want %#x", dim, got, want)
		}
	}
}

func TestRotationIsOrthogonal(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 1))
	var all []int
	for dim := 1; dim <= 300; dim++ {
		all = append(all, dim)
	}
	worst := 0.0
	for _, dim := range append(all, 384, 511, 512, 513, 640, 768, 1000, 1023, 1024, 1536, 2047, 2048, 3000, 4095, 4096) {
		rotation := NewRotation(dim)
		if rotation.Dim() != dim {
			t.Fatalf("dimension %d: Dim is %d", dim, rotation.Dim())
		}
		for range 5 {
			a, b := randomUnit(r, dim), randomUnit(r, dim)
			y, z := rotated(rotation, a), rotated(rotation, b)
			for _, d := range []float64{inner(y, z) - inner(a, b), inner(y, y) - inner(a, a), inner(z, z) - inner(b, b)} {
				worst = max(worst, math.Abs(d))
			}
		}
		if dim > 64 {
			continue
		}
		for i, v := range columns(rotation) {
			for j, w := range columns(rotation)[:i+1] {
				want := 0.0
				if i == j {
					want = 1
				}
				worst = max(worst, math.Abs(inner(v, w)-want))
			}
		}
	}
	t.Logf("largest change of an inner product of unit vectors: %.2g", worst)
	if worst > 1e-6 {
		t.Fatalf("an inner product of unit vectors changes by %.3g, want <= 1e-6", worst)
	}
}

func inner(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// columns are the rotated axes.
func columns(r *Rotation) [][]float32 {
	var out [][]float32
	for i := range r.Dim() {
		v := make([]float32, r.Dim())
		v[i] = 1
		out = append(out, rotated(r, v))
	}
	return out
}

func largestOf(v []float32) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(float64(x)))
	}
	return most
}

// What lies in one axis, or evenly in all, is spread: the largest element of the result,
// in units of that of an even vector. A true random rotation has sqrt(2 ln(2 dim^2)) about
// for the worst axis: 4.7 at 192 dimensions, 5.9 at 4,096.
//
// Powers of two do better. Otherwise an axis behind the first n dimensions is not
// transformed until half of it has come to the other end of its butterfly, and part of
// it never is: through two rounds 1/4 and more stays in one element. So the largest
// element grows as the square root of the dimension does, with the share of such axes.
// Vectors of a model are no axes, and what matters of many is in the next test.
func TestRotationSpreads(t *testing.T) {
	for _, c := range []struct {
		dim      int
		one, all float64 // bounds for axes and for the even vector
	}{
		{16, 4, 4}, {32, 4, 4}, {64, 4, 4}, {128, 4, 4}, {256, 4, 4}, {512, 4, 4}, {1024, 4, 4}, {2048, 4, 4}, {4096, 4, 4},
		{24, 4, 4}, {48, 5, 4}, {96, 5, 4}, {100, 5, 4}, {192, 5, 4}, {200, 5, 4}, {300, 6, 4}, {384, 5, 4.5}, {640, 5, 4}, {768, 5, 4}, {1000, 5, 4}, {1536, 6, 4}, {3072, 6, 4}, {4095, 6, 4},
	} {
		rotation, root := NewRotation(c.dim), math.Sqrt(float64(c.dim))
		one := 0.0
		for _, v := range columns(rotation) {
			one = max(one, root*largestOf(v))
		}
		even := make([]float32, c.dim)
		for i := range even {
			even[i] = float32(1 / root)
		}
		all := root * largestOf(rotated(rotation, even))
		t.Logf("dimension %d: axes %.2f, even vector %.2f", c.dim, one, all)
		if one > c.one || all > c.all {
			t.Errorf("dimension %d: the largest element of an axis is %.2f, of the even vector %.2f times the even one; want <= %g and <= %g", c.dim, one, all, c.one, c.all)
		}
	}
}

// Vectors of a model have most of their variance in a part of the axes, here
// exp(-i/120). Behind the rotation elements must be as little correlated as behind a
// true random rotation (bits: 2/pi * asin of it) and of about the same variance.
func TestRotationDecorrelates(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 1))
	all := []int{100, 192, 384, 512}
	if testing.Short() {
		all = all[:2]
	}
	for _, dim := range all {
		random := mat.NewDense(dim, dim, nil)
		for i := range dim {
			for j := range dim {
				random.Set(i, j, r.NormFloat64())
			}
		}
		var qr mat.QR
		qr.Factorize(random)
		var q mat.Dense
		qr.QTo(&q)
		ours := mat.NewDense(dim, dim, nil)
		for j, v := range columns(NewRotation(dim)) {
			for i, x := range v {
				ours.Set(i, j, float64(x))
			}
		}
		want, _, _ := correlation(&q)
		got, low, high := correlation(ours)
		t.Logf("dimension %d: mean correlation %.4f, of a random rotation %.4f; variances %.2f..%.2f of their mean", dim, got, want, low, high)
		if got > 1.1*want {
			t.Errorf("dimension %d: mean correlation %.4f, of a random rotation %.4f", dim, got, want)
		}
		if low < 0.6 || high > 1.6 {
			t.Errorf("dimension %d: variances are %.2f..%.2f of their mean, want 0.6..1.6", dim, low, high)
		}
	}
}

// correlation is the mean absolute correlation between elements and the least and
// largest variance by their mean, behind rotation m of variances exp(-i/120).
func correlation(m *mat.Dense) (mean, low, high float64) {
	dim, _ := m.Dims()
	variances, total := make([]float64, dim), 0.0
	for i := range variances {
		variances[i] = math.Exp(-float64(i) / 120)
		total += variances[i] / float64(dim)
	}
	var half, all mat.Dense
	half.Mul(m, mat.NewDiagDense(dim, variances))
	all.Mul(&half, m.T())
	low = math.Inf(1)
	for i := range dim {
		v := all.At(i, i)
		low, high = min(low, v/total), max(high, v/total)
		for j := range i {
			mean += math.Abs(all.At(i, j)) / math.Sqrt(v*all.At(j, j)) / float64(dim*(dim-1)/2)
		}
	}
	return mean, low, high
}

func TestRotationRefuses(t *testing.T) {
	r := NewRotation(20)
	for name, f := range map[string]func(){
		"dimension 0":    func() { NewRotation(0) },
		"dimension -1":   func() { NewRotation(-1) },
		"dimension 4097": func() { NewRotation(MaxDim + 1) },
		"short dst":      func() { r.Apply(make([]float32, 19), make([]float32, 20)) },
		"long src":       func() { r.Apply(make([]float32, 20), make([]float32, 21)) },
		"nothing":        func() { r.Apply(nil, nil) },
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, f) })
	}
}

func wantPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}
