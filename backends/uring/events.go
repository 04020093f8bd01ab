package uring

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Timeout completes with -ETIME after d, or with 0 when count other requests
// have completed before, where count is not 0.
func Timeout(d time.Duration, count uint32) *Request {
	return newTimeout(uapi.OpTimeout, d, 0, count)
}

// TimeoutAt completes with -ETIME when the clock (unix.CLOCK_MONOTONIC,
// CLOCK_BOOTTIME or CLOCK_REALTIME) reads at, counted from that clock's zero.
func TimeoutAt(clock int, at time.Duration) *Request {
	r := newTimeout(uapi.OpTimeout, at, uapi.TimeoutAbs, 0)
	switch clock {
	case unix.CLOCK_MONOTONIC:
	case unix.CLOCK_BOOTTIME:
		r.sqe.OpFlags |= uapi.TimeoutBoottime
	case unix.CLOCK_REALTIME:
		r.sqe.OpFlags |= uapi.TimeoutRealtime
	default:
		r.err = fmt.Errorf("uring: a timeout goes by CLOCK_MONOTONIC, CLOCK_BOOTTIME or CLOCK_REALTIME, not by clock %d", clock)
	}
	return r
}

// TimeoutEvery completes with -ETIME every d, count times or, where count is 0,
// until it is removed (Linux 6.4). All but the last have More set.
func TimeoutEvery(d time.Duration, count uint32) *Request {
	return newTimeout(uapi.OpTimeout, d, uapi.TimeoutMultishot, count)
}

// LinkTimeout cancels the request before it in a chain (SubmitChain) if that has
// not completed after d. It completes with -ETIME if it did, else with -ECANCELED.
func LinkTimeout(d time.Duration) *Request { return newTimeout(uapi.OpLinkTimeout, d, 0, 0) }

func newTimeout(opcode uint8, d time.Duration, flags, count uint32) *Request {
	r := newRequest(opcode, -1)
	ts := timespec(max(d, 0))
	r.addr, r.sqe.Len, r.sqe.OpFlags, r.sqe.Off = unsafe.Pointer(&ts), 1, flags, uint64(count)
	return r
}

// UpdateTimeout has a timeout end d from now; target is the lent op of a Timeout,
// the contract's or one of the above. It fails with ENOENT when that has ended.
func UpdateTimeout(target *backends.Op, d time.Duration) *Request {
	r := newTimeout(uapi.OpTimeoutRemove, d, uapi.TimeoutUpdate, 0)
	r.addr, r.addr2, r.sqe.Len, r.target = nil, r.addr, 0, target
	return r
}

// RemoveTimeout ends a timeout early: it completes with -ECANCELED.
func RemoveTimeout(target *backends.Op) *Request {
	r := newRequest(uapi.OpTimeoutRemove, -1)
	r.target = target
	return r
}

// Poll completes once when fd is ready; events are unix.POLL*, and Res is those
// that are.
func Poll(fd int, events uint32) *Request {
	r := newRequest(uapi.OpPollAdd, fd)
	r.sqe.OpFlags = pollMask(events)
	return r
}

// PollMulti completes, with More set, each time that events happen on fd, until
// it is removed.
func PollMulti(fd int, events uint32) *Request {
	r := Poll(fd, events)
	r.sqe.Len = uapi.PollAddMulti
	return r
}

// UpdatePoll changes the events that target, the lent op of a Poll or PollMulti,
// waits for.
func UpdatePoll(target *backends.Op, events uint32) *Request {
	r := newRequest(uapi.OpPollRemove, -1)
	r.target, r.sqe.OpFlags, r.sqe.Len = target, pollMask(events), uapi.PollUpdateEvents
	return r
}

// RemovePoll ends a Poll or PollMulti: it completes with -ECANCELED.
func RemovePoll(target *backends.Op) *Request {
	r := newRequest(uapi.OpPollRemove, -1)
	r.target = target
	return r
}

func pollMask(events uint32) uint32 {
	if bigEndian {
		return events<<16 | events>>16 // poll32_events is "word-reversed for BE"
	}
	return events
}

// EpollCtl is epoll_ctl(2); op is unix.EPOLL_CTL_*.
func EpollCtl(epfd, op, fd int, event *unix.EpollEvent) *Request {
	r := newRequest(uapi.OpEpollCtl, epfd)
	r.addr, r.sqe.Len, r.sqe.Off = unsafe.Pointer(event), uint32(op), uint64(fd)
	return r
}

// EpollWait is epoll_wait(2) without a time limit: Res events go to dst.
func EpollWait(epfd int, dst []unix.EpollEvent) *Request {
	r := newRequest(uapi.OpEpollWait, epfd)
	r.addr, r.sqe.Len = unsafe.Pointer(unsafe.SliceData(dst)), uint32(len(dst))
	return r
}

// Waitid is waitid(2): idtype is unix.P_PID, P_PGID, P_PIDFD or P_ALL, options
// are unix.WEXITED and so on, and what became of the child goes to info.
func Waitid(idtype, id int, info *unix.Siginfo, options int) *Request {
	r := newRequest(uapi.OpWaitid, id)
	r.onFD = false
	r.addr2, r.sqe.Len, r.sqe.FileIndex = unsafe.Pointer(info), uint32(idtype), uint32(options)
	return r
}

// A Futex is a word that threads wait on, and what it must hold for that. The
// word lies on the heap or in an Arena; a Shared one in memory that several
// processes have mapped.
type Futex struct {
	Word   *uint32
	Value  uint32
	Shared bool
}

// Flags of futex_waitv(2) and its like (linux/futex.h).
const (
	futex32      = 0x02
	futexPrivate = 0x80
	futexAny     = 1<<32 - 1 // the mask that every waiter and waker has a bit of
)

func (f Futex) flags() uint32 {
	if f.Shared {
		return futex32
	}
	return futex32 | futexPrivate
}

// FutexWait completes with 0 when the word is woken, and with -EAGAIN when it
// does not hold Value.
func FutexWait(f Futex) *Request { return newFutex(uapi.OpFutexWait, f, uint64(f.Value)) }

// FutexWake wakes up to n waiters; Res is how many.
func FutexWake(f Futex, n uint32) *Request { return newFutex(uapi.OpFutexWake, f, uint64(n)) }

func newFutex(opcode uint8, f Futex, value uint64) *Request {
	r := newRequest(opcode, int(f.flags()))
	r.onFD = false
	r.addr, r.sqe.Off, r.sqe.Addr3 = unsafe.Pointer(f.Word), value, futexAny
	return r
}

// FutexWaitv completes when one of the words is woken; Res is which, counted from 0.
func FutexWaitv(futexes ...Futex) *Request {
	type futexWaitv struct { // struct futex_waitv
		val   uint64
		uaddr uint64
		flags uint32
		_     uint32
	}
	waiters := make([]futexWaitv, len(futexes))
	for i, f := range futexes {
		waiters[i] = futexWaitv{val: uint64(f.Value), uaddr: uint64(uintptr(unsafe.Pointer(f.Word))), flags: f.flags()}
	}
	r := newRequest(uapi.OpFutexWaitv, 0) // the kernel wants zeros in all that it does not use
	r.onFD, r.keep = false, futexes
	r.addr, r.sqe.Len = unsafe.Pointer(unsafe.SliceData(waiters)), uint32(len(waiters))
	return r
}
