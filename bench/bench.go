// Package bench holds what the workloads below it share: samples in the form of
// the API made of synthetic people, latencies with honest percentiles, and the
// machine a figure was measured on. A workload is a Config and a Run that takes
// a connection (or a folder) and returns a Result; commands bind flags to the
// Config and print the Result.
//
// Habits: Run takes a context and stops soon after it ends. A Config says unit,
// default and consequence of each field, and is validated as a whole. A Result
// is plain data with JSON names that end in their unit, and carries the machine
// it was measured on: a figure without its machine is a rumor.
//
// The package refuses to start servers (it speaks gRPC to what it is given), to
// read the environment, and to call any figure on synthetic people an error rate
// of the system: such results show that the arithmetic is right, not how real
// people are told apart.
package bench

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Progress is told now and then how far a phase is: done of total units. It may
// be called from several goroutines at once. A nil Progress tells nobody.
type Progress func(phase string, done, total int)

// Tell calls p unless it is nil.
func (p Progress) Tell(phase string, done, total int) {
	if p != nil {
		p(phase, done, total)
	}
}

// Each calls fn for 0..n-1 from several goroutines, each index once, in rising
// order of start. It returns the first error, after all callers have returned;
// an error or the end of ctx keeps further indexes from being started.
func Each(ctx context.Context, callers, n int, fn func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(callers, n) {
		group.Go(func() error {
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := fn(ctx, i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
