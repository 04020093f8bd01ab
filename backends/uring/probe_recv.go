package uring

import (
	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// tryIncremental receives into a ring of buffers that are used up piece by
// piece; kernels before Linux 6.12 reject the flag.
func tryIncremental(*ring) (bool, unix.Errno) {
	c, errno := trialRecv(1, incremental, func(e *uapi.SQE) { e.Len = 1 })
	return c.Res == 1 && c.Flags&uapi.CQEFBuffer != 0, errno
}

// tryBundle sees whether the flag is accepted. A bundle itself would need a TCP
// connection: the kernel fills a second buffer only when the socket says how
// much is left, which a Unix socket did not before Linux 6.17.
func tryBundle(r *ring) (bool, unix.Errno) {
	c, errno := trialRecv(2, 0, func(e *uapi.SQE) { e.Ioprio = uapi.RecvSendBundle })
	return c.Res > 0 && r.features&uapi.FeatRecvsendBundle != 0, errno
}

// tryPollFirst receives what is there; kernels before Linux 5.19 reject the flag.
func tryPollFirst(*ring) (bool, unix.Errno) {
	c, errno := trialRecv(0, 0, func(e *uapi.SQE) { e.Ioprio = uapi.RecvSendPollFirst })
	return c.Res == 1, errno
}

// tryProvide gives the kernel a buffer that no receive will use: the group ends
// with the ring, and no other has that number.
func tryProvide(*ring) (bool, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	pool, err := backends.NewPool(1, 1, false)
	if err != nil {
		r.close()
		return false, unix.ENOMEM
	}
	defer func() { _ = pool.Close() }()
	defer r.close()
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD, e.BufIndex = uapi.OpProvideBuffers, 1, bufGroup
		e.Addr, e.Len = address(pool.At(0)), 1
	})
	return c.Res >= 0, errno
}

// tryPollMulti polls a socket that can be written to; a poll that stays armed
// says so (Linux 5.13).
func tryPollMulti(*ring) (bool, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0) // its own: the poll ends with it
	if errno != 0 {
		return false, errno
	}
	defer r.close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll([]int{fd})
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD, e.Len = uapi.OpPollAdd, int32(fd), uapi.PollAddMulti
		e.OpFlags = pollEvents(unix.POLLOUT)
	})
	return c.Res > 0 && c.Flags&uapi.CQEFMore != 0, errno
}

// tryFixed accepts into a slot of the kernel's choice in a sparse table, and
// asks to cancel by such a slot.
func tryFixed(*ring) (bool, unix.Errno) {
	c, errno := trialAccept(
		func(r *ring) unix.Errno { return r.registerFiles(2) },
		func(e *uapi.SQE) { e.FileIndex = uapi.FileIndexAlloc })
	if errno != 0 || c.Res < 0 || c.Flags&uapi.CQEFMore == 0 {
		return false, errno
	}
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	defer r.close()
	if errno := r.registerFiles(2); errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	c, errno = trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD = uapi.OpAsyncCancel, 0
		e.OpFlags = uapi.AsyncCancelFD | uapi.AsyncCancelFDFixed | uapi.AsyncCancelAll
	})
	// No file in the slot is EBADF; a kernel that does not know the flag says EINVAL.
	return c.Res != -int32(unix.EINVAL), errno
}
