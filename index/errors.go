package index

import "fmt"

// InputError is a row, a probe or a query that cannot be used.
type InputError struct{ What, Got, Want string }

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s, want %s", e.What, e.Got, e.Want) }

// RowError says that a row could be read neither from its file nor made again, so that
// a search which needs it has no answer.
type RowError struct {
	Key uint64
	Err error
}

func (e *RowError) Error() string { return fmt.Sprintf("read row of key %d: %v", e.Key, e.Err) }

// Unwrap returns the reasons.
func (e *RowError) Unwrap() error { return e.Err }
