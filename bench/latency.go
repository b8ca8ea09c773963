package bench

import (
	"slices"
	"sync"
	"time"
)

// Latencies collects durations from any number of goroutines. The zero value is
// ready. It keeps every duration: a percentile of a summary would be an estimate.
type Latencies struct {
	mu     sync.Mutex
	all    []time.Duration
	sorted bool
}

// Add records one duration.
func (l *Latencies) Add(d time.Duration) {
	l.mu.Lock()
	l.all, l.sorted = append(l.all, d), false
	l.mu.Unlock()
}

// Time calls fn and records how long it took, unless it fails.
func (l *Latencies) Time(fn func() error) error {
	begun := time.Now()
	err := fn()
	if err == nil {
		l.Add(time.Since(begun))
	}
	return err
}

// Len is how many durations were recorded.
func (l *Latencies) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// Percentile is the smallest recorded duration that at least the share p of all
// durations does not exceed (nearest rank), 0 < p <= 1; 0 without durations.
// With fewer than 1/(1-p) durations it is the largest of them.
func (l *Latencies) Percentile(p float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	if !l.sorted {
		slices.Sort(l.all)
		l.sorted = true
	}
	rank := int(p * float64(len(l.all)))
	if float64(rank) < p*float64(len(l.all)) {
		rank++
	}
	return l.all[min(max(rank, 1), len(l.all))-1]
}

// Summary is the median and the 99th percentile.
func (l *Latencies) Summary() Summary {
	return Summary{Count: l.Len(), P50MS: Milliseconds(l.Percentile(0.50)), P99MS: Milliseconds(l.Percentile(0.99))}
}

// Summary describes latencies; times in milliseconds.
type Summary struct {
	Count int     `json:"count"`
	P50MS float64 `json:"p50_ms"`
	P99MS float64 `json:"p99_ms"`
}

// Milliseconds is d in milliseconds, with three decimals.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// Seconds is d in seconds, with three decimals.
func Seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}

// Join records all durations of another collection.
func (l *Latencies) Join(other *Latencies) {
	other.mu.Lock()
	all := slices.Clone(other.all)
	other.mu.Unlock()
	l.mu.Lock()
	l.all, l.sorted = append(l.all, all...), false
	l.mu.Unlock()
}
