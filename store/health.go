package store

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// health remembers the first failure that makes writes unsafe. A write or sync
// that failed may or may not be on disk, and the kernel reports it only once:
// from then on the store refuses writes until the process is restarted and the
// directory verified again. Reads go on, from the last anchored state.
type health struct {
	log    *slog.Logger
	mu     sync.Mutex
	cause  error
	failed chan struct{}
}

func newHealth(log *slog.Logger) *health { return &health{log: log, failed: make(chan struct{})} }

func (h *health) fail(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return
	}
	h.cause = fmt.Errorf("%w until restart: %w", ErrStopped, cause)
	close(h.failed)
	h.log.Error("ledger stopped: no writes until restart", "cause", cause)
}

func (h *health) err() error {
	select {
	case <-h.failed:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.cause
	default:
		return nil
	}
}

// do runs a call that writes through Pebble, on a goroutine of its own. Pebble
// answers a failed log write by calling Fatalf and, beyond that, in states it
// cannot leave: its goroutine is ended (see pebbleLogger.Fatalf) or waits for
// background work that will never come. Here both become ErrStopped.
func (h *health) do(what string, fn func() error) error {
	if err := h.err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- guarded(fn) }()
	select {
	case err := <-done:
		// The failure is looked at first: a call that returned after Fatalf on
		// another goroutine has not succeeded.
		if herr := h.err(); herr != nil {
			return herr
		}
		if err != nil {
			h.fail(fmt.Errorf("%s: %w", what, err))
			return h.err()
		}
		return nil
	case <-h.failed:
		return h.err()
	}
}

// guarded runs fn and turns a panic or an ended goroutine into an error.
func guarded(fn func() error) error {
	type result struct {
		err      error
		panicked any
	}
	done := make(chan result, 1)
	go func() {
		out := result{err: fmt.Errorf("storage engine gave up")}
		defer func() {
			if p := recover(); p != nil {
				out = result{panicked: p}
			}
			done <- out
		}()
		out = result{err: fn()}
	}()
	r := <-done
	if r.panicked != nil {
		return fmt.Errorf("storage engine panicked: %v", r.panicked)
	}
	return r.err
}

// pebbleLogger sends Pebble's lines to slog.
type pebbleLogger struct {
	log    *slog.Logger
	health *health
}

// Infof keeps Pebble's many lines at the debug level.
func (l pebbleLogger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble's state is undefined after it. Ending the whole
// process, as Pebble's own logger does, would end reads too, and the answer to
// everything that waits. So the goroutine ends, deferred unlocks included; what
// it was doing never completes, and no write is let in any more.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.health.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

// events reports what Pebble finds in the background.
func (h *health) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			// Flushes and compactions are retried by Pebble; a full disk ends that way.
			h.log.Error("pebble: background error", "cause", err)
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			h.fail(fmt.Errorf("%w: %s", ErrDamaged, info))
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			h.log.Warn("pebble: disk is slow", "path", info.Path, "duration", info.Duration)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			h.log.Warn("pebble: writes are stalled", "reason", info.Reason)
		},
	}
}
