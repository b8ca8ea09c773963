package offheap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Support says whether the system gives huge pages of 2 MiB to regions of HugePage
// bytes or more.
type Support uint8

// What a system may offer. The texts are for a log line and for statistics.
const (
	// SupportUnknown: the system does not say (it is not Linux, or has no /sys or /proc).
	SupportUnknown Support = iota
	// SupportNever: not offered, or not to this process. All works, scans are slower.
	SupportNever
	// SupportMadvise: given to who asks, as regions do.
	SupportMadvise
	// SupportAlways: given to all memory.
	SupportAlways
)

func (s Support) String() string {
	switch s {
	case SupportUnknown:
		return "unknown"
	case SupportNever:
		return "never"
	case SupportMadvise:
		return "madvise"
	case SupportAlways:
		return "always"
	}
	return fmt.Sprintf("Support(%d)", uint8(s))
}

// Given tells whether regions get huge pages. Even so the system may have none free
// at the moment, and then gives ordinary ones without a word.
func (s Support) Given() bool {
	return s == SupportMadvise || s == SupportAlways
}

// HugePages asks the system what it offers: two or three small files of Linux, read
// each time.
func HugePages() Support {
	return hugePages(os.DirFS("/"))
}

// hugePages reads the switches of "Transparent Hugepage Support"
// (https://docs.kernel.org/admin-guide/mm/transhuge.html) and the process's own
// (prctl PR_SET_THP_DISABLE, which who starts a container may have set; shown in
// proc_pid_status(5)).
func hugePages(root fs.FS) Support {
	const dir = "sys/kernel/mm/transparent_hugepage/"
	general := chosen(root, dir+"enabled")
	if general == "" {
		return SupportUnknown
	}
	if disabled(root) {
		return SupportNever
	}
	// From 6.8 on each size has a switch of its own, which may say "as the general one".
	// Before, that one stood for a single size, which on some arm64 kernels is not ours.
	own := chosen(root, dir+"hugepages-2048kB/enabled")
	switch {
	case own != "" && own != "inherit":
		return supportOf(own)
	case own == "" && !oursIsTheSize(root, dir+"hpage_pmd_size"):
		return SupportNever
	}
	return supportOf(general)
}

func supportOf(word string) Support {
	for _, s := range []Support{SupportNever, SupportMadvise, SupportAlways} {
		if word == s.String() {
			return s
		}
	}
	return SupportUnknown
}

// chosen is the word in brackets of a file like "always [madvise] never", or "".
func chosen(root fs.FS, name string) string {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	for word := range strings.FieldsSeq(string(text)) {
		if w, ok := strings.CutPrefix(word, "["); ok {
			if w, ok = strings.CutSuffix(w, "]"); ok {
				return w
			}
		}
	}
	return ""
}

// oursIsTheSize tells whether the one size of an older kernel is HugePage. Kernels
// before 4.10 do not say it.
func oursIsTheSize(root fs.FS, name string) bool {
	text, err := fs.ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	size, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return err == nil && size == HugePage
}

// disabled tells whether huge pages are switched off for this process.
func disabled(root fs.FS) bool {
	text, err := fs.ReadFile(root, "proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "THP_enabled:"); ok {
			return strings.TrimSpace(v) == "0"
		}
	}
	return false
}
