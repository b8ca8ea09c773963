package search

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"immis/index"
)

// tiny is a run of about a second.
func tiny() Config {
	return Config{
		Rows: 3000, Dim: 64, Probes: 200, Duration: 20 * time.Millisecond, SliceTime: 200 * time.Millisecond, SliceProbes: 100,
		Losses: []Workload{{Kind: Synthetic, Dim: 128, Difficulty: 0.25}, {Kind: LFW}},
	}
}

func TestRun(t *testing.T) {
	r, err := Run(context.Background(), tiny())
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 3000 || r.Dim != 64 || r.Workload != "plain-64" || r.Memory.BytesPerRow < 3*64 {
		t.Errorf("result of %d rows, %d dimensions, %s, %v bytes a row", r.Rows, r.Dim, r.Workload, r.Memory.BytesPerRow)
	}
	if len(r.Losses) != 3 {
		t.Fatalf("%d losses, want 3", len(r.Losses))
	}
	for i, l := range r.Losses[:2] {
		// Below 384 dimensions fast is exact and cannot lose; in 64 few hard mates are first.
		if l.Mode != "exact" || l.Mated != 180 || l.Unmated != 20 || l.Alike != 20 || l.Seen < 80 || l.Lost != 0 || l.Rows != 3000 {
			t.Errorf("loss %d: %+v", i, l)
		}
	}
	if !strings.Contains(r.Losses[2].Skipped, "no folder") {
		t.Errorf("lfw without a folder: %+v", r.Losses[2])
	}
	if s := speed(r.OneCore, "exact", 32); s.Searches < rounds*32 || s.PerCore <= 0 || s.PerSecond <= 0 {
		t.Errorf("one core: %+v", s)
	}
	if s := speed(r.AllCores, "exact", 1); s.P50MS <= 0 || s.P99MS < s.P50MS || s.OfRead <= 0 {
		t.Errorf("all cores: %+v", s)
	}
	if c := r.Changes; c.Rows != rounds*leastChanged || c.InsertPerCore <= 0 || c.DeletePerCore <= 0 || c.MemberPerCore <= 0 {
		t.Errorf("changes: %+v", c)
	}
	if s := r.Start; s.Warm == nil || *s.Warm <= 0 || s.Compared != comparedStart || s.Differ != 0 || s.FileBytes < 3000*3*64 {
		t.Errorf("start: %+v", s)
	}
	if s := r.Slices; s.Idle.Count == 0 || s.Loaded.Count == 0 || s.Inserted < 1000 || s.Mode != "exact" {
		t.Errorf("slices: %+v", s)
	}
	for _, b := range r.Bars {
		if b.Verdict == Missed || b.Why == "" && b.Name != "answers that differ after the start" {
			t.Errorf("a run of 3,000 rows judges %+v", b)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err) // a ratio without a divisor is no JSON
	}
}

// A workload with bits goes through the fast search.
func TestRunFast(t *testing.T) {
	cfg := tiny()
	cfg.Rows, cfg.Dim, cfg.Probes, cfg.Workload, cfg.Losses, cfg.Disk = 1024, 512, 100, Workload{Kind: Synthetic, Difficulty: 0.25}, nil, true
	r, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Memory.BytesPerRow; b > 1.3*(512+64+24) || !r.Disk {
		t.Errorf("%v bytes a row in memory, rows being in files: %v", b, r.Disk)
	}
	if l := r.Losses[0]; l.Mode != "fast" || l.Lost != 0 || l.Seen < 85 || l.Workload != "synthetic-512-f0.25" {
		t.Errorf("loss: %+v", l)
	}
	if s := speed(r.OneCore, "fast", 1); s.OfRead <= 0 || s.OfVNNI != 0 {
		t.Errorf("fast: %+v", s)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	cfg := tiny()
	cfg.Rows = 1_000_000
	begun := time.Now()
	if _, err := Run(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("ended after %v", took)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"rows":         func(c *Config) { c.Rows = 999 },
		"many rows":    func(c *Config) { c.Rows = 20_000_001 },
		"dim":          func(c *Config) { c.Dim = 15 },
		"large dim":    func(c *Config) { c.Dim = 4097 },
		"probes":       func(c *Config) { c.Probes = 99 },
		"duration":     func(c *Config) { c.Duration = time.Millisecond },
		"slices":       func(c *Config) { c.SliceTime = 2 * time.Hour },
		"slice probes": func(c *Config) { c.SliceProbes = -1 },
		"workload":     func(c *Config) { c.Workload.Kind = "other" },
		"faces":        func(c *Config) { c.Dim, c.Workload.Kind = 256, Synthetic },
		"loss":         func(c *Config) { c.Losses = []Workload{{Kind: Synthetic, Difficulty: math.NaN()}} },
	} {
		c := tiny()
		change(&c)
		if _, err := Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), "bench index: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestParseWorkload(t *testing.T) {
	for text, want := range map[string]Workload{
		"plain": {Plain, 512, 0}, "plain-128": {Plain, 128, 0}, "synthetic": {Synthetic, 512, 1},
		"synthetic-128-f0.5": {Synthetic, 128, 0.5}, "synthetic-f0.25": {Synthetic, 512, 0.25}, "lfw-512-f1": {LFW, 512, 1},
	} {
		got, err := ParseWorkload(text)
		if err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
		if again, err := ParseWorkload(got.String()); err != nil || again != got {
			t.Errorf("%s reads as %v (%v)", got, again, err)
		}
	}
	for _, text := range []string{"", "other", "synthetic-256", "synthetic-f2", "synthetic-f-1", "synthetic-fNaN", "plain-x", "lfw-"} {
		if w, err := ParseWorkload(text); err == nil {
			t.Errorf("%q was taken as %v", text, w)
		}
	}
}

func TestCountLoss(t *testing.T) {
	o := []outcome{
		{mated: true, seen: true, cosine: 0.41, sure: 0.3, mode: index.Fast},
		{mated: true, seen: true, cosine: 0.44, sure: 0.3, mode: index.Fast, lost: true},
		{mated: true, seen: true, cosine: 0.46, sure: 0.5, mode: index.Fast, lost: true},
		{mated: true, seen: true, cosine: -0.01, sure: -0.5, mode: index.Fast},
		{mated: true, seen: true, cosine: 1, mode: index.Fast},
		{mated: true, cosine: 0.42, mode: index.Fast},
		{alike: true, mode: index.Fast}, {mode: index.Fast},
	}
	l := countLoss(Workload{Plain, 512, 0}, 77, o)
	if l.Rows != 77 || l.Mated != 6 || l.Seen != 5 || l.Lost != 2 || l.Unsure != 1 || l.LostSure != 1 || l.Unmated != 2 || l.Alike != 1 || l.Mode != "fast" {
		t.Errorf("%+v", l)
	}
	want := []Band{{-0.05, 0, 1, 0}, {0.4, 0.45, 2, 1}, {0.45, 0.5, 1, 1}, {1, 1.05, 1, 0}}
	if !slices.Equal(l.Bands, want) {
		t.Errorf("bands %v, want %v", l.Bands, want)
	}
}

func TestUpperBound(t *testing.T) {
	for _, c := range []struct {
		lost, n int
		want    float64
	}{{0, 3000, 2.9957 / 3000}, {1, 3000, 4.7439 / 3000}, {10, 1000, 16.9622 / 1000}, {0, 0, 1}, {0, 1, 1}} {
		if got := upperBound(c.lost, c.n); math.Abs(got-c.want) > 1e-4*c.want {
			t.Errorf("%d of %d: %v, want %v", c.lost, c.n, got, c.want)
		}
	}
}

func TestBars(t *testing.T) {
	for _, c := range []struct {
		value, must, goal float64
		atMost            bool
		why               string
		want              Verdict
		reached           bool
	}{
		{85, 85, 92, false, "", Held, false}, {84.9, 85, 92, false, "", Missed, false}, {92, 85, 92, false, "", Held, true},
		{1.5, 1.5, 1.1, true, "", Held, false}, {1.6, 1.5, 1.1, true, "", Missed, false}, {1, 1.5, 1.1, true, "", Held, true},
		{0, 0, none, true, "", Held, false}, {99, 85, 92, false, "small", NotJudged, false},
	} {
		b := &bars{}
		b.add(Bar{Value: c.value, Must: c.must, AtMost: c.atMost}, c.goal, c.why)
		if got := b.all[0]; got.Verdict != c.want || got.Reached != c.reached || got.Why != c.why || (got.Goal == nil) != (c.goal == none) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestLossIsJudgedHowever(t *testing.T) {
	for _, c := range []struct {
		l    Loss
		want Verdict
	}{
		{Loss{Seen: 3000, Rows: million}, Held}, {Loss{Seen: 2999, Rows: million}, NotJudged}, {Loss{Seen: 3000, Rows: 1000}, NotJudged},
		{Loss{Seen: 10, Rows: 10, Lost: 1}, Missed}, {Loss{Skipped: "not there"}, NotJudged},
	} {
		b := &bars{}
		judgeLoss(b, &c.l)
		if b.all[0].Verdict != c.want {
			t.Errorf("%+v: %+v, want %s", c.l, b.all[0], c.want)
		}
	}
}

func TestScatteredIsAPermutation(t *testing.T) {
	for _, n := range []int{1, 64, 2048, 3000, mostChanged} {
		seen := make([]bool, n)
		for i := range n {
			seen[scattered(i, n)] = true
		}
		if slices.Contains(seen, false) {
			t.Errorf("of %d some are left out", n)
		}
	}
}

// The writer keeps its rate, and the number of rows.
func TestWriter(t *testing.T) {
	src := newPlain(16, 1000, 100, 1)
	x, err := index.New(16, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	w := &writer{index: x, pool: newBatch(poolRows, 16), next: 1000}
	w.pool.take(src, 1000, poolRows)
	for range 3 {
		stop := w.start()
		time.Sleep(100 * time.Millisecond)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	if x.Rows() != insertBatch {
		t.Errorf("%d rows, want those of the last batch", x.Rows())
	}
	// Each start inserts a batch at once; the rest depends on when the machine wakes it.
	if r := rate(w.inserted, w.took); r < 1000 || r > insertRate+10*insertBatch*3 {
		t.Errorf("%.0f rows a second, want about %d", r, insertRate)
	}
	// A key in use stops it, and the error comes out.
	w.next = w.old[0]
	stop := w.start()
	time.Sleep(20 * time.Millisecond)
	if err := stop(); err == nil {
		t.Error("no error")
	}
}
