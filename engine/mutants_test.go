//go:build mutants

package engine

import (
	"testing"

	"immis/internal/mutant"
)

// TestSeededFaults: the tests that name a seeded fault notice it, and pass
// without it (they run by themselves too).
func TestSeededFaults(t *testing.T) {
	for name, attack := range map[mutant.Name]func(*testing.T) error{
		mutant.PublishLate:  publishedBeforeAnswered,
		mutant.DropMask:     publishedBeforeAnswered,
		mutant.ForgetEntry:  oneEntryPerChange,
		mutant.ApplyTwice:   oneEntryPerChange,
		mutant.SwallowError: failedWriteIsTold,
		mutant.EarlyAck:     func(t *testing.T) error { return powerCuts(t, 1, 60) },
		mutant.NoSync:       func(t *testing.T) error { return powerCuts(t, 1, 60) },
	} {
		t.Run(string(name), func(t *testing.T) {
			if err := attack(t); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			defer mutant.Activate(name)()
			err := attack(t)
			if err == nil {
				t.Fatal("not noticed")
			}
			t.Logf("noticed: %v", err)
		})
	}
}
