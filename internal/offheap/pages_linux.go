//go:build linux && !purego

package offheap

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappedSize is n in whole pages.
func mappedSize(n int) int {
	page := os.Getpagesize()
	return (n + page - 1) / page * page
}

// mapPages maps size bytes, a multiple of the page size.
func mapPages(size int) ([]byte, error) {
	pages, err := mapAligned(size)
	if err != nil {
		return nil, err
	}
	if err := advise(pages); err != nil {
		unmapPages(pages)
		return nil, err
	}
	return pages, nil
}

// mapAligned maps memory that begins at a multiple of HugePage if size is at least
// that. The kernel aligns by itself only from 6.7 on and only some sizes, so one huge
// page more is mapped and what stands over on both sides unmapped.
func mapAligned(size int) ([]byte, error) {
	if size < HugePage {
		return mapAnywhere(size)
	}
	all, err := mapAnywhere(size + HugePage)
	if err != nil {
		return nil, err
	}
	return align(all, size, munmap)
}

// align gives back what stands over, or all on an error.
func align(all []byte, size int, unmap func([]byte) error) ([]byte, error) {
	head := int(-uintptr(unsafe.Pointer(&all[0])) & (HugePage - 1))
	ours := all
	for _, over := range [][]byte{all[:head], all[head+size:]} {
		if len(over) == 0 {
			continue
		}
		// Fails only where vm.max_map_count is met and a neighbor was joined with ours.
		if err := unmap(over); err != nil {
			unmapPages(ours) // what is given back may be somebody else's by now
			return nil, fmt.Errorf("align: %w", err)
		}
		ours = all[head:]
	}
	return all[head:][:size:size], nil
}

// No MAP_NORESERVE: where the system promises no more memory than it has
// (vm.overcommit_memory=2), the refusal comes here, as an error, not later as a kill.
func mapAnywhere(size int) ([]byte, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	return unsafe.Slice((*byte)(p), size), nil
}

func munmap(pages []byte) error {
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(pages)), uintptr(len(pages)))
}

func advise(pages []byte) error {
	// Rows are biometric data: without this promise they would lie in core dumps.
	if err := unix.Madvise(pages, unix.MADV_DONTDUMP); err != nil {
		return fmt.Errorf("madvise DONTDUMP: %w", err)
	}
	if len(pages) < HugePage {
		return nil
	}
	// EINVAL is a kernel built without huge pages, which HugePages says.
	if err := unix.Madvise(pages, unix.MADV_HUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("madvise HUGEPAGE: %w", err)
	}
	return nil
}

// unmapPages gives pages back. The kernel refuses for one reason that is not a fault
// of ours: it has joined our pages with both neighbors, taking them out would make two
// mappings of one, and there are vm.max_map_count already. Then at least the memory
// goes back; some address space, which is plenty, is lost.
func unmapPages(pages []byte) {
	err := munmap(pages)
	if errors.Is(err, unix.ENOMEM) {
		err = unix.Madvise(pages, unix.MADV_DONTNEED)
	}
	if err != nil {
		panic(fmt.Sprintf("offheap: unmap %d bytes: %v", len(pages), err))
	}
}

func protectPages(pages []byte) error {
	return unix.Mprotect(pages, unix.PROT_NONE)
}

// noRoom: madvise calls EAGAIN what the other calls call ENOMEM, too many mappings.
func noRoom(err error) bool {
	return errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EAGAIN) || errors.Is(err, errNoRoom)
}
