package uapi

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SleepUntilRaw blocks the thread, P and all, until a moment of CLOCK_MONOTONIC in
// nanoseconds, or a signal. Unlike an entry that the scheduler knows of it leaves
// nothing to do for others while it blocks (see doc/adr/0002).
func SleepUntilRaw(when int64) unix.Errno {
	ts := unix.NsecToTimespec(when)
	_, _, e := syscall.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	return e
}
