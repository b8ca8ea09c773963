package main

import "fmt"

const tileProbesAVX2 = 4 // 2 halves x 4 probes = 8 accumulators of 16 registers

// int8AVX2: one block x some probes. VPMADDUBSW would saturate, so bytes become
// words: of the four dimensions of a row, AND leaves 0 and 2, a shift 1 and 3, and
// VPMADDWD adds each pair exactly into the row's 32 bits. Probes come as words in
// that order (0, 2, 1, 3).
func int8AVX2(t *text, probes int) {
	t.fn(fmt.Sprintf("int8Tile1x%dAVX2", probes),
		fmt.Sprintf("scores 16 rows with %d probes of 16-bit words; strides are in bytes.", probes),
		[]string{"rows *byte", "groups int", "probes *int16", "pstride int", "out *int32", "ostride int", "start *int32"}, "", func() {
			t.load("rows", "AX", "groups", "CX", "probes", "DX", "pstride", "SI", "out", "DI", "ostride", "R8", "start", "R11")
			const row, probe, tmp, low = 8, 12, 13, 15
			acc := func(q, half int) string { return y(2*q + half) }
			for q := range probes {
				t.op("VPBROADCASTD", mem(4*q, "R11"), acc(q, 0))
				t.op("VMOVDQA", acc(q, 0), acc(q, 1))
			}
			t.op("VPCMPEQD", y(low), y(low), y(low))
			t.op("VPSRLW", "$8", y(low), y(low))
			if probes > 3 {
				t.op("LEAQ", idx("SI", "SI", 2), "R12")
			}
			at := func(q, disp int) string {
				return fmt.Sprintf("%d%s", disp, []string{"(DX)", "(DX)(SI*1)", "(DX)(SI*2)", "(DX)(R12*1)"}[q])
			}
			t.loop("CX", func() {
				t.op("PREFETCHT0", mem(ahead, "AX"))
				for half := range 2 {
					t.op("VMOVDQU", mem(32*half, "AX"), y(row+2+half))
				}
				for half := range 2 {
					t.op("VPAND", y(low), y(row+2+half), y(row+half))
					t.op("VPSRLW", "$8", y(row+2+half), y(row+2+half))
				}
				for q := range probes {
					for pair := range 2 {
						t.op("VPBROADCASTD", at(q, 4*pair), y(probe))
						for half := range 2 {
							t.op("VPMADDWD", y(row+2*pair+half), y(probe), y(tmp+half))
							t.op("VPADDD", y(tmp+half), acc(q, half), acc(q, half))
						}
					}
				}
				t.op("ADDQ", "$64", "AX")
				t.op("ADDQ", "$8", "DX")
			})
			for q := range probes {
				for half := range 2 {
					t.op("VMOVDQU", acc(q, half), mem(32*half, "DI"))
				}
				if q+1 < probes {
					t.op("ADDQ", "R8", "DI")
				}
			}
		})
}

// hammingAVX2: blocks x one probe. Bits are counted with two lookups of a nibble
// (VPSHUFB) and added as bytes for up to 31 groups (31 * 8 < 256), then widened.
func hammingAVX2(t *text) {
	low := t.constant("nibbleMask", 0x0f0f0f0f)
	ones := t.constant("byteOnes", 0x01010101)
	words := t.constant("wordOnes", 0x00010001)
	for lane := range 2 {
		for i, d := range []uint32{0x02010100, 0x03020201, 0x03020201, 0x04030302} {
			fmt.Fprintf(&t.data, "\nDATA ·nibbleBits<>+%d(SB)/4, $%#08x", 16*lane+4*i, d)
		}
	}
	fmt.Fprint(&t.data, "\nGLOBL ·nibbleBits<>(SB), RODATA|NOPTR, $32\n")
	t.fn("hammingScanAVX2", "counts differing bits of blocks of the bit plane and one probe.",
		[]string{"dist *uint16", "plane *byte", "blocks int", "groups int", "probe *uint32"}, "", func() {
			t.load("dist", "DI", "plane", "AX", "blocks", "BX", "groups", "CX", "probe", "DX")
			const count, total, mask, table, one, word = 0, 2, 12, 13, 14, 15
			t.op("VMOVDQU", low, y(mask))
			t.op("VMOVDQU", "·nibbleBits<>(SB)", y(table))
			t.op("VMOVDQU", ones, y(one))
			t.op("VMOVDQU", words, y(word))
			t.loop("BX", func() {
				t.op("VPXOR", y(total), y(total), y(total))
				t.op("VPXOR", y(total+1), y(total+1), y(total+1))
				t.op("MOVQ", "DX", "R9")
				t.op("MOVQ", "CX", "R8")
				part := t.label("part")
				t.at(part)
				t.op("MOVQ", "$31", "R10")
				t.op("CMPQ", "R8", "R10")
				t.op("CMOVQLT", "R8", "R10")
				t.op("SUBQ", "R10", "R8")
				t.op("VPXOR", y(count), y(count), y(count))
				t.op("VPXOR", y(count+1), y(count+1), y(count+1))
				t.loop("R10", func() {
					t.op("PREFETCHT0", mem(ahead, "AX"))
					t.op("VPBROADCASTD", "(R9)", y(4))
					for half := range 2 {
						v, h := y(5+half), y(7+half)
						t.op("VPXOR", mem(32*half, "AX"), y(4), v)
						t.op("VPSRLW", "$4", v, h)
						t.op("VPAND", y(mask), v, v)
						t.op("VPAND", y(mask), h, h)
						t.op("VPSHUFB", v, y(table), v)
						t.op("VPSHUFB", h, y(table), h)
						t.op("VPADDB", v, y(count+half), y(count+half))
						t.op("VPADDB", h, y(count+half), y(count+half))
					}
					t.op("ADDQ", "$64", "AX")
					t.op("ADDQ", "$4", "R9")
				})
				for half := range 2 {
					t.op("VPMADDUBSW", y(one), y(count+half), y(count+half))
					t.op("VPMADDWD", y(word), y(count+half), y(count+half))
					t.op("VPADDD", y(count+half), y(total+half), y(total+half))
				}
				t.op("TESTQ", "R8", "R8")
				t.op("JNZ", part)
				// Words of both halves side by side: 0..3 8..11 | 4..7 12..15, put in order.
				t.op("VPACKUSDW", y(total+1), y(total), y(total))
				t.op("VPERMQ", "$0xd8", y(total), y(total))
				t.op("VMOVDQU", y(total), "(DI)")
				t.op("ADDQ", "$32", "DI")
			})
		})
}

// asymmetricAVX2: as asymmetric512, with VPMADDUBSW for VPDPBUSD. A pair is at most
// 2 * 128 * 127 and at least -2 * 128 * 128 = -32768, so nothing saturates; VPMADDWD
// with 2^(7-k) brings all k to one scale and adds the pair of pairs.
func asymmetricAVX2(t *text, queries int) {
	if queries == 1 {
		for k := range 8 {
			t.constant(fmt.Sprintf("bit%d", k), 0x01010101<<k)
			t.constant(fmt.Sprintf("scale%d", k), 0x00010001<<(7-k))
		}
	}
	t.fn(fmt.Sprintf("asymmetric%dAVX2", queries),
		fmt.Sprintf("scores blocks of the bit plane with %d queries and keeps the largest; skip is the bytes from the end of a block to the next, apart those between results of blocks.", queries),
		[]string{"scores *int32", "plane *byte", "blocks int", "groups int", "probe *int8", "pstride int", "minus *int32", "skip int", "apart int"}, "", func() {
			t.load("scores", "DI", "plane", "AX", "blocks", "BX", "groups", "CX", "probe", "DX", "pstride", "SI", "minus", "R8", "skip", "R12", "apart", "R13")
			const row, set, probe, tmp = 8, 10, 12, 13
			acc := func(q, half int) string { return y(2*q + half) }
			if queries > 3 {
				t.op("LEAQ", idx("SI", "SI", 2), "R10")
			}
			at := func(q, k int) string {
				return fmt.Sprintf("%d%s", 4*k, []string{"(R9)", "(R9)(SI*1)", "(R9)(SI*2)", "(R9)(R10*1)"}[q])
			}
			t.loop("BX", func() {
				for i := range 2 * queries {
					t.op("VPXOR", y(i), y(i), y(i))
				}
				t.op("MOVQ", "DX", "R9")
				t.op("MOVQ", "CX", "R11")
				t.loop("R11", func() {
					t.op("PREFETCHT0", mem(ahead, "AX"))
					t.op("VMOVDQU", "(AX)", y(row))
					t.op("VMOVDQU", "32(AX)", y(row+1))
					for k := range 8 {
						for half := range 2 {
							t.op("VPAND", fmt.Sprintf("·bit%d<>(SB)", k), y(row+half), y(set+half))
						}
						for q := range queries {
							t.op("VPBROADCASTD", at(q, k), y(probe))
							for half := range 2 {
								t.op("VPMADDUBSW", y(probe), y(set+half), y(tmp+half))
								t.op("VPMADDWD", fmt.Sprintf("·scale%d<>(SB)", k), y(tmp+half), y(tmp+half))
								t.op("VPADDD", y(tmp+half), acc(q, half), acc(q, half))
							}
						}
					}
					t.op("ADDQ", "$64", "AX")
					t.op("ADDQ", "$32", "R9")
				})
				for q := range queries {
					t.op("VPBROADCASTD", mem(4*q, "R8"), y(probe))
					for half := range 2 {
						// The sum is 128 times too large and wanted twice.
						t.op("VPSRAD", "$6", acc(q, half), acc(q, half))
						t.op("VPADDD", y(probe), acc(q, half), acc(q, half))
						if q > 0 {
							t.op("VPMAXSD", acc(q, half), acc(0, half), acc(0, half))
						}
					}
				}
				t.op("VMOVDQU", y(0), "(DI)")
				t.op("VMOVDQU", y(1), "32(DI)")
				t.op("ADDQ", "R12", "AX")
				t.op("ADDQ", "R13", "DI")
			})
		})
}

func dotF16AVX2(t *text) {
	t.fn("dotF16AVX2", "is the product of DotF16 over chunks of 32 and, unless nil, one chunk of tail.", dotArgs, "float32", func() {
		dotLoop(t, func() {
			for i := range 4 {
				t.op("VCVTPH2PS", mem(16*i, "BX"), y(4+i))
				t.op("VMULPS", mem(32*i, "AX"), y(4+i), y(4+i))
				t.op("VADDPS", y(4+i), y(i), y(i))
			}
		}, func() {
			for i := range 4 {
				t.op("VXORPS", y(i), y(i), y(i))
			}
		})
		// Lane i and lane i+16, then i+8: the order of DotF16.
		t.op("VADDPS", y(2), y(0), y(0))
		t.op("VADDPS", y(3), y(1), y(1))
		fold8(t)
	})
}

func readAVX2(t *text) {
	t.fn("readAVX2", "reads 512 bytes a line and asks for memory ahead bytes before it is read (0: not); the sum of eight-byte words.", readArgs, "uint64", func() {
		t.load("buf", "AX", "lines", "CX", "ahead", "DX")
		for i := range 8 {
			t.op("VPXOR", y(i), y(i), y(i))
		}
		body := func(prefetch bool) func() {
			return func() {
				for i := range 16 {
					if prefetch && i%2 == 0 {
						t.op("PREFETCHT0", fmt.Sprintf("%d(AX)(DX*1)", 32*i))
					}
					t.op("VPADDQ", mem(32*i, "AX"), y(i%8), y(i%8))
				}
				t.op("ADDQ", "$512", "AX")
			}
		}
		plain, end := t.label("plain"), t.label("end")
		t.op("TESTQ", "DX", "DX")
		t.op("JZ", plain)
		t.loopMaybe("CX", body(true))
		t.op("JMP", end)
		t.at(plain)
		t.loopMaybe("CX", body(false))
		t.at(end)
		for i := 2; i < 8; i++ {
			t.op("VPADDQ", y(i), y(i%2), y(i%2))
		}
		foldQ(t)
	})
}
