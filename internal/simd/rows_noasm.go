//go:build !amd64 || purego

package simd

// None of these can be reached, as those of scan_noasm.go.

func hadamardVector(Level, []float32, []float32, []float32)      { panic(noKernel) }
func multiplyVector(Level, []float32, []float32, []float32) int  { panic(noKernel) }
func butterfliesVector(Level, []float32, []float32, float32) int { panic(noKernel) }
func toF16Vector(Level, []F16, []float32)                        { panic(noKernel) }
func fromF16Vector(Level, []float32, []F16)                      { panic(noKernel) }
func quantizeInt8Vector(Level, []int8, []float32, float32)       { panic(noKernel) }
func residualVector(Level, []float32, []int8, float32) float32   { panic(noKernel) }
func signBitsVector(Level, []uint32, []float32) int              { panic(noKernel) }
func packInt8Vector(Level, []byte, int, []int8) int              { panic(noKernel) }
