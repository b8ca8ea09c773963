package search

import (
	"fmt"
	"strings"

	"immis/index"
	"immis/internal/simd"
)

// Verdict is how a figure stands to its bar.
type Verdict string

// The verdicts. A figure is not judged where its conditions were not those of the bar;
// Bar.Why says which.
const (
	Held      Verdict = "held"
	Missed    Verdict = "missed"
	NotJudged Verdict = "not judged"
)

// Bar is a figure with what it must be.
type Bar struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Must  float64 `json:"must"`
	// Goal is what it should be; absent where must is all.
	Goal *float64 `json:"goal,omitempty"`
	// AtMost tells that less is better.
	AtMost  bool    `json:"at_most,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Reached tells whether the goal is.
	Reached bool   `json:"goal_reached,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Conditions of the bars.
const (
	million = 1_000_000
	barDim  = 512
	// wantSeen is how many probes a loss is judged on.
	wantSeen = 3000
	// cacheBytes is what the small forms must be larger than for a share of the read
	// bandwidth to mean something.
	cacheBytes = 256 << 20
	// mostGrowth is what "does not depend on the number of rows" allows to caches between
	// an index and one of a 16th of its rows. What goes through all rows would be at 16.
	mostGrowth = 4
)

// bars collects them.
type bars struct{ all []Bar }

// add judges a figure, unless why says why it cannot be.
func (b *bars) add(bar Bar, goal float64, why string) {
	reaches := func(limit float64) bool {
		if bar.AtMost {
			return bar.Value <= limit
		}
		return bar.Value >= limit
	}
	if goal != none {
		bar.Goal = &goal
	}
	switch {
	case why != "":
		bar.Verdict, bar.Why = NotJudged, why
	case reaches(bar.Must):
		bar.Verdict, bar.Reached = Held, bar.Goal != nil && reaches(goal)
	default:
		bar.Verdict = Missed
	}
	b.all = append(b.all, bar)
}

// none is the goal of bars that have none.
const none = -1

// judge sets what was measured against the bars.
func (r *run) judge() {
	r.res.Memory.PeakBytes = peakBytes()
	b := &bars{}
	r.judgeScans(b)
	for i := range r.res.Losses {
		judgeLoss(b, &r.res.Losses[i])
	}
	r.judgeLone(b)
	r.judgeMemory(b)
	r.judgeStart(b)
	r.judgeChanges(b)
	r.judgeSlices(b)
	r.judgeFaiss(b)
	r.res.Bars = b.all
}

func (r *run) judgeScans(b *bars) {
	exact, fast := index.Exact.String(), index.Fast.String()
	full := fmt.Sprintf("batch %d", simd.MaxProbes)
	small := r.unlikeLarge()
	b.add(Bar{Name: "exact, 1 probe, of the read bandwidth", Value: 100 * speed(r.res.OneCore, exact, 1).OfRead, Unit: "%", Must: 85}, 92, small)
	vnni := small
	if r.res.Limits.VNNIPerSecond == 0 {
		vnni = "this machine or build has no VNNI"
	}
	b.add(Bar{Name: "exact, " + full + ", of the VNNI peak", Value: 100 * speed(r.res.OneCore, exact, simd.MaxProbes).OfVNNI, Unit: "%", Must: 70}, 82, vnni)
	only := r.unlike(million)
	b.add(Bar{Name: "fast, 1 probe, of the read bandwidth", Value: 100 * speed(r.res.OneCore, fast, 1).OfRead, Unit: "%", Must: 65}, 80, only)
	if only == "" && r.lost() > 0 {
		only = "its depth loses mates: see the losses"
	}
	b.add(Bar{Name: "fast, " + full + ", per core", Value: speed(r.res.OneCore, fast, simd.MaxProbes).PerCore, Unit: "/s", Must: 1500}, 2000, only)
}

// unlike says how the run differs from one of so many rows, "" if it does not.
func (r *run) unlike(rows int) string {
	switch {
	case r.Rows != rows || r.Dim != barDim:
		return fmt.Sprintf("the bar is for %d rows of %d dimensions", rows, barDim)
	case !r.res.ProcessorTime:
		return "this system does not tell processor time"
	}
	return ""
}

// unlikeLarge says why the exact scans cannot be set against the machine.
func (r *run) unlikeLarge() string {
	switch {
	case r.Rows*r.Dim < cacheBytes:
		return fmt.Sprintf("%d MB of rows lie in caches; the bar is for more than %d", r.Rows*r.Dim>>20, cacheBytes>>20)
	case !r.res.ProcessorTime:
		return "this system does not tell processor time"
	}
	return ""
}

func (r *run) lost() int {
	n := 0
	for i := range r.res.Losses {
		n += r.res.Losses[i].Lost
	}
	return n
}

func judgeLoss(b *bars, l *Loss) {
	why := l.Skipped
	switch {
	case why != "":
	case l.Seen < wantSeen && l.Lost == 0:
		why = fmt.Sprintf("%d probes whose mate the exact search ranks first, want %d", l.Seen, wantSeen)
	case l.Rows < million && l.Lost == 0:
		why = fmt.Sprintf("%d rows, want %d", l.Rows, million)
	}
	// What is lost is lost, however few were looked at.
	b.add(Bar{Name: "lost, " + l.Workload, Value: float64(l.Lost), Unit: fmt.Sprintf("of %d", l.Seen), AtMost: true}, none, why)
}

func (r *run) judgeLone(b *bars) {
	why := ""
	switch {
	case r.res.Workers < 2:
		why = "the machine has one core"
	case r.Rows < million:
		why = "searches of so few rows are over before a second core has its share"
	}
	for _, mode := range []string{index.Exact.String(), index.Fast.String()} {
		one, all := speed(r.res.OneCore, mode, 1), speed(r.res.AllCores, mode, 1)
		if one.Searches == 0 {
			continue
		}
		b.add(Bar{Name: mode + ", lone probe over all cores against one", Value: ratio(all.PerSecond, one.PerSecond), Unit: "x", Must: 1.5}, 1.8, why)
	}
	for _, c := range []struct {
		rows       int
		must, goal float64
	}{{million, 2, 1.2}, {10 * million, 20, 12}} {
		if why := r.unlike(c.rows); why == "" || c.rows == million {
			b.add(Bar{
				Name: "fast, lone probe over all cores", Value: speed(r.res.AllCores, index.Fast.String(), 1).P50MS, Unit: "ms", Must: c.must, AtMost: true,
			}, c.goal, why)
		}
	}
}

func (r *run) judgeMemory(b *bars) {
	if !r.Disk {
		return
	}
	why := ""
	if r.Rows < 10*million || r.Dim != barDim {
		why = fmt.Sprintf("the bar is for %d rows of %d dimensions", 10*million, barDim)
	} else if r.res.Memory.PeakBytes == 0 {
		why = "this system does not tell"
	}
	b.add(Bar{Name: "memory with rows in files, at most in the whole run", Value: float64(r.res.Memory.PeakBytes) / (1 << 30), Unit: "GiB", Must: 8, AtMost: true}, none, why)
}

func (r *run) judgeStart(b *bars) {
	s := &r.res.Start
	if s.Warm != nil {
		b.add(Bar{Name: "start, files in the cache", Value: *s.Warm, Unit: "s", Must: 5, AtMost: true}, 3, r.unlike(million))
	}
	b.add(Bar{Name: "answers that differ after the start", Value: float64(s.Differ), Unit: fmt.Sprintf("of %d", s.Compared), AtMost: true}, none, "")
}

func (r *run) judgeChanges(b *bars) {
	c, why := &r.res.Changes, ""
	if r.Dim != barDim {
		why = fmt.Sprintf("the bar is for %d dimensions", barDim)
	} else if !r.res.ProcessorTime {
		why = "this system does not tell processor time"
	} else if r.Rows < 100_000 {
		why = "too few rows to time"
	}
	b.add(Bar{Name: fmt.Sprintf("insert in batches of %d, per core", c.Batch), Value: c.InsertPerCore, Unit: "/s", Must: 200_000}, 500_000, why)
	why = ""
	if r.Rows < 100_000 {
		why = "too few rows to grow"
	}
	b.add(Bar{Name: fmt.Sprintf("delete: time against %d times fewer rows", r.Rows/max(c.SmallRows, 1)), Value: c.DeleteGrowth, Unit: "x", Must: mostGrowth, AtMost: true}, none, why)
	b.add(Bar{Name: fmt.Sprintf("membership: time against %d times fewer rows", r.Rows/max(c.SmallRows, 1)), Value: c.MemberGrowth, Unit: "x", Must: mostGrowth, AtMost: true}, none, why)
}

func (r *run) judgeSlices(b *bars) {
	s, why := &r.res.Slices, ""
	switch {
	case s.Idle.Count+s.Loaded.Count < wantSliceProbes:
		why = fmt.Sprintf("%d probes, want %d", s.Idle.Count+s.Loaded.Count, wantSliceProbes)
	case s.Inserted < 0.95*s.Asked:
		why = fmt.Sprintf("%.0f inserts a second, want %.0f", s.Inserted, s.Asked)
	}
	b.add(Bar{Name: fmt.Sprintf("p99 under %d inserts/s against idle", insertRate), Value: s.Ratio, Unit: "x", Must: 1.5, AtMost: true}, 1.1, why)
}

func (r *run) judgeFaiss(b *bars) {
	f := r.res.Faiss
	if f == nil {
		return
	}
	why := f.Skipped
	if why == "" && !f.counts() {
		why = fmt.Sprintf("libfaiss %s (%s), want 1.15 or later for AVX-512", f.Version, strings.TrimSpace(f.Options))
	}
	ours := speed(r.res.OneCore, index.Fast.String(), simd.MaxProbes).PerCore
	b.add(Bar{Name: "fast, batch 32, against libfaiss " + f.Index, Value: ratio(ours, f.BatchPerCore), Unit: "x", Must: 1}, none, why)
}
