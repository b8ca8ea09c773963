//go:build mutants

package segfile

import (
	"testing"

	"immis/internal/mutant"
)

func TestMutants(t *testing.T) {
	defer mutant.Activate(mutant.ReuseNonce)()
	if equalChunks() == nil {
		t.Errorf("%s: not caught by TestEveryChunkHasItsNonce", mutant.ReuseNonce)
	}
}
