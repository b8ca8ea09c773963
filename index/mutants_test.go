//go:build mutants

package index

import (
	"testing"

	"immis/internal/mutant"
)

func TestMutants(t *testing.T) {
	defer mutant.Activate(mutant.DropMask)()
	if deletedRowsStayAway() == nil {
		t.Errorf("%s: not caught by TestDeletedRowsStayAway", mutant.DropMask)
	}
}
