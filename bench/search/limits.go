package search

import (
	"fmt"
	"sync"
	"time"

	"immis/internal/offheap"
	"immis/internal/simd"
)

// Limits are what the machine can do at most, measured in the same minutes as the
// scans: ratios to them mean something where other work runs beside.
type Limits struct {
	// ReadBytesPerSecond is the fastest reading of memory.
	ReadBytesPerSecond float64 `json:"read_bytes_per_second"`
	// VNNIPerSecond is 8-bit multiplications with addition a second; 0 where the machine
	// or the build has no such instruction.
	VNNIPerSecond float64 `json:"vnni_per_second"`
}

const (
	// What one core reads: as much as a scan of the rows does, within bounds. Most is more
	// than the caches that cores share; least will do where nothing is judged.
	leastLimitBytes, mostLimitBytes = 16 << 20, 256 << 20
	// allLimitBytes bounds what many cores read together.
	allLimitBytes = 2 << 30
	// limitTurns of VPDPBUSD take about 10 ms.
	limitTurns = 1 << 16
)

// limiter measures limits now and then and keeps the best.
type limiter struct {
	best    Limits
	regions []*offheap.Region
}

// newLimiter measures with so many cores at once, beside scans of so many bytes.
func newLimiter(cores, scanned int) (*limiter, error) {
	l := &limiter{}
	for range cores {
		region, err := offheap.Map(max(min(scanned, mostLimitBytes, allLimitBytes/cores), leastLimitBytes), nil)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("memory to measure the reading of: %w", err)
		}
		l.regions = append(l.regions, region)
		// Pages that were never written to are all the same page of zeros to the machine.
		for b, i := region.Bytes(), 0; i < len(b); i += 64 {
			b[i] = 1
		}
	}
	return l, nil
}

func (l *limiter) close() {
	for _, r := range l.regions {
		r.Unmap()
	}
}

// measure takes some tens of milliseconds. One core is measured by processor time,
// several by the clock, all at once.
func (l *limiter) measure() {
	if len(l.regions) == 1 {
		l.best.ReadBytesPerSecond = max(l.best.ReadBytesPerSecond, simd.MeasureRead(l.regions[0].Bytes(), 1, processorTime))
		if v, ok := simd.MeasureVNNI(limitTurns, processorTime); ok {
			l.best.VNNIPerSecond = max(l.best.VNNIPerSecond, v)
		}
		return
	}
	begun := time.Now()
	clock := func() time.Duration { return time.Since(begun) }
	read, vnni := make([]float64, len(l.regions)), make([]float64, len(l.regions))
	for _, what := range []func(i int){
		func(i int) { read[i] = simd.MeasureRead(l.regions[i].Bytes(), 1, clock) },
		func(i int) { vnni[i], _ = simd.MeasureVNNI(limitTurns, clock) },
	} {
		var group sync.WaitGroup
		for i := range l.regions {
			group.Go(func() { what(i) })
		}
		group.Wait()
	}
	var sum Limits
	for i := range read {
		sum.ReadBytesPerSecond += read[i]
		sum.VNNIPerSecond += vnni[i]
	}
	l.best.ReadBytesPerSecond = max(l.best.ReadBytesPerSecond, sum.ReadBytesPerSecond)
	l.best.VNNIPerSecond = max(l.best.VNNIPerSecond, sum.VNNIPerSecond)
}

// kernels lists what the scans run on, "operation/level".
func kernels() []string {
	var out []string
	for _, k := range simd.Kernels() {
		if k.Chosen {
			out = append(out, k.Name())
		}
	}
	return out
}
