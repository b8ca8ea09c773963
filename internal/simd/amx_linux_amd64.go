//go:build !purego

package simd

import "syscall"

// amxAskSystem asks the system for leave to use tiles, for the whole process and what it
// forks; empty if it was given. Linux gives it since 5.16, unless a filter of system
// calls refuses or a thread has a signal stack that is too small.
func amxAskSystem() string {
	const (
		archReqXcompPerm = 0x1023 // ARCH_REQ_XCOMP_PERM of asm/prctl.h
		tileData         = 18     // the component of XSAVE
	)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, archReqXcompPerm, tileData, 0); errno != 0 {
		return "leave of the system to use tiles (arch_prctl: " + errno.Error() + ")"
	}
	return ""
}
