package cost

import (
	"testing"
	"time"
)

var kept []byte

// failures is a test that may fail and be looked at.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.n++ }

func TestBounded(t *testing.T) {
	calls := 0
	for name, c := range map[string]struct {
		fn    func()
		fails int
		calls int
	}{
		"nothing":       {func() {}, 0, 1},
		"within":        {func() { kept = make([]byte, 4<<20) }, 0, 1},
		"too much":      {func() { kept = make([]byte, 6<<20) }, 1, 3},
		"too much once": {func() { kept = make([]byte, 6<<20/calls) }, 0, 2},
		"too slow":      {func() { time.Sleep(Slow + 10*time.Millisecond) }, 1, 3},
	} {
		calls = 0
		f := &failures{TB: t}
		Bounded(f, 4<<20, func() { calls++; c.fn() })
		if f.n != c.fails || calls != c.calls {
			t.Errorf("%s: %d failures, %d calls; want %d, %d", name, f.n, calls, c.fails, c.calls)
		}
	}
}

func TestAllocated(t *testing.T) {
	if got := Allocated(10, func() { kept = make([]byte, 1<<16) }); got < 1<<16 || got > 1<<16+4096 {
		t.Errorf("%d bytes, want about %d", got, 1<<16)
	}
}
