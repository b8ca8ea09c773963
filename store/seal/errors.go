package seal

import (
	"errors"
	"fmt"
)

// The errors a caller tells apart with errors.Is.
var (
	// ErrCorrupt marks bytes that are not what was once written: damaged, moved,
	// cut, or sealed under another key.
	ErrCorrupt = errors.New("corrupt")
	// ErrErased marks data whose key was destroyed on purpose.
	ErrErased = errors.New("erased: its key was destroyed")
	// ErrNoSecret is the answer of a KeySource that does not have the secret.
	ErrNoSecret = errors.New("no such secret")
	// ErrExists refuses to write over a table or a secret.
	ErrExists = errors.New("already exists")
	// ErrNoTable says that a directory holds no key table.
	ErrNoTable = errors.New("no key table")
	// ErrExposed refuses secrets that other users of the machine can read or replace.
	ErrExposed = errors.New("exposed to other users")
	// ErrCopyNotConfirmed says that the key epoch goes on, because the copy of the
	// new key table could not be written and read back.
	ErrCopyNotConfirmed = errors.New("copy of the key table is not confirmed")
	// ErrKeyNotDestroyed says that the new key epoch stands but the old
	// key-encryption key could not be destroyed: erasures of the old epoch are not
	// final yet. The next Rotate or OpenTable tries again.
	ErrKeyNotDestroyed = errors.New("old key-encryption key is not destroyed")
	// ErrRotating refuses a second rotation beside a running one.
	ErrRotating = errors.New("a rotation is running")
	// ErrClosed is the answer of a closed table.
	ErrClosed = errors.New("key table is closed")
)

// CorruptError says what was looked at, what was found and what is wanted. It
// wraps ErrCorrupt and never holds secret or sealed bytes.
type CorruptError struct {
	What      string
	Got, Want string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s %s, want %s: %v", e.What, e.Got, e.Want, ErrCorrupt)
}

// Unwrap makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// corrupt makes a CorruptError; got and want are formatted with %v.
func corrupt(what string, got, want any) error {
	return &CorruptError{What: what, Got: fmt.Sprint(got), Want: fmt.Sprint(want)}
}
