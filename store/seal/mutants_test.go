//go:build mutants

package seal

import "immis/internal/mutant"

func activate(n mutant.Name) (undo func()) { return mutant.Activate(n) }
