package engine

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the engine. No label ever holds personal or biometric data.
type metrics struct {
	searches    *prometheus.HistogramVec
	verifies    prometheus.Histogram
	comparisons prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, e *Engine) (*metrics, error) {
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2.5, 10}
	m := &metrics{
		searches:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "immis_identify_duration_seconds", Help: "Time of a 1:N search, ledger entry included.", Buckets: buckets}, []string{"mode"}),
		verifies:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "immis_verify_duration_seconds", Help: "Time of a 1:1 comparison, ledger entry included.", Buckets: buckets}),
		comparisons: prometheus.NewCounter(prometheus.CounterOpts{Name: "immis_comparisons_total", Help: "Comparisons of a probe view with a reference view."}),
	}
	if reg == nil {
		return m, nil
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	r := e.register
	for _, c := range []prometheus.Collector{
		m.searches, m.verifies, m.comparisons,
		gauge("immis_subjects", "Subjects enrolled.", func() float64 { r.mu.RLock(); defer r.mu.RUnlock(); return float64(len(r.subjects)) }),
		gauge("immis_encounters", "Encounters searchable.", func() float64 { return float64(r.encounters.Load()) }),
		gauge("immis_finger_views", "Finger views held in memory.", func() float64 { return float64(r.fingers.Load()) }),
		gauge("immis_finger_bytes", "Memory of finger views.", func() float64 { return float64(r.fingerSize.Load()) }),
		gauge("immis_index_rows", "Rows of all face models.", func() float64 { n, _ := r.indexSize(); return n }),
		gauge("immis_index_bytes", "Memory of all face models.", func() float64 { _, b := r.indexSize(); return b }),
		gauge("immis_duplicate_checks_pending", "Duplicate checks that have not run yet.", func() float64 { return float64(e.checks.len()) }),
		gauge("immis_searches_waiting", "Searches that wait for a worker.", func() float64 { return float64(e.admit.waiting.Load()) }),
		gauge("immis_searches_running", "Searches that run.", func() float64 { return float64(len(e.admit.workers)) }),
		gauge("immis_preparations_waiting", "Requests that wait for the decoding of their samples.", func() float64 { return float64(e.preparing.waiting.Load()) }),
		gauge("immis_ready", "1 when the index stands.", func() float64 {
			if e.ready.Load() {
				return 1
			}
			return 0
		}),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the engine: %w", err)
		}
	}
	return m, nil
}

func (r *register) indexSize() (rows, bytes float64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, m := range r.models {
		rows += float64(m.index.Rows())
		bytes += float64(m.index.Bytes())
	}
	return rows, bytes
}

func (m *metrics) identify(mode SearchMode, comparisons uint64, d time.Duration) {
	name := "exact"
	if mode == ModeFast {
		name = "fast"
	}
	m.searches.WithLabelValues(name).Observe(d.Seconds())
	m.comparisons.Add(float64(comparisons))
}

func (m *metrics) verify(comparisons int, d time.Duration) {
	m.verifies.Observe(d.Seconds())
	m.comparisons.Add(float64(comparisons))
}
