package main

import "fmt"

const (
	// The ring of expanded bits: slots of 64 dimensions of all blocks of a tile. A slot
	// is written two turns before it is read, when its stores have left the processor's
	// queue: a tile cannot be loaded from them earlier.
	amxSlots     = 4
	amxSlotsLead = 2
)

// amxKernel is one kernel for groups x 16 probes and blocks x 16 rows at a time: every
// sum in a tile, four of them if there are as many, so that one product never waits for
// another. It sets the shapes of the tiles when it begins and gives the tiles back when
// it ends; no tile state lives while Go code runs.
//
// Sums begin at minus the limit of their probe, so a sum of 0 or more is a hit. Each tile
// of sums is written to memory and compared while the products of the next tile are made,
// four probes a step: the processor multiplies tiles beside its other work only as far as
// it looks ahead, which is about two steps.
type amxKernel struct {
	groups, blocks int
	bits           bool // rows of the bit plane, expanded to bytes 0 and 2
}

func (k amxKernel) name() string {
	name := "amxInt8"
	if k.bits {
		name = "amxBits"
	}
	return fmt.Sprintf("%s%dx%d", name, k.groups, k.blocks)
}

// sum is the tile of the sums of a group of probes and a block; probe and row are those
// of the factors. Tiles 2 and 3 belong to the second group of probes, if there is one:
// their shape is its number of probes.
func (k amxKernel) sum(g, b int) int { return 2*g + b }
func (k amxKernel) probe(g int) int  { return 4 + g }
func (k amxKernel) row(b int) int {
	if k.groups == 1 {
		return 5 + b%3
	}
	return 6 + b%2
}

// sumBytes is how much memory the sums of a tile take.
func (k amxKernel) sumBytes() int { return 1024 * k.groups * k.blocks }

// Registers through a whole call. SI is 64 and CX counts the steps of 64 dimensions
// while a tile is summed; BX, CX and SI are free between tiles, BX also between steps.
const (
	amxOut    = "DI"  // sums of the tile
	amxSums   = "R8"  // sums of the tile before, which are compared
	amxTiles  = "R12" // tiles of blocks to do
	amxProbe  = "DX"  // factors of the probes
	amxZero   = 30
	amxAtOnce = 4 // probes compared in one step
)

func amxScan(t *text, k amxKernel) {
	args := []string{
		"config *byte", "rows *byte", "size int", "tiles int", "steps int", "last int", "ahead int",
		"probes *int8", "start *int32", "sums *int32", "mask *byte", "left int",
	}
	doc := fmt.Sprintf("scores tiles of %d x 16 rows with up to %d probes, steps x 64 dimensions; size is the bytes of a block, last goes from the place behind a step to the last step, the plane is asked for ahead bytes before it is read.", k.blocks, 16*k.groups)
	if k.bits {
		args[5], args[6] = "odd int", "ring *byte"
		doc = fmt.Sprintf("scores tiles of %d x 16 rows of bits with up to %d probes, steps x 64 dimensions, the last of 32 if odd; size is the bytes of a block, ring has %d bytes.", k.blocks, 16*k.groups, amxSlots*k.blocks*1024)
	}
	doc += fmt.Sprintf(" For each tile sums gets %d bytes: [block][probe][16 rows]; mask %d: for each probe a bit a row, set where the sum is not negative. left is 0.", k.sumBytes(), 32*k.groups*k.blocks)
	t.fn(k.name(), doc, args, "", func() {
		t.load("config", "AX")
		t.ldtilecfg("AX")
		t.op("VPXORD", z(amxZero), z(amxZero), z(amxZero))
		t.load("tiles", amxTiles, "sums", amxOut, "sums", amxSums)
		if k.bits {
			k.bitsBegin(t)
		} else {
			t.load("rows", "R15", "last", "R14", "ahead", "R9")
		}
		t.loop(amxTiles, func() {
			t.op("MOVQ", "$64", "SI")
			t.load("start", "BX")
			for g := range k.groups {
				for b := range k.blocks {
					t.tileloadd(k.sum(g, b), "BX", "SI", 1024*g)
				}
			}
			t.load("probes", amxProbe, "steps", "CX")
			if k.bits {
				k.bitsTile(t)
			} else {
				k.int8Tile(t)
			}
			k.compareRest(t)
			for b := range k.blocks {
				for g := range k.groups {
					t.tilestored(k.sum(g, b), amxOut, "SI", 1024*(b*k.groups+g))
				}
			}
			t.op("MOVQ", amxOut, amxSums)
			t.op("ADDQ", imm(k.sumBytes()), amxOut)
			t.op("MOVQ", imm(16*k.groups/amxAtOnce), t.arg("left"))
		})
		t.tilerelease()
		k.compareRest(t)
	})
}

// compare compares some probes' sums of the tile before, if there are any left. It
// changes BX in the kernels of bits and R13 in the others.
func (k amxKernel) compare(t *text) {
	done := t.label("compared")
	t.op("CMPQ", t.arg("left"), "$0")
	t.op("JEQ", done)
	k.compareSome(t)
	t.at(done)
}

func (k amxKernel) compareSome(t *text) {
	mask := "R13"
	if k.bits {
		mask = "BX"
	}
	t.load("mask", mask)
	for i := range amxAtOnce {
		for b := range k.blocks {
			t.op("VPCMPD", "$2", mem(64*i+1024*k.groups*b, amxSums), z(amxZero), fmt.Sprintf("K%d", b+1)) // 0 <= sum
		}
		width := "W"
		switch k.blocks {
		case 2:
			width = "D"
			t.op("KUNPCKWD", "K1", "K2", "K1")
		case 4:
			width = "Q"
			t.op("KUNPCKWD", "K1", "K2", "K1")
			t.op("KUNPCKWD", "K3", "K4", "K3")
			t.op("KUNPCKDQ", "K1", "K3", "K1")
		}
		t.op("KMOV"+width, "K1", mem(2*k.blocks*i, mask))
	}
	t.op("ADDQ", imm(64*amxAtOnce), amxSums)
	t.op("ADDQ", imm(2*k.blocks*amxAtOnce), t.arg("mask"))
	t.op("DECQ", t.arg("left"))
}

// compareRest compares what no step had time for.
func (k amxKernel) compareRest(t *text) {
	top, done := t.label("rest"), t.label("compared")
	t.at(top)
	t.op("CMPQ", t.arg("left"), "$0")
	t.op("JEQ", done)
	k.compareSome(t)
	t.op("JMP", top)
	t.at(done)
}

// int8Tile sums one tile of blocks that stand in the plane one behind the other: their
// groups of four dimensions are the rows of the tiles as they are.
func (k amxKernel) int8Tile(t *text) {
	at := []string{"AX", "BX", "R10", "R11"}[:k.blocks]
	step := func() {
		k.products(t, func(b int) { t.tileloadd(k.row(b), at[b], "SI", 0) }, func(i int) {
			for line := range 16 {
				// Into the second cache: the first holds the probes and the rows in use.
				t.op("PREFETCHT1", fmt.Sprintf("%d(%s)(R9*1)", 64*line, at[i]))
			}
		})
	}
	t.op("MOVQ", "R15", "AX")
	for b := 1; b < k.blocks; b++ {
		t.op("MOVQ", at[b-1], at[b])
		t.op("ADDQ", t.arg("size"), at[b])
	}
	t.op("MOVQ", at[k.blocks-1], "R15")
	t.op("ADDQ", t.arg("size"), "R15")
	t.op("DECQ", "CX")
	t.loopMaybe("CX", func() {
		step()
		k.compare(t)
		for _, r := range at {
			t.op("ADDQ", "$1024", r)
		}
		t.op("ADDQ", imm(1024*k.groups), amxProbe)
	})
	// The last step may begin before the end of the one before it: a block that is no
	// multiple of 64 dimensions is not read behind its end. The probes are 0 there.
	for _, r := range at {
		t.op("ADDQ", "R14", r)
	}
	step()
}

// products prints one step: each factor is loaded once, each block's other work (aside)
// stands between the products.
func (k amxKernel) products(t *text, load func(b int), aside func(b int)) {
	t.tileloadd(k.probe(0), amxProbe, "SI", 0)
	for b := range k.blocks {
		load(b)
		t.tdpbsud(k.row(b), k.probe(0), k.sum(0, b))
		if k.groups == 2 {
			if b == 0 {
				t.tileloadd(k.probe(1), amxProbe, "SI", 1024)
			}
			t.tdpbsud(k.row(b), k.probe(1), k.sum(1, b))
		}
		aside(b)
	}
}

// Bits. The rows of a group of 32 dimensions become eight rows of a tile: AND and a
// shift leave dimensions k, 8+k, 16+k and 24+k of each of the 16 rows as four bytes 0
// or 2 (2, since the score is twice the sum over set bits, less the sum of the probe;
// the latter is where the sums begin). Probes come in the same order. All probes share
// one expansion, which goes through a ring that stays in the first cache, a little
// ahead of the products and between them, as it uses other parts of the processor.
const (
	bitsRead  = "AX"  // slot that is read next
	bitsFrom  = "R9"  // line that is expanded next, of the first block
	bitsSteps = "R11" // steps of its tile to expand
	bitsSize  = "R13" // bytes of a block
	bitsLeft  = "R14" // steps of all tiles to expand
	bitsWrite = "R15" // slot that is written next
	bitsTwos  = 31
)

func (k amxKernel) bitsBegin(t *text) {
	t.op("MOVL", "$0x02020202", "BX")
	t.op("VPBROADCASTD", "BX", z(bitsTwos))
	t.load("rows", bitsFrom, "size", bitsSize, "steps", bitsSteps, "ring", bitsRead)
	t.op("MOVQ", bitsRead, bitsWrite)
	t.op("MOVQ", amxTiles, bitsLeft)
	t.op("IMULQ", bitsSteps, bitsLeft)
	if k.blocks > 2 {
		t.op("LEAQ", idx(bitsSize, bitsSize, 2), "R10")
	}
	for range amxSlotsLead {
		k.expand(t)
	}
}

func (k amxKernel) bitsTile(t *text) {
	if k.blocks > 2 {
		t.op("LEAQ", idx(bitsSize, bitsSize, 2), "R10")
	}
	t.loop("CX", func() {
		k.products(t, func(b int) { t.tileloadd(k.row(b), bitsRead, "SI", 1024*b) }, func(int) {})
		k.expand(t)
		k.forward(t, bitsRead)
		k.compare(t)
		t.op("ADDQ", imm(1024*k.groups), amxProbe)
	})
}

// forward goes to the next slot of the ring.
func (k amxKernel) forward(t *text, slot string) {
	t.op("ADDQ", imm(1024*k.blocks), slot)
	t.load("ring", "BX")
	t.op("ADDQ", imm(1024*k.blocks*amxSlots), "BX")
	t.op("CMPQ", slot, "BX")
	t.op("CMOVQEQ", t.arg("ring"), slot)
}

// expand writes the next slot, if there is one. It needs three times bitsSize in R10 if
// there are four blocks, and changes BX.
func (k amxKernel) expand(t *text) {
	end, one, done := t.label("expanded"), t.label("half"), t.label("line")
	t.op("TESTQ", bitsLeft, bitsLeft)
	t.op("JZ", end)
	line := func(b, half int) {
		from := []string{"%d(" + bitsFrom + ")", "%d(" + bitsFrom + ")(" + bitsSize + "*1)", "%d(" + bitsFrom + ")(" + bitsSize + "*2)", "%d(" + bitsFrom + ")(R10*1)"}[b]
		row := 2 * b
		t.op("VMOVDQU64", fmt.Sprintf(from, 64*half), z(row))
		t.op("PREFETCHT0", fmt.Sprintf(from, 64*half+ahead))
		for d := range 8 {
			set := 8 + (8*half+d)%16
			switch d {
			case 0:
				t.op("VPADDD", z(row), z(row), z(set))
				t.op("VPANDD", z(set), z(bitsTwos), z(set))
			case 1:
				t.op("VPANDD", z(row), z(bitsTwos), z(set))
			default:
				t.op("VPSRLD", imm(d-1), z(row), z(set))
				t.op("VPANDD", z(set), z(bitsTwos), z(set))
			}
			t.op("VMOVDQU64", z(set), mem(1024*b+512*half+64*d, bitsWrite))
		}
	}
	for b := range k.blocks {
		line(b, 0)
	}
	// The last step of a block may be half a step. What stands in the other half of the
	// slot meets zeros of the probes.
	t.op("CMPQ", bitsSteps, "$1")
	t.op("JNE", one)
	t.op("CMPQ", t.arg("odd"), "$0")
	t.op("JNE", done)
	t.at(one)
	for b := range k.blocks {
		line(b, 1)
	}
	t.op("ADDQ", "$64", bitsFrom)
	t.at(done)
	t.op("ADDQ", "$64", bitsFrom)
	k.forward(t, bitsWrite)
	t.op("DECQ", bitsLeft)
	t.op("DECQ", bitsSteps)
	t.op("JNZ", end)
	t.load("steps", bitsSteps)
	for range k.blocks - 1 {
		t.op("ADDQ", bitsSize, bitsFrom)
	}
	t.at(end)
}

// peakAMX: products of tiles alone, four sums in turn.
func peakAMX(t *text) {
	t.fn("peakAMX", "runs 16 TDPBSUD of 16 x 16 x 64 products each a turn, on registers.", []string{"config *byte", "turns int"}, "", func() {
		t.load("config", "AX", "turns", "CX")
		t.ldtilecfg("AX")
		t.loopMaybe("CX", func() {
			for i := range 16 {
				t.tdpbsud(6+i%2, 4+i/2%2, i%4)
			}
		})
		t.tilerelease()
	})
}

// amxQueries: what is asked of the processor before AMX may be used.
func amxQueries(t *text) {
	t.fn("cpuidWords", "is EBX (upper half) and EAX of CPUID.", []string{"leaf int", "subleaf int"}, "uint64", func() {
		t.load("leaf", "AX", "subleaf", "CX")
		t.op("CPUID")
		t.op("SHLQ", "$32", "BX")
		t.op("MOVL", "AX", "AX") // clears the upper half
		t.op("ORQ", "BX", "AX")
		t.op("MOVQ", "AX", fmt.Sprintf("ret+%d(FP)", t.args["ret"]))
	})
	t.fn("xgetbv0", "is XCR0: the states of registers that the system keeps. OSXSAVE must be set.", nil, "uint64", func() {
		t.op("XORL", "CX", "CX")
		t.op("XGETBV")
		t.op("SHLQ", "$32", "DX")
		t.op("MOVL", "AX", "AX")
		t.op("ORQ", "DX", "AX")
		t.op("MOVQ", "AX", fmt.Sprintf("ret+%d(FP)", t.args["ret"]))
	})
}

// amxKernels are all kernels of AMX: tiles of 2 x 2 for more than 16 probes and of 1 x 4
// for fewer, and of one block for the blocks that are left.
func amxKernels() *text {
	t := &text{}
	for _, bits := range []bool{false, true} {
		for _, shape := range [][2]int{{2, 2}, {2, 1}, {1, 4}, {1, 1}} {
			amxScan(t, amxKernel{groups: shape[0], blocks: shape[1], bits: bits})
		}
	}
	peakAMX(t)
	amxQueries(t)
	return t
}
