package uapi

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mincore tells of each page of mem, a mapping, whether it is in memory: bit 0
// of its byte in pages (mincore(2)). Of a file that the caller neither owns nor
// may write, the kernel says that all of it is (can_do_mincore, mm/mincore.c).
func Mincore(mem, pages []byte) error {
	if len(mem) == 0 {
		return nil
	}
	_, _, e := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(mem))), uintptr(len(mem)), uintptr(unsafe.Pointer(unsafe.SliceData(pages))))
	if e != 0 {
		return e
	}
	return nil
}
