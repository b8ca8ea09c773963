package main

import (
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

// writeRows writes the kernels that make rows of a vector.
func writeRows(out, head string) error {
	avx512, avx2 := &text{}, &text{}
	for _, vectors := range []int{1, 2, 4, 8, 16} {
		hadamard512(avx512, vectors)
	}
	for _, radix := range []int{2, 4, 8, 16} {
		strides(avx512, "AVX512", z, 16, 256, radix)
	}
	elementwise(avx512, "AVX512", z, 16)
	toF16x512(avx512)
	fromF16x512(avx512)
	quantize512(avx512)
	residual512(avx512)
	signBits512(avx512)

	for _, vectors := range []int{2, 4, 8} {
		hadamardAVX2(avx2, vectors)
	}
	for _, from := range []int{64, 512} {
		for _, radix := range []int{2, 4, 8} {
			strides(avx2, "AVX2", y, 8, from, radix)
		}
	}
	elementwise(avx2, "AVX2", y, 8)
	toF16AVX2(avx2)
	fromF16AVX2(avx2)
	quantizeAVX2(avx2)
	residualAVX2(avx2)
	signBitsAVX2(avx2)
	packInt8AVX2(avx2)

	for name, t := range map[string]*text{"kernels_rows_avx512_amd64.s": avx512, "kernels_rows_avx2_amd64.s": avx2} {
		s := head + "#include \"textflag.h\"\n" + t.data.String() + t.code.String()
		if err := os.WriteFile(filepath.Join(out, name), []byte(s), 0o644); err != nil {
			return err
		}
	}
	stubs, err := format.Source([]byte(head + "package simd\n" + avx512.stubs.String() + avx2.stubs.String()))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "kernels_rows_stubs_amd64.go"), stubs, 0o644)
}

var (
	toF16Args    = []string{"dst *F16", "v *float32", "chunks int"}
	fromF16Args  = []string{"dst *float32", "h *F16", "chunks int"}
	quantizeArgs = []string{"dst *int8", "v *float32", "chunks int", "scale *float32"}
	residualArgs = []string{"x *float32", "q *int8", "chunks int", "tailX *float32", "tailQ *int8", "scale *float32"}
	signBitsArgs = []string{"dst *uint32", "v *float32", "words int"}
	packArgs     = []string{"at *byte", "v *int8", "chunks int"}
)

const (
	toF16Doc    = "rounds chunks of 16 values, halves to the even one whatever the rounding mode is."
	fromF16Doc  = "widens chunks of 16 values."
	quantizeDoc = "is QuantizeInt8 for chunks of 32 values."
	residualDoc = "is the sum of squares of Residual over chunks of 32 and, unless nil, one chunk of tail."
	signBitsDoc = "is SignBits for words of 32 values."
	packDoc     = "is PackInt8 for chunks of 16 values; at is where the row begins."
)

func toF16x512(t *text) {
	t.fn("toF16AVX512", toF16Doc, toF16Args, "", func() {
		t.load("dst", "DI", "v", "AX", "chunks", "CX")
		t.loop("CX", func() {
			t.op("VMOVUPS", "(AX)", z(0))
			t.op("VCVTPS2PH", "$0", z(0), "(DI)")
			t.op("ADDQ", "$64", "AX")
			t.op("ADDQ", "$32", "DI")
		})
	})
}

func toF16AVX2(t *text) {
	t.fn("toF16AVX2", toF16Doc, toF16Args, "", func() {
		t.load("dst", "DI", "v", "AX", "chunks", "CX")
		t.loop("CX", func() {
			for i := range 2 {
				t.op("VMOVUPS", mem(32*i, "AX"), y(i))
				t.op("VCVTPS2PH", "$0", y(i), mem(16*i, "DI"))
			}
			t.op("ADDQ", "$64", "AX")
			t.op("ADDQ", "$32", "DI")
		})
	})
}

func fromF16x512(t *text) {
	t.fn("fromF16AVX512", fromF16Doc, fromF16Args, "", func() {
		t.load("dst", "DI", "h", "AX", "chunks", "CX")
		t.loop("CX", func() {
			t.op("VCVTPH2PS", "(AX)", z(0))
			t.op("VMOVUPS", z(0), "(DI)")
			t.op("ADDQ", "$32", "AX")
			t.op("ADDQ", "$64", "DI")
		})
	})
}

func fromF16AVX2(t *text) {
	t.fn("fromF16AVX2", fromF16Doc, fromF16Args, "", func() {
		t.load("dst", "DI", "h", "AX", "chunks", "CX")
		t.loop("CX", func() {
			for i := range 2 {
				t.op("VCVTPH2PS", mem(16*i, "AX"), y(i))
				t.op("VMOVUPS", y(i), mem(32*i, "DI"))
			}
			t.op("ADDQ", "$32", "AX")
			t.op("ADDQ", "$64", "DI")
		})
	})
}

// quantize512: VCVTPS2DQ rounds to the nearest even, as the sum with 1.5 * 2^23 does. A
// NaN is not ordered to itself; the mask leaves 0 in its place.
func quantize512(t *text) {
	t.constant("most", 0x42fe0000)  // 127
	t.constant("least", 0xc2fe0000) // -127
	t.fn("quantizeInt8AVX512", quantizeDoc, quantizeArgs, "", func() {
		t.load("dst", "DI", "v", "AX", "chunks", "CX", "scale", "DX")
		t.op("VBROADCASTSS", "(DX)", z(4))
		t.op("VBROADCASTSS", "·most<>(SB)", z(5))
		t.op("VBROADCASTSS", "·least<>(SB)", z(6))
		t.loop("CX", func() {
			for i := range 2 {
				k := fmt.Sprintf("K%d", i+1)
				t.op("VMULPS", mem(64*i, "AX"), z(4), z(i))
				t.op("VCMPPS", "$7", z(i), z(i), k)
				t.op("VMINPS", z(5), z(i), z(i))
				t.op("VMAXPS", z(6), z(i), z(i))
				t.op("VCVTPS2DQ.Z", z(i), k, z(i))
				t.op("VPMOVSDB", z(i), mem(16*i, "DI"))
			}
			t.op("ADDQ", "$128", "AX")
			t.op("ADDQ", "$32", "DI")
		})
	})
}

func quantizeAVX2(t *text) {
	t.constant("most", 0x42fe0000)  // 127
	t.constant("least", 0xc2fe0000) // -127
	t.lanes("packed", []uint32{0, 4, 1, 5, 2, 6, 3, 7})
	t.fn("quantizeInt8AVX2", quantizeDoc, quantizeArgs, "", func() {
		t.load("dst", "DI", "v", "AX", "chunks", "CX", "scale", "DX")
		t.op("VBROADCASTSS", "(DX)", y(8))
		t.op("VMOVUPS", "·most<>(SB)", y(9))
		t.op("VMOVUPS", "·least<>(SB)", y(10))
		t.op("VMOVDQU", "·packed<>(SB)", y(11))
		t.loop("CX", func() {
			for i := range 4 {
				t.op("VMULPS", mem(32*i, "AX"), y(8), y(i))
				t.op("VCMPPS", "$7", y(i), y(i), y(4+i))
				t.op("VANDPS", y(4+i), y(i), y(i))
				t.op("VMINPS", y(9), y(i), y(i))
				t.op("VMAXPS", y(10), y(i), y(i))
				t.op("VCVTPS2DQ", y(i), y(i))
			}
			t.op("VPACKSSDW", y(1), y(0), y(0))
			t.op("VPACKSSDW", y(3), y(2), y(2))
			t.op("VPACKSSWB", y(2), y(0), y(0))
			t.op("VPERMD", y(0), y(11), y(0)) // packing goes by halves of 16 bytes
			t.op("VMOVDQU", y(0), "(DI)")
			t.op("ADDQ", "$128", "AX")
			t.op("ADDQ", "$32", "DI")
		})
	})
}

func residual512(t *text) {
	t.fn("residualAVX512", residualDoc, residualArgs, "float32", func() {
		residualLoop(t, z, 16)
		t.op("VADDPS", z(1), z(0), z(0))
		t.op("VEXTRACTF64X4", "$1", z(0), y(1))
		fold8(t)
	})
}

func residualAVX2(t *text) {
	t.fn("residualAVX2", residualDoc, residualArgs, "float32", func() {
		residualLoop(t, y, 8)
		// Lane i and lane i+16, then i+8: the order of Residual.
		t.op("VADDPS", y(2), y(0), y(0))
		t.op("VADDPS", y(3), y(1), y(1))
		fold8(t)
	})
}

// residualLoop leaves the 32 lanes in the first registers.
func residualLoop(t *text, reg func(int) string, width int) {
	n := 32 / width
	t.load("x", "AX", "q", "BX", "chunks", "CX", "tailX", "DX", "tailQ", "SI", "scale", "R8")
	t.op("VBROADCASTSS", "(R8)", reg(15))
	for i := range n {
		t.op("VXORPS", y(i), y(i), y(i)) // clears all of a wider register
	}
	chunk := func() {
		for i := range n {
			x, q := reg(n+i), reg(2*n+i)
			t.op("VPMOVSXBD", mem(width*i, "BX"), q)
			t.op("VMULPS", mem(4*width*i, "AX"), reg(15), x)
			t.op("VCVTDQ2PS", q, q)
			t.op("VSUBPS", q, x, x)
			t.op("VMULPS", x, x, x)
			t.op("VADDPS", x, reg(i), reg(i))
		}
	}
	t.loopMaybe("CX", func() {
		chunk()
		t.op("ADDQ", "$128", "AX")
		t.op("ADDQ", "$32", "BX")
	})
	end := t.label("end")
	t.op("TESTQ", "SI", "SI")
	t.op("JZ", end)
	t.op("MOVQ", "DX", "AX")
	t.op("MOVQ", "SI", "BX")
	chunk()
	t.at(end)
}

// signBits512: "greater" is false for NaN (the predicate 30 says so and raises nothing).
func signBits512(t *text) {
	t.fn("signBitsAVX512", signBitsDoc, signBitsArgs, "", func() {
		t.load("dst", "DI", "v", "AX", "words", "CX")
		t.op("VXORPS", y(2), y(2), y(2))
		t.loop("CX", func() {
			for i := range 2 {
				k := fmt.Sprintf("K%d", i+1)
				t.op("VMOVUPS", mem(64*i, "AX"), z(i))
				t.op("VCMPPS", "$30", z(2), z(i), k)
				t.op("KMOVW", k, mem(2*i, "DI"))
			}
			t.op("ADDQ", "$128", "AX")
			t.op("ADDQ", "$4", "DI")
		})
	})
}

func signBitsAVX2(t *text) {
	t.fn("signBitsAVX2", signBitsDoc, signBitsArgs, "", func() {
		t.load("dst", "DI", "v", "AX", "words", "CX")
		t.op("VXORPS", y(4), y(4), y(4))
		t.loop("CX", func() {
			for i := range 4 {
				t.op("VMOVUPS", mem(32*i, "AX"), y(i))
				t.op("VCMPPS", "$30", y(4), y(i), y(i))
				t.op("VMOVMSKPS", y(i), "DX")
				t.op("MOVB", "DX", mem(i, "DI"))
			}
			t.op("ADDQ", "$128", "AX")
			t.op("ADDQ", "$4", "DI")
		})
	})
}

// packInt8AVX2 takes no vectors, and there is none for AVX-512: what limits it is one
// store for each four values, into as many lines of cache. VPSCATTERDD was measured and
// takes as long.
func packInt8AVX2(t *text) {
	t.fn("packInt8AVX2", packDoc, packArgs, "", func() {
		t.load("at", "DI", "v", "AX", "chunks", "CX")
		t.op("MOVQ", "$0x8080808080808080", "DX")
		t.loop("CX", func() {
			for i := range 2 {
				r := []string{"R8", "R9"}[i]
				t.op("MOVQ", mem(8*i, "AX"), r)
				t.op("XORQ", "DX", r)
				t.op("MOVL", r, mem(128*i, "DI"))
				t.op("SHRQ", "$32", r)
				t.op("MOVL", r, mem(128*i+64, "DI"))
			}
			t.op("ADDQ", "$16", "AX")
			t.op("ADDQ", "$256", "DI")
		})
	})
}
