package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Setup is io_uring_setup(2). The kernel marks the descriptor close-on-exec.
func Setup(entries uint32, p *Params) (int, unix.Errno) {
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	if e != 0 {
		return -1, e
	}
	return int(fd), 0
}

// Enter is io_uring_enter(2) entered raw: the scheduler is not told, not even
// when the call blocks. arg, where not nil, is a GetEventsArg that stays put
// and alive by the caller's care.
func Enter(fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, size uintptr) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(toSubmit), uintptr(minComplete), uintptr(flags), uintptr(arg), size)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// Register is io_uring_register(2). The kernel may write through arg.
func Register(fd int, op uint32, arg unsafe.Pointer, n uint32) (int, unix.Errno) {
	r, _, e := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), uintptr(op), uintptr(arg), uintptr(n), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(r), 0
}
