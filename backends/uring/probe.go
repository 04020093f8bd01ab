package uring

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// makes tries to make a ring with these flags.
func makes(flags uint32) func(*ring) (bool, unix.Errno) {
	return func(*ring) (bool, unix.Errno) {
		r, errno := newRing(1, 2, flags, 0, 1)
		if errno != 0 {
			return false, unless(errno, unix.EINVAL)
		}
		r.close()
		return true, 0
	}
}

// trial submits one request and returns its first completion. That none comes
// within a second counts as -ETIME.
func trial(r *ring, fill func(*uapi.SQE)) (uapi.CQE, unix.Errno) {
	e := r.next()
	fill(e)
	ts := &uapi.Timespec{Sec: 1}
	arg := &uapi.GetEventsArg{TS: uint64(uintptr(unsafe.Pointer(ts)))}
	defer runtime.KeepAlive(ts)
	for r.ready() == 0 {
		_, errno := uapi.Enter(r.fd, r.publish(), 1, uapi.EnterGetEvents|uapi.EnterExtArg, unsafe.Pointer(arg), unsafe.Sizeof(*arg))
		if errno == unix.ETIME {
			return uapi.CQE{Res: -int32(unix.ETIME)}, 0
		}
		if errno != 0 && errno != unix.EINTR {
			return uapi.CQE{}, errno
		}
	}
	c := r.cqes[r.head&r.cqMask]
	r.head++
	r.cqHead.Store(r.head)
	return c, 0
}

func tryRingFD(r *ring) (bool, unix.Errno) {
	u := uapi.RsrcUpdate{Offset: ^uint32(0), Data: uint64(r.fd)}
	if _, errno := sysRegister(r.fd, uapi.RegisterRingFDs, unsafe.Pointer(&u), 1); errno != 0 {
		return false, unless(errno, unix.EINVAL) // EBUSY: this thread has registered sixteen
	}
	u.Data = 0
	_, errno := sysRegister(r.fd, uapi.UnregisterRingFDs, unsafe.Pointer(&u), 1)
	return errno == 0, 0
}

func tryBufRing(r *ring) (bool, unix.Errno) {
	pool, err := backends.NewPool(1, 1, false)
	if err != nil {
		return false, unix.ENOMEM
	}
	defer func() { _ = pool.Close() }()
	b, errno := newBufRing(r.fd, pool, 1, 1, 0, false)
	if errno != 0 {
		return false, unless(errno, unix.EINVAL)
	}
	b.close(r.fd)
	return true, 0
}

// tryRecv arms a multishot receive on a socket that has a byte.
func tryRecv(*ring) (bool, unix.Errno) {
	c, errno := trialRecv(1, 0, func(e *uapi.SQE) { e.Ioprio = uapi.RecvMultishot })
	return c.Res == 1 && c.Flags&uapi.CQEFMore != 0, errno
}

// trialRecv receives from a socket that holds two bytes, on a ring of its own,
// with which the receive ends. The kernel chooses among n buffers of a byte
// each; n is 0 or a power of two.
func trialRecv(n int, use caps, fill func(*uapi.SQE)) (uapi.CQE, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return uapi.CQE{}, errno
	}
	pool, err := backends.NewPool(max(n, 1), 1, false)
	if err != nil {
		r.close()
		return uapi.CQE{}, unix.ENOMEM
	}
	defer func() { _ = pool.Close() }()
	defer r.close()
	if n > 0 {
		b, errno := newBufRing(r.fd, pool, n, 1, use, false)
		if errno != 0 {
			return uapi.CQE{Res: -int32(errno)}, unless(errno, unix.EINVAL)
		}
		defer b.close(r.fd)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	defer closeAll(pair[:])
	if _, err := unix.Write(pair[1], []byte{1, 2}); err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	return trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD = uapi.OpRecv, int32(pair[0])
		if n > 0 {
			e.Flags, e.BufIndex = uapi.SQEBufferSelect, bufGroup
		} else {
			e.Addr, e.Len = address(pool.At(0)), 1
		}
		fill(e)
	})
}

// tryAccept arms a multishot accept on a listener that has a connection.
func tryAccept(*ring) (bool, unix.Errno) {
	c, errno := trialAccept(nil, func(e *uapi.SQE) { e.OpFlags = unix.SOCK_CLOEXEC })
	if c.Res > 0 {
		_ = unix.Close(int(c.Res))
	}
	return c.Res > 0 && c.Flags&uapi.CQEFMore != 0, errno
}

// trialAccept is the outcome of a multishot accept, on a ring that prepare,
// where not nil, has made ready.
func trialAccept(prepare func(*ring) unix.Errno, fill func(*uapi.SQE)) (uapi.CQE, unix.Errno) {
	r, errno := newRing(2, 4, 0, 0, 0)
	if errno != 0 {
		return uapi.CQE{}, errno
	}
	defer r.close()
	if prepare != nil {
		if errno := prepare(r); errno != 0 {
			return uapi.CQE{Res: -int32(errno)}, unless(errno, unix.EINVAL)
		}
	}
	var fds [2]int
	for i := range fds {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			closeAll(fds[:i])
			return uapi.CQE{}, errnoOf(err)
		}
		fds[i] = fd
	}
	defer closeAll(fds[:])
	// An address of no length asks for an unused one without a file (autobind, unix(7)).
	if err := unix.Bind(fds[0], &unix.SockaddrUnix{}); err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	if err := unix.Listen(fds[0], 1); err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	addr, err := unix.Getsockname(fds[0])
	if err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	if err := unix.Connect(fds[1], addr); err != nil {
		return uapi.CQE{}, errnoOf(err)
	}
	return trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD, e.Ioprio = uapi.OpAccept, int32(fds[0]), uapi.AcceptMultishot
		fill(e)
	})
}

// tryCancel cancels all of nothing; kernels that do not know the flags reject them.
func tryCancel(r *ring) (bool, unix.Errno) {
	c, errno := trial(r, func(e *uapi.SQE) {
		e.Opcode, e.FD = uapi.OpAsyncCancel, int32(r.fd)
		e.OpFlags = uapi.AsyncCancelFD | uapi.AsyncCancelAll
	})
	return c.Res >= 0 || c.Res == -int32(unix.ENOENT), errno
}

// unless is errno, or 0 where it is one of the answers that settle the question.
func unless(errno unix.Errno, settled ...unix.Errno) unix.Errno {
	for _, s := range settled {
		if errno == s {
			return 0
		}
	}
	return errno
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
