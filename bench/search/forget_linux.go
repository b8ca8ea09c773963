package search

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the system drop what it caches of a file, and tells whether it does that.
func forget(f *os.File) (bool, error) {
	if err := f.Sync(); err != nil { // what is not yet written cannot be dropped
		return false, err
	}
	return true, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
