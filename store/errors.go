package store

import (
	"errors"
	"fmt"

	"immis/store/seal"
)

// The errors a caller can tell apart with errors.Is.
var (
	// ErrExists: the row or subject is already there.
	ErrExists = errors.New("exists already")
	// ErrNotFound: no such row, subject, blob or entry.
	ErrNotFound = errors.New("not found")
	// ErrStale: the caller sealed for a state that has changed since; read again and repeat.
	ErrStale = errors.New("state has changed, read again and repeat")
	// ErrConflict: the request identifier was used before with another value.
	ErrConflict = errors.New("request identifier was used with another value")
	// ErrInvalid: the mutation breaks a rule of its form.
	ErrInvalid = errors.New("invalid mutation")
	// ErrOverloaded: the committer's queue is full; nothing was queued.
	ErrOverloaded = errors.New("ledger queue is full")
	// ErrDiskFull: too little free space; writes work again once there is space.
	ErrDiskFull = errors.New("disk is full")
	// ErrStopped: the store takes no writes until the process is restarted.
	ErrStopped = errors.New("ledger takes no writes")
	// ErrLocked: another process has the data directory open.
	ErrLocked = errors.New("data directory is in use by another process")
	// ErrReadOnly: the data directory cannot be written.
	ErrReadOnly = errors.New("data directory is read-only")
	// ErrNewerFormat: the directory was written by a newer version.
	ErrNewerFormat = errors.New("data directory has a newer format")
	// ErrOlderThanAnchor: the ledger is shorter than, or another one than, its signed head says.
	ErrOlderThanAnchor = errors.New("ledger is older than its anchor")
	// ErrDamaged: the directory contradicts itself.
	ErrDamaged = errors.New("data directory is damaged")

	// ErrErased: the key of the data was destroyed.
	ErrErased = seal.ErrErased
	// ErrCorrupt: sealed bytes do not open.
	ErrCorrupt = seal.ErrCorrupt
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// reason is the label of a refused mutation in metrics.
func reason(err error) string {
	for _, c := range []struct {
		err  error
		name string
	}{
		{ErrExists, "exists"}, {ErrNotFound, "not_found"}, {ErrStale, "stale"}, {ErrConflict, "conflict"},
		{ErrInvalid, "invalid"}, {ErrOverloaded, "overloaded"}, {ErrDiskFull, "disk_full"}, {ErrStopped, "stopped"},
	} {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "other"
}
