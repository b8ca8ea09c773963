//go:build !amd64 || purego

package simd

// Prefetch does nothing where there is no assembly.
func Prefetch([]F16) {}
