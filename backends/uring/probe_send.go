package uring

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// trials submits requests together and returns the completions that come, up to
// as many as asked for and within a second.
func trials(r *ring, want int, fill ...func(*uapi.SQE)) ([]uapi.CQE, unix.Errno) {
	for i, f := range fill {
		e := r.next()
		f(e)
		e.UserData = uint64(i)
	}
	ts := &uapi.Timespec{Sec: 1}
	arg := &uapi.GetEventsArg{TS: uint64(uintptr(unsafe.Pointer(ts)))}
	defer runtime.KeepAlive(ts)
	for r.ready() < want {
		_, errno := uapi.Enter(r.fd, r.publish(), uint32(want), uapi.EnterGetEvents|uapi.EnterExtArg, unsafe.Pointer(arg), unsafe.Sizeof(*arg))
		if errno == unix.ETIME {
			break
		}
		if errno != 0 && errno != unix.EINTR {
			return nil, errno
		}
	}
	var got []uapi.CQE
	for ; r.ready() > 0; r.head++ {
		got = append(got, r.cqes[r.head&r.cqMask])
	}
	r.cqHead.Store(r.head)
	return got, 0
}

// onPair runs a trial on a ring of its own with two connected sockets.
func onPair(try func(r *ring, fds [2]int) (bool, unix.Errno)) (bool, unix.Errno) {
	r, errno := newRing(4, 8, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	defer r.close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, errnoOf(err)
	}
	defer closeAll(pair[:])
	return try(r, pair)
}

// tryZeroCopy sends on a Unix socket. A kernel that knows the request and its
// flags answers that this kind of socket does not; no network is needed.
func tryZeroCopy(*ring) (bool, unix.Errno) { return tryZC(uapi.SendZCReportUsage) }

func tryZCFixed(*ring) (bool, unix.Errno) {
	return tryZC(uapi.SendZCReportUsage | uapi.RecvSendFixedBuf)
}

func tryZC(flags uint16) (bool, unix.Errno) {
	return onPair(func(r *ring, fds [2]int) (bool, unix.Errno) {
		pool, err := backends.NewPool(1, 1, false)
		if err != nil {
			return false, unix.ENOMEM
		}
		defer func() { _ = pool.Close() }()
		if flags&uapi.RecvSendFixedBuf != 0 {
			if _, errno := newFixedBufs(r.fd, pool); errno != 0 {
				return false, unless(errno, unix.EINVAL, unix.EOPNOTSUPP)
			}
			defer func() { _, _ = sysRegister(r.fd, uapi.UnregisterBuffers, nil, 0) }()
		}
		got, errno := trials(r, 1, func(e *uapi.SQE) {
			e.Opcode, e.FD, e.Ioprio = uapi.OpSendZC, int32(fds[0]), flags
			e.Addr, e.Len, e.OpFlags = address(pool.At(0)), 1, unix.MSG_NOSIGNAL
		})
		return len(got) > 0 && (got[0].Res > 0 || got[0].Res == -int32(unix.EOPNOTSUPP)), errno
	})
}

// tryLink links a request to one that fails: it must be cancelled.
func tryLink(*ring) (bool, unix.Errno) {
	return onPair(func(r *ring, fds [2]int) (bool, unix.Errno) {
		got, errno := trials(r, 2, func(e *uapi.SQE) {
			e.Opcode, e.FD, e.Flags = uapi.OpRecv, -1, uapi.SQEIOLink
		}, func(e *uapi.SQE) { e.Opcode = uapi.OpNop })
		return len(got) == 2 && got[1].UserData == 1 && got[1].Res == -int32(unix.ECANCELED), errno
	})
}

// tryLinkTimeout limits a receive from a silent peer.
func tryLinkTimeout(*ring) (bool, unix.Errno) {
	return onPair(func(r *ring, fds [2]int) (bool, unix.Errno) {
		arena, err := backends.NewArena(1)
		if err != nil {
			return false, unix.ENOMEM
		}
		defer func() { _ = arena.Free() }()
		mem := arena.Bytes(1 + int(unsafe.Sizeof(uapi.Timespec{})))
		if mem == nil {
			return false, unix.ENOMEM
		}
		ts := (*uapi.Timespec)(unsafe.Pointer(unsafe.SliceData(mem)))
		*ts = uapi.Timespec{Nsec: 1000}
		got, errno := trials(r, 2, func(e *uapi.SQE) {
			e.Opcode, e.FD, e.Flags = uapi.OpRecv, int32(fds[0]), uapi.SQEIOLink
			e.Addr, e.Len = address(mem)+16, 1
		}, func(e *uapi.SQE) {
			e.Opcode, e.FD, e.Addr, e.Len = uapi.OpLinkTimeout, -1, address(mem), 1
		})
		fired := len(got) == 2
		for _, c := range got {
			fired = fired && c.Res == [...]int32{-int32(unix.ECANCELED), -int32(unix.ETIME)}[c.UserData]
		}
		return fired, errno
	})
}

// trySkip asks for no completion of the first of two requests.
func trySkip(*ring) (bool, unix.Errno) {
	return onPair(func(r *ring, fds [2]int) (bool, unix.Errno) {
		got, errno := trials(r, 1, func(e *uapi.SQE) {
			e.Opcode, e.Flags = uapi.OpNop, uapi.SQECQESkipSuccess
		}, func(e *uapi.SQE) { e.Opcode = uapi.OpNop })
		return len(got) == 1 && got[0].UserData == 1 && got[0].Res == 0, errno
	})
}

// trySendBundle sends two buffers by one request.
func trySendBundle(*ring) (bool, unix.Errno) {
	return onPair(func(r *ring, fds [2]int) (bool, unix.Errno) {
		pool, err := backends.NewPool(2, 1, false)
		if err != nil {
			return false, unix.ENOMEM
		}
		defer func() { _ = pool.Close() }()
		b, errno := newBufRing(r.fd, pool, 2, 1, 0, false)
		if errno != 0 {
			return false, unless(errno, unix.EINVAL)
		}
		defer b.close(r.fd)
		// How far the kernel has got is asked after a bundle that ended early.
		status := uapi.BufStatus{BufGroup: bufGroup}
		if _, errno := sysRegister(r.fd, uapi.RegisterPbufStatus, unsafe.Pointer(&status), 1); errno != 0 {
			return false, unless(errno, unix.EINVAL)
		}
		got, errno := trials(r, 1, func(e *uapi.SQE) {
			e.Opcode, e.FD, e.Ioprio = uapi.OpSend, int32(fds[0]), uapi.RecvSendBundle
			e.Flags, e.BufIndex = uapi.SQEBufferSelect, bufGroup
			e.OpFlags = unix.MSG_NOSIGNAL
		})
		return len(got) == 1 && got[0].Res == 2, errno
	})
}
