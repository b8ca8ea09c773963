package offheap

import (
	"errors"
	"fmt"
)

// BudgetError says that a budget has no room.
type BudgetError struct {
	// Want is what was asked for, Used what was taken already, Limit the most that
	// may be; in bytes.
	Want, Used, Limit int64
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("memory budget: %d bytes beside %d in use, want <= %d together; raise the budget or keep fewer rows in this process",
		e.Want, e.Used, e.Limit)
}

// MapError says that the system gave no memory.
type MapError struct {
	// Bytes is what was asked for.
	Bytes int
	// Err is the cause: on Linux unix.ENOMEM or unix.EAGAIN, each with several reasons.
	Err error
}

func (e *MapError) Error() string {
	text := fmt.Sprintf("map %d bytes outside the Go heap: %v", e.Bytes, e.Err)
	if noRoom(e.Err) {
		text += "; free memory, or raise the limit that was met (ulimit -v, vm.overcommit_memory, vm.max_map_count)"
	}
	return text
}

// Unwrap returns the cause.
func (e *MapError) Unwrap() error { return e.Err }

var (
	errSize   = errors.New("size out of range, want >= 1")
	errNoRoom = errors.New("more than the address space holds")
)
