package seal

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the table's numbers.
type Stats struct {
	Epoch uint32
	// Slots are minted ones; Free those that can be handed out without minting.
	Slots, Free, Erased int
	// Repairs, Damaged and Rotations count since the table was opened.
	Repairs, Damaged, Rotations uint64
}

// Stats returns the numbers of this moment.
func (t *Table) Stats() Stats {
	s := Stats{Epoch: t.Epoch(), Erased: t.erased.len(), Repairs: t.repairs.Load(), Damaged: t.damaged.Load(), Rotations: t.rotations.Load()}
	t.alloc.Lock()
	s.Slots = int(t.minted)
	s.Free = max(0, int(min(t.minted, t.shaky))-int(t.free))
	t.alloc.Unlock()
	return s
}

// collectors are made anew for register and unregister: a registry knows them by their
// names, and a table keeps no state for them.
func (t *Table) collectors() []prometheus.Collector {
	gauge := func(name, help string, f func(Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "immis_keytable_" + name, Help: help},
			func() float64 { return f(t.Stats()) })
	}
	counter := func(name, help string, f func(Stats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "immis_keytable_" + name, Help: help},
			func() float64 { return f(t.Stats()) })
	}
	return []prometheus.Collector{
		gauge("epoch", "Number of the key epoch in force.", func(s Stats) float64 { return float64(s.Epoch) }),
		gauge("slots", "Minted slots.", func(s Stats) float64 { return float64(s.Slots) }),
		gauge("free_slots", "Slots that can be handed out without minting.", func(s Stats) float64 { return float64(s.Free) }),
		gauge("erased_slots", "Slots whose key was destroyed.", func(s Stats) float64 { return float64(s.Erased) }),
		counter("repairs_total", "Slots repaired from the other file.", func(s Stats) float64 { return float64(s.Repairs) }),
		counter("damaged_total", "Slots found damaged in both files.", func(s Stats) float64 { return float64(s.Damaged) }),
		counter("rotations_total", "Key epochs ended.", func(s Stats) float64 { return float64(s.Rotations) }),
	}
}

// register makes the metrics known; a name that is taken is an error.
func (t *Table) register() error {
	if t.opts.Metrics == nil {
		return nil
	}
	var errs []error
	for _, c := range t.collectors() {
		errs = append(errs, t.opts.Metrics.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("register metrics of the key table: %w", err)
	}
	return nil
}

func (t *Table) unregister() {
	if t.opts.Metrics == nil {
		return
	}
	for _, c := range t.collectors() {
		t.opts.Metrics.Unregister(c)
	}
}
