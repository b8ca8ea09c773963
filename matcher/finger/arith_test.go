package finger

import (
	"hash/fnv"
	"math"
	"testing"
)

func TestArithmeticAgainstMath(t *testing.T) {
	for x := 0.0; x < 50; x += 0.0137 {
		if got, want := expNeg(x), math.Exp(-x); math.Abs(got-want) > 1e-8*want {
			t.Fatalf("expNeg(%v): got %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{50, 1e9, math.Inf(1), math.NaN()} {
		if got := expNeg(x); got != 0 {
			t.Errorf("expNeg(%v): got %v, want 0", x, got)
		}
	}
	for a := 0; a < 65536; a++ {
		sin, cos := sincos(uint16(a))
		wantSin, wantCos := math.Sincos(float64(a) * radPerUnit)
		if math.Abs(sin-wantSin) > 1e-10 || math.Abs(cos-wantCos) > 1e-10 {
			t.Fatalf("sincos(%d): got %v %v, want %v %v", a, sin, cos, wantSin, wantCos)
		}
		if back := atan2(sin*3, cos*3); absTurn(back, uint16(a)) > 1 {
			t.Fatalf("atan2 of direction %d: got %d", a, back)
		}
	}
	for x := -6.0; x < 6; x += 0.0113 {
		if got, want := gaussIntegral(x), 0.5*(1+math.Erf(x/math.Sqrt2)); math.Abs(got-want) > 2e-7 {
			t.Fatalf("gaussIntegral(%v): got %v, want %v", x, got, want)
		}
	}
}

func TestDirectionsOfAxes(t *testing.T) {
	for _, c := range []struct {
		y, x float64
		want uint16
	}{{0, 0, 0}, {0, 1, 0}, {1, 1, 1 << 13}, {1, 0, 1 << 14}, {1, -1, 3 << 13}, {0, -1, 1 << 15}, {-1, 0, 3 << 14}, {-1, 1, 7 << 13}} {
		if got := atan2(c.y, c.x); got != c.want {
			t.Errorf("atan2(%v, %v): got %d, want %d", c.y, c.x, got, c.want)
		}
	}
	if got := absTurn(65535, 1); got != 2 {
		t.Errorf("turn across zero: got %d, want 2", got)
	}
	if got := absTurn(halfTurn, 0); got != halfTurn {
		t.Errorf("half a turn: got %d, want %d", got, halfTurn)
	}
}

// The digest was made once; another compiler, architecture or GOAMD64 level that
// rounds one of these values differently changes it.
func TestArithmeticBitsAreFixed(t *testing.T) {
	h := fnv.New64a()
	put := func(v float64) {
		bits := math.Float64bits(v)
		for k := range 8 {
			h.Write([]byte{byte(bits >> (8 * k))})
		}
	}
	for a := 0; a < 65536; a += 7 {
		sin, cos := sincos(uint16(a))
		put(sin)
		put(cos)
		put(expNeg(float64(a) / 3000))
		put(gaussIntegral(float64(a-32768) / 8192))
		put(float64(atan2(sin, cos)))
	}
	const want = uint64(0x93f21c71c89462b8)
	if got := h.Sum64(); got != want {
		t.Fatalf("digest of the arithmetic: got %#x, want %#x", got, want)
	}
}
