package main

import "fmt"

// asymmetricTiles are the kernels of batches of asymmetric probes: blocks of the bit
// plane with some probes, one result each.
func asymmetricTiles(avx512, avx2 *text) {
	for probes := 1; probes <= tileProbes512; probes++ {
		asymmetricTile512(avx512, probes)
	}
	avx2.constant("twos", 0x02020202)
	for probes := 1; probes <= tileProbesAVX2; probes++ {
		asymmetricTileAVX2(avx2, probes)
	}
}

var asymmetricTileArgs = []string{
	"rows *byte", "blocks int", "groups int", "probes *int8", "pstride int", "minus *int32", "out *int32", "ostride int",
}

func asymmetricTileDoc(probes int) string {
	return fmt.Sprintf("scores blocks of the bit plane with %d probes; pstride and ostride are the bytes between probes and between their results.", probes)
}

// asymmetricTile512 is asymmetric512 for up to six probes that share the rows' bits:
// one AND serves them all. From three probes on the eight sums of a probe (bit 0 to 7 of
// a byte) are four, as there.
func asymmetricTile512(t *text, probes int) {
	t.fn(fmt.Sprintf("asymmetricTile%dAVX512", probes), asymmetricTileDoc(probes), asymmetricTileArgs, "", func() {
		t.load("rows", "AX", "blocks", "BX", "groups", "CX", "probes", "DX", "pstride", "SI", "minus", "R11", "out", "DI", "ostride", "R8")
		bits := 8
		if probes > 2 {
			bits = 4
		}
		row := probes * bits
		tmp := row + 2
		sum := func(q, k int) string { return z(q*bits + k%bits) }
		mask := func(k int) string { return z(32 - bits + k%bits) }
		for k := range bits {
			t.op("MOVL", fmt.Sprintf("$%#08x", 0x01010101<<k), "R9")
			t.op("VPBROADCASTD", "R9", mask(k))
		}
		at := func(q, k int) string {
			base := []string{"R9", "R13"}[q/3]
			return fmt.Sprintf("%d%s", 4*k, []string{"(" + base + ")", idx(base, "SI", 1), idx(base, "SI", 2)}[q%3])
		}
		t.loop("BX", func() {
			for i := range probes * bits {
				t.op("VPXORD", z(i), z(i), z(i))
			}
			t.op("MOVQ", "DX", "R9")
			if probes > 3 {
				t.op("LEAQ", idx("SI", "SI", 2), "R13")
				t.op("ADDQ", "R9", "R13")
			}
			t.op("MOVQ", "CX", "R10")
			t.loop("R10", func() {
				t.op("PREFETCHT0", mem(ahead, "AX"))
				t.op("VMOVDQU64", "(AX)", z(row))
				if bits == 4 {
					t.op("VPSRLD", "$4", z(row), z(row+1))
				}
				for k := range 8 {
					set := z(tmp + k%2)
					t.op("VPANDD", z(row+k/bits), mask(k), set)
					for q := range probes {
						t.op("VPDPBUSD.BCST", at(q, k), set, sum(q, k))
					}
				}
				t.op("ADDQ", "$64", "AX")
				t.op("ADDQ", "$32", "R9")
				if probes > 3 {
					t.op("ADDQ", "$32", "R13")
				}
			})
			t.op("MOVQ", "DI", "R10")
			for q := range probes {
				for k := bits - 1; k > 0; k-- {
					t.op("VPSRAD", "$1", sum(q, k), sum(q, k))
					t.op("VPADDD", sum(q, k), sum(q, k-1), sum(q, k-1))
				}
				t.op("VPADDD", sum(q, 0), sum(q, 0), sum(q, 0))
				t.op("VPADDD.BCST", mem(4*q, "R11"), sum(q, 0), sum(q, 0))
				t.op("VMOVDQU32", sum(q, 0), "(R10)")
				if q+1 < probes {
					t.op("ADDQ", "R8", "R10")
				}
			}
			t.op("ADDQ", "$64", "DI")
		})
	})
}

// asymmetricTileAVX2: up to four probes share the rows' bits as bytes 0 and 2. A pair of
// products is at least -512 and at most 508, so words hold the sums of seven groups
// (56 pairs, -28,672); then they are widened and added to the results.
func asymmetricTileAVX2(t *text, probes int) {
	t.fn(fmt.Sprintf("asymmetricTile%dAVX2", probes), asymmetricTileDoc(probes), asymmetricTileArgs, "", func() {
		t.load("rows", "AX", "blocks", "BX", "groups", "CX", "probes", "DX", "pstride", "SI", "minus", "R14", "out", "DI", "ostride", "R8")
		const row, set, probe, tmp, twos = 8, 10, 12, 13, 15
		sum := func(q, half int) string { return y(2*q + half) }
		t.op("VMOVDQU", "·twos<>(SB)", y(twos))
		if probes > 3 {
			t.op("LEAQ", idx("SI", "SI", 2), "R10")
			t.op("LEAQ", idx("R8", "R8", 2), "R13")
		}
		at := func(q, k int) string {
			return fmt.Sprintf("%d%s", 4*k, []string{"(R9)", "(R9)(SI*1)", "(R9)(SI*2)", "(R9)(R10*1)"}[q])
		}
		out := func(q, half int) string {
			return fmt.Sprintf("%d%s", 32*half, []string{"(DI)", "(DI)(R8*1)", "(DI)(R8*2)", "(DI)(R13*1)"}[q])
		}
		t.loop("BX", func() {
			for q := range probes {
				t.op("VPBROADCASTD", mem(4*q, "R14"), y(probe))
				for half := range 2 {
					t.op("VMOVDQU", y(probe), out(q, half))
				}
			}
			t.op("MOVQ", "DX", "R9")
			t.op("MOVQ", "CX", "R11")
			part := t.label("part")
			t.at(part)
			t.op("MOVQ", "$7", "R12")
			t.op("CMPQ", "R11", "R12")
			t.op("CMOVQLT", "R11", "R12")
			t.op("SUBQ", "R12", "R11")
			for i := range 2 * probes {
				t.op("VPXOR", y(i), y(i), y(i))
			}
			t.loop("R12", func() {
				t.op("PREFETCHT0", mem(ahead, "AX"))
				t.op("VMOVDQU", "(AX)", y(row))
				t.op("VMOVDQU", "32(AX)", y(row+1))
				for k := range 8 {
					for half := range 2 {
						from := y(set + half)
						switch k {
						case 0:
							t.op("VPADDD", y(row+half), y(row+half), from)
						case 1:
							from = y(row + half)
						default:
							t.op("VPSRLD", imm(k-1), y(row+half), from)
						}
						t.op("VPAND", y(twos), from, y(set+half))
					}
					for q := range probes {
						t.op("VPBROADCASTD", at(q, k), y(probe))
						for half := range 2 {
							t.op("VPMADDUBSW", y(probe), y(set+half), y(tmp+half))
							t.op("VPADDW", y(tmp+half), sum(q, half), sum(q, half))
						}
					}
				}
				t.op("ADDQ", "$64", "AX")
				t.op("ADDQ", "$32", "R9")
			})
			for q := range probes {
				for half := range 2 {
					t.op("VPMADDWD", "·wordOnes<>(SB)", sum(q, half), sum(q, half))
					t.op("VPADDD", out(q, half), sum(q, half), sum(q, half))
					t.op("VMOVDQU", sum(q, half), out(q, half))
				}
			}
			t.op("TESTQ", "R11", "R11")
			t.op("JNZ", part)
			t.op("ADDQ", "$64", "DI")
		})
	})
}
