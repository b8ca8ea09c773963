//go:build amd64 && !purego

package simd

import (
	"math/bits"
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

// amxCall is what all calls for one scan share.
type amxCall struct {
	*amxTiles
	*amxSpace
	plane  []byte
	blocks int
	size   int // bytes of a block
	bits   bool
}

// amxLimit bounds limits, far beyond all scores, so that no sum overflows.
const amxLimit = 1 << 30

// scanAMX is a scan with limits; start is where the sum of each probe begins.
func (s *Selector) scanAMX(plane []byte, blocks, size int, t *amxTiles, start, limits []int32, bits bool) {
	c := &amxCall{amxTiles: t, amxSpace: &s.amx, plane: plane, blocks: blocks, size: size, bits: bits}
	c.start = aligned(c.start, t.groups*amxProbes*BlockRows)
	for i, limit := range limits {
		begin := start[i] - min(max(limit, -amxLimit), amxLimit)
		for r := range BlockRows {
			c.start[i*BlockRows+r] = begin
		}
	}
	c.ring = aligned(c.ring, amxRing)
	perCall := amxCallBytes / size
	if bits {
		perCall /= 8 // as many products
	}
	// Whole tiles of blocks and then, with tiles of one block, those that are left.
	width := 4 / t.groups
	most := max(perCall/width*width, width)
	for b := 0; b < blocks; {
		count := min(most, blocks-b)
		if count >= width {
			count -= count % width
			c.run(b, count/width, width)
			s.takeAMX(c, b, width, limits)
		} else {
			c.run(b, count, 1)
			s.takeAMX(c, b, 1, limits)
		}
		b += count
	}
}

// run scores tiles of some blocks from block from on.
func (c *amxCall) run(from, tiles, blocks int) {
	c.sums = aligned(c.sums, tiles*blocks*c.groups*amxProbes*BlockRows)
	c.mask = aligned(c.mask, tiles*blocks*c.groups*amxProbes*2)
	config, rows, probes, start, sums, mask := &c.config[0], &c.plane[from*c.size], &c.bytes[0], &c.start[0], &c.sums[0], &c.mask[0]
	if c.bits {
		odd, ring := c.size/64%2, (*byte)(unsafe.Pointer(&c.ring[0]))
		switch {
		case c.groups == 2 && blocks == 2:
			amxBits2x2(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, sums, mask, 0)
		case c.groups == 2:
			amxBits2x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, sums, mask, 0)
		case blocks == 4:
			amxBits1x4(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, sums, mask, 0)
		default:
			amxBits1x1(config, rows, c.size, tiles, c.steps, odd, ring, probes, start, sums, mask, 0)
		}
		return
	}
	last := 0
	if groups := c.size / 64; groups >= 16 {
		last = 64*groups - 1024*c.steps
	}
	// One tile of blocks ahead, or some small ones.
	ahead := blocks * c.size
	ahead *= max(1, 8<<10/ahead)
	switch {
	case c.groups == 2 && blocks == 2:
		amxInt82x2(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, sums, mask, 0)
	case c.groups == 2:
		amxInt82x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, sums, mask, 0)
	case blocks == 4:
		amxInt81x4(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, sums, mask, 0)
	default:
		amxInt81x1(config, rows, c.size, tiles, c.steps, last, ahead, probes, start, sums, mask, 0)
	}
}

// takeAMX makes hits of the masks of tiles of blocks, from block from on.
func (s *Selector) takeAMX(c *amxCall, from, blocks int, limits []int32) {
	// All these numbers, and BlockRows, are powers of two. Eight bytes of masks at a time are those of
	// 4/blocks probes; most are 0.
	rowBits := 3 + bits.Len(uint(blocks)) // of the rows of a tile
	perWord := 6 - rowBits                // of the probes in a word
	probeBits := bits.Len(uint(c.groups*amxProbes)) - 1
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&c.mask[0])), len(c.mask)/8)
	for i, word := range words {
		for ; word != 0; word &= word - 1 {
			// The bits of all words one behind the other: tile, probe, row.
			bit := i<<6 + bits.TrailingZeros64(word)
			row, probe, tile := bit&(1<<rowBits-1), bit>>rowBits&(1<<probeBits-1), i>>(probeBits-perWord)
			if probe >= len(limits) {
				break // what stands there is of no probe
			}
			sum := c.sums[(((tile*blocks+row>>4)<<probeBits)+probe)<<4+row&15]
			s.hits = append(s.hits, Hit{
				Row: int32((from+tile*blocks)<<4 + row), Probe: int32(probe),
				Score: sum + min(max(limits[probe], -amxLimit), amxLimit),
			})
		}
	}
}

// peakTiles runs turns of 16 products of tiles, each of 16 x 16 x 64.
func peakTiles(turns int) {
	t := newAMXTiles(make([]int8, amxProbes*amxStep), amxProbes, amxStep, true)
	peakAMX(&t.config[0], turns)
}
