package fault

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"immis/internal/mutant"
)

var mutants = flag.String("mutants", "early-ack,forget-entry,publish-late", "seeded faults that TestMutants makes the process carry; all: every one")

// caught tells what the kills of TestKill must notice of each seeded fault within
// a few lives. A false may be noticed by luck: without syncs (no-sync) the log
// writer of the database keeps the newest records inside the process, and then
// SIGKILL loses what the anchor promises; had they reached the page cache, no
// kill would show it. What appears only when a write fails (swallow-error) or
// when somebody looks at bytes on disk (reuse-nonce, keep-key) never shows here.
// Power cuts, failing file systems and recorded bytes catch those, in engine and
// store.
var caught = map[mutant.Name]bool{
	mutant.EarlyAck:     true,  // an acknowledged person is not found
	mutant.ForgetEntry:  true,  // two changes have one ledger entry
	mutant.ApplyTwice:   true,  // the ledger tells of a change twice
	mutant.PublishLate:  true,  // an acknowledged person is not found
	mutant.SkipAnchor:   true,  // the ledger runs away from its anchor and is refused
	mutant.NoSync:       false, // by luck, see above
	mutant.DropMask:     false, // the engine asks its register about every row; only the count of comparisons shows it
	mutant.SwallowError: false, // no write fails here
	mutant.ReuseNonce:   false, // nobody reads sealed bytes here
	mutant.KeepKey:      false, // nobody reads the key table here
}

// TestMutants runs the kills against a product with seeded faults.
func TestMutants(t *testing.T) {
	names := strings.Split(*mutants, ",")
	if *mutants == "all" {
		names = nil
		for _, n := range mutant.Names() {
			names = append(names, string(n))
		}
	}
	path := product(t, "mutants")
	for _, name := range names {
		n := mutant.Name(name)
		if !slices.Contains(mutant.Names(), n) {
			t.Fatalf("no seeded fault is called %q", name)
		}
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Config{Binary: path, Dir: t.TempDir(), Env: []string{"IMMIS_MUTANT=" + name}, Seed: *seed, Kills: 6, KillsPerStore: 6})
			found := err != nil || len(r.Violations()) > 0
			t.Logf("caught: %v: %s; error %v", found, r.String(), err)
			for _, v := range r.Violations()[:min(3, len(r.Violations()))] {
				t.Log(v)
			}
			if caught[n] && !found {
				t.Errorf("the runs do not notice %s", name)
			}
		})
	}
}
