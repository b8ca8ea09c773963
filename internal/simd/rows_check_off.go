//go:build !checkindex

package simd

func checkRotate(*Rotation, []float32, []float32)       {}
func checkToF16([]F16, []float32)                       {}
func checkFromF16([]float32, []F16)                     {}
func checkQuantizeInt8([]int8, []float32, float32)      {}
func checkResidual(float32, []float32, []int8, float32) {}
func checkSignBits([]uint32, []float32)                 {}
func checkPackInt8([]byte, int, []int8)                 {}
