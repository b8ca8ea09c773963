package main

import (
	"fmt"
	"math"
	"math/bits"
)

// The Walsh-Hadamard transform. A kernel of the first kind holds some vectors in
// registers and goes through all strides inside a vector and between those vectors; one
// of the second kind goes through the strides from some length on, one column of
// vectors at a time. Strides always come in ascending order.

// butterfly puts a + b and a - b in the place of registers v[i] and v[j], spare being a
// free one: the difference lands in it and the register of b becomes the spare one.
func butterfly(t *text, v []string, i, j int, spare *string) {
	t.op("VSUBPS", v[j], v[i], *spare)
	t.op("VADDPS", v[j], v[i], v[i])
	v[j], *spare = *spare, v[j]
}

// butterfliesBetween goes through the strides 1, 2, 4 .. between registers.
func butterfliesBetween(t *text, v []string, spare string) {
	for h := 1; h < len(v); h *= 2 {
		for i := range v {
			if i&h == 0 {
				butterfly(t, v, i, i+h, &spare)
			}
		}
	}
}

// strides is a kernel of the second kind: radix vectors, from elements apart each.
func strides(t *text, suffix string, reg func(int) string, width, from, radix int) {
	load := map[string]string{"AVX2": "VMOVUPS", "AVX512": "VMOVUPS"}[suffix]
	t.fn(fmt.Sprintf("strides%dx%d%s", from, radix, suffix),
		fmt.Sprintf("goes through the strides %d..%d of parts of %d elements each.", from, from*radix/2, from*radix),
		[]string{"v *float32", "parts int"}, "", func() {
			t.load("v", "AX", "parts", "CX")
			t.loop("CX", func() {
				t.op("MOVQ", imm(from/width), "BX")
				t.loop("BX", func() {
					var v []string
					for i := range radix {
						v = append(v, reg(i))
						t.op(load, mem(4*from*i, "AX"), v[i])
					}
					butterfliesBetween(t, v, reg(radix))
					for i := range radix {
						t.op(load, v[i], mem(4*from*i, "AX"))
					}
					t.op("ADDQ", imm(4*width), "AX")
				})
				t.op("ADDQ", imm(4*from*(radix-1)), "AX")
			})
		})
}

var hadamardArgs = []string{"dst *float32", "src *float32", "factors *float32", "parts int"}

func hadamardDoc(elements int) string {
	return fmt.Sprintf("transforms src * factors, parts of %d elements each.", elements)
}

// hadamard512: inside a vector, elements are swapped with their partners, to which they
// are added times 1 or -1. That product is exact, so the fused VFMADD rounds once, as an
// addition or subtraction does; with masked additions it would be one more instruction
// for the two ports that there are.
func hadamard512(t *text, vectors int) {
	const spare, ones = 16, 28
	if vectors == 1 {
		for k := range 4 {
			var lanes [16]uint32
			for i := range lanes {
				lanes[i] = math.Float32bits(1)
				if i>>k&1 != 0 {
					lanes[i] = math.Float32bits(-1)
				}
			}
			t.lanes(fmt.Sprintf("plusMinus%d", k), lanes[:])
		}
	}
	t.fn(fmt.Sprintf("hadamard%dAVX512", vectors), hadamardDoc(16*vectors), hadamardArgs, "", func() {
		t.load("dst", "DI", "src", "AX", "factors", "DX", "parts", "CX")
		for k := range 4 {
			t.op("VMOVUPS", fmt.Sprintf("·plusMinus%d<>(SB)", k), z(ones+k))
		}
		t.loop("CX", func() {
			var v []string
			for i := range vectors {
				v = append(v, z(i))
				t.op("VMOVUPS", mem(64*i, "AX"), v[i])
				t.op("VMULPS", mem(64*i, "DX"), v[i], v[i])
				for k := range 4 {
					swapped := z(spare + (3*i+k)%(ones-spare))
					if k == 3 {
						swapped = z(i) // where it began
					}
					swap512(t, k, v[i], swapped)
					t.op("VFMADD231PS", z(ones+k), v[i], swapped)
					v[i] = swapped
				}
			}
			butterfliesBetween(t, v, z(spare))
			for i := range vectors {
				t.op("VMOVUPS", v[i], mem(64*i, "DI"))
			}
			for _, r := range []string{"AX", "DX", "DI"} {
				t.op("ADDQ", imm(64*vectors), r)
			}
		})
	})
}

// swap512 swaps elements whose numbers differ in bit k.
func swap512(t *text, k int, from, to string) {
	if k < 2 {
		t.op("VPERMILPS", []string{"$0xb1", "$0x4e"}[k], from, to)
	} else {
		t.op("VSHUFF32X4", []string{"$0xb1", "$0x4e"}[k-2], from, from, to)
	}
}

// hadamardAVX2 has no VFMADD, which is a feature by itself: it flips signs and adds.
func hadamardAVX2(t *text, vectors int) {
	const spare, signs = 8, 13
	if bits.Len(uint(vectors)) == 2 { // the first
		for k := range 3 {
			var lanes [8]uint32
			for i := range lanes {
				lanes[i] = uint32(i>>k&1) << 31
			}
			t.lanes(fmt.Sprintf("minus%d", k), lanes[:])
		}
	}
	t.fn(fmt.Sprintf("hadamard%dAVX2", vectors), hadamardDoc(8*vectors), hadamardArgs, "", func() {
		t.load("dst", "DI", "src", "AX", "factors", "DX", "parts", "CX")
		for k := range 3 {
			t.op("VMOVUPS", fmt.Sprintf("·minus%d<>(SB)", k), y(signs+k))
		}
		t.loop("CX", func() {
			var v []string
			for i := range vectors {
				v = append(v, y(i))
				t.op("VMOVUPS", mem(32*i, "AX"), v[i])
				t.op("VMULPS", mem(32*i, "DX"), v[i], v[i])
				for k := range 3 {
					swapped := y(spare + (3*i+k)%(signs-spare))
					if k < 2 {
						t.op("VPERMILPS", []string{"$0xb1", "$0x4e"}[k], v[i], swapped)
					} else {
						t.op("VPERM2F128", "$1", v[i], v[i], swapped)
					}
					t.op("VXORPS", y(signs+k), v[i], v[i])
					t.op("VADDPS", swapped, v[i], v[i])
				}
			}
			butterfliesBetween(t, v, y(spare))
			for i := range vectors {
				t.op("VMOVUPS", v[i], mem(32*i, "DI"))
			}
			for _, r := range []string{"AX", "DX", "DI"} {
				t.op("ADDQ", imm(32*vectors), r)
			}
		})
	})
}

// lanes prints read-only numbers of 32 bits, one for each lane of a vector.
func (t *text) lanes(name string, dwords []uint32) {
	for i, d := range dwords {
		fmt.Fprintf(&t.data, "\nDATA ·%s<>+%d(SB)/4, $%#08x", name, 4*i, d)
	}
	fmt.Fprintf(&t.data, "\nGLOBL ·%s<>(SB), RODATA|NOPTR, $%d\n", name, 4*len(dwords))
}

// elementwise prints the rest of a Rotation: products with factors, and butterflies
// between two slices.
func elementwise(t *text, suffix string, reg func(int) string, width int) {
	t.fn("multiply"+suffix, "sets dst to src * factors.", []string{"dst *float32", "src *float32", "factors *float32", "vectors int"}, "", func() {
		t.load("dst", "DI", "src", "AX", "factors", "DX", "vectors", "CX")
		t.loop("CX", func() {
			t.op("VMOVUPS", "(AX)", reg(0))
			t.op("VMULPS", "(DX)", reg(0), reg(0))
			t.op("VMOVUPS", reg(0), "(DI)")
			for _, r := range []string{"AX", "DX", "DI"} {
				t.op("ADDQ", imm(4*width), r)
			}
		})
	})
	t.fn("butterflies"+suffix, "sets a and b to (a + b) * scale and (a - b) * scale.", []string{"a *float32", "b *float32", "vectors int", "scale *float32"}, "", func() {
		t.load("a", "AX", "b", "BX", "vectors", "CX", "scale", "DX")
		t.op("VBROADCASTSS", "(DX)", reg(3))
		t.loop("CX", func() {
			t.op("VMOVUPS", "(AX)", reg(0))
			t.op("VMOVUPS", "(BX)", reg(1))
			t.op("VSUBPS", reg(1), reg(0), reg(2))
			t.op("VADDPS", reg(1), reg(0), reg(0))
			t.op("VMULPS", reg(3), reg(0), reg(0))
			t.op("VMULPS", reg(3), reg(2), reg(2))
			t.op("VMOVUPS", reg(0), "(AX)")
			t.op("VMOVUPS", reg(2), "(BX)")
			t.op("ADDQ", imm(4*width), "AX")
			t.op("ADDQ", imm(4*width), "BX")
		})
	})
}
