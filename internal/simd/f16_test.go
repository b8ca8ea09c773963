package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// f16Value is what the standard says of the 16 bits.
func f16Value(h F16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	e, f := int(h>>10&31), float64(h&0x3ff)
	switch e {
	case 0:
		return sign * math.Ldexp(f, -24)
	case 31:
		if f != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1+f/1024, e-15)
}

func TestF16Float32(t *testing.T) {
	for i := range 1 << 16 {
		h := F16(i)
		got, want := h.Float32(), f16Value(h)
		if want != want {
			if got == got || math.Float32bits(got)&0x00400000 == 0 {
				t.Fatalf("%#x: got %g, want a quiet NaN", i, got)
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) {
			t.Fatalf("%#x: got %g, want %g", i, got, want)
		}
		if back := F16FromFloat32(got); back != h {
			t.Fatalf("%#x: comes back as %#x", i, back)
		}
	}
}

// Between two neighbors the nearer one is taken, half way the even one.
func TestF16Rounding(t *testing.T) {
	for i := range 0x7c00 {
		low, high := f16Value(F16(i)), f16Value(F16(i+1))
		if i == 0x7bff {
			high = 65536
		}
		middle := float32((low + high) / 2)
		even := F16(i + i&1)
		for _, c := range []struct {
			x    float32
			want F16
		}{
			{middle, even},
			{math.Nextafter32(middle, 0), F16(i)},
			{math.Nextafter32(middle, math.MaxFloat32), F16(i + 1)},
			{math.Nextafter32(float32(low), math.MaxFloat32), F16(i)},
		} {
			if got := F16FromFloat32(c.x); got != c.want {
				t.Fatalf("%g: got %#x, want %#x", c.x, got, c.want)
			}
			if got := F16FromFloat32(-c.x); got != c.want|0x8000 {
				t.Fatalf("%g: got %#x, want %#x", -c.x, got, c.want|0x8000)
			}
		}
	}
	for _, c := range []struct {
		x    float32
		want F16
	}{
		{65519.996, 0x7bff}, {65520, 0x7c00}, {math.MaxFloat32, 0x7c00}, {float32(math.Inf(-1)), 0xfc00}, {1e-45, 0}, {float32(math.Copysign(0, -1)), 0x8000},
	} {
		if got := F16FromFloat32(c.x); got != c.want {
			t.Errorf("%g: got %#x, want %#x", c.x, got, c.want)
		}
	}
	for _, b := range []uint32{0x7f800001, 0x7fffffff, 0xff800001, 0x7fc00000} {
		if got := F16FromFloat32(math.Float32frombits(b)); got&0x7e00 != 0x7e00 {
			t.Errorf("NaN %#x: got %#x", b, got)
		}
	}
}

// plainDotF16 follows the documented order in the plainest way.
func plainDotF16(probe []float32, row []F16) float32 {
	var lanes [32]float32
	for i := range row {
		p := probe[i] * float32(f16Value(row[i]))
		lanes[i%32] = lanes[i%32] + float32(p)
	}
	for half := 16; half > 0; half /= 2 {
		for i := range half {
			lanes[i] += lanes[i+half]
		}
	}
	return lanes[0]
}

func conformDotF16(t *testing.T, _ Op) {
	r := rand.New(rand.NewPCG(5, 21))
	check := func(probe []float32, row []F16) {
		t.Helper()
		got, want := DotF16(probe, row), plainDotF16(probe, row)
		if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
			t.Fatalf("length %d: got %x, want %x", len(row), math.Float32bits(got), math.Float32bits(want))
		}
	}
	for _, n := range append(dims(), 0) {
		for range 8 {
			probe, row := make([]float32, n), make([]F16, n)
			for i := range probe {
				// Wide exponents make any other order of the sum visible.
				probe[i] = float32(r.NormFloat64() * math.Exp(6*r.NormFloat64()))
				row[i] = F16FromFloat32(float32(r.NormFloat64() * math.Exp(4*r.NormFloat64())))
			}
			check(probe, row)
			for i := range row { // anything: subnormals, infinities, NaN
				row[i] = F16(r.Uint32())
				if r.IntN(4) == 0 {
					probe[i] = math.Float32frombits(r.Uint32())
				}
			}
			check(probe, row)
			for i := range row { // products and sums that are subnormal or -0
				row[i] = F16(r.IntN(3) | r.IntN(2)<<15)
				probe[i] = math.Float32frombits(uint32(r.IntN(1<<21)) | uint32(r.IntN(2))<<31 | uint32(r.IntN(24))<<23)
			}
			check(probe, row)
		}
	}
	// Every value of 16 bits at every lane, alone.
	for i := range 1 << 16 {
		probe, row := make([]float32, 37), make([]F16, 37)
		probe[i%37], row[i%37] = 1, F16(i)
		check(probe, row)
	}
	// Any alignment.
	probe, row := make([]float32, 200), make([]F16, 200)
	for i := range probe {
		probe[i], row[i] = float32(r.NormFloat64()), F16FromFloat32(float32(r.NormFloat64()))
	}
	for shift := range 32 {
		check(probe[shift:][:130], row[32-shift:][:130])
	}
}
