package engine

import (
	"context"
	"errors"
	"testing"

	"immis/store"
)

// A record that is durable and not searchable ends the answers; the reason tells
// callers that only a restart helps, not waiting.
func TestBrokenIndexSaysSo(t *testing.T) {
	h := open(t, plan{})
	h.engine.publish(store.Receipt{Number: 1}, func() error { return errors.New("slot is taken") })
	_, _, err := h.engine.ListSubjects(context.Background(), clerk, "", 10, "")
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrNotReady) || e.Reason != ReasonIndexBroken || h.engine.Ready() {
		t.Errorf("after a failed publish: %v, want not ready with %s", err, ReasonIndexBroken)
	}
}
