package fault

import (
	"flag"
	"testing"
)

var (
	kills    = flag.Int("kills", 5, "how many times TestKill kills the process")
	perStore = flag.Int("kills-per-store", 20, "after how many kills TestKill begins a new data folder")
	pairs    = flag.Int("pairs", 20, "how many pairs TestTwoDesks must have cut between the two commits")
	built    = flag.String("binary", "", "immis binary to attack instead of one built from the module")
	seed     = flag.Uint64("seed", 1, "seed of people and actions")
)

// binary builds the product once for a test.
func product(t *testing.T, tags string) string {
	t.Helper()
	if *built != "" && tags == "" {
		return *built
	}
	path, err := Build(t.Context(), t.TempDir(), tags)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKill must catch: early-ack, forget-entry, apply-twice, publish-late,
// skip-anchor. See TestMutants.
func TestKill(t *testing.T) {
	r, err := Run(t.Context(), Config{Binary: product(t, ""), Dir: t.TempDir(), Seed: *seed, Kills: *kills, KillsPerStore: *perStore, Logf: t.Logf})
	t.Log(r.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations() {
		t.Error(v)
	}
	if n := r.KillsUnderLoad + r.KillsAtStart + r.KillsInEpoch; n != *kills {
		t.Errorf("%d kills, want %d", n, *kills)
	}
	if r.Acknowledged == 0 || r.Reads == 0 || r.Repeated == 0 || r.Audits == 0 {
		t.Errorf("nothing was looked at: %s", r.String())
	}
}

func TestTwoDesks(t *testing.T) {
	r, err := RunDesks(t.Context(), DesksConfig{Binary: product(t, ""), Dir: t.TempDir(), Seed: *seed, Pairs: *pairs, Logf: t.Logf})
	t.Log(r.String())
	for _, v := range r.Violations {
		t.Error(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.CutPairs < *pairs {
		t.Errorf("%d pairs were cut between the two commits, want %d", r.CutPairs, *pairs)
	}
}
