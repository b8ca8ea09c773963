//go:build !mutants

package mutant

// Enabled tells whether this build can carry seeded faults.
const Enabled = false

// On is false: this build carries no seeded fault.
func On(Name) bool { return false }
