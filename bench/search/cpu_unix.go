//go:build unix

package search

import (
	"syscall"
	"time"
)

// hasProcessorTime tells whether the system says how much processor time the process
// took.
const hasProcessorTime = true

// processorTime is what all threads of the process took so far, in user and system
// mode.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it takes no argument that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
