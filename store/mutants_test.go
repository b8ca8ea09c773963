//go:build mutants

package store

import (
	"testing"

	"immis/internal/mutant"
)

// TestMutants lets each seeded fault of this package meet the tests that name
// it (keep-key and reuse-nonce are in package seal). The same bodies pass without the fault: TestPowerCuts and the others run them.
func TestMutants(t *testing.T) {
	seeds := func(n int, fn func(seed uint64) error) func() error {
		return func() error {
			for seed := range n {
				if err := fn(uint64(seed)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	power := seeds(40, func(s uint64) error { _, err := powerCut(s); return err })
	failed := seeds(40, func(s uint64) error { _, err := failedWrite(s); return err })
	replay := seeds(10, func(s uint64) error { return replayRun(s, 8, []int{12, 12}) })
	for _, c := range []struct {
		fault mutant.Name
		test  string
		body  func() error
	}{
		{mutant.NoSync, "TestPowerCuts", power},
		{mutant.EarlyAck, "TestPowerCuts", power},
		{mutant.SkipAnchor, "TestOlderLedgerIsRefused", olderLedgerIsRefused},
		{mutant.SkipAnchor, "TestBitFlips", func() error { _, err := flipBits(30, []string{"WAL"}); return err }},
		{mutant.ApplyTwice, "TestReplay", replay},
		{mutant.ForgetEntry, "TestReplay", replay},
		{mutant.PublishLate, "TestPublishInOrderBeforeAnswer", func() error { return publishBeforeAnswer(20) }},
		{mutant.SwallowError, "TestFailedWrites", failed},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			undo := mutant.Activate(c.fault)
			err := c.body()
			undo()
			if err == nil {
				t.Fatalf("%s does not notice the fault %s", c.test, c.fault)
			}
			t.Logf("%s noticed: %v", c.test, err)
			if err := c.body(); err != nil {
				t.Fatalf("%s fails without the fault: %v", c.test, err)
			}
		})
	}
}
