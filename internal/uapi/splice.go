package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SpliceRaw is splice(2) of n bytes from in to out, entered raw. A negative off
// stands for none: in has no position, or is read at its own.
func SpliceRaw(in int32, off int64, out int32, n, flags int) (int, unix.Errno) {
	var from *int64
	if off >= 0 {
		from = &off
	}
	r, _, e := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(in), uintptr(unsafe.Pointer(from)), uintptr(out), 0, uintptr(n), uintptr(flags))
	return int(r), e
}

// Splice is SpliceRaw entered through the scheduler.
func Splice(in int32, off int64, out int32, n, flags int) (int, unix.Errno) {
	var from *int64
	if off >= 0 {
		from = &off
	}
	r, _, e := unix.Syscall6(unix.SYS_SPLICE, uintptr(in), uintptr(unsafe.Pointer(from)), uintptr(out), 0, uintptr(n), uintptr(flags))
	return int(r), e
}

// SendfileRaw is sendfile(2) of n bytes from byte off of the file in, entered raw.
func SendfileRaw(out, in int32, off int64, n int) (int, unix.Errno) {
	r, _, e := syscall.RawSyscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	return int(r), e
}

// Sendfile is SendfileRaw entered through the scheduler.
func Sendfile(out, in int32, off int64, n int) (int, unix.Errno) {
	r, _, e := unix.Syscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	return int(r), e
}
