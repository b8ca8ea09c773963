package simd

import "fmt"

// A scan of 4,096 rows with 32 probes leaves 131,072 results, of which a search wants
// a few hundred. To look at each in Go takes longer than the scan that made them; the
// functions below leave one bit of each, which the caller joins with its masks of rows
// (live, filtered) word by word.

// SelectScores sets bit r%64 of mask[r/64] where scores[r] >= limit, and clears all
// other bits of the words that hold len(scores) bits.
func SelectScores(mask []uint64, scores []int32, limit int32) {
	words := checkMask(len(mask), len(scores))
	done := 0
	if l := level(OpSelect); l != Portable && words > 0 {
		selectScoresVector(l, mask, scores, words, limit)
		done = words
	}
	for w := done; 64*w < len(scores); w++ {
		bits := uint64(0)
		for i, s := range scores[64*w : min(64*w+64, len(scores))] {
			// The sign of the difference, which a branch would guess wrong.
			bits |= (^uint64(int64(s)-int64(limit)) >> 63) << (i & 63)
		}
		mask[w] = bits
	}
	if checkIndex {
		checkSelect(mask, scores, func(s int32) bool { return s >= limit })
	}
}

// SelectDistances sets bit r%64 of mask[r/64] where dist[r] <= limit, and clears all
// other bits of the words that hold len(dist) bits.
func SelectDistances(mask []uint64, dist []uint16, limit uint16) {
	words := checkMask(len(mask), len(dist))
	done := 0
	if l := level(OpSelect); l != Portable && words > 0 {
		selectDistancesVector(l, mask, dist, words, limit)
		done = words
	}
	for w := done; 64*w < len(dist); w++ {
		bits := uint64(0)
		for i, d := range dist[64*w : min(64*w+64, len(dist))] {
			bits |= (^(uint64(limit) - uint64(d)) >> 63) << (i & 63)
		}
		mask[w] = bits
	}
	if checkIndex {
		checkSelect(mask, dist, func(d uint16) bool { return d <= limit })
	}
}

// checkMask returns the number of whole words; the assembly relies on it.
func checkMask(mask, results int) int {
	if want := (results + 63) / 64; mask < want {
		panic(fmt.Sprintf("simd: mask of %d words for %d results, want %d", mask, results, want))
	}
	return results / 64
}
