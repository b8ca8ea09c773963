//go:build !amd64 || purego

package simd

// None of the functions below can be reached, see scan_noasm.go.

func scanAsymmetricBatchVector(Level, []int32, []byte, int, *BitQueryBatch)   { panic(noKernel) }
func (*Selector) scanAMX([]byte, int, int, *amxTiles, []int32, []int32, bool) { panic(noKernel) }
func peakTiles(int)                                                           { panic(noKernel) }
