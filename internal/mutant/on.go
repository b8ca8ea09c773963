//go:build mutants

package mutant

import (
	"os"
	"sync/atomic"
)

// Enabled tells whether this build can carry seeded faults.
const Enabled = true

var active atomic.Value

func init() { active.Store(Name(os.Getenv("IMMIS_MUTANT"))) }

// On tells whether the named fault is active in this process.
func On(n Name) bool { return active.Load().(Name) == n }

// Activate makes n the one active fault ("" for none) and returns what undoes it.
// A child process gets its fault from the environment variable IMMIS_MUTANT.
func Activate(n Name) (undo func()) {
	before := active.Swap(n).(Name)
	return func() { active.Store(before) }
}
