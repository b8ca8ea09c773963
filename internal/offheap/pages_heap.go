//go:build !linux || purego

package offheap

import (
	"errors"
	"fmt"
	"unsafe"
)

// mappedSize is n and what aligning may cost.
func mappedSize(n int) int {
	return n + Align - 1
}

// mapPages takes a block of the Go heap, aligned to Align only: where the heap lies is
// not ours to say.
func mapPages(size int) (pages []byte, err error) {
	defer func() {
		// make panics where the address space cannot hold so much.
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errNoRoom, p)
		}
	}()
	all := make([]byte, size)
	head := int(-uintptr(unsafe.Pointer(&all[0])) & (Align - 1))
	return all[head:], nil
}

// unmapPages leaves it to the collector.
func unmapPages([]byte) {}

func protectPages([]byte) error { return errors.ErrUnsupported }

func noRoom(err error) bool { return errors.Is(err, errNoRoom) }
