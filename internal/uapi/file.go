package uapi

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PreadRaw is pread64(2) entered raw.
func PreadRaw(fd int32, b []byte, off int64) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(off), 0, 0)
	return int(n), e
}

// PwriteRaw is pwrite64(2) entered raw.
func PwriteRaw(fd int32, b []byte, off int64) (int, unix.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_PWRITE64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(off), 0, 0)
	return int(n), e
}

// Pread is PreadRaw entered through the scheduler.
func Pread(fd int32, b []byte, off int64) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(off), 0, 0)
	return int(n), e
}

// Pwrite is PwriteRaw entered through the scheduler.
func Pwrite(fd int32, b []byte, off int64) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_PWRITE64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(off), 0, 0)
	return int(n), e
}

// FsyncRaw is fsync(2), or with dataOnly fdatasync(2), entered raw.
func FsyncRaw(fd int32, dataOnly bool) unix.Errno {
	_, _, e := syscall.RawSyscall(syncCall(dataOnly), uintptr(fd), 0, 0)
	return e
}

// Fsync is FsyncRaw entered through the scheduler.
func Fsync(fd int32, dataOnly bool) unix.Errno {
	_, _, e := unix.Syscall(syncCall(dataOnly), uintptr(fd), 0, 0)
	return e
}

func syncCall(dataOnly bool) uintptr {
	if dataOnly {
		return unix.SYS_FDATASYNC
	}
	return unix.SYS_FSYNC
}

// Operations of futex(2), linux/futex.h, on a word that no other process maps.
const (
	futexPrivate = 128
	futexWait    = 0 | futexPrivate
	futexWake    = 1 | futexPrivate
)

// aDay is a limit that gives a futex's wait an end, without which a signal
// handler would not end it: such a wait is EINTR, one without a limit goes on
// (ERESTARTSYS and SA_RESTART in kernel/futex/waitwake.c and signal(7)).
var aDay = unix.Timespec{Sec: 24 * 60 * 60}

// FutexWaitRaw sleeps while word is value, entered raw. It is EAGAIN when word
// is another value, and ETIMEDOUT after a day.
func FutexWaitRaw(word *atomic.Uint32, value uint32) unix.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(value), uintptr(unsafe.Pointer(&aDay)), 0, 0)
	return e
}

// FutexWait is FutexWaitRaw entered through the scheduler.
func FutexWait(word *atomic.Uint32, value uint32) unix.Errno {
	_, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(value), uintptr(unsafe.Pointer(&aDay)), 0, 0)
	return e
}

// FutexWakeRaw wakes up to n threads that sleep on word, and returns how many it
// has. Entered raw: it does not block.
func FutexWakeRaw(word *atomic.Uint32, n int) int {
	r, _, _ := syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, uintptr(n), 0, 0, 0)
	return int(int32(r))
}
