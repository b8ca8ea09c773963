// Package cost measures, for tests, what a call takes: whatever a decoder is given,
// it keeps to bounds of memory and of time.
package cost

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// Slow is how long a decoder may take for what it is given, whatever that is.
const Slow = time.Second

// slack is what the counter of Bounded may be wrong by: small objects are counted
// by whole spans, and by whoever ends a span. Other goroutines of the test binary
// allocate too.
const slack = 1 << 20

// Allocated is the mean of the bytes that a call of fn allocates, freed again or not,
// over so many runs. It is exact where nothing else runs, and stops the world.
func Allocated(runs int, fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		fn()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(runs)
}

// Bounded calls fn and fails the test if it took more than Slow, or allocated more
// than limit bytes and a constant of a MiB. It costs a few microseconds, for fuzz
// targets. A call that went over a bound is made twice more, and the least counts:
// another process may have had the processor, another goroutine the memory.
func Bounded(t testing.TB, limit int, fn func()) {
	t.Helper()
	took, bytes := measured(fn)
	for range 2 {
		if took <= Slow && bytes <= uint64(limit)+slack {
			return
		}
		again, more := measured(fn)
		took, bytes = min(took, again), min(bytes, more)
	}
	if took > Slow {
		t.Errorf("took %v, want <= %v", took, Slow)
	}
	if bytes > uint64(limit)+slack {
		t.Errorf("%d bytes allocated, want <= %d", bytes, limit+slack)
	}
}

func measured(fn func()) (time.Duration, uint64) {
	before, start := allocated(), time.Now()
	fn()
	return time.Since(start), allocated() - before
}

// allocated is how many bytes were allocated so far; unlike runtime.MemStats it does
// not stop the world.
func allocated() uint64 {
	s := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s[:])
	return s[0].Value.Uint64()
}
