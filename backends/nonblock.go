package backends

import "golang.org/x/sys/unix"

// SetNonblock sets or clears O_NONBLOCK of fd and counts the system calls in c:
// one where it is so already, else two. It reports whether that changed it.
func SetNonblock(c *Counters, fd int32, on bool) (changed bool, err error) {
	c[SysOther]++
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || (flags&unix.O_NONBLOCK != 0) == on {
		return false, err
	}
	c[SysOther]++
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags^unix.O_NONBLOCK)
	return err == nil, err
}
