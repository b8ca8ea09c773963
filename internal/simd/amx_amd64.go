//go:build amd64 && !purego

package simd

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// Tiles are 8 KB of registers that most threads never use, so the processor and the
// system must be asked before the first use: instructions without leave are a fault.
//
// Why signals and preemption are safe. The runtime stops a running goroutine by a signal
// to its thread. Assembly is no place where a goroutine may be taken off, so the handler
// returns into the kernel, with all registers as they were: the system puts the tiles
// into the frame of the signal and takes them back from there. That frame grows by 8 KB,
// of 32 KB that the runtime's signal stacks have; the system refuses leave while a thread
// of the process (of C, say) has a smaller stack than the frame needs, and afterwards
// refuses such stacks. Kernels set their tiles up and release them within one call, so
// no goroutine is ever switched while tiles hold anything, and a thread that does not
// scan has no state to save. A kernel of some microseconds sees its thread moved to
// another processor as any other code does: the system saves and restores the tiles.

// amxNeeds asks once; goroutines may ask at the same time.
var amxNeeds = sync.OnceValue(func() []need {
	const (
		tileStates = 1<<17 | 1<<18      // of XCR0: shapes and contents of tiles
		palette1   = 1024<<16 | 8<<10   // bytes of a tile, of all tiles
		shapes1    = (8<<16 | 64) << 32 // tiles, bytes of a row
		maxLeaf    = 0x1d               // of CPUID, where palettes are told
	)
	needs := []need{
		{"amx_tile", cpu.X86.HasAMXTile},
		{"amx_int8", cpu.X86.HasAMXInt8},
		{"tiles of 16 x 64 bytes", cpuidWords(0, 0)&0xffffffff >= maxLeaf && cpuidWords(maxLeaf, 1) == shapes1|palette1},
		{"tiles enabled by the system (XCR0)", cpu.X86.HasOSXSAVE && xgetbv0()&tileStates == tileStates},
	}
	for _, n := range needs {
		if !n.has {
			return needs
		}
	}
	if refused := amxAskSystem(); refused != "" {
		return append(needs, need{refused, false})
	}
	return needs
})

// amxCallBytes is how much of the int8 plane one call of a kernel reads: 4,096 rows of
// 512 dimensions, about 50 to 100 microseconds.
const amxCallBytes = 2 << 20

// amxCall is what all calls for one batch share; results of two probes are 16*blocks
// places apart.
type amxCall struct {
	*amxTiles
	scores  []int32
	plane   []byte
	blocks  int
	size    int // bytes of a block
	perCall int // blocks
	sel     *selection
}

// amxKept are the sums of two tiles of blocks, kept until they are compared.
type amxKept [2*4*1024 + 63]byte

// amxRing are the expanded bits of the last few steps.
type amxRing [4*4*1024 + 63]byte

func (k *amxKept) aligned() *byte { return aligned(k[:]) }
func (r *amxRing) aligned() *byte { return aligned(r[:]) }

// aligned is the first byte at a multiple of 64: lines of the caches are not crossed.
// Memory that is not so aligned would be read as well, more slowly.
func aligned(b []byte) *byte {
	return &b[-uintptr(unsafe.Pointer(&b[0]))&63]
}

// run goes over the plane in parts that one call may take: whole tiles of blocks and
// then, with tiles of one block, those that are left.
func (c *amxCall) run(call func(c *amxCall, from, tiles int, wide bool)) {
	width := 4 / c.groups
	most := max(c.perCall/width*width, width)
	for b := 0; b < c.blocks; {
		count := min(most, c.blocks-b)
		if tiles := count / width; tiles > 0 {
			call(c, b, tiles, true)
			b += tiles * width
			continue
		}
		call(c, b, count, false)
		b += count
	}
}

func scanInt8AMX(scores []int32, plane []byte, blocks int, p *Int8Probes, sel *selection) {
	c := &amxCall{amxTiles: p.tiles, scores: scores, plane: plane, blocks: blocks, size: 64 * p.groups, sel: sel}
	c.perCall = amxCallBytes / c.size
	c.run((*amxCall).int8)
}

// int8 scores tiles of blocks from block from on.
func (c *amxCall) int8(from, tiles int, wide bool) {
	last, blocks := 0, 1
	if groups := c.size / 64; groups >= 16 {
		last = 64*groups - 1024*c.steps
	}
	if wide {
		blocks = 4 / c.groups
	}
	// One tile of blocks ahead, or some small ones.
	ahead := blocks * c.size
	ahead *= max(1, 8<<10/ahead)
	config, rows, probes, start, out, ostride := &c.config[0], &c.plane[from*c.size], &c.bytes[0], &c.start[0], &c.scores[from*BlockRows], 4*BlockRows*c.blocks
	if c.sel == nil {
		switch {
		case c.groups == 2 && wide:
			amxInt82x2(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride)
		case c.groups == 2:
			amxInt82x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride)
		case wide:
			amxInt81x4(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride)
		default:
			amxInt81x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride)
		}
		return
	}
	var kept amxKept
	s, sums := c.sel, kept.aligned()
	limits, mask := &s.limits[0], (*byte)(unsafe.Add(unsafe.Pointer(&s.mask[0]), 2*from)) // two bytes a block
	switch {
	case c.groups == 2 && wide:
		amxInt8Select2x2(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	case c.groups == 2:
		amxInt8Select2x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	case wide:
		amxInt8Select1x4(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	default:
		amxInt8Select1x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	}
}

func scanAsymmetricAMX(scores []int32, plane []byte, blocks int, p *BitQueryBatch, sel *selection) {
	c := &amxCall{amxTiles: p.tiles, scores: scores, plane: plane, blocks: blocks, size: 64 * p.groups, sel: sel}
	c.perCall = amxCallBytes / 8 / c.size // as many products as with the int8 plane
	c.run((*amxCall).bits)
}

// bits scores tiles of blocks of the bit plane from block from on.
func (c *amxCall) bits(from, tiles int, wide bool) {
	var space amxRing
	odd, ring := c.size/64%2, space.aligned()
	config, rows, probes, start, out, ostride := &c.config[0], &c.plane[from*c.size], &c.bytes[0], &c.start[0], &c.scores[from*BlockRows], 4*BlockRows*c.blocks
	if c.sel == nil {
		switch {
		case c.groups == 2 && wide:
			amxBits2x2(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride)
		case c.groups == 2:
			amxBits2x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride)
		case wide:
			amxBits1x4(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride)
		default:
			amxBits1x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride)
		}
		return
	}
	var kept amxKept
	s, sums := c.sel, kept.aligned()
	limits, mask := &s.limits[0], (*byte)(unsafe.Add(unsafe.Pointer(&s.mask[0]), 2*from)) // two bytes a block
	switch {
	case c.groups == 2 && wide:
		amxBitsSelect2x2(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	case c.groups == 2:
		amxBitsSelect2x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	case wide:
		amxBitsSelect1x4(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	default:
		amxBitsSelect1x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, out, ostride, limits, len(s.limits), mask, 8*s.words, sums)
	}
}

// peakTiles runs turns of 16 products of tiles, each of 16 x 16 x 64.
func peakTiles(turns int) {
	t := newAMXTiles(make([]int8, amxProbes*amxStep), make([]int32, amxProbes), amxProbes, amxStep, true)
	peakAMX(&t.config[0], turns)
}
