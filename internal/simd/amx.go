package simd

// amxTiles are probes as the AMX kernels read them. A tile of probes is 16 of them, 64
// dimensions each, 64 bytes apart; one step of a kernel multiplies the tiles of all
// probes with 16 groups of four dimensions of some blocks, which are a tile of 16 rows
// of 64 bytes as they stand in the int8 plane.
//
//	bytes  [step][group of 16 probes][16 probes][64 dimensions]
//	start  [group of 16 probes][16 probes][16 rows], where the sums begin
//
// Both are prepared wherever there is assembly: they take as many bytes as the probes
// and are shared by all calls.
type amxTiles struct {
	groups int // of 16 probes, 1 or 2
	steps  int // of 64 dimensions
	bytes  []int8
	start  []int32
	config [64]byte // the shapes of the tiles, as LDTILECFG reads them
}

const (
	amxProbes = 16 // of a tile
	amxStep   = 64 // dimensions of a tile
	amxTile   = amxProbes * amxStep

	// amxLeast is the number of probes from which the AMX kernels are used: for fewer, a
	// tile is so empty that the kernels of AVX-512 are as fast.
	amxLeast = 4
)

// newAMXTiles prepares n probes of padded bytes each. A last step that is not full
// begins so early that it ends where the probes end, if within is set: the plane is then
// not read behind its end, and what the step before has done already meets zeros.
// Without it the probes are followed by zeros.
func newAMXTiles(bytes []int8, start []int32, n, padded int, within bool) *amxTiles {
	if !vectors || n < amxLeast {
		return nil
	}
	t := &amxTiles{groups: (n + amxProbes - 1) / amxProbes, steps: (padded + amxStep - 1) / amxStep}
	t.bytes = make([]int8, t.groups*t.steps*amxTile)
	t.start = make([]int32, t.groups*amxProbes*BlockRows)
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
		for r := range BlockRows {
			t.start[i*BlockRows+r] = start[i]
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
