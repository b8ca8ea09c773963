package index

import "fmt"

// InputError is a row, a probe or a query that cannot be used.
type InputError struct{ What, Got, Want string }

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s, want %s", e.What, e.Got, e.Want) }
