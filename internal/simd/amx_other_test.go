//go:build !(linux && amd64)

package simd

func systemLetsUseTiles() bool { return false }
