package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/uapi"
)

// setNAPI registers busy polling for so long, or unregisters it, and returns
// what was in force before. The kernel polls the queues of the network devices
// through which the ring's sockets receive, as it learns them from their
// packets (io_uring/napi.c).
func setNAPI(fd int, request, usec uint32) (before uapi.NAPI, errno unix.Errno) {
	before = uapi.NAPI{BusyPollUsec: usec, PreferBusyPoll: 1}
	_, errno = sysRegister(fd, request, unsafe.Pointer(&before), 1)
	return before, errno
}

func tryNAPI(r *ring) (bool, unix.Errno) {
	if _, errno := setNAPI(r.fd, uapi.RegisterNAPI, 1); errno != 0 {
		return false, unless(errno, unix.EINVAL, unix.EOPNOTSUPP)
	}
	_, errno := setNAPI(r.fd, uapi.UnregisterNAPI, 0)
	return errno == 0, errno
}

// noNAPI is why busy polling cannot act: every workload runs over loopback,
// whose packets bear no NAPI id (sk_mark_napi_id, include/net/busy_poll.h).
func noNAPI() string {
	return "loopback has no NAPI id: it registers, and there is no device to poll"
}
