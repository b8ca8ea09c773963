//go:build mutants

package segfile

import (
	"testing"

	"immis/internal/mutant"
)

func TestMutants(t *testing.T) {
	defer mutant.Activate(mutant.ReuseNonce)()
	if noncesMeet() == nil {
		t.Errorf("%s: not caught by TestEveryChunkHasItsNonce", mutant.ReuseNonce)
	}
}
