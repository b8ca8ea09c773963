package main

import (
	"fmt"
	"strings"
	"time"

	"immis/bench/search"
)

type benchIndexCmd struct {
	Rows         int           `default:"1000000" help:"Rows to search; one of 512 dimensions takes 1.6 KB (default ${default})."`
	Dim          int           `default:"512" help:"Dimensions of a row, 16 to 4096; faces have 128 or 512 (default ${default})."`
	Workload     string        `default:"plain" placeholder:"KIND" help:"What speeds are measured on: plain, synthetic, synthetic-f0.25, lfw (default ${default})."`
	Loss         []string      `placeholder:"KIND" help:"Workloads to measure losses on besides, such as synthetic-512-f0.25; all: those of the bars; none. Default: synthetic-512-f1 and lfw, if its files are given."`
	Probes       int           `default:"4000" help:"Probes of each workload, nine of ten with a mate (default ${default})."`
	Seed         uint64        `default:"1" help:"Picks the rows (default ${default})."`
	Duration     time.Duration `default:"2s" help:"Length of each timed part (default ${default})."`
	Slices       time.Duration `default:"20s" help:"Time for the searches under inserts, which end after 50000 (default ${default})."`
	LFW          string        `name:"lfw" placeholder:"DIR" help:"Folder with vectors of Labeled Faces in the Wild, fused_512-lfw.f16 and lfw-index.csv."`
	Disk         bool          `help:"Leave rows in files, in the folder for temporary files, and hold codes and bits in memory: 0.6 KB for a row of 512 dimensions, 1.6 KB of disk."`
	CompareFaiss bool          `help:"Compare with the libfaiss of this machine; needs g++ and 4 bytes of disk for each value of the rows."`
	Quick        bool          `help:"See that it works, in seconds: 20000 rows, short parts; judges next to nothing."`
	Full         bool          `help:"Judge all there is to judge: all losses, 50000 searches under inserts; some minutes more."`
}

// Help implements kong.HelpProvider.
func (*benchIndexCmd) Help() string {
	return `Measures the index by itself: exact and fast scans against the read bandwidth and the peak of products that this machine reaches in the same run, mates that the fast search loses against the exact one, inserts and deletions, searches while rows come in, memory. Rows are made as they are needed. Figures per core count processor time. A figure is judged only under the conditions of its bar. The command ends with 1 if the fast search lost a mate; speeds do not decide that, since they are the machine's too.

Synthetic results show that the arithmetic is right, not how real people are told apart.

Examples:
  immis bench index --quick
  immis bench index --rows 1000000 --dim 512 --json
  immis bench index --rows 10000000 --disk --loss none
  immis bench index --full --lfw shared/data/faces --compare-faiss`
}

// config is what the flags ask for.
func (c *benchIndexCmd) config() (search.Config, error) {
	cfg := search.Config{
		Rows: c.Rows, Dim: c.Dim, Probes: c.Probes, Seed: c.Seed, Duration: c.Duration, SliceTime: c.Slices, LFW: c.LFW, Faiss: c.CompareFaiss, Disk: c.Disk,
	}
	if err := notZero("--rows", c.Rows, "--dim", c.Dim, "--probes", c.Probes); err != nil {
		return cfg, err
	}
	if c.Duration == 0 || c.Slices == 0 || c.Seed == 0 {
		return cfg, usage("--duration %v, --slices %v, --seed %d, want more than 0", c.Duration, c.Slices, c.Seed)
	}
	if c.Quick && c.Full {
		return cfg, usage("--quick and --full, want one of them")
	}
	var err error
	if cfg.Workload, err = search.ParseWorkload(c.Workload); err != nil {
		return cfg, usage("--workload: %v", err)
	}
	if cfg.Losses, err = c.losses(); err != nil {
		return cfg, err
	}
	if c.Quick {
		cfg.Rows, cfg.Probes, cfg.Duration, cfg.SliceTime = 20_000, 400, 100*time.Millisecond, 400*time.Millisecond
	}
	if c.Full {
		cfg.SliceTime = time.Hour // until there are enough
	}
	if err := cfg.WithDefaults().Validate(); err != nil {
		return cfg, usage("%v", err)
	}
	return cfg, nil
}

func (c *benchIndexCmd) losses() ([]search.Workload, error) {
	var out []search.Workload
	switch asked := strings.Join(c.Loss, ","); {
	case asked == "all" || asked == "" && c.Full:
		return search.AllLosses(), nil
	case asked == "none":
		return nil, nil
	case asked == "":
		for _, w := range search.AllLosses() {
			if w.Kind == search.Synthetic && w.Dim == 512 && w.Difficulty == 1 || w.Kind == search.LFW && c.LFW != "" {
				out = append(out, w)
			}
		}
		return out, nil
	}
	for _, s := range c.Loss {
		w, err := search.ParseWorkload(s)
		if err != nil {
			return nil, usage("--loss: %v", err)
		}
		out = append(out, w)
	}
	return out, nil
}

// Run measures the index.
func (c *benchIndexCmd) Run(a *app) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	ph := &phases{app: a}
	cfg.Progress = ph.tell
	r, err := search.Run(a.ctx, cfg)
	ph.end()
	if err != nil {
		return err
	}
	if a.json {
		err = a.printValue(r)
	} else {
		c.print(a, r)
	}
	if err != nil {
		return err
	}
	for i := range r.Losses {
		if l := &r.Losses[i]; l.Lost > 0 {
			return &exitError{code: exitFailure, text: fmt.Sprintf("bench index: the fast search lost %d mates of %d on %s", l.Lost, l.Seen, l.Workload)}
		}
	}
	return nil
}

func (c *benchIndexCmd) print(a *app, r *search.Result) {
	a.printf("%d rows of %d dimensions, %s, seed %d; synthetic results show that the arithmetic is right, not how real people are told apart\n", r.Rows, r.Dim, r.Workload, r.Seed)
	a.printf("kernels    %s\n", strings.Join(r.Kernels, " "))
	printLimits(a, "one core", r.Limits)
	printLimits(a, fmt.Sprintf("%d cores", r.Workers), r.AllLimits)
	for _, of := range []struct {
		name   string
		speeds []search.Speed
	}{{"one core", r.OneCore}, {fmt.Sprintf("%d cores", r.Workers), r.AllCores}} {
		a.printf("\n%-8s  %-5s %7s %12s %12s %9s %9s %7s %7s\n", of.name, "mode", "probes", "/s per core", "/s", "p50 ms", "p99 ms", "% read", "% VNNI")
		for _, s := range of.speeds {
			a.printf("          %-5s %7d %12.1f %12.1f %9.3f %9.3f %7s %7s\n", s.Mode, s.Probes, s.PerCore, s.PerSecond, s.P50MS, s.P99MS, percent(s.OfRead), percent(s.OfVNNI))
		}
	}
	a.printf("\nfilled     in %.1f s, %.0f rows/s, made and inserted by all cores\n", r.Fill.Seconds, r.Fill.PerSecond)
	ch := r.Changes
	a.printf("changes    insert %.0f/s per core (%.0f/s) in batches of %d, delete %.0f/s, membership %.0f/s; time against %d rows: %.2f and %.2f times\n",
		ch.InsertPerCore, ch.InsertPerSecond, ch.Batch, ch.DeletePerCore, ch.MemberPerCore, ch.SmallRows, ch.DeleteGrowth, ch.MemberGrowth)
	s := r.Slices
	for _, of := range []struct {
		name string
		s    search.Slice
	}{{"idle", s.Idle}, {fmt.Sprintf("%.0f inserts/s", s.Inserted), s.Loaded}} {
		a.printf("%-14s %d %s searches: p50 %.3f, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms\n", of.name, of.s.Count, s.Mode, of.s.P50MS, of.s.P90MS, of.s.P99MS, of.s.P999MS, of.s.MaxMS)
	}
	a.printf("garbage    collected %d times in these slices, stopped for %.3f ms in all, %.3f at most\n", s.Collections, s.GCPauseMS, s.LongestGCStop)
	for i := range r.Losses {
		printLoss(a, &r.Losses[i])
	}
	if f := r.Faiss; f != nil && f.Skipped != "" {
		a.printf("libfaiss   skipped: %s\n", f.Skipped)
	} else if f != nil {
		a.printf("libfaiss   %s (%s), %s: %.1f/s one by one, %.1f/s in batches of 32, per core; lost %d of %d; built in %.1f s\n", f.Version, f.Options, f.Index, f.OnePerCore, f.BatchPerCore, f.Lost, f.Seen, f.BuildSeconds)
	}
	a.printf("memory     %.0f bytes a row by the index's count, %.0f resident; the run held %s at most\n", r.Memory.BytesPerRow, r.Memory.ResidentPerRow, size(uint64(max(0, r.Memory.PeakBytes))))
	a.printf("start      files of %s written in %.2f s; started from them in %s with them in the cache, in %s without; %d of %d searches differ\n",
		size(uint64(r.Start.FileBytes)), r.Start.SaveSeconds, seconds(r.Start.Warm), seconds(r.Start.Cold), r.Start.Differ, r.Start.Compared)
	printMachine(a, r.Machine)
	a.printf("\n%-56s %14s %10s %10s  %s\n", "", "value", "must", "goal", "verdict")
	for _, b := range r.Bars {
		goal := ""
		if b.Goal != nil {
			goal = figure(*b.Goal)
		}
		verdict := string(b.Verdict)
		switch {
		case b.Why != "":
			verdict += ": " + b.Why
		case b.Reached:
			verdict += ", goal too"
		}
		a.printf("%-56s %14s %10s %10s  %s\n", b.Name, figure(b.Value)+" "+b.Unit, figure(b.Must), goal, verdict)
	}
}

func printLimits(a *app, name string, l search.Limits) {
	a.printf("%-10s reads %.1f GB/s", name, l.ReadBytesPerSecond/1e9)
	if l.VNNIPerSecond > 0 {
		a.printf(", multiplies %.0f G/s", l.VNNIPerSecond/1e9)
	}
	a.printf("\n")
}

func printLoss(a *app, l *search.Loss) {
	if l.Skipped != "" {
		a.printf("loss       %s: skipped: %s\n", l.Workload, l.Skipped)
		return
	}
	a.printf("loss       %s: %d lost of %d whose mate is first (of %d mated), at most %.3f %% with 95 %%; %d below what the answer is sure of (%d lost at or above); of %d unmated %d alike\n",
		l.Workload, l.Lost, l.Seen, l.Mated, 100*l.Bound, l.Unsure, l.LostSure, l.Unmated, l.Alike)
	var bands []string
	for _, b := range l.Bands {
		bands = append(bands, fmt.Sprintf("%.2f: %d of %d", b.From, b.Lost, b.Seen))
	}
	a.printf("           by cosine: %s\n", strings.Join(bands, ", "))
}

// seconds tells a time that may not have been measured.
func seconds(s *float64) string {
	if s == nil {
		return "(not measured)"
	}
	return fmt.Sprintf("%.2f s", *s)
}

// percent is a share in percent; "" where there is none.
func percent(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", 100*share)
}

// figure has three digits at least.
func figure(v float64) string {
	if v >= 100 || v == float64(int(v)) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
