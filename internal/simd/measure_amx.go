package simd

import "time"

// MeasureAMX runs TDPBSUD on registers alone, turns of 16 with 16,384 products each, and
// returns products (multiply and add) per second; the best of some tries. ok is false
// where the machine, its system or the build has no such instruction.
func MeasureAMX(turns int, clock func() time.Duration) (perSecond float64, ok bool) {
	if best()[OpInt8Batch] != AMX {
		return 0, false
	}
	for range 5 {
		begin := clock()
		peakTiles(turns)
		if d := clock() - begin; d > 0 {
			perSecond = max(perSecond, float64(turns*16*amxProbes*BlockRows*amxStep)/d.Seconds())
		}
	}
	return perSecond, true
}
