package main

import "fmt"

const (
	tileProbes512 = 6 // 4 blocks x 6 probes = 24 accumulators, 4 rows, 4 for the rest
	maxQueries    = 4

	// ahead is how far, in bytes, kernels that go through the plane once ask for memory
	// before they read it (PREFETCHT0, which never faults).
	ahead = 4096
)

type plane int

const (
	int8Plane plane = iota
	bitPlane
)

// tile512: some blocks x some probes for one pass over the groups, every sum in a
// register. A group costs one load per block and one broadcast per probe for
// blocks x probes products, so the multiplier is the limit, not the load ports.
//
// In every group a line of each of two blocks that come next (with one probe: four) is
// asked for: ahead bytes from the rows, step bytes further each time, blocks a stride
// apart. They go to the second cache, as the first holds the rows in use.
func tile512(t *text, p plane, blocks, probes int) {
	name, elem, out := "int8", "int8", "int32"
	args := []string{"rows *byte", "stride int", "groups int", "probes *int8", "pstride int", "out *int32", "ostride int", "apart int", "ahead int", "step int"}
	if p == int8Plane {
		args = append(args, "start *int32")
	} else {
		name, elem, out = "hamming", "uint32", "uint16"
		args[3], args[5] = "probes *"+elem, "out *"+out
	}
	t.fn(fmt.Sprintf("%sTile%dx%dAVX512", name, blocks, probes),
		fmt.Sprintf("scores %d x 16 rows with %d probes; stride, pstride, ostride and apart are the bytes between blocks, probes, results of probes and results of blocks.", blocks, probes), args, "", func() {
			t.load("rows", "AX", "stride", "BX", "groups", "CX", "probes", "DX", "pstride", "SI", "out", "DI", "ostride", "R8", "ahead", "R9", "step", "R10")
			t.op("ADDQ", "AX", "R9")
			acc := func(b, q int) string { return z(q*blocks + b) }
			if p == int8Plane {
				t.load("start", "R11")
				for q := range probes {
					for b := range blocks {
						t.op("VPBROADCASTD", mem(4*q, "R11"), acc(b, q))
					}
				}
			} else {
				for i := range blocks * probes {
					t.op("VPXORD", z(i), z(i), z(i))
				}
			}
			streams := 2
			if probes == 1 {
				streams = 4
			}
			if blocks > 3 || streams > 3 {
				t.op("LEAQ", idx("BX", "BX", 2), "R12")
			}
			if probes > 3 {
				t.op("LEAQ", idx("SI", "SI", 2), "R13")
				t.op("ADDQ", "DX", "R13")
			}
			row := []string{"(AX)", idx("AX", "BX", 1), idx("AX", "BX", 2), idx("AX", "R12", 1)}
			probe := []string{"(DX)", idx("DX", "SI", 1), idx("DX", "SI", 2), "(R13)", idx("R13", "SI", 1), idx("R13", "SI", 2)}
			t.loop("CX", func() {
				for b := range blocks {
					t.op("VMOVDQU64", row[b], z(24+b))
				}
				for _, at := range []string{"(R9)", idx("R9", "BX", 1), idx("R9", "BX", 2), idx("R9", "R12", 1)}[:streams] {
					t.op("PREFETCHT1", at)
				}
				for q := range probes {
					if p == int8Plane {
						t.op("VPBROADCASTD", probe[q], z(28+q%4))
						for b := range blocks {
							t.op("VPDPBUSD", z(28+q%4), z(24+b), acc(b, q))
						}
						continue
					}
					for b := range blocks {
						t.op("VPXORD.BCST", probe[q], z(24+b), z(28+b))
					}
					for b := range blocks {
						t.op("VPOPCNTD", z(28+b), z(28+b))
					}
					for b := range blocks {
						t.op("VPADDD", z(28+b), acc(b, q), acc(b, q))
					}
				}
				t.op("ADDQ", "$64", "AX")
				t.op("ADDQ", "R10", "R9")
				t.op("ADDQ", "$4", "DX")
				if probes > 3 {
					t.op("ADDQ", "$4", "R13")
				}
			})
			result := []string{"(DI)", idx("DI", "CX", 1), idx("DI", "CX", 2), idx("DI", "AX", 1)}
			if blocks > 1 {
				t.load("apart", "CX")
				t.op("LEAQ", idx("CX", "CX", 2), "AX")
			}
			for q := range probes {
				for b := range blocks {
					if p == int8Plane {
						t.op("VMOVDQU32", acc(b, q), result[b])
					} else {
						t.op("VPMOVDW", acc(b, q), result[b])
					}
				}
				if q+1 < probes {
					t.op("ADDQ", "R8", "DI")
				}
			}
		})
}

// asymmetric512: the byte j of a row's 32 dimensions holds dimensions 8j..8j+7. AND
// with 2^k leaves bit k of four dimensions as four bytes 0 or 2^k, which VPDPBUSD
// multiplies with the four probe values that were put side by side for it. Sums of
// one k are multiples of 2^k, so a shift at the end is exact. Up to two queries have
// a sum for each k of 8; three and four share them between k and k+4 (the row moved
// right by four), since there are 32 registers.
func asymmetric512(t *text, queries int) {
	t.fn(fmt.Sprintf("asymmetric%dAVX512", queries),
		fmt.Sprintf("scores blocks of the bit plane with %d queries and keeps the largest; skip is the bytes from the end of a block to the next, apart those between results of blocks.", queries),
		[]string{"scores *int32", "plane *byte", "blocks int", "groups int", "probe *int8", "pstride int", "minus *int32", "skip int", "apart int"}, "", func() {
			bits := 8
			if queries > 2 {
				bits = 4
			}
			t.load("scores", "DI", "plane", "AX", "blocks", "BX", "groups", "CX", "probe", "DX", "pstride", "SI", "minus", "R8", "skip", "R12", "apart", "R13")
			acc := func(q, k int) string { return z(q*bits + k%bits) }
			mask := func(k int) string { return z(32 - bits + k%bits) }
			const row, tmp = 16, 18
			for k := range bits {
				t.op("MOVL", fmt.Sprintf("$%#08x", 0x01010101<<k), "R9")
				t.op("VPBROADCASTD", "R9", mask(k))
			}
			t.loop("BX", func() {
				for i := range queries * bits {
					t.op("VPXORD", z(i), z(i), z(i))
				}
				t.op("MOVQ", "DX", "R9")
				if queries > 3 {
					t.op("LEAQ", idx("SI", "SI", 2), "R10")
				}
				probe := func(q, k int) string {
					return fmt.Sprintf("%d%s", 4*k, []string{"(R9)", "(R9)(SI*1)", "(R9)(SI*2)", "(R9)(R10*1)"}[q])
				}
				t.op("MOVQ", "CX", "R11")
				t.loop("R11", func() {
					t.op("PREFETCHT0", mem(ahead, "AX"))
					t.op("VMOVDQU64", "(AX)", z(row))
					if bits == 4 {
						t.op("VPSRLD", "$4", z(row), z(row+1))
					}
					for k := range 8 {
						from, to := row+k/bits, tmp+k%4
						t.op("VPANDD", z(from), mask(k), z(to))
						for q := range queries {
							t.op("VPDPBUSD.BCST", probe(q, k), z(to), acc(q, k))
						}
					}
					t.op("ADDQ", "$64", "AX")
					t.op("ADDQ", "$32", "R9")
				})
				for q := range queries {
					for k := bits - 1; k > 0; k-- {
						t.op("VPSRAD", "$1", acc(q, k), acc(q, k))
						t.op("VPADDD", acc(q, k), acc(q, k-1), acc(q, k-1))
					}
					t.op("VPADDD", acc(q, 0), acc(q, 0), acc(q, 0))
					t.op("VPADDD.BCST", mem(4*q, "R8"), acc(q, 0), acc(q, 0))
					if q > 0 {
						t.op("VPMAXSD", acc(q, 0), acc(0, 0), acc(0, 0))
					}
				}
				t.op("VMOVDQU32", z(0), "(DI)")
				t.op("ADDQ", "R12", "AX")
				t.op("ADDQ", "R13", "DI")
			})
		})
}

// dotArgs: chunks of 32 elements, then one chunk of tail when tailRow is not nil.
var dotArgs = []string{"probe *float32", "row *F16", "chunks int", "tailProbe *float32", "tailRow *F16"}

func dotF16x512(t *text) {
	t.fn("dotF16AVX512", "is the product of DotF16 over chunks of 32 and, unless nil, one chunk of tail.", dotArgs, "float32", func() {
		dotLoop(t, func() {
			for i := range 2 {
				t.op("VCVTPH2PS", mem(32*i, "BX"), z(2+i))
				t.op("VMULPS", mem(64*i, "AX"), z(2+i), z(2+i))
				t.op("VADDPS", z(2+i), z(i), z(i))
			}
		}, func() {
			t.op("VPXORD", z(0), z(0), z(0))
			t.op("VPXORD", z(1), z(1), z(1))
		})
		t.op("VADDPS", z(1), z(0), z(0))
		t.op("VEXTRACTF64X4", "$1", z(0), y(1))
		fold8(t)
	})
}

// dotLoop runs chunk over probe (AX) and row (BX), then over the tail.
func dotLoop(t *text, chunk, zero func()) {
	t.load("probe", "AX", "row", "BX", "chunks", "CX", "tailProbe", "DX", "tailRow", "SI")
	zero()
	t.loopMaybe("CX", func() {
		chunk()
		t.op("ADDQ", "$128", "AX")
		t.op("ADDQ", "$64", "BX")
	})
	end := t.label("end")
	t.op("TESTQ", "SI", "SI")
	t.op("JZ", end)
	t.op("MOVQ", "DX", "AX")
	t.op("MOVQ", "SI", "BX")
	chunk()
	t.at(end)
}

// fold8 adds the eight lanes of Y0 and Y1 in halves and returns the sum.
func fold8(t *text) {
	t.op("VADDPS", y(1), y(0), y(0))
	t.op("VEXTRACTF128", "$1", y(0), x(1))
	t.op("VADDPS", x(1), x(0), x(0))
	t.op("VMOVHLPS", x(0), x(0), x(1))
	t.op("VADDPS", x(1), x(0), x(0))
	t.op("VMOVSHDUP", x(0), x(1))
	t.op("VADDSS", x(1), x(0), x(0))
	t.op("VMOVSS", x(0), fmt.Sprintf("ret+%d(FP)", t.args["ret"]))
}

// readArgs: lines of 512 bytes are read and ORed.
var readArgs = []string{"buf *byte", "lines int", "ahead int"}

func read512(t *text) {
	t.fn("readAVX512", "reads 512 bytes a line and asks for memory ahead bytes before it is read (0: not); the sum of eight-byte words.", readArgs, "uint64", func() {
		t.load("buf", "AX", "lines", "CX", "ahead", "DX")
		for i := range 8 {
			t.op("VPXORD", z(i), z(i), z(i))
		}
		body := func(prefetch bool) func() {
			return func() {
				for i := range 8 {
					if prefetch {
						t.op("PREFETCHT0", fmt.Sprintf("%d(AX)(DX*1)", 64*i))
					}
					t.op("VPADDQ", mem(64*i, "AX"), z(i), z(i))
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
		sum8(t)
	})
}

func sum8(t *text) {
	for i := 1; i < 8; i++ {
		t.op("VPADDQ", z(i), z(0), z(0))
	}
	t.op("VEXTRACTI64X4", "$1", z(0), y(1))
	foldQ(t)
}

// readStreams512 reads four streams side by side, as a tile of four blocks does: more
// pages are open, so more reads are under way.
func readStreams512(t *text) {
	t.fn("readStreamsAVX512", "reads lines of 64 bytes of each of four streams that begin a stride apart; the sum of eight-byte words.", []string{"buf *byte", "stride int", "lines int"}, "uint64", func() {
		t.load("buf", "AX", "stride", "BX", "lines", "CX")
		for i := range 8 {
			t.op("VPXORD", z(i), z(i), z(i))
		}
		t.op("LEAQ", idx("BX", "BX", 2), "R12")
		t.op("LEAQ", mem(ahead, "AX"), "R9")
		t.loopMaybe("CX", func() {
			for i, at := range []string{"(%s)", "(%s)(BX*1)", "(%s)(BX*2)", "(%s)(R12*1)"} {
				t.op("PREFETCHT1", fmt.Sprintf(at, "R9"))
				t.op("VPADDQ", fmt.Sprintf(at, "AX"), z(i), z(i))
			}
			t.op("ADDQ", "$64", "AX")
			t.op("ADDQ", "$64", "R9")
		})
		sum8(t)
	})
}

// foldQ adds the four words of Y0 and Y1.
func foldQ(t *text) {
	t.op("VPADDQ", y(1), y(0), y(0))
	t.op("VEXTRACTI128", "$1", y(0), x(1))
	t.op("VPADDQ", x(1), x(0), x(0))
	t.op("VPSRLDQ", "$8", x(0), x(1))
	t.op("VPADDQ", x(1), x(0), x(0))
	t.op("VMOVQ", x(0), fmt.Sprintf("ret+%d(FP)", t.args["ret"]))
}

// peak512: 24 independent VPDPBUSD a turn, registers only.
func peak512(t *text) {
	t.fn("peakAVX512", "runs 24 VPDPBUSD of 64 products each a turn, on registers.", []string{"turns int"}, "", func() {
		t.load("turns", "CX")
		for i := range 26 {
			t.op("VPXORD", z(i), z(i), z(i))
		}
		t.loopMaybe("CX", func() {
			for i := range 24 {
				t.op("VPDPBUSD", z(24), z(25), z(i))
			}
		})
	})
}
