package simd

import (
	"encoding/binary"
	"time"
)

// The two limits of the machine that figures of the scans are set against. They mean
// something only when measured in the same run, on the same clock: the clock is the
// caller's, and where other work runs beside it should be the processor time of the
// thread.

const (
	readLine = 512 // bytes of one turn of a reading loop

	// streamPiece is read as four streams, as a call of a scan of one probe reads.
	streamPiece = 2 << 20

	// prefetchAhead is how far ahead MeasureRead asks for memory when it does.
	prefetchAhead = 4096
)

// MeasureRead reads buf so many times each in up to three ways - one stream, one stream
// that asks for the memory ahead, four streams side by side - and returns the best
// figure in bytes per second. buf should be much larger than the caches; its last bytes
// below a multiple of 512 are not read.
func MeasureRead(buf []byte, passes int, clock func() time.Duration) float64 {
	best := 0.0
	for _, ahead := range []int{0, prefetchAhead} {
		for range passes {
			begin := clock()
			readSum(buf, ahead)
			if d := clock() - begin; d > 0 {
				best = max(best, float64(len(buf)/readLine*readLine)/d.Seconds())
			}
		}
	}
	for range passes {
		begin := clock()
		if readStreams(buf) == 0 {
			break // no such loop (or nothing but zeros to read)
		}
		if d := clock() - begin; d > 0 {
			best = max(best, float64(len(buf)/streamPiece*streamPiece)/d.Seconds())
		}
	}
	return best
}

// readSum reads buf as the highest level that the machine has for int8 scans does.
func readSum(buf []byte, ahead int) uint64 {
	lines := len(buf) / readLine
	if lines == 0 {
		return 0
	}
	if l := best()[OpInt8]; l != Portable {
		return readVector(l, buf, lines, ahead)
	}
	return readPortable(buf[:lines*readLine])
}

func readPortable(buf []byte) uint64 {
	var s0, s1, s2, s3 uint64
	for ; len(buf) >= 32; buf = buf[32:] {
		s0 += binary.LittleEndian.Uint64(buf)
		s1 += binary.LittleEndian.Uint64(buf[8:])
		s2 += binary.LittleEndian.Uint64(buf[16:])
		s3 += binary.LittleEndian.Uint64(buf[24:])
	}
	return s0 + s1 + s2 + s3
}

// MeasureVNNI runs VPDPBUSD on registers alone, turns of 24 with 64 products each, and
// returns products (multiply and add) per second; the best of some tries. ok is false
// where the machine or the build has no such instruction.
func MeasureVNNI(turns int, clock func() time.Duration) (perSecond float64, ok bool) {
	if best()[OpInt8] != AVX512 {
		return 0, false
	}
	for range 5 {
		begin := clock()
		peakVector(turns)
		if d := clock() - begin; d > 0 {
			perSecond = max(perSecond, float64(turns*24*64)/d.Seconds())
		}
	}
	return perSecond, true
}
