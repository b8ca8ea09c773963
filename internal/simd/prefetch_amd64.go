//go:build amd64 && !purego

package simd

import "unsafe"

// Prefetch asks for a row that will be scored soon. Rows that a search scores lie far
// apart, and to wait for each from memory takes three times as long as to score it. It
// uses no feature that a processor could lack.
func Prefetch(row []F16) {
	if len(row) > 0 {
		prefetchLines((*byte)(unsafe.Pointer(&row[0])), (2*len(row)+63)/64)
	}
}
