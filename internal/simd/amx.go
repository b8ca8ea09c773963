package simd

import "unsafe"

// amxTiles are probes as the AMX kernels read them. A tile of probes is 16 of them, 64
// dimensions each, 64 bytes apart; one step of a kernel multiplies the tiles of all
// probes with 16 groups of four dimensions of some blocks, which are a tile of 16 rows
// of 64 bytes as they stand in the int8 plane.
//
//	bytes  [step][group of 16 probes][16 probes][64 dimensions]
//
// They are prepared wherever there is assembly: they take as many bytes as the probes
// and are shared by all calls.
type amxTiles struct {
	groups int // of 16 probes, 1 or 2
	steps  int // of 64 dimensions
	bytes  []int8
	config [64]byte // the shapes of the tiles, as LDTILECFG reads them
}

const (
	amxProbes = 16 // of a tile
	amxStep   = 64 // dimensions of a tile
	amxTile   = amxProbes * amxStep
	amxRing   = 4 * 4 * 1024 // bytes of the expanded bits of the last few steps

	// amxLeast is the number of probes from which the AMX kernels are used: for fewer, a
	// tile is so empty that the kernels of AVX-512 are as fast.
	amxLeast = 4
)

// newAMXTiles prepares n probes of padded bytes each. A last step that is not full
// begins so early that it ends where the probes end, if within is set: the plane is then
// not read behind its end, and what the step before has done already meets zeros.
// Without it the probes are followed by zeros.
func newAMXTiles(bytes []int8, n, padded int, within bool) *amxTiles {
	if !vectors || n < amxLeast {
		return nil
	}
	t := &amxTiles{groups: (n + amxProbes - 1) / amxProbes, steps: (padded + amxStep - 1) / amxStep}
	t.bytes = make([]int8, t.groups*t.steps*amxTile)
	for i := range n {
		probe := bytes[i*padded:][:padded]
		for s := range t.steps {
			from, to := s*amxStep, min((s+1)*amxStep, padded)
			row := t.bytes[((s*t.groups+i/amxProbes)*amxProbes+i%amxProbes)*amxStep:][:amxStep]
			if within && padded >= amxStep {
				row = row[amxStep-(to-from):]
			}
			copy(row, probe[from:to])
		}
	}
	// Tiles 0 to 3 are sums, 4 and 5 probes, the others rows of the plane; with one group
	// of probes 5 is one of rows too. See _asm/amx.go.
	width := amxStep
	if within {
		width = min(padded, amxStep)
	}
	shape := func(tile, rows, width int) { t.config[16+2*tile], t.config[48+tile] = byte(width), byte(rows) }
	t.config[0] = 1 // the palette: eight tiles of up to 16 x 64 bytes
	for tile := range 8 {
		first, second := min(n, amxProbes), n-amxProbes // probes of each group
		switch {
		case tile < 4 && (t.groups == 1 || tile < 2):
			shape(tile, first, 4*BlockRows)
		case tile < 4:
			shape(tile, second, 4*BlockRows)
		case tile == 4:
			shape(tile, first, width)
		case tile == 5 && t.groups == 2:
			shape(tile, second, width)
		default:
			shape(tile, width/4, 4*BlockRows)
		}
	}
	return t
}

// amxSpace is the memory of the kernels: sums and masks as they write them, where sums
// begin, and the bits that are expanded.
type amxSpace struct {
	sums  []int32 // [tile][block][probe][16 rows]
	mask  []byte  // [tile][probe], two bytes a block
	start []int32 // [probe][16 rows]
	ring  []int8
}

// aligned returns n elements from a multiple of 64 bytes on, in s if there is room: lines
// of the caches are not crossed. Memory that is not so aligned would be read as well,
// more slowly.
func aligned[T int8 | byte | int32](s []T, n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if cap(s) < n {
		s = make([]T, n+64/size)
		s = s[(-uintptr(unsafe.Pointer(&s[0]))&63)/uintptr(size):]
	}
	return s[:n]
}
