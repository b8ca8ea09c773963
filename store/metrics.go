package store

import "github.com/prometheus/client_golang/prometheus"

// metrics of the ledger. No label carries an identifier.
type metrics struct {
	reg        prometheus.Registerer
	collectors []prometheus.Collector

	commit     prometheus.Histogram
	batch      prometheus.Histogram
	entries    prometheus.Counter
	bytes      prometheus.Counter
	rejections *prometheus.CounterVec
	backwards  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, queued, length, failed func() float64) (*metrics, error) {
	m := &metrics{
		reg: reg,
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "immis_ledger_commit_duration_seconds",
			Help:    "Time from the start of a batch to its anchor on disk.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "immis_ledger_batch_entries", Help: "Entries per batch.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		entries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "immis_ledger_entries_total", Help: "Entries committed since start."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "immis_ledger_body_bytes_total", Help: "Bytes of entry bodies committed since start."}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "immis_ledger_rejections_total", Help: "Mutations refused, by reason."}, []string{"reason"}),
		backwards: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "immis_ledger_clock_backwards_total", Help: "Batches at which the clock was behind the newest entry."}),
	}
	queue := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "immis_ledger_queue_depth", Help: "Mutations waiting for the committer."}, queued)
	entries := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "immis_ledger_length", Help: "Entries of the ledger that are durable and anchored."}, length)
	stopped := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "immis_ledger_failed", Help: "1 when the ledger takes no writes until restart."}, failed)
	m.collectors = []prometheus.Collector{m.commit, m.batch, m.entries, m.bytes, m.rejections, m.backwards, queue, entries, stopped}
	if reg == nil {
		return m, nil
	}
	for i, c := range m.collectors {
		if err := reg.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	if m.reg == nil {
		return
	}
	for _, c := range m.collectors {
		m.reg.Unregister(c)
	}
}
