//go:build !amd64 || purego

package simd

// vectors tells whether this build has assembly.
const vectors = false

// kernelNeeds: this build has portable kernels only.
func kernelNeeds(Op, Level) []need { return nil }

// None of the functions below can be reached: no level above Portable is in the table.

func scanInt8Vector(Level, []int32, []byte, int, *Int8Probes, int)    { panic(noKernel) }
func scanInt8BatchVector(Level, []int32, []byte, int, *Int8Probes)    { panic(noKernel) }
func scanHammingVector(Level, []uint16, []byte, int, *BitProbes, int) { panic(noKernel) }
func scanHammingBatchVector(Level, []uint16, []byte, int, *BitProbes) { panic(noKernel) }
func scanAsymmetricVector(Level, []int32, []byte, int, *BitQueries)   { panic(noKernel) }
func dotF16Vector(Level, []float32, []F16) float32                    { panic(noKernel) }

const noKernel = "simd: no vector kernel in this build"

func selectScoresVector(Level, []uint64, []int32, int, int32)      { panic(noKernel) }
func selectDistancesVector(Level, []uint64, []uint16, int, uint16) { panic(noKernel) }

func readVector(Level, []byte, int, int) uint64 { panic(noKernel) }

func readStreams([]byte) uint64 { return 0 }

func peakVector(int) { panic(noKernel) }
