// Package gcpace spaces out the collections of a process with a small heap and much
// garbage. Go collects when garbage has grown to a percentage of what lives (GOGC,
// 100): with little alive that is every few seconds, each time with a quarter of
// the processors or more for as long as marking takes, and requests that meet
// it wait. Here the percentage follows the live heap, so that a collection comes after
// a fixed amount of garbage instead: memory, which a server has, for latency. It
// refuses to make the heap of a process larger than twice what lives where that is
// more than the amount already, and to overrule an operator who has set the collector.
package gcpace

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Config says how collections are spaced.
type Config struct {
	// Headroom is how many bytes of garbage may gather between two collections; where
	// more than that is alive, as much as is alive (what Go does by itself). 0 means
	// DefaultHeadroom(Memory()). A value below 0 panics.
	Headroom int64
	// Chosen: the operator has set GOGC or GOMEMLIMIT in the environment, which is read
	// elsewhere. Then nothing is done.
	Chosen bool
}

// DefaultHeadroom is 1 GiB, at most an eighth of so many bytes of memory. Of an unknown
// memory, 0, it is 256 MiB, which suits a machine of 2 GiB.
func DefaultHeadroom(memory int64) int64 {
	const most, cautious = 1 << 30, 256 << 20
	if memory <= 0 {
		return cautious
	}
	return min(most, memory/8)
}

// interval is how often it is looked whether a collection has ended. A look costs about
// a microsecond. Until it comes the percentage fits the heap of before: where that has
// grown much in one cycle, as at start, the goal is far too high, and garbage goes
// beyond the headroom by what is allocated in one interval, some tens of MiB.
//
// A finalizer that each collection triggers would need no looks, but runs when its
// object is swept: on a busy machine with a goal far away, nobody knows when.
const interval = 50 * time.Millisecond

// Run sets the collector's percentage (debug.SetGCPercent) after each collection, and
// puts back what it found when ctx ends; it returns only then. It does nothing where
// the process has a limit of its memory (debug.SetMemoryLimit) or a percentage other
// than Go's own 100 before. A percentage that somebody else sets meanwhile stays, until
// he puts back the one from here. One Run per process.
func Run(ctx context.Context, c Config) {
	if c.Headroom < 0 {
		panic("gcpace: headroom below 0")
	}
	defer func() { <-ctx.Done() }()
	r := newReader()
	found := r.read()
	if c.Chosen || found.limit != math.MaxInt64 || found.percent != goDefault {
		return
	}
	headroom := uint64(c.Headroom)
	if headroom == 0 {
		headroom = uint64(DefaultHeadroom(Memory()))
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	ours := found.percent
	// The first look finds no collection behind it and adjusts all the same.
	for seen := uint64(math.MaxUint64); ; {
		if s := r.read(); s.cycles != seen && s.percent == ours {
			seen = s.cycles
			if p := percent(s.live+s.roots, headroom); p != ours {
				debug.SetGCPercent(p)
				ours = p
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if r.read().percent == ours {
				debug.SetGCPercent(found.percent)
			}
			return
		}
	}
}

// What the pacer of Go (runtime/mgcpacer.go) does with a percentage p: the heap may grow
// to live + (live+roots) * p/100 bytes, at the least to goMinimum * p/100. Marking begins
// earlier, so as to end there.
const (
	goDefault = 100
	goMinimum = 4 << 20
)

// percent is the percentage at which garbage grows to the larger of headroom and
// marked, the bytes that a collection marks: the live heap, stacks and globals.
func percent(marked, headroom uint64) int {
	if marked >= headroom {
		return goDefault
	}
	// Below goMinimum its multiple counts; with marked below that it would be far more
	// than the headroom.
	marked = max(marked, goMinimum)
	p := uint64(math.MaxInt32)
	if headroom < math.MaxUint64/100 {
		p = min(p, (100*headroom+marked-1)/marked)
	}
	return int(max(p, goDefault))
}

// state is what the runtime says about its collector.
type state struct {
	cycles  uint64 // collections that have ended
	live    uint64 // bytes of heap the last one marked
	roots   uint64 // bytes of stacks and globals it scanned
	limit   uint64 // math.MaxInt64: none
	percent int    // -1: collections are off
}

type reader struct{ samples []metrics.Sample }

func newReader() *reader {
	r := &reader{}
	for _, name := range []string{
		"/gc/cycles/total:gc-cycles", "/gc/heap/live:bytes", "/gc/scan/stack:bytes",
		"/gc/scan/globals:bytes", "/gc/gomemlimit:bytes", "/gc/gogc:percent",
	} {
		r.samples = append(r.samples, metrics.Sample{Name: name})
	}
	return r
}

func (r *reader) read() state {
	metrics.Read(r.samples)
	v := func(i int) uint64 { return r.samples[i].Value.Uint64() }
	return state{cycles: v(0), live: v(1), roots: v(2) + v(3), limit: v(4), percent: int(int32(v(5)))}
}
