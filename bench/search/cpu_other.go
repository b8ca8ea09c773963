//go:build !unix

package search

import "time"

const hasProcessorTime = false

// processorTime is the time on the clock here: figures per core are then too low
// where other work runs.
func processorTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
