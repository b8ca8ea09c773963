package simd

import "syscall"

// systemLetsUseTiles asks as the kernels do, but by itself.
func systemLetsUseTiles() bool {
	_, _, errno := syscall.Syscall(158, 0x1023, 18, 0) // arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)
	return errno == 0
}
