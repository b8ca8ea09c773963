//go:build !amd64 || purego

package simd

// None of the functions below can be reached, see scan_noasm.go.

func scanAsymmetricBatchVector(Level, []int32, []byte, int, *BitQueryBatch) { panic(noKernel) }
func scanInt8AMX([]int32, []byte, int, *Int8Probes, *selection)             { panic(noKernel) }
func scanAsymmetricAMX([]int32, []byte, int, *BitQueryBatch, *selection)    { panic(noKernel) }
func peakTiles(int)                                                         { panic(noKernel) }
