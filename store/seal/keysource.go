package seal

import (
	"context"
	"fmt"
)

// KeySource keeps named secrets of KeySize bytes outside the data directory:
// kek-<epoch>, head, pseudonym. One source serves one store: the names of two
// stores would collide. Implementations are safe for concurrent use and pass one
// conformance suite.
type KeySource interface {
	// Get returns a new slice. ErrNoSecret if there is none of this name, ErrCorrupt if
	// it is damaged, ErrExposed if others can read it; any other error means that
	// nothing is known.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put keeps a secret durably. It never overwrites: ErrExists.
	Put(ctx context.Context, name string, secret []byte) error
	// Destroy makes a secret unreadable for ever; one that does not exist is no error.
	Destroy(ctx context.Context, name string) error
	// List returns the names in ascending order.
	List(ctx context.Context) ([]string, error)
}

// maxName is the longest name of a secret.
const maxName = 64

// checkName allows a-z, 0-9 and inner hyphens: names become file names and
// arguments of a command, so nothing that either could take for something else.
func checkName(name string) error {
	ok := len(name) >= 1 && len(name) <= maxName && name[0] != '-'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	}
	if !ok {
		return fmt.Errorf("secret name %q, want 1..%d of a-z, 0-9 and inner hyphens", name, maxName)
	}
	return nil
}

// checkSecret checks what a caller wants to keep.
func checkSecret(name string, secret []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(secret) != KeySize {
		return fmt.Errorf("secret %s: %d bytes, want %d", name, len(secret), KeySize)
	}
	if allZero(secret) {
		return fmt.Errorf("secret %s: all bytes zero, want random bytes", name)
	}
	return nil
}
