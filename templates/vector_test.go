package templates

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"immis/internal/cost"
)

// reasonOf is the reason of an input error, "" for none; any other error fails.
func reasonOf(t testing.TB, err error) Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *InputError
	if !errors.As(err, &bad) {
		t.Fatalf("error %T %v is not an InputError", err, err)
	}
	if bad.Field == "" || bad.Got == "" || bad.Want == "" {
		t.Fatalf("error %+v leaves a part empty", *bad)
	}
	return bad.Reason
}

// TestFloat16 compares all 65,536 numbers with their definition.
func TestFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
		var want float64
		switch exponent {
		case 0:
			want = math.Ldexp(fraction, -24)
		case 31:
			want = math.Inf(1)
			if fraction != 0 {
				want = math.NaN()
			}
		default:
			want = math.Ldexp(1024+fraction, exponent-25)
		}
		want = math.Copysign(want, 1-2*float64(h>>15))
		got := float64(float16(h))
		same := got == want || math.IsNaN(got) && math.IsNaN(want)
		if !same || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("0x%04x is %v, want %v", h, got, want)
		}
	}
}

func encode(v []float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// ramp is a vector without meaning that every encoding holds exactly.
func ramp(dims int) []float32 {
	v := make([]float32, dims)
	for i := range v {
		v[i] = float32((i*37)%255 - 127)
	}
	return v
}

func TestEncodingsAgree(t *testing.T) {
	const dims = 512
	v := ramp(dims)
	var half, bytes []byte
	for _, x := range v {
		bytes = append(bytes, byte(int8(x)))
		// A search for the code is slow and obviously right.
		for h := range uint32(1 << 16) {
			if float16(uint16(h)) == x && (x != 0 || h == 0) {
				half = binary.LittleEndian.AppendUint16(half, uint16(h))
				break
			}
		}
	}
	want, err := NewFace("test/1", v)
	if err != nil {
		t.Fatal(err)
	}
	for enc, data := range map[VectorEncoding][]byte{EncodingFloat32LE: encode(v), EncodingFloat16LE: half, EncodingInt8: bytes} {
		got, err := DecodeFace("test/1", enc, data, dims)
		if err != nil {
			t.Fatalf("encoding %d: %v", enc, err)
		}
		for i := range want.Vector {
			if math.Float32bits(got.Vector[i]) != math.Float32bits(want.Vector[i]) {
				t.Fatalf("encoding %d: component %d is %v, want %v", enc, i, got.Vector[i], want.Vector[i])
			}
		}
	}
}

// TestNormalizeBits compares the result to the bit with arithmetic in software:
// a shortcut in float32 would change who is found on another machine.
func TestNormalizeBits(t *testing.T) {
	v := make([]float32, 16)
	x := uint32(1)
	for i := range v {
		x = x*1664525 + 1013904223
		v[i] = float32(int32(x)) / 65536
	}
	f, err := NewFace("test/1", v)
	if err != nil {
		t.Fatal(err)
	}
	want := [16]uint32{}
	sum := new(big.Float).SetPrec(53)
	for _, x := range v { // big.Float of 53 bits rounds every product and every sum like float64
		p := new(big.Float).SetPrec(53).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(x)))
		sum.Add(sum, p)
	}
	length := new(big.Float).SetPrec(53).Sqrt(sum)
	for i, x := range v {
		q, _ := new(big.Float).SetPrec(53).Quo(big.NewFloat(float64(x)), length).Float64()
		want[i] = math.Float32bits(float32(q))
	}
	for i := range want {
		if got := math.Float32bits(f.Vector[i]); got != want[i] {
			t.Errorf("component %d has bits %08x, want %08x", i, got, want[i])
		}
	}
}

// TestNewFaceRandom: whatever is accepted is a valid normal form, close to the
// same computation with 300 bits, and the input is left alone.
func TestNewFaceRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.SliceOfN(rapid.Float32(), MinDims, 40).Draw(rt, "vector")
		before := append([]float32(nil), in...)
		f, err := NewFace("test/1", in)
		if err != nil {
			switch reasonOf(t, err) {
			case ReasonNotFinite, ReasonZeroVector, ReasonConstantVector:
				return
			}
			rt.Fatalf("unexpected error %v", err)
		}
		if err := f.Validate(); err != nil {
			rt.Fatalf("normal form is refused: %v", err)
		}
		sum := new(big.Float).SetPrec(300)
		for i, x := range in {
			if x != before[i] {
				rt.Fatal("the input was changed")
			}
			b := new(big.Float).SetPrec(300).SetFloat64(float64(x))
			sum.Add(sum, b.Mul(b, b))
		}
		length, _ := sum.Sqrt(sum).Float64()
		for i, x := range in {
			want := float64(x) / length
			if d := math.Abs(float64(f.Vector[i]) - want); d > math.Abs(want)/(1<<23)+1e-45 {
				rt.Fatalf("component %d is %v, want %v", i, f.Vector[i], want)
			}
		}
	})
}

func TestDecodeFaceRefuses(t *testing.T) {
	good := encode(ramp(16))
	with := func(i int, x float32) []byte {
		b := append([]byte(nil), good...)
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
		return b
	}
	constant := make([]float32, 16)
	for i := range constant {
		constant[i] = 0.1
	}
	long := make([]byte, MaxModelLen+1)
	for i := range long {
		long[i] = 'm'
	}
	for _, c := range []struct {
		name  string
		model string
		enc   VectorEncoding
		data  []byte
		dims  int
		want  Reason
	}{
		{"good", "arc:face/r100_v1.0-x", EncodingFloat32LE, good, 16, ""},
		{"longest model", string(long[1:]), EncodingFloat32LE, good, 16, ""},
		{"no model", "", EncodingFloat32LE, good, 16, ReasonModel},
		{"long model", string(long), EncodingFloat32LE, good, 16, ReasonModel},
		{"model with space", "a b", EncodingFloat32LE, good, 16, ReasonModel},
		{"model in Cyrillic", "мережа", EncodingFloat32LE, good, 16, ReasonModel},
		{"unknown encoding", "m", EncodingUnknown, good, 16, ReasonFormat},
		{"encoding beyond", "m", 4, good, 16, ReasonFormat},
		{"empty", "m", EncodingFloat32LE, nil, 16, ReasonEmpty},
		{"short", "m", EncodingFloat32LE, good[:63], 16, ReasonWrongLength},
		{"long", "m", EncodingFloat32LE, append(with(0, 1), 0), 16, ReasonWrongLength},
		{"other dimension", "m", EncodingFloat32LE, good, 17, ReasonWrongLength},
		{"few dimensions", "m", EncodingFloat32LE, good[:60], 15, ReasonDimension},
		{"many dimensions", "m", EncodingInt8, make([]byte, 4097), 4097, ReasonDimension},
		{"negative dimensions", "m", EncodingInt8, good, -1, ReasonDimension},
		{"NaN", "m", EncodingFloat32LE, with(15, float32(math.NaN())), 16, ReasonNotFinite},
		{"infinite", "m", EncodingFloat32LE, with(0, float32(math.Inf(-1))), 16, ReasonNotFinite},
		{"zero", "m", EncodingFloat32LE, make([]byte, 64), 16, ReasonZeroVector},
		{"minus zero", "m", EncodingFloat16LE, []byte("\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80\x00\x80"), 16, ReasonZeroVector},
		{"constant", "m", EncodingFloat32LE, encode(constant), 16, ReasonConstantVector},
		{"largest", "m", EncodingFloat32LE, with(0, math.MaxFloat32), 16, ""},
	} {
		f, err := DecodeFace(c.model, c.enc, c.data, c.dims)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if (f == nil) != (err != nil) {
			t.Errorf("%s: a face and an error, or neither", c.name)
		}
	}
}

// TestConstantAfterRounding: components that differ by one unit in the last place
// may become equal by normalizing; such a vector must be refused at the door, not
// by DecodeStored after a restart.
func TestConstantAfterRounding(t *testing.T) {
	refused := 0
	for dims := MinDims; dims < 512; dims++ {
		v := make([]float32, dims)
		for i := range v {
			v[i] = 0.1249
		}
		v[3] = math.Nextafter32(v[3], 1)
		f, err := NewFace("m", v)
		if err != nil {
			if got := reasonOf(t, err); got != ReasonConstantVector {
				t.Fatalf("%d dimensions: %v", dims, err)
			}
			refused++
			continue
		}
		if err := f.Validate(); err != nil {
			t.Fatalf("%d dimensions: accepted, but not a normal form: %v", dims, err)
		}
	}
	if refused == 0 {
		t.Error("no vector became constant: the test does not reach its case")
	}
}

func TestSmallestFloatsHaveALength(t *testing.T) {
	v := make([]float32, 16)
	v[0], v[1] = math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32
	f, err := NewFace("m", v)
	if err != nil {
		t.Fatal(err)
	}
	if want := float32(math.Sqrt(0.5)); f.Vector[0] != want || f.Vector[1] != -want {
		t.Errorf("got %v, want %v and its negative", f.Vector[:2], want)
	}
}

func FuzzDecodeFace(f *testing.F) {
	for enc := EncodingFloat32LE; enc <= EncodingInt8; enc++ {
		f.Add(uint8(enc), encode(ramp(16))[:16*enc.Size()], uint16(16))
	}
	f.Add(uint8(EncodingFloat32LE), make([]byte, 64), uint16(16))
	f.Add(uint8(0), []byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, enc uint8, data []byte, dims uint16) {
		var face *Face
		var err error
		cost.Bounded(t, 64*len(data), func() { face, err = DecodeFace("m", VectorEncoding(enc), data, int(dims)) })
		if err != nil {
			reasonOf(t, err)
			return
		}
		if err := face.Validate(); err != nil {
			t.Fatalf("normal form is refused: %v", err)
		}
		if len(face.Vector) != int(dims) {
			t.Fatalf("%d dimensions, want %d", len(face.Vector), dims)
		}
	})
}

func BenchmarkDecodeFace(b *testing.B) {
	data := encode(ramp(512))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := DecodeFace("m", EncodingFloat32LE, data, 512); err != nil {
			b.Fatal(err)
		}
	}
}
