package main

import "fmt"

// select512 turns 64 results into a word of bits, compared with the limit.
func select512(t *text) {
	t.fn("selectScoresAVX512", "sets a bit where scores >= limit, for words of 64.",
		[]string{"mask *uint64", "scores *int32", "words int", "limit int"}, "", func() {
			t.load("mask", "DI", "scores", "AX", "words", "CX", "limit", "DX")
			t.op("VPBROADCASTD", "DX", z(0))
			t.loop("CX", func() {
				for i := range 4 {
					t.op("VPCMPD", "$2", mem(64*i, "AX"), z(0), fmt.Sprintf("K%d", i+1)) // limit <= score
				}
				t.op("KUNPCKWD", "K1", "K2", "K1")
				t.op("KUNPCKWD", "K3", "K4", "K3")
				t.op("KUNPCKDQ", "K1", "K3", "K1")
				t.op("KMOVQ", "K1", "(DI)")
				t.op("ADDQ", "$256", "AX")
				t.op("ADDQ", "$8", "DI")
			})
		})
	t.fn("selectDistancesAVX512", "sets a bit where dist <= limit, for words of 64.",
		[]string{"mask *uint64", "dist *uint16", "words int", "limit int"}, "", func() {
			t.load("mask", "DI", "dist", "AX", "words", "CX", "limit", "DX")
			t.op("VPBROADCASTW", "DX", z(0))
			t.loop("CX", func() {
				for i := range 2 {
					t.op("VPCMPUW", "$5", mem(64*i, "AX"), z(0), fmt.Sprintf("K%d", i+1)) // limit >= dist
				}
				t.op("KUNPCKDQ", "K1", "K2", "K1")
				t.op("KMOVQ", "K1", "(DI)")
				t.op("ADDQ", "$128", "AX")
				t.op("ADDQ", "$8", "DI")
			})
		})
}

// selectAVX2: there are no comparisons "at least" and "at most". limit > score is
// turned round; dist - limit, cut at 0, is 0 where dist <= limit.
func selectAVX2(t *text) {
	t.fn("selectScoresAVX2", "sets a bit where scores >= limit, for words of 64.",
		[]string{"mask *uint64", "scores *int32", "words int", "limit int"}, "", func() {
			t.load("mask", "DI", "scores", "AX", "words", "CX", "limit", "DX")
			t.op("MOVQ", "DX", x(0))
			t.op("VPBROADCASTD", x(0), y(0))
			t.loop("CX", func() {
				for i := range 8 {
					t.op("VMOVDQU", mem(32*i, "AX"), y(1))
					t.op("VPCMPGTD", y(1), y(0), y(1))
					t.op("VMOVMSKPS", y(1), "BX")
					t.op("NOTL", "BX")
					t.op("MOVB", "BX", mem(i, "DI"))
				}
				t.op("ADDQ", "$256", "AX")
				t.op("ADDQ", "$8", "DI")
			})
		})
	t.fn("selectDistancesAVX2", "sets a bit where dist <= limit, for words of 64.",
		[]string{"mask *uint64", "dist *uint16", "words int", "limit int"}, "", func() {
			t.load("mask", "DI", "dist", "AX", "words", "CX", "limit", "DX")
			t.op("MOVQ", "DX", x(0))
			t.op("VPBROADCASTW", x(0), y(0))
			t.op("VPXOR", y(3), y(3), y(3))
			t.loop("CX", func() {
				for i := range 2 {
					for half := range 2 {
						t.op("VMOVDQU", mem(64*i+32*half, "AX"), y(1+half))
						t.op("VPSUBUSW", y(0), y(1+half), y(1+half))
						t.op("VPCMPEQW", y(3), y(1+half), y(1+half))
					}
					t.op("VPACKSSWB", y(2), y(1), y(1))
					t.op("VPERMQ", "$0xd8", y(1), y(1))
					t.op("VPMOVMSKB", y(1), "BX")
					t.op("MOVL", "BX", mem(4*i, "DI"))
				}
				t.op("ADDQ", "$128", "AX")
				t.op("ADDQ", "$8", "DI")
			})
		})
}

// prefetch asks for lines of memory that will be read soon; it never faults.
func prefetch(t *text) {
	t.fn("prefetchLines", "asks for lines of 64 bytes, at least one.", []string{"at *byte", "lines int"}, "", func() {
		t.load("at", "AX", "lines", "CX")
		t.loop("CX", func() {
			t.op("PREFETCHT0", "(AX)")
			t.op("ADDQ", "$64", "AX")
		})
	})
}
