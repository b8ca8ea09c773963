//go:build !checkindex

package simd

// checkIndex tells whether each call of a kernel is doubled by the obvious reader.
const checkIndex = false

func checkInt8([]int32, []byte, int, *Int8Probes, int)               {}
func checkHamming([]uint16, []byte, int, *BitProbes, int)            {}
func checkAsymmetric([]int32, []byte, int, *BitQueries)              {}
func checkAsymmetricBatch([]int32, []byte, int, *BitQueryBatch, int) {}
func checkDotF16(float32, []float32, []F16)                          {}

func checkSelect[T int32 | uint16]([]uint64, []T, func(T) bool) {}
